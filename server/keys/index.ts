/**
 * API keys: `wh_<43 base62>_<6 base62 CRC32>`, 256 random bits. Only the SHA-256 of a key is stored: a slow hash protects
 * guessable passwords, and nobody guesses 256 bits. A wrong checksum is refused without I/O; what was verified is
 * remembered for 0.8 s and forgotten on every replica when a key changes, so a revoked one is refused within a second.
 *
 * A key has versions, at most two of them accepted: rotation makes a new one and gives the old one a grace. Use is
 * counted by day, procedure, address and version in memory and written in batches, never on a request; so the console
 * knows who still uses the old version, can rehearse its end, and ends it when it is provably quiet.
 */
export { refusalTexts } from './contract.ts';
export { keysJobs } from './jobs.ts';
export { keysRouter } from './router.ts';
export { createKeys, type Keys } from './service.ts';
export type { KeyUse } from './verifier.ts';
