/**
 * Features of two samples compared: each by tests and an effect size of its own, all of them together held against the
 * share of false discoveries. A feature has drifted when a change is improbable by chance and large enough to matter.
 */
import { type Comparison, DEFAULT_ALPHA, type FeatureDrift } from '../contract.ts';
import { analyseCategorical, type CategoricalPair } from './categorical.ts';
import { benjaminiHochberg } from './distances.ts';
import { type Analysis, analyseNumeric, type NumericPair } from './numeric.ts';

export type FeaturePair = NumericPair | CategoricalPair;
export type CompareOptions = {
  /** The share of features that may be called drifted wrongly; default 0.05. */
  alpha?: number;
  /** Values a side below which nothing is said. */
  minimum?: number;
};

export function compareFeatures(
  pairs: readonly FeaturePair[],
  { alpha = DEFAULT_ALPHA, minimum }: CompareOptions = {},
): Comparison {
  const analyses = pairs.map((pair) =>
    pair.kind === 'numeric' ? analyseNumeric(pair, minimum) : analyseCategorical(pair, minimum),
  );
  const all = analyses.flatMap(({ checks }) => checks.map(({ pValue }) => pValue));
  const corrected = benjaminiHochberg(all);
  let next = 0;
  const features = analyses.map((analysis) => {
    const from = next;
    next += analysis.checks.length;
    return verdict(analysis, corrected.slice(from, next), alpha);
  });
  const drifted = features.some(({ reasons }) => reasons.length > 0);
  return { drifted, features };
}

function verdict(analysis: Analysis, corrected: number[], alpha: number): FeatureDrift {
  const { feature, untestable, checks, calm } = analysis;
  const found = checks.filter((check, i) => check.matters && (corrected[i] ?? 1) < alpha);
  const sentences = found.map(({ sentence }) => sentence);
  const pValue = corrected.length > 0 ? Math.min(...corrected) : null;
  // A window in which every value is missing: the distribution cannot be tested, and that is worth an alarm of its own.
  if (untestable !== null)
    return {
      ...feature,
      drifted: null,
      reason: [`Not testable. ${untestable}`, ...sentences].join(' '),
      reasons: found.map(({ reason }) => reason),
      pValue,
    };
  return {
    ...feature,
    drifted: found.length > 0,
    reason: found.length > 0 ? sentences.join(' ') : calm,
    reasons: found.map(({ reason }) => reason),
    pValue,
  };
}
