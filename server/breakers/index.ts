/**
 * Circuit breakers: a caller is told in time that a call is not worth making.
 *
 * The machine itself (a sliding window in one-second buckets, generations, trial calls under a lease) lies in
 * `server/client`, pure and without dependencies, because programs embed it. Here it is shared: through Redis when
 * there is one (`redis-store.ts`, one atomic script on Redis' clock), in this process otherwise. A call in CLOSED or OPEN
 * asks nobody. What an operator or an alert holds stands in PostgreSQL, never expires by itself, and is restored after
 * whatever loss of Redis. Each change of state is written with its cause; outcomes are kept in the metric store, so that
 * a policy can be tried on the past before it is saved.
 * Sources: M. Nygard, Release It! (2018); Resilience4j for slow calls and forced states; rules R1 to R17 in
 * `docs/modules/breakers.md`.
 */
export { breakersJobs } from './jobs.ts';
export { guardedHttp, outcomeOf } from './outgoing.ts';
export { breakersRouter } from './router.ts';
export { type Breakers, createBreakers } from './service.ts';
export { replay, timelineSchema } from './timeline.ts';
