/** Entry of the worker threads: comparisons of many values. */
import type { CompareOptions, FeaturePair } from './statistics/compare.ts';
import { compareFeatures } from './statistics/compare.ts';

export const compareTask = (input: { pairs: FeaturePair[]; options: CompareOptions }) =>
  compareFeatures(input.pairs, input.options);
