/**
 * Memory guard: finds leaks, names what grows, and does something about it before the process dies of it.
 *
 * Each process of the console, and each program that embeds `server/client/memory.ts`, reports its heap after full
 * collections. A leak is a Theil–Sen slope of a tenth and 20 MB an hour or more that is significant (Mann–Kendall,
 * p < 0.01), goes on for another quarter of an hour, is not coming to rest, and leads to where the heap was not within a
 * day. On suspicion allocations are sampled and objects counted by class; both are cheap. A leak opens an incident;
 * then caches are dropped, a snapshot is taken if it is safe (16 times the heap free, out of readiness, once a day, one
 * at a time), and at last a process of the console restarts itself, once an hour at most. Reports are kept before they
 * are answered; judging happens in one transaction a report, so that replicas and restarts change nothing.
 */
export { memoryJobs } from './jobs.ts';
export { memoryRouter } from './router.ts';
export { createMemory, memoryPolicy } from './service.ts';
