/** One numeric feature: what can be told of two samples of it, and whether they differ. */
import {
  type FeatureDrift,
  MINIMUM_VALUES,
  type NumericSummary,
  type Overlay,
} from '../contract.ts';
import { type Check, proportionCheck } from './checks.ts';
import {
  isConstant,
  type Moments,
  moments,
  psi,
  quantile,
  upperBound,
  walk,
  wassersteinNormalised,
} from './distances.ts';
import { EXACT_PAIRS, ksAsymptotic, ksExact, ksOneSample } from './kolmogorov-smirnov.ts';
import { memoryOf } from './memory.ts';
import { blockTest, type RankResult, type RankTest, rankTest, rankTests } from './rank-tests.ts';
import { sorted as sortNumbers } from './sort.ts';
import { figure, percent, pText, valuesText } from './words.ts';

/** In time order; NaN: missing; infinities stay. */
export type NumericSide = Float64Array;
export type NumericPair = {
  name: string;
  kind: 'numeric';
  reference: NumericSide;
  current: NumericSide;
  /** Which season (year, week) a value of the reference is from. Seasons differ honestly; the current one is held against that. */
  referenceBlocks?: Uint32Array;
  /** Texts that were no numbers, beside the values. */
  notNumeric?: { reference: number; current: number };
};

/** Wasserstein in deviations of the reference: less is too little to matter. */
export const SMALLEST_EFFECT = 0.1;
/**
 * Values so close, in the same unit, are tied for the tests. Without it whole numbers that are moved by a hundredth lie all
 * above their equals, and tests of ranks take that for a shift by half a step.
 */
const TIED_WITHIN = SMALLEST_EFFECT / 2;
/**
 * Five tests look at once, and the smallest of their p-values counts this many times. They resemble each other: five
 * would be Bonferroni's; under no change 2.5 to 3.6 keep 5 % in simulations (20 to 2 000 values, with and without ties).
 */
const TESTS_AT_ONCE = 4;
const OVERLAY_BINS = 30;

export type Analysis = {
  feature: Omit<FeatureDrift, 'drifted' | 'reason' | 'reasons' | 'pValue'>;
  /** Null: the distribution cannot be tested, and why. */
  untestable: string | null;
  checks: Check[];
  /** When nothing was found. */
  calm: string;
};

type Side = {
  /** In time order. */
  finite: Float64Array;
  sorted: Float64Array;
  missing: number;
  infinite: number;
  /** NaN of an empty side. */
  moments: Moments;
};

export function analyseNumeric(pair: NumericPair, minimum = MINIMUM_VALUES): Analysis {
  const blocksOf = pair.referenceBlocks;
  const reference = sideOf(pair.reference);
  const current = sideOf(pair.current);
  const rows = { reference: pair.reference.length, current: pair.current.length };
  const bad = pair.notNumeric ?? { reference: 0, current: 0 };
  const checks: Check[] = [
    ...proportionCheck('missing', 'values are missing', {
      reference: { hits: reference.missing - bad.reference, of: rows.reference },
      current: { hits: current.missing - bad.current, of: rows.current },
    }),
    ...proportionCheck('not_numeric', 'values are no numbers', {
      reference: { hits: bad.reference, of: rows.reference },
      current: { hits: bad.current, of: rows.current },
    }),
    ...proportionCheck('infinite', 'values are infinite', {
      reference: { hits: reference.infinite, of: rows.reference },
      current: { hits: current.infinite, of: rows.current },
    }),
  ];
  const empty = reference.sorted.length === 0 || current.sorted.length === 0;
  const summary = {
    kind: 'numeric' as const,
    reference: summarise(reference),
    current: summarise(current),
  };
  const feature: Analysis['feature'] = {
    name: pair.name,
    kind: 'numeric',
    effect: null,
    psi: null,
    missing: {
      reference: reference.missing - bad.reference,
      current: current.missing - bad.current,
    },
    effectiveSize: { reference: reference.sorted.length, current: current.sorted.length },
    summary,
    overlay: empty ? null : overlayOf(reference.sorted, current.sorted),
  };
  if (empty)
    return { feature, checks, calm: '', untestable: nothingToTest(reference, current, rows) };

  const spread = reference.moments;
  const walked = walk(reference.sorted, current.sorted, TIED_WITHIN * spread.sd);
  const { ks: statistic, wasserstein: distance } = walked;
  const effect = wassersteinNormalised(distance, spread);
  const n = reference.sorted.length;
  const m = current.sorted.length;
  const exact = n * m <= EXACT_PAIRS;
  const ksOf = (gap: number) => (exact ? ksExact(gap, n, m) : ksAsymptotic(gap, n, m));
  feature.ks = { statistic, pValue: ksOf(statistic), method: exact ? 'exact' : 'asymptotic' };
  feature.psi = psi(reference.sorted, current.sorted);
  feature.wasserstein = distance;
  feature.wassersteinNormalised = effect;
  feature.effect = effect;

  const seasonal = blocksOf
    ? blockTest(
        reference.finite,
        finiteBlocks(pair.reference, blocksOf),
        current.finite,
        TIED_WITHIN * spread.sd,
      )
    : null;
  const memory = seasonal
    ? { reference: seasonal.inflation, current: seasonal.inflation }
    : { reference: memoryOf(reference.finite), current: memoryOf(current.finite) };
  const size = {
    reference: Math.max(1, n / memory.reference),
    current: Math.max(1, m / memory.current),
  };
  feature.effectiveSize = {
    reference: Math.round(size.reference),
    current: Math.round(size.current),
  };
  const few = tooFew(n, m, minimum, size);
  if (few && !seasonal) return { feature, checks, calm: '', untestable: few };
  if (seasonal && Math.min(n, m) < minimum)
    return { feature, checks, calm: '', untestable: few ?? 'There are too few values.' };

  const dependence = (1 / size.reference + 1 / size.current) / (1 / n + 1 / m);
  const remembered = memory.reference > 1 || memory.current > 1;
  const effectiveSize = (size.reference * size.current) / (size.reference + size.current);
  const gap = remembered
    ? ksOneSample(walked.tolerantKs, Math.max(1, Math.round(effectiveSize)))
    : ksOf(walked.tolerantKs);
  const ranks = seasonal?.results ?? rankTest(walked.ranks, dependence);
  checks.unshift(distributionCheck({ gap, ranks, effect, reference, current }));
  const matters = effect >= SMALLEST_EFFECT;
  const smallest = Math.min(
    1,
    TESTS_AT_ONCE * Math.min(gap, ...rankTests.map((t) => ranks[t].pValue)),
  );
  return {
    feature,
    checks,
    untestable: null,
    calm: matters
      ? `No change beyond chance (p ${pText(smallest)}).`
      : `The values lie ${figure(effect)} standard deviations apart, which is too little to matter.`,
  };
}

function sideOf(values: Float64Array): Side {
  let missing = 0;
  let infinite = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) missing++;
    else if (!Number.isFinite(value)) infinite++;
  }
  const finite = missing + infinite === 0 ? values : values.filter(Number.isFinite);
  return { finite, sorted: sortNumbers(finite), missing, infinite, moments: moments(finite) };
}

const finiteBlocks = (values: Float64Array, blocks: Uint32Array) =>
  blocks.filter((_, i) => Number.isFinite(values[i] as number));

function nothingToTest(
  reference: Side,
  current: Side,
  rows: { reference: number; current: number },
) {
  const which = (side: Side, count: number, name: string) => {
    if (side.sorted.length > 0) return [];
    if (count === 0) return [`The ${name} has no rows.`];
    return [`The ${name} has no number among its ${count} rows.`];
  };
  return [
    ...which(reference, rows.reference, 'reference'),
    ...which(current, rows.current, 'current window'),
  ].join(' ');
}

function tooFew(
  n: number,
  m: number,
  minimum: number,
  size: { reference: number; current: number },
): string | null {
  if (n < minimum) return `The reference has ${valuesText(n)}; ${minimum} are needed.`;
  if (m < minimum) return `The current window has ${valuesText(m)}; ${minimum} are needed.`;
  const least = Math.min(size.reference, size.current);
  if (least >= 4) return null;
  return `Neighbouring values resemble each other so much that they are worth ${Math.round(least)} independent ones.`;
}

function distributionCheck(found: {
  gap: number;
  ranks: Record<RankTest, RankResult>;
  effect: number;
  reference: Side;
  current: Side;
}): Check {
  const { gap, ranks, effect, reference, current } = found;
  const spread = reference.moments;
  const strongest = rankTests.reduce((best, test) =>
    ranks[test].pValue < ranks[best].pValue ? test : best,
  );
  const pValue = Math.min(1, TESTS_AT_ONCE * Math.min(gap, ranks[strongest].pValue));
  const before = quantile(reference.sorted, 0.5);
  const after = quantile(current.sorted, 0.5);
  const now = current.moments;
  const unit = spread.sd || Math.abs(after - before);
  const apart = `${figure(effect)} standard deviations apart`;
  const stuck = isConstant(now) && !isConstant(spread);
  if (stuck)
    return {
      reason: 'constant',
      pValue,
      matters: true,
      sentence: `Every value is ${figure(current.sorted[0] as number, unit)}; the reference varies around ${figure(before, unit)}.`,
    };
  if (isConstant(spread))
    return {
      reason: 'distribution',
      pValue,
      matters: effect >= SMALLEST_EFFECT,
      sentence: `Every value of the reference is ${figure(before, unit)}; the median is ${figure(after, unit)} now.`,
    };
  const level = Math.min(gap, ranks.level.pValue);
  const ratio = now.sd / spread.sd;
  const ends = quantile(reference.sorted, 0.01);
  const top = quantile(reference.sorted, 0.99);
  const upper = 1 - upperBound(current.sorted, top) / current.sorted.length;
  const lower = shareBelow(current.sorted, ends);
  let reason: Check['reason'] = 'distribution';
  let sentence: string;
  if (ranks.level.pValue <= 0.01 || level <= ranks[strongest].pValue * 10) {
    const way = ranks.level.z > 0 ? 'higher' : 'lower';
    sentence =
      ranks.level.pValue <= 0.05
        ? `Values are ${way}: the median went from ${figure(before, unit)} to ${figure(after, unit)}, ${apart}.`
        : `The shape changed: the distributions are ${apart}, with the median at ${figure(after, unit)} (${figure(before, unit)} before).`;
  } else if (strongest === 'spread') {
    reason = 'spread';
    sentence = `Values spread ${ranks.spread.z > 0 ? 'wider' : 'less wide'}: the standard deviation went from ${figure(spread.sd)} to ${figure(now.sd)} (${figure(ratio)} times).`;
  } else {
    reason = 'tails';
    sentence =
      strongest === 'upper'
        ? `The upper end changed: ${percent(upper)} of the values lie above ${figure(top, unit)}, which 1 % of the reference do.`
        : `The lower end changed: ${percent(lower)} of the values lie below ${figure(ends, unit)}, which 1 % of the reference do.`;
  }
  return { reason, pValue, matters: effect >= SMALLEST_EFFECT, sentence };
}

const shareBelow = (sorted: Float64Array, edge: number) => {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < edge) low = middle + 1;
    else high = middle;
  }
  return low / sorted.length;
};

function summarise({
  sorted,
  missing,
  infinite,
  moments: { mean, sd },
}: Side): NumericSummary | null {
  if (sorted.length === 0) return null;
  return {
    count: sorted.length,
    missing,
    infinite,
    mean,
    sd,
    min: sorted[0] as number,
    p25: quantile(sorted, 0.25),
    median: quantile(sorted, 0.5),
    p75: quantile(sorted, 0.75),
    max: sorted[sorted.length - 1] as number,
  };
}

/** Equal bins from the first to the 99th per cent of both sides together; the outer bins take what lies beyond. */
function overlayOf(reference: Float64Array, current: Float64Array): Overlay {
  let low = Math.min(quantile(reference, 0.01), quantile(current, 0.01));
  let high = Math.max(quantile(reference, 0.99), quantile(current, 0.99));
  if (!(high > low)) {
    const half = Math.max(Math.abs(low) * 1e-6, 0.5);
    low -= half;
    high += half;
  }
  const edges = Array.from(
    { length: OVERLAY_BINS + 1 },
    (_, i) => low + ((high - low) * i) / OVERLAY_BINS,
  );
  const counts = (sorted: Float64Array) => {
    const bounds = [
      0,
      ...edges.slice(1, -1).map((edge) => upperBound(sorted, edge)),
      sorted.length,
    ];
    return bounds.slice(1).map((end, i) => end - (bounds[i] as number));
  };
  return { kind: 'numeric', edges, reference: counts(reference), current: counts(current) };
}
