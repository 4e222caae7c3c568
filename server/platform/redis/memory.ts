/** The store in this process: the same meanings as Redis, bounded, least recently written entries leave first. */
import type { Clock } from '../clock.ts';
import type { Store } from './contract.ts';

const MAX_ENTRIES = 50_000;

export function createMemoryStore(clock: Clock): Store & { clear(): void } {
  const entries = new Map<string, { value: string; expiresAt: number }>();
  const handlers = new Map<string, Set<(message: string) => void>>();

  const read = (key: string) => {
    const entry = entries.get(key);
    if (!entry) return null;
    if (entry.expiresAt <= clock.now().getTime()) {
      entries.delete(key);
      return null;
    }
    return entry;
  };
  const write = (key: string, value: string, ttlMs: number | undefined) => {
    entries.delete(key);
    if (entries.size >= MAX_ENTRIES) {
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        break;
      }
    }
    entries.set(key, {
      value,
      expiresAt: ttlMs === undefined ? Number.POSITIVE_INFINITY : clock.now().getTime() + ttlMs,
    });
  };

  return {
    get: async (key) => read(key)?.value ?? null,
    set: async (key, value, options) => write(key, value, options?.ttlMs),
    async setIfAbsent(key, value, { ttlMs }) {
      if (read(key)) return false;
      write(key, value, ttlMs);
      return true;
    },
    async deleteIf(key, value) {
      return read(key)?.value === value && entries.delete(key);
    },
    async delete(key) {
      entries.delete(key);
    },
    async increment(key, by, { ttlMs }) {
      const entry = read(key);
      // What Redis refuses is refused here too.
      if (entry && !/^(0|-?[1-9]\d*)$/.test(entry.value)) throw new Error(`${key} is no counter`);
      const next = Number(entry?.value ?? 0) + by;
      if (entry) entry.value = String(next);
      else write(key, String(next), ttlMs);
      return next;
    },
    async publish(channel, message) {
      for (const handler of handlers.get(channel) ?? []) handler(message);
    },
    subscribe(channel, handler) {
      const set = handlers.get(channel) ?? new Set();
      handlers.set(channel, set.add(handler));
      return () => set.delete(handler);
    },
    clear: () => entries.clear(),
  };
}
