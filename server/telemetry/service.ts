import type { MetricStore } from '../metrics/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { type Events, readLogs, readSpans } from './events.ts';
import { jsonMessage, Malformed, type Message, protobufMessage } from './message.ts';
import { readMetrics } from './points.ts';
import { createEventStore, type EventStore } from './store.ts';

export const signals = ['metrics', 'traces', 'logs'] as const;
export type Signal = (typeof signals)[number];
export type Received = { accepted: number; rejected: number; message: string };
export type Telemetry = {
  /** Takes one OTLP request. Throws `Malformed` for what is none; nothing was taken then. */
  receive(signal: Signal, format: 'json' | 'protobuf', body: Buffer): Promise<Received>;
  events: Pick<EventStore, 'list' | 'prune'>;
  waiting(): number;
  close(): Promise<void>;
};

/** Different reasons that one answer names. */
const MAX_REASONS = 5;

export function createTelemetry(deps: {
  db: Db;
  clock: Clock;
  metricStore: Pick<MetricStore, 'write' | 'describe'>;
}): Telemetry {
  const { clock, metricStore } = deps;
  const store = createEventStore(deps);

  const takeMetrics = async (request: Message): Promise<Received> => {
    const { samples, origin, points, refused, descriptions } = readMetrics(
      request,
      clock.now().getTime(),
    );
    const { rejected } = samples.length > 0 ? await metricStore.write(samples, 'otlp') : none;
    metricStore.describe(descriptions);
    for (const { index, reason } of rejected) {
      const point = origin[index];
      if (point !== undefined && !refused.has(point))
        refused.set(point, `${samples[index]?.metric}: ${reason}`);
    }
    return answer(points, refused);
  };
  const takeEvents = async ({ rows, samples, count, refused }: Events): Promise<Received> => {
    // Samples first: sent again they change nothing, events would stand there twice.
    const { rejected } = samples.length > 0 ? await metricStore.write(samples, 'otlp') : none;
    await store.write(rows);
    const result = answer(count, refused);
    if (result.message === '' && rejected[0]) {
      // The events are kept; only what Explore draws of them is not complete.
      const { index, reason } = rejected[0];
      result.message = `${samples[index]?.metric}: ${reason}`;
    }
    return result;
  };

  return {
    async receive(signal, format, body) {
      const request = format === 'json' ? jsonMessage(parse(body)) : protobufMessage(body);
      if (signal === 'metrics') return takeMetrics(request);
      const now = clock.now().getTime();
      return takeEvents(signal === 'traces' ? readSpans(request, now) : readLogs(request, now));
    },
    events: store,
    waiting: store.waiting,
    close: store.close,
  };
}

const none = { rejected: [] as { index: number; reason: string }[] };

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Malformed('the body is not valid JSON');
  }
}

function answer(total: number, refused: ReadonlyMap<number, string>): Received {
  const reasons = [...new Set(refused.values())];
  const more = reasons.length > MAX_REASONS ? `; and ${reasons.length - MAX_REASONS} more` : '';
  return {
    accepted: total - refused.size,
    rejected: refused.size,
    message: reasons.slice(0, MAX_REASONS).join('; ') + more,
  };
}
