/**
 * Tells every replica that something changed. At most once, no history: a receiver that must not miss a
 * change also re-reads by itself now and then. Carried by Redis when it is up, else within this process.
 */
import type { Log } from './log.ts';
import type { Store } from './redis/index.ts';

export type BusEvent = { topic: string; type: string; id?: string };
export type Bus = {
  publish(event: BusEvent): void;
  on(topic: string, handler: (event: BusEvent) => void): () => void;
  /** Every event of every topic. */
  onAny(handler: (event: BusEvent) => void): () => void;
};

const CHANNEL = 'wheelhouse:bus';

export function createBus(store: Store, log: Log): Bus {
  const handlers = new Set<{ topic: string | null; handler: (event: BusEvent) => void }>();
  store.subscribe(CHANNEL, (message) => {
    const event = parse(message);
    if (!event) return;
    for (const entry of handlers) {
      if (entry.topic !== null && entry.topic !== event.topic) continue;
      try {
        entry.handler(event);
      } catch (err) {
        log.error({ err, topic: event.topic }, 'bus handler failed');
      }
    }
  });
  const add = (topic: string | null, handler: (event: BusEvent) => void) => {
    const entry = { topic, handler };
    handlers.add(entry);
    return () => {
      handlers.delete(entry);
    };
  };
  return {
    publish(event) {
      store
        .publish(CHANNEL, JSON.stringify(event))
        .catch((err) => log.warn({ err, topic: event.topic }, 'bus event was not published'));
    },
    on: add,
    onAny: (handler) => add(null, handler),
  };
}

function parse(message: string): BusEvent | null {
  try {
    const value: unknown = JSON.parse(message);
    if (typeof value !== 'object' || value === null) return null;
    if (!('topic' in value) || typeof value.topic !== 'string') return null;
    if (!('type' in value) || typeof value.type !== 'string') return null;
    const id = 'id' in value && typeof value.id === 'string' ? { id: value.id } : {};
    return { topic: value.topic, type: value.type, ...id };
  } catch {
    return null;
  }
}
