/**
 * The cache: values of `namespace:key` in the memory of each process (LRU, bounded by bytes) with Redis behind it.
 *
 * Nobody sees what a change made old: a value carries the versions that its tags had when its load began, and a change
 * counts them up in Redis and tells all replicas; loads that began before are not kept, also when they end late. What a
 * replica did not hear it notices within 5 s, as its memory is compared with the versions that often (1 s while Redis is
 * away and there are others). One caller loads: within a process all wait for the same load, across replicas a lease in
 * Redis decides who loads, and others take over when its holder dies. Values past their time are shown for a while when
 * fetching anew fails or takes time; hot ones are fetched before they are due (XFetch, Vattani et al. 2015). Looks are
 * counted by hour, and what the next hour is expected to ask for is loaded ahead of it (`warmer.ts`).
 * While Redis is away or slow the memory of the process goes on alone.
 */
export { cacheJobs } from './jobs.ts';
export { cacheRouter } from './router.ts';
export { type Cache, createCache } from './service.ts';
export { createWarmer } from './warmer.ts';
