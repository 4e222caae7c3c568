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
  // Too few values are left because most are missing: that is a change. Without any value nothing can be said.
  const silent = untestable !== null && (found.length === 0 || nothing(feature));
  const said = [
    ...(silent ? ['Not testable.'] : []),
    ...(untestable === null ? [] : [untestable]),
    ...found.map(({ sentence }) => sentence),
  ];
  return {
    ...feature,
    drifted: silent ? null : found.length > 0,
    reason: said.length > 0 ? said.join(' ') : calm,
    reasons: found.map(({ reason }) => reason),
    pValue: corrected.length > 0 ? Math.min(...corrected) : null,
  };
}

const nothing = ({ summary }: Pick<FeatureDrift, 'summary'>) =>
  !summary.reference?.count || !summary.current?.count;
