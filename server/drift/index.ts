/**
 * Drift: whether what a model sees now is still what it learned from. The statistics are pure and own code; they agree
 * with SciPy on the reference values in `testdata`.
 *
 * A reference is what the inputs looked like when the model was well: a file, rows, or a range of predictions, kept as a
 * profile of all rows and a uniform sample of them (`intake`, `watch/references.ts`, `watch/uploads.ts`). A monitor compares windows of
 * predictions with it, each window once over all replicas (`watch/schedule.ts`, `watch/monitor-runs.ts`), with rows of the same season
 * where it is told of one (`watch/windows.ts`). When it turns, an incident opens, and others hear of it by the events of `models`.
 */
export { type Comparer, createComparer } from './compare.ts';
export { compareSchema } from './contract.ts';
export { driftJobs } from './jobs.ts';
export { driftRouter } from './router.ts';
export { createDrift, type Drift } from './service.ts';
export { pairOf } from './statistics/cells.ts';
export {
  type CompareOptions,
  compareFeatures,
  type FeaturePair,
} from './statistics/compare.ts';
