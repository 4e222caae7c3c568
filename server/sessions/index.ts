/**
 * Sessions: who is signed in, from where, until when.
 *
 * The browser holds next-auth's encrypted token (JWE, A256GCM) with the ids of the person and the session; the
 * row here decides whether it still counts. A look-up is cached for 0.8 s and dropped at once by the bus; what
 * was revoked stands in memory of every replica besides (server/tokens). Last use is written in batches.
 */

export { sessionsJobs } from './jobs.ts';
export { sessionsRouter } from './router.ts';
export { createSessions, type Sessions, type SessionUser } from './service.ts';
