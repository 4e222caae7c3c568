import { z } from 'zod';
import { filterSchema, idPageSchema, isPlainText, type Role, roleSchema } from '../api/contract.ts';
import { scopesSchema } from '../api/scopes.ts';

export const ROTATE_DAYS = 90;
export const GRACE_DAYS = 7;
/** Accepted at the same time: the newest, and the one before it while its grace lasts. */
export const LIVE_VERSIONS = 2;
export const NOTICE_DAYS = [14, 7, 1] as const;

/** Why a key is not accepted. What a caller learns of it is `refusalTexts`. */
export const refusals = [
  'malformed',
  'checksum',
  'unknown',
  'revoked',
  'ended',
  'expired',
  'owner',
  'rehearsal',
  'address',
] as const;
export type KeyRefusal = (typeof refusals)[number];

/** Said to whoever sends the key: all but the first three are told only to someone who holds the right 256 bits. */
export const refusalTexts: Readonly<Record<KeyRefusal, string>> = {
  malformed: 'This is no API key: keys look like wh_<43 characters>_<6 characters>.',
  checksum: 'This API key is misspelt or cut off: its checksum is wrong.',
  unknown: 'There is no such API key.',
  revoked: 'This API key was revoked.',
  ended: 'This version of the API key has ended. Use the newer one.',
  expired: 'This API key has expired.',
  owner: 'The owner of this API key has no account here any more.',
  rehearsal:
    'This version of the API key is to end: this is a rehearsal, and it is accepted again soon. Use the newer one.',
  address: 'This API key is not accepted from this address.',
};

const nameSchema = z
  .string('Enter a name')
  .trim()
  .min(1, 'Enter a name')
  .max(100, 'At most 100 characters')
  .refine(isPlainText, 'Control and invisible characters are not accepted');
const versionSchema = z.number().int().min(1).max(1_000_000);
const daysSchema = z.number().int().min(1, 'At least 1 day').max(3_650, 'At most 3650 days');

const cidr = z.union([z.cidrv4(), z.cidrv6()]);
const address = z.union([z.ipv4(), z.ipv6()]);
/** `10.0.0.7` or `10.0.0.0/8`, IPv4 or IPv6, as the network that it stands for: `10.0.0.7/32`. */
const networkSchema = z
  .string()
  .trim()
  .max(50)
  .refine(
    (text) => cidr.safeParse(text).success || address.safeParse(text).success,
    'Enter an address or a network, such as 10.0.0.0/8 or 2001:db8::/32',
  )
  .transform((text) => {
    if (text.includes('/')) return text;
    return `${text}/${text.includes(':') ? 128 : 32}`;
  });
const settings = {
  name: nameSchema,
  role: roleSchema,
  /** See `server/api/scopes.ts`. */
  scopes: scopesSchema,
  expiresAt: z.iso.datetime('Enter a time such as 2027-01-31T12:00:00Z').nullable(),
  /** Calls a minute; null for the limit of all keys. */
  rateLimit: z
    .number()
    .int()
    .min(1, 'At least 1 a minute')
    .max(1_000_000, 'At most 1 000 000 a minute')
    .nullable(),
  addresses: z.array(networkSchema).max(50, 'At most 50 networks'),
  /** A person's id; null for the console's own. */
  ownerId: z.uuid().nullable(),
  rotateDays: daysSchema.nullable(),
};
export const keyCreateSchema = z.strictObject({
  name: settings.name,
  role: settings.role.default('viewer'),
  scopes: settings.scopes.default([]),
  expiresAt: settings.expiresAt.nullish(),
  rateLimit: settings.rateLimit.nullish(),
  addresses: settings.addresses.optional(),
  /** Left out: the person who makes it, or nobody when a key or the command line does. */
  ownerId: settings.ownerId.optional(),
  rotateDays: settings.rotateDays.optional(),
});
export type KeyCreateInput = z.output<typeof keyCreateSchema>;
export const keyUpdateSchema = z.strictObject({
  id: z.uuid(),
  ...z.object(settings).partial().shape,
});
export type KeyUpdateInput = z.output<typeof keyUpdateSchema>;

export const keyIdSchema = z.strictObject({ id: z.uuid() });
export const keyListSchema = idPageSchema.extend({
  filter: filterSchema.optional(),
  /** `live`: accepted, or able to be. */
  state: z.enum(['live', 'ended', 'all']).default('all'),
});
export type KeyListInput = z.output<typeof keyListSchema>;
export const keyRotateSchema = z.strictObject({
  id: z.uuid(),
  /** How long the version before is still accepted; 0 ends it at once. */
  graceDays: z.number().int().min(0).max(90, 'At most 90 days').default(GRACE_DAYS),
});
export const keyRevokeSchema = z.strictObject({
  id: z.uuid(),
  /** Ends this version alone; left out, the whole key is revoked. */
  version: versionSchema.optional(),
  reason: z
    .string()
    .trim()
    .max(500, 'At most 500 characters')
    .refine(isPlainText, 'Control and invisible characters are not accepted')
    .optional(),
});
export const keyRehearseSchema = z.strictObject({
  id: z.uuid(),
  version: versionSchema,
  /** How long the version is refused; 0 ends the rehearsal. */
  minutes: z.number().int().min(0).max(60, 'At most 60 minutes'),
});
export const keyQuietSchema = z.strictObject({
  id: z.uuid(),
  version: versionSchema,
  /** Null: it ends with its grace and not before. */
  days: z.number().int().min(1, 'At least 1 day').max(90, 'At most 90 days').nullable(),
});
export const keyUsageSchema = z.strictObject({
  id: z.uuid(),
  days: z.number().int().min(1).max(400).default(30),
});
export const keyVerifySchema = z.strictObject({
  key: z.string().max(500),
  /** Where the key came from; needed when it is limited to networks. */
  address: z.string().max(50).optional(),
});

export type KeyVersionItem = {
  version: number;
  state: 'active' | 'grace' | 'ended';
  /** The first characters of the key; empty for keys of before versions were kept. */
  hint: string;
  createdAt: string;
  createdBy: string;
  graceEndsAt: string | null;
  quietDays: number | null;
  rehearsalEndsAt: string | null;
  endedAt: string | null;
  endedBy: string | null;
  lastUsedAt: string | null;
  /** Since the last rehearsal began. */
  lastRefusedAt: string | null;
};
export type KeyItem = {
  id: string;
  name: string;
  role: Role;
  scopes: string[];
  rateLimit: number | null;
  addresses: string[];
  owner: { id: string; name: string; state: 'active' | 'disabled' | 'removed' } | null;
  expiresAt: string | null;
  rotateDays: number | null;
  /** When a new version is due by the rotation policy. */
  rotationDueAt: string | null;
  state: 'active' | 'expired' | 'revoked' | 'ended' | 'owner';
  createdAt: string;
  createdBy: string;
  revokedAt: string | null;
  lastUsedAt: string | null;
  /** Newest first; of a list, those that are not ended and the newest. */
  versions: KeyVersionItem[];
};
export type KeyUsage = {
  /** Calls of each day (UTC) and version, oldest first; days without calls are left out. */
  days: { day: string; version: number; calls: number; refused: number }[];
  procedures: { procedure: string; calls: number; refused: number; lastAt: string }[];
  /** Who uses which version, most recent first: an address and what it last called. */
  users: {
    version: number;
    address: string;
    calls: number;
    refused: number;
    lastAt: string;
    lastProcedure: string;
  }[];
  /** More procedures or users than these lists hold. */
  more: boolean;
};
/** The answer to whoever asks whether a key is good. */
export type KeyVerdict = {
  valid: boolean;
  reason?: KeyRefusal;
  keyId?: string;
  role?: Role;
  scopes?: string[];
  version?: number;
};
