/** A series as it comes made into one that can be fitted: in order, evenly spaced, without gaps, resets and outliers. */
import { movingAverage } from './season-strength.ts';

export type RawPoint = { at: number | null; value: number | null };
export type Cleaned = {
  /** Evenly spaced, filled. */
  values: Float64Array;
  /** False where a value was filled in. */
  known: boolean[];
  stepMs: number | null;
  /** Of the last value; null without times. */
  lastAt: number | null;
  /** Subtract from what is forecast: what resets of a counter had taken away. */
  offset: number;
  notes: string[];
};

const MAX_SLOTS = 20_000;
/** Deviations of the residual beyond which a single value is an outlier. */
const OUTLIER = 6;
const MAX_OUTLIER_SHARE = 0.02;
/** Later steps than this many in a row are no outlier but what the series does now. */
const MAX_OUTLIER_RUN = 2;

export function clean(
  points: readonly RawPoint[],
  season: (values: Float64Array) => number,
): Cleaned {
  const notes: string[] = [];
  const spaced = evenly(points, notes);
  const { slots, stepMs, lastAt } = spaced;
  const known = slots.map((value) => value !== null);
  const first = known.indexOf(true);
  if (first > 0) {
    slots.splice(0, first);
    known.splice(0, first);
  }
  const values = Float64Array.from(slots, (value) => value ?? Number.NaN);
  const missing = known.filter((is) => !is).length;
  const offset = addResetsBack(values, notes);
  fill(values, 1);
  if (missing > 0) {
    const period = season(values);
    // Once more with the season known: a gap of a night is filled with other nights.
    if (period > 1) {
      for (let i = 0; i < values.length; i++) if (!known[i]) values[i] = Number.NaN;
      fill(values, period);
    }
    notes.push(
      `${count(missing, 'gap')} of ${values.length} steps ${missing === 1 ? 'was' : 'were'} filled in.`,
    );
  }
  return { values, known, stepMs, lastAt, offset, notes };
}

/** Values by step of time; several of one step as their mean. */
function evenly(points: readonly RawPoint[], notes: string[]) {
  const usable = points.filter(({ value }) => value === null || Number.isFinite(value));
  if (usable.length < points.length)
    notes.push(
      `${count(points.length - usable.length, 'value')} that ${points.length - usable.length === 1 ? 'is' : 'are'} not finite ${points.length - usable.length === 1 ? 'was' : 'were'} left out.`,
    );
  const timed: { at: number; value: number | null }[] = [];
  for (const { at, value } of usable) if (at !== null) timed.push({ at, value });
  if (timed.length < usable.length || timed.length < 2) {
    return {
      slots: usable.map(({ value }) => value),
      stepMs: null,
      lastAt: timed.at(-1)?.at ?? null,
    };
  }
  const unordered = timed.some(({ at }, i) => i > 0 && at < (timed[i - 1]?.at ?? at));
  timed.sort((a, b) => a.at - b.at);
  if (unordered) notes.push('The points were not in order of time; they were sorted.');
  const gaps = timed
    .slice(1)
    .map(({ at }, i) => at - (timed[i]?.at ?? at))
    .filter((gap) => gap > 0)
    .sort((a, b) => a - b);
  const median = gaps[Math.floor(gaps.length / 2)] ?? 0;
  const from = timed[0]?.at ?? 0;
  const to = timed.at(-1)?.at ?? from;
  let stepMs = natural(median) ?? natural((to - from) / (timed.length - 1)) ?? median;
  while (stepMs > 0 && (to - from) / stepMs > Math.min(MAX_SLOTS, 3 * timed.length)) stepMs *= 2;
  if (!(stepMs > 0)) return { slots: [timed.at(-1)?.value ?? null], stepMs: null, lastAt: to };
  const slots = new Array<number | null>(Math.round((to - from) / stepMs) + 1).fill(null);
  const sums = new Float64Array(slots.length);
  const counts = new Uint32Array(slots.length);
  const stamps = new Set<number>();
  let duplicates = 0;
  let uneven = 0;
  for (const { at, value } of timed) {
    if (stamps.has(at)) duplicates++;
    stamps.add(at);
    const exact = (at - from) / stepMs;
    const slot = Math.round(exact);
    if (Math.abs(exact - slot) > 0.1) uneven++;
    if (value === null) continue;
    sums[slot] = (sums[slot] as number) + value;
    counts[slot] = (counts[slot] as number) + 1;
  }
  for (let i = 0; i < slots.length; i++)
    if ((counts[i] as number) > 0) slots[i] = (sums[i] as number) / (counts[i] as number);
  if (duplicates > 0)
    notes.push(`${count(duplicates, 'point')} had the time of another; the mean of both counts.`);
  if (uneven > timed.length / 10)
    notes.push(`The points are not evenly spaced; they were put on steps of ${span(stepMs)}.`);
  return { slots, stepMs, lastAt: from + (slots.length - 1) * stepMs };
}

/** Steps that clocks have; a median close to one means it. */
const NATURAL_STEPS = [
  1_000, 5_000, 10_000, 15_000, 30_000, 60_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000,
  7_200_000, 10_800_000, 14_400_000, 21_600_000, 43_200_000, 86_400_000, 604_800_000,
];
const natural = (stepMs: number) =>
  NATURAL_STEPS.find((step) => Math.abs(stepMs - step) <= 0.03 * step);

/** Gaps filled from the values one season before and after, or straight between neighbours. */
function fill(values: Float64Array, period: number): void {
  const n = values.length;
  if (period > 1) {
    const before = values.slice();
    for (let i = 0; i < n; i++) {
      if (!Number.isNaN(before[i] as number)) continue;
      let sum = 0;
      let found = 0;
      for (const way of [-1, 1])
        for (let k = 1; k <= 4; k++) {
          const other = before[i + way * k * period];
          if (other === undefined) break;
          if (Number.isNaN(other)) continue;
          sum += other;
          found++;
          break;
        }
      if (found > 0) values[i] = sum / found;
    }
  }
  let last = -1;
  for (let i = 0; i < n; i++) {
    if (Number.isNaN(values[i] as number)) continue;
    for (let k = last + 1; k < i; k++) {
      const share = last < 0 ? 1 : (k - last) / (i - last);
      const left = last < 0 ? (values[i] as number) : (values[last] as number);
      values[k] = left + ((values[i] as number) - left) * share;
    }
    last = i;
  }
  for (let k = last + 1; k < n; k++) values[k] = last < 0 ? 0 : (values[last] as number);
}

/** At least three, each as far from the one before as the others, give or take a step. */
function areRegular(places: readonly number[]): boolean {
  const gaps = places.slice(1).map((place, i) => place - (places[i] as number));
  return gaps.length >= 2 && Math.max(...gaps) - Math.min(...gaps) <= 1;
}

/**
 * A series that only grows, but for drops to almost nothing, is a counter that started anew. One that drops as regularly as a
 * clock counts since midnight, or the like: that is its season.
 */
function addResetsBack(values: Float64Array, notes: string[]): number {
  const resets: number[] = [];
  let falls = 0;
  let steps = 0;
  let last = Number.NaN;
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    if (!Number.isNaN(last)) {
      steps++;
      if (value < last) {
        falls++;
        if (value < 0.1 * last && value >= 0) resets.push(i);
      }
    }
    last = value;
  }
  if (resets.length === 0 || falls !== resets.length) return 0;
  if (steps < 20 || resets.length > steps / 10 || areRegular(resets)) return 0;
  let offset = 0;
  last = Number.NaN;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    if (!Number.isNaN(last) && value < last) offset += last;
    last = value;
    values[i] = value + offset;
  }
  notes.push(
    `It looks like a counter that started anew ${resets.length === 1 ? 'once' : `${resets.length} times`}; what was lost was added back.`,
  );
  return offset;
}

/** Single values far from what their neighbours and their season say, replaced by that; for fitting only. */
export function withoutOutliers(
  values: Float64Array,
  period: number,
): { values: Float64Array; replaced: number } {
  const n = values.length;
  if (n < 20) return { values, replaced: 0 };
  const expected = expectedOf(values, period);
  const residual = values.map((value, i) => value - (expected[i] as number));
  const sizes = residual.map(Math.abs).sort();
  const scale = 1.4826 * (sizes[Math.floor(n / 2)] as number);
  if (!(scale > 0)) return { values, replaced: 0 };
  const far = Array.from(residual, (r) => Math.abs(r) > OUTLIER * scale);
  const out = values.slice();
  let replaced = 0;
  for (let i = 0; i < n; i++) {
    if (!far[i] || far[i - 1]) continue;
    let run = 1;
    while (far[i + run]) run++;
    // What stands at the very end may be the beginning of something.
    if (run > MAX_OUTLIER_RUN || i + run >= n) continue;
    for (let k = i; k < i + run; k++) out[k] = expected[k] as number;
    replaced += run;
  }
  return replaced > MAX_OUTLIER_SHARE * n ? { values, replaced: 0 } : { values: out, replaced };
}

/** A moving median, and for each step of the season the median of what it leaves. */
function expectedOf(values: Float64Array, period: number): Float64Array {
  const n = values.length;
  const level = period > 1 ? movingAverage(values, period) : movingMedian(values, 7);
  if (period <= 1) return level;
  const groups = Array.from({ length: period }, (): number[] => []);
  for (let i = 0; i < n; i++)
    groups[i % period]?.push((values[i] as number) - (level[i] as number));
  const profile = groups.map((group) => {
    const ordered = group.sort((a, b) => a - b);
    return ordered[Math.floor(ordered.length / 2)] ?? 0;
  });
  const local = movingMedian(
    values.map((value, i) => value - (level[i] as number) - (profile[i % period] as number)),
    7,
  );
  return level.map((base, i) => base + (profile[i % period] as number) + (local[i] as number));
}

function movingMedian(values: Float64Array, width: number): Float64Array {
  const half = Math.floor(width / 2);
  return values.map((_, i) => {
    const from = Math.max(0, Math.min(i - half, values.length - width));
    const window = values.slice(from, from + width).sort();
    return window[Math.floor(window.length / 2)] as number;
  });
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;

export function span(ms: number): string {
  const units = [
    ['week', 604_800_000],
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1_000],
  ] as const;
  for (const [name, length] of units)
    if (ms >= length && ms % length === 0)
      return ms === length ? `one ${name}` : count(ms / length, name);
  return `${Math.round(ms)} ms`;
}
