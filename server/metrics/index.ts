/**
 * Metrics: what comes in is kept, compressed, and answers questions.
 *
 * In: `metrics.ingest`, OTLP, remote write, scraping, the console's own registry. A sample is acknowledged once it is
 * committed to the write-ahead log in PostgreSQL (`wal.ts`), by group commit; it stays in memory (`head.ts`) until it
 * is packed into a chunk of two hours a series (`codec.ts`, after Gorilla, VLDB 2015). When a slot is over its chunks
 * become one, when a day is over its minutes and hours are rolled up with quantile sketches (`sketch.ts`, DDSketch,
 * VLDB 2019). Series and time are the identity of a sample: of several the one that was committed last counts, so
 * that sending again, a crash and a second replica change nothing.
 *
 * Out: `query.ts` resolves, plans, reads one snapshot and computes, in a worker thread when there is much.
 */
export { createDetector, type Detector } from './anomaly.ts';
export type { Description } from './catalog.ts';
export { bucketsOf, derive as derivePoints, expand as expandAggregations } from './execute.ts';
export { retryAfterSeconds } from './ingest.ts';
export { metricsJobs } from './jobs.ts';
export type { Sample } from './labels.ts';
export { badField, rangeOf, stepOf } from './query.ts';
export { decodeWrite, MalformedWrite } from './remote-write.ts';
export { metricsRouter } from './router.ts';
export { type Ask, createMetricStore, type MetricStore } from './service.ts';
