/**
 * Audit: reading the trail and proving that nobody changed it.
 *
 * Entries are written by `platform/audit.ts` inside the transaction of the change. This module lists them and
 * verifies the hash chain (SHA-256 over the previous hash and the canonical entry), in the worker pool, in
 * bounded batches. Anchors (`seq hash` lines in the data folder, written hourly and at each verification) make
 * a cut-off tail visible too, which a chain alone cannot show.
 */

export { verifyChain } from './chain.ts';
export { auditJobs } from './jobs.ts';
export { auditRouter } from './router.ts';
export { type AuditReader, createAuditReader } from './service.ts';
