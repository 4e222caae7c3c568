/**
 * Health: watches targets, says what state they are in, heals what it may, and asks whether that helped.
 *
 * - State is a pure function of the checks (`state.ts`): hysteresis, fast recheck, Nagios' flap detection.
 * - Healing is a pure plan (`plan.ts`); each step is a compare-and-swap in the database, so that with any number
 *   of replicas an attempt runs once. At most 3 attempts after 10, 30 and 90 s, verified by checks, then people.
 * - Each target is checked by exactly one replica, held by PostgreSQL advisory locks (`shards.ts`).
 * - A child of a target that is down is checked but does not alert.
 * - Remedies are judged against natural recovery with score intervals after Wilson and Newcombe (`outcome.ts`).
 * - Checks are kept 7 days, sums by minute 30 days, by hour 13 months, in partitions that are dropped whole.
 */
export { describeFault } from './checks/faults.ts';
export { healthJobs } from './jobs.ts';
export { healthRouter } from './router.ts';
export { createHealth, type Health } from './service.ts';
