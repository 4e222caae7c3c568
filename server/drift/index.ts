/**
 * Drift: whether what a model sees now is still what it learned from. The statistics are pure and own code; they agree
 * with SciPy on the reference values in `testdata`.
 */
export { type Comparer, createComparer } from './compare.ts';
export { compareSchema } from './contract.ts';
export { driftRouter } from './router.ts';
export { pairOf, readCategory, readNumber } from './statistics/cells.ts';
export {
  type CompareOptions,
  compareFeatures,
  type FeaturePair,
} from './statistics/compare.ts';
