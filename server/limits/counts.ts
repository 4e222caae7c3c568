/**
 * Who was refused, of this process: by limit and by caller, in slots of five minutes over the last hour. Bounded: of
 * callers the 1 000 that were refused last are known by name.
 */
const SLOT_MS = 5 * 60_000;
const SLOTS = 12;
const MAX_CALLERS = 1_000;

type Slots = { at: number[]; counts: number[] };

function add(slots: Slots, nowMs: number): void {
  const slot = Math.floor(nowMs / SLOT_MS);
  const i = slot % SLOTS;
  if (slots.at[i] !== slot) {
    slots.at[i] = slot;
    slots.counts[i] = 0;
  }
  slots.counts[i] = (slots.counts[i] ?? 0) + 1;
}

function total(slots: Slots, nowMs: number): number {
  const oldest = Math.floor(nowMs / SLOT_MS) - SLOTS;
  return slots.counts.reduce((sum, n, i) => sum + ((slots.at[i] ?? -1) > oldest ? n : 0), 0);
}

export function createCounts() {
  const byLimit = new Map<string, Slots>();
  const byCaller = new Map<string, Slots & { lastMs: number }>();
  const fresh = (): Slots => ({ at: [], counts: [] });
  return {
    refused(limit: string, bucket: string, nowMs: number): void {
      const limitSlots = byLimit.get(limit) ?? fresh();
      byLimit.set(limit, limitSlots);
      add(limitSlots, nowMs);
      const known = byCaller.get(bucket) ?? { ...fresh(), lastMs: nowMs };
      known.lastMs = nowMs;
      add(known, nowMs);
      // The last to be refused are at the end.
      byCaller.delete(bucket);
      byCaller.set(bucket, known);
      if (byCaller.size > MAX_CALLERS) {
        for (const oldest of byCaller.keys()) {
          byCaller.delete(oldest);
          break;
        }
      }
    },
    limits: (nowMs: number): Record<string, number> =>
      Object.fromEntries([...byLimit].map(([name, slots]) => [name, total(slots, nowMs)])),
    callers: (nowMs: number): Map<string, { refused: number; lastMs: number }> =>
      new Map(
        [...byCaller]
          .map(
            ([bucket, slots]) =>
              [bucket, { refused: total(slots, nowMs), lastMs: slots.lastMs }] as const,
          )
          .filter(([, { refused }]) => refused > 0),
      ),
  };
}
