/** Statistics that a few odd values do not move. Pure. */
import { normalUpperTail } from '../platform/special-functions.ts';
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[half] ?? Number.NaN)
    : ((sorted[half - 1] ?? Number.NaN) + (sorted[half] ?? Number.NaN)) / 2;
}

/** Standard deviation as the median distance from the median says it. */
export function spread(values: ArrayLike<number>): number {
  const centre = median(values);
  return 1.4826 * median(Float64Array.from(values, (value) => Math.abs(value - centre)));
}

/** Correlation of neighbours around a line, corrected for the bias of short series (after Marriott & Pope 1954); 0–0.99. */
export function memoryOf(residuals: ArrayLike<number>): number {
  const n = residuals.length;
  if (n < 4) return 0;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += residuals[i] ?? 0;
  const mean = sum / n;
  let products = 0;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const one = (residuals[i] ?? 0) - mean;
    squares += one * one;
    if (i > 0) products += one * ((residuals[i - 1] ?? 0) - mean);
  }
  if (squares === 0) return 0;
  const found = products / squares;
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
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let pairs = 0;
  let score = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const run = (times[j] ?? 0) - (times[i] ?? 0);
      const rise = (values[j] ?? 0) - (values[i] ?? 0);
      score += Math.sign(rise);
      if (run > 0) slopes[pairs++] = rise / run;
    }
  }
  if (pairs === 0) return null;
  const sorted = slopes.subarray(0, pairs).sort();
  const slope = median(sorted);
  const middle = ((times[0] ?? 0) + (times[n - 1] ?? 0)) / 2;
  const residuals = Float64Array.from(
    { length: n },
    (_, i) => (values[i] ?? 0) - slope * ((times[i] ?? 0) - middle),
  );
  const level = median(residuals);
  // What rounding leaves of a perfect line is no memory.
  const memory = rangeOf(residuals) > 1e-9 * rangeOf(values) ? memoryOf(residuals) : 0;
  const inflation = (1 + memory) / (1 - memory);
  const variance = ((n * (n - 1) * (2 * n + 5)) / 18 - tiesOf(values)) * inflation;
  const deviation = Math.sqrt(Math.max(variance, 0));
  const z = deviation > 0 ? (Math.abs(score) - 1) / deviation : 0;
  const half = (Z95 * deviation) / 2;
  const at = (rank: number) => sorted[Math.min(pairs - 1, Math.max(0, Math.round(rank)))] ?? slope;
  const noise = spread(residuals);
  const span = (times[n - 1] ?? 0) - (times[0] ?? 0);
  // However long the memory, it is no longer than that of a random walk: around whose line single values lie √(n/15) of its
  // steps apart, while the rise of that line varies by √(6n/5) of them. So the rise is known to 4.3 times the noise.
  const worst = (WALK * noise) / span;
  const kendall = score === 0 || deviation === 0 ? 1 : 2 * normalUpperTail(Math.max(0, z));
  const walk = slope === 0 ? 1 : 2 * normalUpperTail(Math.min(8, Math.abs(slope) / worst));
  return {
    slope,
    lower: Math.min(slope, Math.max(at(pairs / 2 - half), slope - Z95 * worst)),
    upper: Math.max(slope, Math.min(at(pairs / 2 + half), slope + Z95 * worst)),
    level,
    levelHalf: Math.min((Z95 * 1.2533 * noise * Math.sqrt(inflation)) / Math.sqrt(n), Z95 * noise),
    middle,
    pValue: Math.min(kendall, walk),
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

function tiesOf(values: ArrayLike<number>): number {
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  let sum = 0;
  for (const t of counts.values()) if (t > 1) sum += (t * (t - 1) * (2 * t + 5)) / 18;
  return sum;
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
