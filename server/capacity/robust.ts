/** The line through a resource's past: how fast it goes, and how sure that is of a series that remembers. Pure. */
import {
  autocorrelation,
  inflationOf,
  mannKendall,
  median,
  pairSlopes,
  spread,
} from '../platform/robust-trend.ts';
import { normalTwoSided, normalUpperTail } from '../platform/special-functions.ts';

/** Correlation of neighbours around a line, corrected for the bias of short series (after Marriott & Pope 1954); 0–0.99. */
export function memoryOf(residuals: ArrayLike<number>): number {
  const n = residuals.length;
  if (n < 4) return 0;
  const found = autocorrelation(Float64Array.from(residuals))(1);
  if (Number.isNaN(found)) return 0;
  return Math.min(0.99, Math.max(0, found + (2 + 4 * found) / n));
}

export type Slope = {
  /** By unit of time. */
  slope: number;
  lower: number;
  upper: number;
  /** Value of the line at the middle of the times. */
  level: number;
  /** Half the width of the interval of the level. */
  levelHalf: number;
  middle: number;
  /** Of the test that there is no trend; two-sided. */
  pValue: number;
  memory: number;
};

const Z95 = 1.959964;
/** √(6/5) / √(1/15), and a little for what a median makes of it. */
const WALK = 4.3;

/**
 * Slope after Theil (1950) and Sen (1968) with the interval of Sen's ranks, and the test of Mann (1945) and Kendall
 * (1975). Neighbours that are alike make both too sure of themselves: the variance grows by (1 + r) / (1 − r), where r is
 * the correlation of neighbours around the line (Yue & Wang 2004). At most a few hundred points: pairs are n²/2.
 */
export function senSlope(times: ArrayLike<number>, values: ArrayLike<number>): Slope | null {
  const n = values.length;
  if (n < 4) return null;
  const y = Float64Array.from(values);
  const { slope, count, score, at } = pairSlopes(y, Float64Array.from(times));
  if (count === 0) return null;
  const middle = ((times[0] ?? 0) + (times[n - 1] ?? 0)) / 2;
  const residuals = y.map((value, i) => value - slope * ((times[i] ?? 0) - middle));
  const level = median(residuals);
  // What rounding leaves of a perfect line is no memory.
  const memory = rangeOf(residuals) > 1e-9 * rangeOf(values) ? memoryOf(residuals) : 0;
  const inflation = inflationOf(memory);
  const { z, deviation } = mannKendall(y, { score, inflation });
  const half = (Z95 * deviation) / 2;
  const noise = spread(residuals);
  const span = (times[n - 1] ?? 0) - (times[0] ?? 0);
  // However long the memory, it is no longer than that of a random walk: around whose line single values lie √(n/15) of its
  // steps apart, while the rise of that line varies by √(6n/5) of them. So the rise is known to 4.3 times the noise.
  const worst = (WALK * noise) / span;
  const walk = slope === 0 ? 1 : 2 * normalUpperTail(Math.min(8, Math.abs(slope) / worst));
  return {
    slope,
    lower: Math.min(slope, Math.max(at(count / 2 - half), slope - Z95 * worst)),
    upper: Math.max(slope, Math.min(at(count / 2 + half), slope + Z95 * worst)),
    level,
    levelHalf: Math.min((Z95 * 1.2533 * noise * Math.sqrt(inflation)) / Math.sqrt(n), Z95 * noise),
    middle,
    pValue: Math.min(normalTwoSided(z), walk),
    memory,
  };
}

function rangeOf(values: ArrayLike<number>): number {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i] ?? low);
    high = Math.max(high, values[i] ?? high);
  }
  return high - low;
}

/** ∫ P(Z > x) dx from z on: what of a unit normal sticks out above `z`. */
function excess(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  const tail = normalUpperTail(z);
  return density - z * tail;
}

/**
 * How far below a limit, in deviations of its noise, a rising line is when a single value first passes it: of so many
 * values as the line rises by one deviation, `passed` are expected to have passed by then (−ln of the chance that none has).
 */
export function passage(valuesPerDeviation: number, passed: number): number {
  let [low, high] = [-8, 8];
  if (!(valuesPerDeviation > 0)) return 0;
  for (let i = 0; i < 50; i++) {
    const half = (low + high) / 2;
    if (valuesPerDeviation * excess(half) > passed) low = half;
    else high = half;
  }
  return (low + high) / 2;
}
