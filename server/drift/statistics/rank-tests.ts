/**
 * Linear rank tests: each value counts by its rank in both samples together, so nothing is assumed about their
 * distribution. Four scores look for four kinds of change: Wilcoxon's for the level, Klotz' (1962) for the spread,
 * Savage's (1956) from above and from below for the tails. Kolmogorov–Smirnov sees all of them, but the last three
 * late: it asks for the largest gap, which lies in the middle.
 */
import {
  normalQuantile,
  normalTwoSided,
  studentTwoSided,
} from '../../platform/special-functions.ts';

export type RankTest = 'level' | 'spread' | 'upper' | 'lower';
export const rankTests = ['level', 'spread', 'upper', 'lower'] as const;

/** At ranks (0, 1) in shares of all. */
const scores: Record<RankTest, (u: number) => number> = {
  level: (u) => u,
  spread: (u) => normalQuantile(u) ** 2,
  upper: (u) => -Math.log(1 - u),
  lower: (u) => -Math.log(u),
};

export type RankResult = {
  pValue: number /** Current against reference, in standard errors. */;
  z: number;
};

/**
 * `ranks` as two samples were walked through. `dependence` is by how much the variance of a difference of means is larger
 * than that of independent values.
 */
export function rankTest(ranks: Uint32Array, dependence: number): Record<RankTest, RankResult> {
  const n = ranks[ranks.length - 2] as number;
  const m = ranks[ranks.length - 1] as number;
  const total = n + m;
  const scorers = rankTests.map((name) => scorer(name, total));
  const sums = new Float64Array(4);
  const ofCurrent = new Float64Array(4);
  const squares = new Float64Array(4);
  let i = 0;
  let j = 0;
  for (let at = 0; at < ranks.length; at += 2) {
    const inCurrent = (ranks[at + 1] as number) - j;
    const count = (ranks[at] as number) - i + inCurrent;
    const rank = i + j + (count + 1) / 2;
    i = ranks[at] as number;
    j = ranks[at + 1] as number;
    for (let k = 0; k < 4; k++) {
      const score = (scorers[k] as (rank: number) => number)(rank);
      sums[k] = (sums[k] as number) + score * count;
      squares[k] = (squares[k] as number) + score * score * count;
      ofCurrent[k] = (ofCurrent[k] as number) + score * inCurrent;
    }
  }
  const result = (k: number): RankResult => {
    const mean = (sums[k] as number) / total;
    const spread = (squares[k] as number) - total * mean * mean;
    const variance = ((n * m) / (total * (total - 1))) * spread * dependence;
    if (!(variance > 1e-12)) return { pValue: 1, z: 0 };
    const z = ((ofCurrent[k] as number) - m * mean) / Math.sqrt(variance);
    return { pValue: normalTwoSided(z), z };
  };
  return { level: result(0), spread: result(1), upper: result(2), lower: result(3) };
}

/**
 * The same against a reference of several seasons, each with its number in `blocks`: the current one is held against
 * how much they differ among themselves (Student's t over seasons). Unsorted, in the same order as `blocks`.
 */
export function blockTest(
  reference: Float64Array,
  blocks: Uint32Array,
  current: Float64Array,
  tolerance = 0,
): { results: Record<RankTest, RankResult>; inflation: number; seasons: number } | null {
  const total = reference.length + current.length;
  const sortedReference = reference.slice().sort();
  const sortedCurrent = current.slice().sort();
  const rankOf = ranker(sortedReference, sortedCurrent, tolerance);
  const groups = new Map<number, { count: number; sums: Float64Array }>();
  const scorers = rankTests.map((name) => scorer(name, total));
  const mine = new Float64Array(4);
  let squares = 0;
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const block = blocks[i] as number;
    let group = groups.get(block);
    if (!group) {
      group = { count: 0, sums: new Float64Array(4) };
      groups.set(block, group);
    }
    const rank = rankOf(reference[i] as number);
    group.count++;
    for (let k = 0; k < 4; k++) {
      const score = (scorers[k] as (rank: number) => number)(rank);
      group.sums[k] = (group.sums[k] as number) + score;
      if (k === 0) {
        sum += score;
        squares += score * score;
      }
    }
  }
  for (let i = 0; i < current.length; i++) {
    const rank = rankOf(current[i] as number);
    for (let k = 0; k < 4; k++)
      mine[k] = (mine[k] as number) + (scorers[k] as (rank: number) => number)(rank);
  }
  // Seasons of which only a rest is left say nothing about a whole one.
  const typical = reference.length / groups.size;
  const whole = [...groups.values()].filter(({ count }) => count >= typical / 2);
  if (whole.length < 3) return null;
  const results = rankTests.map((_, k): RankResult & { between: number } => {
    const means = whole.map(({ count, sums }) => (sums[k] as number) / count);
    const mean = means.reduce((a, b) => a + b, 0) / means.length;
    const between = means.reduce((a, b) => a + (b - mean) ** 2, 0) / (means.length - 1);
    const error = Math.sqrt(between * (1 + 1 / means.length));
    const difference = (mine[k] as number) / current.length - mean;
    const t = error > 0 ? difference / error : difference === 0 ? 0 : Number.POSITIVE_INFINITY;
    return { z: t, pValue: studentTwoSided(t, means.length - 1), between };
  });
  const [level, spread, upper, lower] = results;
  if (!level || !spread || !upper || !lower) return null;
  const mean = sum / reference.length;
  const variance = squares / reference.length - mean * mean;
  const independent = variance / typical;
  const inflation = independent > 0 ? Math.max(1, level.between / independent) : 1;
  return { results: { level, spread, upper, lower }, inflation, seasons: whole.length };
}

/** The mid-rank of a value among two sorted samples; what lies within the tolerance of it is tied. */
function ranker(a: Float64Array, b: Float64Array, tolerance: number): (value: number) => number {
  const all = new Float64Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  all.sort();
  const bound = (value: number, after: boolean) => {
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = all[middle] as number;
      if (after ? at <= value : at < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (value) => (bound(value - tolerance, false) + bound(value + tolerance, true) + 1) / 2;
}

/** The score of a mid-rank among `total`. */
function scorer(name: RankTest, total: number): (rank: number) => number {
  const score = scores[name];
  return (rank) => score(rank / (total + 1));
}
