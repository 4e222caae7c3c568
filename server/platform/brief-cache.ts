/**
 * Remembers an answer for a moment and lets callers that ask meanwhile share one look-up. Bounded: the oldest
 * entries leave first. Failures are not remembered.
 */
import type { Clock } from './clock.ts';

export function createBriefCache<T>(options: {
  ttlMs: number;
  max: number;
  clock: Clock;
  /** Told of every look. */
  onLook?: (outcome: 'hit' | 'miss') => void;
}) {
  const entries = new Map<string, { at: number; value: Promise<T> }>();
  return {
    get(key: string, load: () => Promise<T>): Promise<T> {
      const now = options.clock.monotonicMs();
      const known = entries.get(key);
      const fresh = known !== undefined && now - known.at < options.ttlMs;
      options.onLook?.(fresh ? 'hit' : 'miss');
      if (fresh) return known.value;
      const entry = { at: now, value: load() };
      entry.value.catch(() => {
        if (entries.get(key) === entry) entries.delete(key);
      });
      entries.delete(key);
      entries.set(key, entry);
      if (entries.size > options.max) {
        for (const oldest of entries.keys()) {
          entries.delete(oldest);
          break;
        }
      }
      return entry.value;
    },
    drop: (key: string) => entries.delete(key),
    clear: () => entries.clear(),
  };
}
