/**
 * Rate limits: token buckets for callers, procedures and the console as a whole, taken from together or not at all.
 *
 * A bucket is one number, the time until it is full (GCRA, the form that ITU-T I.371 gives the token bucket). Sustained
 * rate and burst are separate: what is left of the calls a minute after the burst comes back over the minute, so that no
 * 60 seconds see more than the limit. With Redis one Lua script takes all buckets of a request by Redis' clock; without,
 * or while Redis is away or slow, the same sums are done in this process with the limit divided by the live replicas.
 * Buckets in memory are bounded, and a flood of newcomers cannot push a refusal out (`table.ts`). What the mirror of
 * Redis' answers refuses is refused without a trip. When the limiter itself fails, requests pass, and it says so.
 */

export { describeTaken, type LimitState } from './describe.ts';
export { limitsRouter } from './router.ts';
export type { Caller, Wanted } from './rules.ts';
export { createLimits, type Limits } from './service.ts';
export type { Taken } from './taker.ts';
