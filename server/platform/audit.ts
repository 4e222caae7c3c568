/**
 * The audit trail's writing half: every change appends one entry inside the change's own transaction, so that
 * neither exists without the other. Entries form a hash chain: hash(n) = SHA-256(hash(n-1) ‖ canonical entry n),
 * canonical JSON after RFC 8785 for the value kinds used here. A trigger refuses UPDATE, DELETE and TRUNCATE;
 * whoever goes round it breaks the chain, which `verifyChain` and `cli audit verify` show.
 */
import { createHash } from 'node:crypto';
import type { Clock } from './clock.ts';
import { Prisma, type Tx } from './db/index.ts';
import { newId } from './ids.ts';

export type Actor = { kind: 'user' | 'key' | 'token' | 'system'; id: string | null; name: string };
/** Who asks, on what authority, in which request; handed to every service that changes something. */
export type Authority = { actor: Actor; rule: string; requestId: string | null };
export type AuditRecord = {
  action: string;
  target: { kind: string; id: string | null; name: string | null };
  before?: unknown;
  after?: unknown;
};
/** What the chain is computed over. */
export type ChainEntry = {
  seq: number;
  id: string;
  at: string;
  actorKind: string;
  actorId: string | null;
  actorName: string;
  action: string;
  targetKind: string;
  targetId: string | null;
  targetName: string | null;
  before: unknown;
  after: unknown;
  rule: string;
  requestId: string | null;
};

export const GENESIS = Buffer.alloc(32);
// One writer at a time keeps the chain a chain; taken last in the transaction and held only for the insert.
const CHAIN_LOCK = 0x61756474;

/** JSON with sorted keys and no spaces; equal values give equal bytes also after a trip through jsonb. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

export function chainHash(previous: Buffer, entry: ChainEntry): Buffer {
  return createHash('sha256').update(previous).update(canonicalJson(entry)).digest();
}

/** Plain JSON as PostgreSQL will give it back: dates as text, no undefined, no NUL. */
function snapshot(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  return JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '\\ufffd'));
}

export type Audit = {
  /** Call last inside the transaction that makes the change. Never put a secret into `before` or `after`. */
  append(tx: Tx, authority: Authority, record: AuditRecord): Promise<void>;
};

export function createAudit(clock: Clock): Audit {
  return {
    async append(tx, { actor, rule, requestId }, record) {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${CHAIN_LOCK})`;
      const last = await tx.auditEntry.findFirst({
        orderBy: { seq: 'desc' },
        select: { seq: true, hash: true },
      });
      const now = clock.now();
      const previous = last ? Buffer.from(last.hash) : GENESIS;
      const entry: ChainEntry = {
        seq: Number(last?.seq ?? 0n) + 1,
        id: newId(now),
        at: now.toISOString(),
        actorKind: actor.kind,
        actorId: actor.id,
        actorName: actor.name,
        action: record.action,
        targetKind: record.target.kind,
        targetId: record.target.id,
        targetName: record.target.name,
        before: snapshot(record.before),
        after: snapshot(record.after),
        rule,
        requestId,
      };
      await tx.auditEntry.create({
        data: {
          ...entry,
          before: json(entry.before),
          after: json(entry.after),
          previousHash: new Uint8Array(previous),
          hash: new Uint8Array(chainHash(previous, entry)),
        },
        select: { seq: true },
      });
    },
  };
}

function json(value: unknown) {
  // `snapshot` made it plain JSON.
  return value === null ? Prisma.DbNull : (value as Prisma.InputJsonValue);
}
