/**
 * API keys: `wh_<43 base62>_<6 base62 CRC32>`, 256 random bits. Only the SHA-256 of a key is stored: a slow
 * hash protects guessable passwords, and nobody guesses 256 bits. A wrong checksum is refused without a query.
 * A verified key is remembered for 0.8 s; last use is written in batches, never on the request.
 */
export { createKeys, type KeyPrincipal, type Keys } from './service.ts';
