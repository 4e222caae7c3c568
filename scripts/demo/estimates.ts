/**
 * What the worker sends of its orders: each with the model's estimate, and a quarter of an hour later whether it was late. While the
 * console is away the oldest are dropped, as an outcome that nobody waits for is worth little.
 */
import { MODEL, type Order, orderBook, waitingOrders } from './orders.ts';

const SEND_EVERY_MS = 2_000;
const METRIC_EVERY_MS = 15_000;
const CALL_TIMEOUT_MS = 5_000;
const MAX_UNSENT = 500;
/** Of a quarter of an hour at twice the usual pace. */
const MAX_WAITING = 2_000;
export const WAITING_METRIC = 'demo_orders_waiting';

type Label = { id: string; label: string };

export function createEstimates(seed: number) {
  const begun = Date.now();
  const next = orderBook(`${begun}`, seed + begun);
  let access: { url: string; key: string } | null = null;
  let unsent: Order['prediction'][] = [];
  let waiting: (Label & { at: number })[] = [];
  let measured = 0;

  const send = async (procedure: string, input: object): Promise<void> => {
    if (!access) return;
    const answer = await fetch(`${access.url}/api/trpc/${procedure}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    await answer.arrayBuffer();
    // What is refused now would be refused again; what nobody took is tried once more.
    if (answer.status === 429 || answer.status >= 500) throw new Error(`status ${answer.status}`);
  };
  const flush = async () => {
    const now = Date.now();
    const predictions = unsent;
    unsent = [];
    try {
      if (predictions.length > 0) await send('models.predictions', { model: MODEL, predictions });
    } catch (error) {
      unsent = [...predictions, ...unsent].slice(-MAX_UNSENT);
      throw error;
    }
    const due = waiting.filter(({ at }) => at <= now);
    if (due.length > 0) {
      const labels = due.map(({ id, label }) => ({ id, label }));
      await send('models.labels', { model: MODEL, labels });
      waiting = waiting.filter(({ at }) => at > now);
    }
    if (now - measured >= METRIC_EVERY_MS) {
      measured = now;
      const samples = [{ metric: WAITING_METRIC, value: waitingOrders(now) }];
      await send('metrics.ingest', { samples });
    }
  };
  const repeat = () => {
    flush()
      .catch(() => undefined)
      .finally(() => setTimeout(repeat, SEND_EVERY_MS).unref());
  };
  return {
    connect(given: unknown): void {
      const { url, key } = Object(given);
      if (typeof url !== 'string' || typeof key !== 'string') return;
      if (!access) setTimeout(repeat, SEND_EVERY_MS).unref();
      access = { url, key };
    },
    /** An order that has just been taken. */
    add(shifted: boolean): void {
      if (!access) return;
      const { prediction, truth } = next(Date.now(), shifted);
      unsent.push(prediction);
      waiting.push({ id: prediction.id, label: truth.label, at: truth.at });
      if (unsent.length > MAX_UNSENT) unsent.shift();
      if (waiting.length > MAX_WAITING) waiting.shift();
    },
  };
}
