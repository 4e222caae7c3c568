/**
 * The buckets of this process: for callers while Redis is away, and as a mirror of what Redis last said. Bounded.
 *
 * A bucket that is full again is as good as none and makes room first. When the table is full of buckets that are not,
 * newcomers share 1 024 slots by the hash of their name in place of pushing somebody out: a flood of addresses can
 * neither grow the table nor wash a refusal away, and only other newcomers feel it.
 */
const SLOTS = 1_024;
const SWEEP_EVERY_US = 1_000_000;

function slotOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % SLOTS;
}

export type BucketTable = ReturnType<typeof createBucketTable>;

export function createBucketTable(max: number) {
  /** When each bucket is full again, in microseconds of the caller's clock. */
  const entries = new Map<string, number>();
  const slots = new Float64Array(SLOTS);
  let sweptAt = Number.NEGATIVE_INFINITY;
  /** No slot has debt after this; a look into them is saved until there was a flood. */
  let slotsUntil = Number.NEGATIVE_INFINITY;
  const makeRoom = (nowUs: number): boolean => {
    if (nowUs - sweptAt < SWEEP_EVERY_US) return false;
    sweptAt = nowUs;
    for (const [key, fullAt] of entries) if (fullAt <= nowUs) entries.delete(key);
    return entries.size < max;
  };
  return {
    /** Debt in microseconds. */
    debt(key: string, nowUs: number): number {
      const fullAt = entries.get(key);
      if (fullAt !== undefined) return Math.max(0, fullAt - nowUs);
      if (slotsUntil <= nowUs) return 0;
      return Math.max(0, (slots[slotOf(key)] ?? 0) - nowUs);
    },
    set(key: string, debtUs: number, nowUs: number): void {
      const fullAt = nowUs + debtUs;
      if (entries.has(key) || entries.size < max || makeRoom(nowUs)) {
        entries.set(key, fullAt);
        return;
      }
      slots[slotOf(key)] = fullAt;
      slotsUntil = Math.max(slotsUntil, fullAt);
    },
    size: () => entries.size,
    *withDebt(nowUs: number): Generator<readonly [key: string, debtUs: number]> {
      for (const [key, fullAt] of entries) if (fullAt > nowUs) yield [key, fullAt - nowUs];
    },
    clear() {
      entries.clear();
      slots.fill(0);
    },
  };
}
