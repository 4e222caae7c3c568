import { z } from 'zod';
import { idPageSchema, isPlainText, pageSchema, type Role, roleSchema } from '../api/contract.ts';
import { scopesSchema } from '../api/scopes.ts';

export const TTL_DEFAULT_SECONDS = 15 * 60;
export const TTL_MAX_SECONDS = 24 * 60 * 60;
/** How far the clocks of issuer and verifier may be apart. */
export const CLOCK_TOLERANCE_SECONDS = 5;
/** Without a look at the revocations for so long, nothing is accepted on the strength of not being revoked. */
export const UNKNOWN_AFTER_MS = 5_000;
/** A signing key is replaced after so many days. */
export const ROTATE_AFTER_DAYS = 30;
/** What others may keep of the public keys. */
export const JWKS_MAX_AGE_SECONDS = 300;
/** Longer texts are no tokens of ours. */
export const TOKEN_MAX_CHARACTERS = 8_192;
/** Who the tokens are for: the claim `aud`. */
export const AUDIENCE = 'wheelhouse';

const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'Enter a text')
    .max(max, `At most ${max} characters`)
    .refine(isPlainText, 'Control and invisible characters are not accepted');
const subjectSchema = line(200);
const reasonSchema = line(500);
const TTL = `A whole number of seconds from 1 to ${TTL_MAX_SECONDS}`;

export const issueSchema = z.strictObject({
  /** Who the token is for: a service, an agent, a job. */
  subject: subjectSchema,
  scopes: scopesSchema,
  ttlSeconds: z
    .number(TTL)
    .int(TTL)
    .min(1, TTL)
    .max(TTL_MAX_SECONDS, TTL)
    .default(TTL_DEFAULT_SECONDS),
  role: roleSchema.default('viewer'),
});
export type IssueInput = z.output<typeof issueSchema>;
/** Long enough for texts that are no token, so that they are answered and not refused as input. */
export const checkSchema = z.strictObject({ token: z.string().max(200_000) });
export const revokeSchema = z.union(
  [
    z.strictObject({ jti: z.uuid(), reason: reasonSchema }),
    z.strictObject({ subject: subjectSchema, reason: reasonSchema }),
    z.strictObject({
      kid: z.string().regex(/^[\w-]{1,64}$/, 'The kid of a signing key'),
      reason: reasonSchema,
    }),
  ],
  'Name one of jti, subject and kid, and a reason',
);
export type RevokeInput = z.output<typeof revokeSchema>;

export const tokenStates = ['active', 'expired', 'revoked'] as const;
export type TokenState = (typeof tokenStates)[number];
export const tokenListSchema = idPageSchema.extend({
  state: z.enum(tokenStates).optional(),
  subject: subjectSchema.optional(),
});
export type TokenListInput = z.output<typeof tokenListSchema>;
export const revocationKinds = ['token', 'subject', 'key', 'issuer', 'session'] as const;
export type RevocationKind = (typeof revocationKinds)[number];
export const revocationListSchema = pageSchema.extend({
  cursor: z
    .string()
    .regex(/^\d{1,18}$/, 'Take it from nextCursor of the previous page')
    .nullish(),
  kind: z.enum(revocationKinds).optional(),
});
export type RevocationListInput = z.output<typeof revocationListSchema>;

/** Why a token is not accepted. */
export const refusals = {
  malformed: 'This is not a token of this console.',
  algorithm: 'The token is not signed with EdDSA.',
  unknown_key: 'The key that signed the token is not known here.',
  signature: 'The signature of the token is wrong.',
  issuer: 'The token was issued by somebody else.',
  audience: 'The token is for somebody else.',
  not_yet_valid: 'The token is not valid yet.',
  expired: 'The token has expired.',
  revoked: 'The token was revoked.',
  revocations_unknown:
    'Whether the token was revoked cannot be told at the moment. Try again shortly.',
} as const;
export type Refusal = keyof typeof refusals;

export type CheckAnswer =
  | { valid: false; reason: Refusal }
  | {
      valid: true;
      jti: string;
      subject: string;
      scopes: string[];
      role: Role;
      expiresAt: string;
    };
export type IssuedItem = {
  jti: string;
  subject: string;
  scopes: string[];
  role: Role;
  kid: string;
  issuedBy: string;
  issuedAt: string;
  expiresAt: string;
  state: TokenState;
  revokedAt: string | null;
  revokeReason: string | null;
};
export type RevocationItem = {
  id: string;
  kind: RevocationKind;
  target: string;
  reason: string;
  revokedBy: string;
  revokedAt: string;
  /** It is forgotten then: what it refuses has expired by itself. */
  expiresAt: string;
};
export type KeyState = 'next' | 'current' | 'retired' | 'compromised';
export type SigningKeyItem = {
  kid: string;
  state: KeyState;
  createdAt: string;
  activatedAt: string | null;
  retiredAt: string | null;
  /** Of the current one: when it is replaced by itself. */
  rotatesAt: string | null;
  /** Tokens that it signed and that are still good. */
  activeTokens: number;
};
