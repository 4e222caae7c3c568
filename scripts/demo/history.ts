/**
 * What a console that has just begun could not show yet: a model with two days of orders behind it, a reference, a monitor of its inputs, and
 * a forecast of a week of hours. Done again it adds nothing twice.
 */
import { WAITING_METRIC } from './estimates.ts';
import {
  DELIVERY_MS,
  features,
  MODEL,
  type Order,
  orderBook,
  outcomes,
  waitingOrders,
} from './orders.ts';
import { createClient } from './register.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SEED = 42;
/** Sparse for two days, and of the last hour as many as come later. */
const SPARSE = { hours: 48, everyMs: 50_000 };
const DENSE = { minutes: 60, everyMs: 1_000 };
const MONITOR = 'late orders: inputs';
/** One after another: a window in which the orders change half-way says little of either half. */
const WINDOW = { kind: 'time', size: 60, step: 60 };
const LOOKED_BACK_MS = 45 * MINUTE_MS;
/** Raw samples are accepted for seven days. */
const METRIC_HOURS = 166;
const FORECAST = 'Orders waiting';

type Client = ReturnType<typeof createClient>;
type Named = { id: string; name: string };

/** Orders up to now, oldest first. */
export function pastOrders(now: number): Order[] {
  const next = orderBook('past', SEED);
  const orders: Order[] = [];
  const dense = now - DENSE.minutes * MINUTE_MS;
  for (let at = dense - SPARSE.hours * HOUR_MS; at < dense; at += SPARSE.everyMs) {
    orders.push(next(at, false));
  }
  for (let at = dense; at < now; at += DENSE.everyMs) orders.push(next(at, false));
  return orders;
}

type Truth = Order['truth'];
const labelsOf = (orders: readonly Order[], due: (truth: Truth) => boolean) =>
  orders
    .filter(({ truth }) => due(truth))
    .map(({ prediction: { id }, truth: { label } }) => ({ id, label }));

async function ensureModel(admin: Client, service: Client, now: number): Promise<void> {
  const models = await admin.list<Named>('models.list', { search: MODEL });
  const before = models.find(({ name }) => name === MODEL);
  if (before) {
    const monitors = await admin.list<Named>('drift.monitors.list', { modelId: before.id });
    const monitor = monitors.find(({ name }) => name === MONITOR);
    // What passed while the demo was off is not caught up with.
    for (const paused of monitor ? [true, false] : []) {
      await admin.mutate('drift.monitors.pause', { id: monitor?.id, paused });
    }
    return;
  }
  const { id: modelId } = await admin.mutate<{ id: string }>('models.create', {
    name: MODEL,
    description:
      'Says of each order of the demo whether it will be late. Switch the fault shift on, and orders come from farther away than it has learned.',
    task: 'binary',
    positiveLabel: outcomes.late,
    features,
    segments: ['courier', 'weather'],
    labelDelaySeconds: 2 * (DELIVERY_MS / 1_000),
    retentionDays: 3,
    watch: { windowSeconds: 3_600 },
  });
  const orders = pastOrders(now);
  await service.mutate('models.predictions', {
    model: modelId,
    predictions: orders.map(({ prediction }) => prediction),
  });
  await service.mutate('models.labels', {
    model: modelId,
    labels: labelsOf(orders, ({ at }) => at <= now),
  });
  const rest = { model: modelId, labels: labelsOf(orders, ({ at }) => at > now) };
  const later = () => service.mutate('models.labels', rest).catch(() => undefined);
  setTimeout(later, DELIVERY_MS).unref();
  const { id: referenceId } = await admin.mutate<{ id: string }>('drift.references.create', {
    modelId,
    name: 'when it was well',
    range: {
      from: new Date(now - (SPARSE.hours + 2) * HOUR_MS).toISOString(),
      to: new Date(now - LOOKED_BACK_MS - WINDOW.size * 1_000).toISOString(),
    },
  });
  await admin.mutate('drift.monitors.create', {
    name: MONITOR,
    modelId,
    referenceId,
    window: WINDOW,
    // Runs begin a few seconds after the minute, when its orders have been sent.
    graceSeconds: 0,
    minimumRows: 30,
    // A test each minute: one in a thousand is more than one a day.
    alpha: 0.0001,
    startAt: new Date(now - LOOKED_BACK_MS).toISOString(),
  });
}

async function ensureForecast(admin: Client, service: Client, now: number): Promise<void> {
  const known = await admin.list<Named>('forecasts.list', { search: FORECAST });
  if (known.some(({ name }) => name === FORECAST)) return;
  const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
  const samples = Array.from({ length: METRIC_HOURS }, (_, i) => {
    const at = hour - (METRIC_HOURS - 1 - i) * HOUR_MS;
    return { metric: WAITING_METRIC, at: new Date(at).toISOString(), value: waitingOrders(at) };
  });
  await service.mutate('metrics.ingest', { samples });
  const { id: savedId } = await admin.mutate<{ id: string }>('metrics.saved.create', {
    name: FORECAST,
    query: { metric: WAITING_METRIC, timeRange: '24h', step: '1h', aggregations: ['avg'] },
  });
  await admin.mutate('forecasts.create', {
    name: FORECAST,
    subject: { kind: 'saved', savedId },
    bounds: { min: 0 },
  });
}

export async function fillHistory(given: {
  consoleUrl: string;
  /** With the role admin, and one with the scope ingest. */
  keys: { admin: string; service: string };
  now: number;
}): Promise<void> {
  const admin = createClient(given.consoleUrl, given.keys.admin);
  const service = createClient(given.consoleUrl, given.keys.service);
  await ensureModel(admin, service, given.now);
  await ensureForecast(admin, service, given.now);
}
