/**
 * Tokens: short-lived JWTs (RFC 7519) signed with Ed25519 (RFC 8037), for agents and services that should hold nothing that lasts.
 *
 * A token is checked in memory: algorithm, key, signature, issuer, audience, times, and each time whether it was revoked. A
 * good signature is remembered for 30 s at most. Revocations (of a token, of all of a subject, of a signing key, of a session)
 * stand in PostgreSQL and in memory of every replica: over the bus in milliseconds, without a bus within 500 ms. When they could
 * not be read for 5 s, no token is accepted. Signing keys rotate every 30 days; the next one is published before it signs.
 */

export { tokensJobs } from './jobs.ts';
export { createRevocations, type NewRevocation, type Revocations } from './revocations.ts';
export { tokensRouter } from './router.ts';
export { createTokens, type TokenPrincipal, type Tokens } from './service.ts';
