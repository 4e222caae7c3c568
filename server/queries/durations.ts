/** Durations of calls as a small histogram: bucket n ends at 0.1 ms × 2^(n/2); the last takes the rest (about 75 s and more). Pure. */
export const BUCKETS = 40;
const FIRST_MS = 0.1;

export function bucketOf(durationMs: number): number {
  if (!(durationMs > FIRST_MS)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(2 * Math.log2(durationMs / FIRST_MS)));
}

/** Within 20 % of the true value; null when there were no calls. */
export function quantile(histogram: readonly number[], q: number): number | null {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (let bucket = 0; bucket < histogram.length; bucket++) {
    seen += histogram[bucket] ?? 0;
    if (seen >= q * total) return bucket === 0 ? FIRST_MS : FIRST_MS * 2 ** ((bucket - 0.5) / 2);
  }
  return null;
}

export type Tally = {
  calls: number;
  totalMs: number;
  maxMs: number;
  slow: number;
  histogram: number[];
};
export const emptyTally = (): Tally => ({
  calls: 0,
  totalMs: 0,
  maxMs: 0,
  slow: 0,
  histogram: new Array<number>(BUCKETS).fill(0),
});

export function count(tally: Tally, durationMs: number, slow: boolean): void {
  tally.calls += 1;
  tally.totalMs += durationMs;
  if (durationMs > tally.maxMs) tally.maxMs = durationMs;
  if (slow) tally.slow += 1;
  const bucket = bucketOf(durationMs);
  tally.histogram[bucket] = (tally.histogram[bucket] ?? 0) + 1;
}

export function merge(to: Tally, more: Tally): void {
  to.calls += more.calls;
  to.totalMs += more.totalMs;
  to.maxMs = Math.max(to.maxMs, more.maxMs);
  to.slow += more.slow;
  more.histogram.forEach((calls, bucket) => {
    to.histogram[bucket] = (to.histogram[bucket] ?? 0) + calls;
  });
}
