/**
 * What programs embed, and the console itself uses: circuit breakers and a watcher of the heap. No dependency on the
 * server or on any package.
 *
 * `createBreakerClient` guards functions with breakers that all programs share through the console. The machine behind
 * it (`breaker.ts`, `window.ts`, `state.ts`) is pure; `group.ts` keeps the breakers of one program in step with a store.
 * `watchMemory` (`memory.ts`) reports the heap after full collections, and on request what allocates and what grows.
 */
export {
  ASK,
  Breaker,
  type Effect,
  type Outcome,
  REJECTED,
} from './breaker.ts';
export { type BreakerClient, createBreakerClient } from './client.ts';
export { type BreakerPolicy, defaultPolicy, policyFaults } from './contract.ts';
export { type BreakerGroup, createBreakerGroup } from './group.ts';
export {
  BreakerOpenError,
  CallTimeoutError,
  createGuard,
  type Guard,
  type GuardOptions,
} from './guard.ts';
export {
  type MemoryPolicy,
  type MemoryWatcher,
  reportTo,
  watchMemory,
} from './memory.ts';
export { BreakerRecords, createMemoryBreakers, MAX_REPLICAS } from './records.ts';
export type { Cause, Change, Forced, Machine } from './state.ts';
export type { Answer, BreakerStore, Probe, Transition, TransitionHandler } from './store.ts';
export { type Bucket, packBuckets, SlidingWindow, unpackBuckets } from './window.ts';
