import { z } from 'zod';
import { filterSchema, pageSchema } from '../api/contract.ts';

export const auditListSchema = pageSchema.extend({
  /** Id of the actor, or part of its name. */
  actor: filterSchema.optional(),
  /** An action such as `users.setRole`, or a prefix such as `users.`. */
  action: filterSchema.optional(),
  /** Id of the target, or part of its name. */
  target: filterSchema.optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
});
export type AuditListInput = z.infer<typeof auditListSchema>;

export type AuditItem = {
  /** Position in the chain, from 1. */
  seq: number;
  id: string;
  at: string;
  actor: { kind: 'user' | 'key' | 'token' | 'system'; id: string | null; name: string };
  action: string;
  target: { kind: string; id: string | null; name: string | null };
  before: unknown;
  after: unknown;
  rule: string;
  requestId: string | null;
  /** Hex SHA-256 over the previous hash and this entry. */
  hash: string;
};
/** `ok: false` names the first entry that does not follow from the one before. */
export type AuditVerification =
  | { ok: true; checked: number; head: string | null; tookMs: number }
  | { ok: false; checked: number; seq: number; reason: string; tookMs: number };

/** One line of `cli audit export`. */
export const auditExportSchema = z.object({
  entry: z.object({
    seq: z.number().int(),
    id: z.string(),
    at: z.string(),
    actorKind: z.string(),
    actorId: z.string().nullable(),
    actorName: z.string(),
    action: z.string(),
    targetKind: z.string(),
    targetId: z.string().nullable(),
    targetName: z.string().nullable(),
    before: z.unknown(),
    after: z.unknown(),
    rule: z.string(),
    requestId: z.string().nullable(),
  }),
  previousHash: z.string(),
  hash: z.string(),
});
