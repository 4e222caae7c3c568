/** Ranges of time and steps of queries. Pure. */

/** Relative (`1h`), or two instants in epoch milliseconds. */
export type Range = { relative: string } | { from: number; to: number };

export const relativeRanges = ['15m', '1h', '6h', '24h', '7d', '30d'] as const;
const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `90m` → 5 400 000; null when it is no duration. */
export function durationMs(text: string): number | null {
  const match = /^(\d{1,7})([smhdw])$/.exec(text);
  const ms = match ? Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0) : 0;
  return ms > 0 ? ms : null;
}

export const lengthMs = (range: Range): number =>
  'relative' in range ? (durationMs(range.relative) ?? 3_600_000) : range.to - range.from;

const steps = [
  '15s',
  '30s',
  '1m',
  '2m',
  '5m',
  '10m',
  '15m',
  '30m',
  '1h',
  '2h',
  '3h',
  '6h',
  '12h',
  '1d',
  '7d',
] as const;
const MAX_POINTS = 250;

/** The smallest step that gives no more points than a chart shows. */
export function autoStep(range: Range): string {
  const length = lengthMs(range);
  return steps.find((step) => length / (durationMs(step) ?? 1) <= MAX_POINTS) ?? '7d';
}

/** Steps worth choosing for a range: at least four points, at most two thousand. */
export function stepChoices(range: Range): string[] {
  const length = lengthMs(range);
  return steps.filter((step) => {
    const points = length / (durationMs(step) ?? 1);
    return points >= 4 && points <= 2_000;
  });
}

export type WireRange = string | { from: string; to: string };

/** As `metrics.query` takes it. */
export function wireRange(range: Range): WireRange {
  return 'relative' in range
    ? range.relative
    : { from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() };
}

/** The stretch of the same length before, moved by whole steps so that both have the same buckets. */
export function previousRange(
  range: { from: number; to: number },
  stepMs: number,
): { from: number; to: number; shiftMs: number } {
  const shiftMs = Math.max(1, Math.ceil((range.to - range.from) / stepMs)) * stepMs;
  return { from: range.from - shiftMs, to: range.to - shiftMs, shiftMs };
}
