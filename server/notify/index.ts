/**
 * Notify: tells people, on Slack, by e-mail, through PagerDuty, or by a signed webhook.
 *
 * A transactional outbox: a message is a row in the transaction of what it is about, so neither exists without the
 * other. Any number of processes send: a row is claimed with `SKIP LOCKED` under a lease, and completed by
 * compare-and-swap. Delivery is at least once, exactly once while no process is killed between sending and writing
 * that down; then the row says `maybe_twice`, and the receiver can tell by the id. In a thread (an incident) a channel
 * gets messages strictly in order: what is not delivered holds the later ones, so no resolve overtakes its trigger.
 * Failures are repeated with backoff (5 s · 3^n up to 15 min, ±20 %, 25 times) and then kept as dead letters.
 */

export type { NotifyMessage, Severity } from './contract.ts';
export { notifyJobs } from './jobs.ts';
export { notifyRouter } from './router.ts';
export { createNotify, type Notify } from './service.ts';
