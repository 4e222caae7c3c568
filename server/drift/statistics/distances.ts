/** How far two samples lie apart, in numbers that do not grow with their size. Statistics equal SciPy's to 1e-9. */
import { chiSquareTail, logChoose } from '../../platform/special-functions.ts';

/** Shares below count as this in the population stability index, so that an empty bin is no infinity. */
const PSI_FLOOR = 1e-4;
const PSI_BINS = 10;
/** What a reference without any spread is divided by, as Evidently does. */
const NO_SPREAD = 0.001;

export type Moments = { mean: number; sd: number };

/** Mean and population standard deviation, in two passes: stable for 1e9 + 1e-9. */
export function moments(values: Float64Array): Moments {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  const mean = sum / values.length;
  let squares = 0;
  let rest = 0;
  for (let i = 0; i < values.length; i++) {
    const off = (values[i] as number) - mean;
    squares += off * off;
    rest += off;
  }
  const variance = (squares - (rest * rest) / values.length) / values.length;
  return { mean, sd: Math.sqrt(Math.max(0, variance)) };
}

/** Ranks are told apart so finely: beyond so many values, neighbours in rank count as tied. */
const RANK_STEPS = 8_192;

export type Walked = {
  /** The largest gap between the distribution functions: the statistic of Kolmogorov and Smirnov. */
  ks: number;
  /** The same where values within the tolerance of each other count as tied. */
  tolerantKs: number;
  /** The area between them: the distance of Wasserstein, the earth mover's. */
  wasserstein: number;
  /** How many values of either side lie at or below each rank that is told apart, ascending: [of a, of b, …]. */
  ranks: Uint32Array;
};

/**
 * Two sorted samples, neither empty, walked through once. Ranks are of groups: one begins at the smallest value that is in
 * none yet and takes what lies at most `tolerance` above.
 */
export function walk(a: Float64Array, b: Float64Array, tolerance = 0): Walked {
  const n = a.length;
  const m = b.length;
  const coarse = Math.ceil((n + m) / RANK_STEPS);
  const ranks = new Uint32Array(2 * (Math.ceil((n + m) / coarse) + 1));
  let steps = 0;
  let due = coarse;
  let i = 0;
  let j = 0;
  let x = a[0] as number;
  let y = b[0] as number;
  let above = 0;
  let below = 0;
  let area = 0;
  let gap = 0;
  let before = Math.min(x, y);
  let group = before;
  let tolerant = 0;
  while (i < n || j < m) {
    const at = Math.min(x, y);
    area += Math.abs(gap) * (at - before);
    before = at;
    while (x === at) x = ++i < n ? (a[i] as number) : Number.POSITIVE_INFINITY;
    while (y === at) y = ++j < m ? (b[j] as number) : Number.POSITIVE_INFINITY;
    // Written as SciPy computes it, so that the last digit agrees.
    gap = i / n - j / m;
    if (gap > above) above = gap;
    else if (-gap > below) below = -gap;
    // Infinity after the last value.
    const next = Math.min(x, y);
    if (next - group <= tolerance) continue;
    group = next;
    if (Math.abs(gap) > tolerant) tolerant = Math.abs(gap);
    if (i + j >= due || next === Number.POSITIVE_INFINITY) {
      ranks[steps++] = i;
      ranks[steps++] = j;
      due = i + j + coarse;
    }
  }
  return {
    ks: Math.max(above, below),
    tolerantKs: tolerant,
    wasserstein: area,
    ranks: ranks.subarray(0, steps),
  };
}

/** The distance in standard deviations of the reference. */
export const wassersteinNormalised = (distance: number, reference: Moments): number =>
  distance / (isConstant(reference) ? NO_SPREAD : reference.sd);

/** A spread that is only what rounding leaves. */
export const isConstant = ({ mean, sd }: Moments): boolean => sd <= Math.abs(mean) * 1e-14;

/** The quantile at `share` of sorted values, linear between neighbours (NumPy's default, type 7). */
export function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const x = sorted[low] as number;
  const y = sorted[Math.min(low + 1, sorted.length - 1)] as number;
  const part = at - low;
  // As NumPy rounds: from the nearer end.
  return part >= 0.5 ? y - (y - x) * (1 - part) : x + (y - x) * part;
}

/** The population stability index over the tenths of the reference, with open ends; both sorted. */
export function psi(reference: Float64Array, current: Float64Array): number {
  const edges: number[] = [];
  for (let i = 0; i <= PSI_BINS; i++) {
    const edge = quantile(reference, i / PSI_BINS);
    if (edges.length === 0 || edge > (edges.at(-1) as number)) edges.push(edge);
  }
  const inner = edges.slice(1, -1);
  return stability(shares(reference, inner), shares(current, inner));
}

/** Of sorted values, the share in each bin (edge before, edge]. */
function shares(sorted: Float64Array, inner: readonly number[]): number[] {
  const bounds = [0, ...inner.map((edge) => upperBound(sorted, edge)), sorted.length];
  return bounds.slice(1).map((end, bin) => (end - (bounds[bin] as number)) / sorted.length);
}

/** How many of the sorted values are at most `edge`. */
export function upperBound(sorted: Float64Array, edge: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= edge) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index over given shares. */
export function stability(reference: readonly number[], current: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = Math.max(PSI_FLOOR, reference[i] as number);
    const c = Math.max(PSI_FLOOR, current[i] as number);
    sum += (c - r) * Math.log(c / r);
  }
  return sum;
}

/** The Jensen–Shannon distance of two distributions, base 2: 0 equal, 1 disjoint. */
export function jensenShannon(reference: readonly number[], current: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i] as number;
    const c = current[i] as number;
    const middle = (r + c) / 2;
    if (r > 0) sum += r * Math.log(r / middle);
    if (c > 0) sum += c * Math.log(c / middle);
  }
  return Math.sqrt(Math.max(0, sum / 2) / Math.LN2);
}

export type ChiSquare = { statistic: number; pValue: number; df: number; smallestExpected: number };

/** Pearson's test that two rows of counts come from one distribution, without Yates' correction; null of one column. */
export function chiSquare(
  reference: readonly number[],
  current: readonly number[],
): ChiSquare | null {
  const n = sum(reference);
  const m = sum(current);
  const used = reference
    .map((r, i) => [r, current[i] as number] as const)
    .filter(([r, c]) => r + c);
  if (used.length < 2 || n === 0 || m === 0) return null;
  let statistic = 0;
  let smallestExpected = Number.POSITIVE_INFINITY;
  for (const [r, c] of used) {
    const first = ((r + c) * n) / (n + m);
    const second = ((r + c) * m) / (n + m);
    statistic += (r - first) ** 2 / first + (c - second) ** 2 / second;
    smallestExpected = Math.min(smallestExpected, first, second);
  }
  const df = used.length - 1;
  return { statistic, df, pValue: chiSquareTail(statistic, df), smallestExpected };
}

/** Fisher's exact test of two counts among n and m, two-sided. */
export function fisherExact(x: number, n: number, y: number, m: number): number {
  const hits = x + y;
  const all = logChoose(n + m, hits);
  const log = (k: number) => logChoose(n, k) + logChoose(m, hits - k) - all;
  const own = log(x) + 1e-7;
  let p = 0;
  for (let k = Math.max(0, hits - m); k <= Math.min(n, hits); k++) {
    const each = log(k);
    if (each <= own) p += Math.exp(each);
  }
  return Math.min(1, p);
}

/** P-values held against the share of false discoveries (Benjamini and Hochberg 1995), in the order given. */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[a] ?? 0) - (pValues[b] ?? 0));
  const out = new Array<number>(pValues.length).fill(1);
  let smallest = 1;
  for (let rank = order.length; rank >= 1; rank--) {
    const i = order[rank - 1] as number;
    smallest = Math.min(smallest, ((pValues[i] as number) * order.length) / rank);
    out[i] = smallest;
  }
  return out;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
