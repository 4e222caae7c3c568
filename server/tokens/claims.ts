/** What stands in a token, and whether it counts now. Pure. */
import { z } from 'zod';
import { roleSchema } from '../api/contract.ts';
import {
  AUDIENCE,
  CLOCK_TOLERANCE_SECONDS,
  type Refusal,
  TOKEN_MAX_CHARACTERS,
} from './contract.ts';

export const ALGORITHM = 'EdDSA';

const headerSchema = z.object({ alg: z.string(), kid: z.string().optional() });
const claimsSchema = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string(),
  jti: z.uuid(),
  iat: z.number(),
  nbf: z.number(),
  exp: z.number(),
  scopes: z.array(z.string()),
  role: roleSchema,
  by: z.string(),
});
export type Claims = z.infer<typeof claimsSchema>;

const compact = /^[\w-]+\.[\w-]+\.[\w-]*$/;
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** The key that a token names; looked at before anything is computed. */
export function readHeader(token: string): { kid: string } | { refused: Refusal } {
  if (token.length > TOKEN_MAX_CHARACTERS || !compact.test(token)) return { refused: 'malformed' };
  const text = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString();
  const header = headerSchema.safeParse(parse(text));
  if (!header.success) return { refused: 'malformed' };
  // Before all else: neither `none` nor a MAC under the public key is ever tried.
  if (header.data.alg !== ALGORITHM) return { refused: 'algorithm' };
  return { kid: header.data.kid ?? '' };
}

/** The claims of a payload whose signature is good. */
export function readClaims(payload: Uint8Array): Claims | null {
  return claimsSchema.safeParse(parse(Buffer.from(payload).toString())).data ?? null;
}

/** Why claims do not count at `now`; null when they do. */
export function judge(claims: Claims, issuer: string, now: Date): Refusal | null {
  const seconds = now.getTime() / 1000;
  if (claims.iss !== issuer) return 'issuer';
  if (claims.aud !== AUDIENCE) return 'audience';
  if (claims.nbf > seconds + CLOCK_TOLERANCE_SECONDS) return 'not_yet_valid';
  if (claims.exp <= seconds - CLOCK_TOLERANCE_SECONDS) return 'expired';
  return null;
}

/** When a UUIDv7 was made: claims count whole seconds, which is too coarse to say what came before a revocation. */
export const madeAtMs = (jti: string): number =>
  Number.parseInt(jti.slice(0, 8) + jti.slice(9, 13), 16);
