/**
 * Whether a series rises or falls, and how fast, by ranks and medians, which a quarter of wild values cannot move. Pure.
 *
 * The slope is that of Theil (1950) and Sen (1968): the median of the slopes of all pairs, with Sen's interval by their
 * ranks. The test is that of Mann (1945) and Kendall (1975): whether later values are more often above earlier ones than
 * chance would have it; ties are accounted for, and one is taken off the score for continuity.
 *
 * Neighbours that are alike make both too sure of themselves. Two remedies are in use, and which of them fits depends on
 * the series: the variance grows by `inflationOf` (Hamed & Rao 1998, of AR(1) as Yue & Wang 2004), or the memory is taken
 * out of the values first (von Storch 1995). So the callers choose, and the parts stand here:
 * `forecasts/model/trend.ts` (even steps, memory taken out), `capacity/robust.ts` (uneven times, variance grown and bounded
 * by that of a random walk) and `memory/trend.ts` (one-sided, no memory). All pairs are n²/2, so n is bounded.
 */

import { selectRanks } from './select.ts';

/** More values are looked at in means or medians of neighbours. */
export const MAX_TREND_VALUES = 1_000;

/** NaN of nothing. */
export function median(values: ArrayLike<number>): number {
  return middleOf(Float64Array.from(values).sort());
}

/** Standard deviation as the median distance from the median says it. */
export function spread(values: ArrayLike<number>): number {
  const centre = median(values);
  return 1.4826 * median(Float64Array.from(values, (value) => Math.abs(value - centre)));
}

export type PairSlopes = {
  /** By unit of time; NaN when no two times differ. */
  slope: number;
  /** Pairs of different times. */
  count: number;
  /** Kendall's S: pairs that rise less pairs that fall. */
  score: number;
  /** The slope at this place of their order; between places the nearest, and never outside. */
  at(rank: number): number;
};

/**
 * Slopes of all pairs. Without `times` the steps are even and the slope is by step. Only the places that are asked for are
 * put in order, not all of them. Throws a RangeError beyond `MAX_TREND_VALUES`.
 */
export function pairSlopes(values: Float64Array, times?: Float64Array): PairSlopes {
  const n = values.length;
  if (n > MAX_TREND_VALUES) throw new RangeError(`At most ${MAX_TREND_VALUES} values, not ${n}.`);
  const all = new Float64Array((n * (n - 1)) / 2);
  let count = 0;
  let score = 0;
  for (let i = 0; i < n; i++) {
    const from = values[i] as number;
    for (let j = i + 1; j < n; j++) {
      const rise = (values[j] as number) - from;
      const run = times ? (times[j] as number) - (times[i] as number) : j - i;
      if (rise > 0) score++;
      else if (rise < 0) score--;
      if (run !== 0) all[count++] = rise / run;
    }
  }
  const slopes = all.subarray(0, count);
  selectRanks(slopes, 0, count, [(count - 1) >> 1, count >> 1]);
  return {
    slope: middleOf(slopes),
    count,
    score,
    at(rank) {
      if (count === 0) return Number.NaN;
      const place = Math.max(0, Math.min(count - 1, Math.round(rank)));
      selectRanks(slopes, 0, count, [place]);
      return slopes[place] as number;
    },
  };
}

/** Kendall's S: pairs that rise less pairs that fall. */
function scoreOf(values: Float64Array): number {
  let score = 0;
  for (let i = 0; i < values.length; i++) {
    const from = values[i] as number;
    for (let j = i + 1; j < values.length; j++) {
      const to = values[j] as number;
      if (to > from) score++;
      else if (to < from) score--;
    }
  }
  return score;
}

export type Kendall = {
  /** Above 0 for a rise; 0 when all values are equal. */
  z: number;
  /** Standard deviation of the score without a trend; half its multiple is how many places Sen's interval reaches. */
  deviation: number;
};

/** Mann and Kendall's test. `score` where it is known from `pairSlopes`; `inflation` of the variance by memory. */
export function mannKendall(
  values: Float64Array,
  { score = scoreOf(values), inflation = 1 }: { score?: number; inflation?: number } = {},
): Kendall {
  const n = values.length;
  const ties = new Map<number, number>();
  for (const value of values) ties.set(value, (ties.get(value) ?? 0) + 1);
  let variance = n * (n - 1) * (2 * n + 5);
  for (const t of ties.values()) variance -= t * (t - 1) * (2 * t + 5);
  const deviation = Math.sqrt(Math.max(0, (variance / 18) * inflation));
  return { z: deviation > 0 ? (score - Math.sign(score)) / deviation : 0, deviation };
}

/** How alike values are to those some steps later, −1 to 1; NaN of values that are all equal. */
export function autocorrelation(values: Float64Array): (lag: number) => number {
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i] as number;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const off = (values[i] as number) - mean;
    squares += off * off;
  }
  return (lag) => {
    let products = 0;
    for (let i = lag; i < n; i++)
      products += ((values[i] as number) - mean) * ((values[i - lag] as number) - mean);
    return squares > 0 ? products / squares : Number.NaN;
  };
}

/** How many times fewer independent values a series is worth whose neighbours correlate by `r` and that forgets as AR(1) does. */
export const inflationOf = (r: number): number => (1 + r) / (1 - r);

/** Of values in order, or with the middle ones where they would be. */
function middleOf(ordered: Float64Array): number {
  const half = ordered.length >> 1;
  const upper = ordered[half] ?? Number.NaN;
  return ordered.length % 2 === 1 ? upper : (upper + (ordered[half - 1] ?? Number.NaN)) / 2;
}
