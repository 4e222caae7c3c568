/**
 * Capacity: what fills up or runs out, when that will be, and what would put it off.
 *
 * Disks, heaps, connections and sizes of databases and Redis come by themselves and are sampled each five minutes into
 * the metric store; any series of a saved query can be given a limit. `crossing.ts` says when the limit is reached: daily
 * patterns taken out and their peak put back, a new beginning after a step, Sen's slope with its interval (Theil 1950, Sen
 * 1968) and Mann and Kendall's test, both corrected for memory (Yue & Wang 2004), single values and wandering counted in.
 * Where a series has seasons and is near its limit, the forecaster is asked too. There is no date without a trend, and
 * none beyond a year. Autoscalers may read what an operator names for them, and what is expected of it (`scaling.ts`). Notices go by the earliest date, with hysteresis (`notice.ts`), as incidents that end by themselves.
 */

export { readMetricSchema } from './contract.ts';
export {
  apiGroup,
  apiGroupList,
  readSelector,
  resourceList,
  statusOf,
  valueList,
} from './external-metrics.ts';
export { capacityJobs } from './jobs.ts';
export { capacityRouter } from './router.ts';
export { createCapacity } from './service.ts';
