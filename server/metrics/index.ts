/** Metrics: what other modules and the command line take from this folder. The store joins here. */
export { createDetector, type Detector } from './anomaly.ts';
