import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Page } from '../api/contract.ts';
import { GENESIS } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral, type Prisma } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Workers } from '../platform/workers/index.ts';
import type { ChainResult, ChainState, StoredEntry } from './chain.ts';
import type { AuditItem, AuditListInput, AuditVerification } from './contract.ts';

const BATCH = 2_000;
const columns = {
  seq: true,
  id: true,
  at: true,
  actorKind: true,
  actorId: true,
  actorName: true,
  action: true,
  targetKind: true,
  targetId: true,
  targetName: true,
  before: true,
  after: true,
  rule: true,
  requestId: true,
  previousHash: true,
  hash: true,
} as const;
type Row = Prisma.AuditEntryGetPayload<{ select: typeof columns }>;

export type AuditReader = {
  list(input: AuditListInput): Promise<Page<AuditItem>>;
  /** Every action that occurs, for the filter. */
  actions(): Promise<{ items: string[] }>;
  /** Proves the chain from the first entry to the last and against the anchors. */
  verify(signal: AbortSignal): Promise<AuditVerification>;
  /** Every entry, oldest first, with its hashes; read in batches. */
  stored(): AsyncGenerator<StoredEntry>;
  /** What `verify` last found, from any run in this data folder; null when there was none. */
  lastVerified(): Promise<{ at: Date; ok: boolean; checked: number } | null>;
  /** Notes the newest entry's hash in the data folder. */
  anchor(): Promise<void>;
};

export function createAuditReader(deps: {
  db: Db;
  workers: Workers;
  clock: Clock;
  dataDir: string;
}): AuditReader {
  const { db, workers, clock } = deps;
  const anchors = path.join(deps.dataDir, 'audit-anchors');
  const verified = path.join(deps.dataDir, 'audit-verified.json');

  const anchor = async () => {
    const last = await db.prisma.auditEntry.findFirst({
      orderBy: { seq: 'desc' },
      select: { seq: true, hash: true },
    });
    if (!last) return;
    const line = `${last.seq} ${Buffer.from(last.hash).toString('hex')}\n`;
    const known = await readAnchors(anchors);
    if (known.at(-1)?.seq !== Number(last.seq)) await appendFile(anchors, line, { mode: 0o600 });
  };

  const batchAfter = (seq: number) =>
    db.prisma.auditEntry.findMany({
      where: { seq: { gt: BigInt(seq) } },
      orderBy: { seq: 'asc' },
      take: BATCH,
      select: columns,
    });

  const follow = async (signal: AbortSignal): Promise<AuditVerification> => {
    const started = clock.monotonicMs();
    const tookMs = () => Math.round(clock.monotonicMs() - started);
    let state: ChainState = { seq: 0, hash: GENESIS.toString('hex') };
    const known = await readAnchors(anchors);
    for (;;) {
      signal.throwIfAborted();
      const rows = await batchAfter(state.seq);
      if (rows.length === 0) break;
      const entries = rows.map(toStored);
      const result = await workers.run<ChainResult>(
        new URL('./chain.ts', import.meta.url),
        'verifyTask',
        { state, entries },
        { timeoutMs: 30_000, signal },
      );
      if (!result.ok) {
        return {
          ok: false,
          checked: state.seq,
          seq: result.seq,
          reason: result.reason,
          tookMs: tookMs(),
        };
      }
      const off = known.find(
        (note) =>
          entries.find((e) => e.entry.seq === note.seq && e.hash !== note.hash) !== undefined,
      );
      if (off) {
        const reason = `Entry ${off.seq} differs from the anchor in the data folder: the chain was rewritten.`;
        return { ok: false, checked: state.seq, seq: off.seq, reason, tookMs: tookMs() };
      }
      state = result.state;
    }
    const lost = known.find((note) => note.seq > state.seq);
    if (lost) {
      const reason = `The log ends at entry ${state.seq}, but an anchor in the data folder names entry ${lost.seq}: the end was removed.`;
      return { ok: false, checked: state.seq, seq: state.seq + 1, reason, tookMs: tookMs() };
    }
    await anchor();
    return {
      ok: true,
      checked: state.seq,
      head: state.seq > 0 ? state.hash : null,
      tookMs: tookMs(),
    };
  };

  return {
    anchor,
    async *stored() {
      for (let seq = 0; ; ) {
        const rows = await batchAfter(seq);
        if (rows.length === 0) return;
        yield* rows.map(toStored);
        seq = Number(rows.at(-1)?.seq);
      }
    },
    async list(input) {
      const rows = await db.prisma.auditEntry.findMany({
        where: filter(input),
        orderBy: { seq: 'desc' },
        take: input.limit + 1,
        select: columns,
      });
      const items = rows.slice(0, input.limit).map(toItem);
      const more = rows.length > input.limit;
      return { items, nextCursor: more ? String(items.at(-1)?.seq) : null };
    },
    async actions() {
      // A loose index scan: one index probe an action, however long the log is.
      const { rows } = await db.pool.query<{ action: string }>(
        `WITH RECURSIVE t AS (
           (SELECT action FROM audit_entries ORDER BY action LIMIT 1)
           UNION ALL
           SELECT (SELECT action FROM audit_entries WHERE action > t.action ORDER BY action LIMIT 1)
           FROM t WHERE t.action IS NOT NULL)
         SELECT action FROM t WHERE action IS NOT NULL LIMIT 500`,
      );
      return { items: rows.map((row) => row.action) };
    },
    async verify(signal) {
      const found = await follow(signal);
      const { ok, checked } = found;
      const note = { at: clock.now().toISOString(), ok, checked };
      await writeFile(verified, JSON.stringify(note), { mode: 0o600 });
      return found;
    },
    async lastVerified() {
      const text = await readFile(verified, 'utf8').catch(() => null);
      const note = text === null ? null : noteSchema.safeParse(parseJson(text));
      return note?.data ? { ...note.data, at: new Date(note.data.at) } : null;
    },
  };
}

const noteSchema = z.object({ at: z.iso.datetime(), ok: z.boolean(), checked: z.number() });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function filter(input: AuditListInput): Prisma.AuditEntryWhereInput {
  const both: Prisma.AuditEntryWhereInput[] = [];
  const named = (id: 'actorId' | 'targetId', name: 'actorName' | 'targetName', text?: string) => {
    if (!text) return;
    both.push({
      OR: [{ [id]: text }, { [name]: { contains: likeLiteral(text), mode: 'insensitive' } }],
    });
  };
  named('actorId', 'actorName', input.actor);
  named('targetId', 'targetName', input.target);
  if (input.action) {
    both.push({
      action: input.action.endsWith('.') ? { startsWith: likeLiteral(input.action) } : input.action,
    });
  }
  if (input.from) both.push({ at: { gte: new Date(input.from) } });
  if (input.to) both.push({ at: { lt: new Date(input.to) } });
  if (input.cursor) {
    if (!/^\d{1,15}$/.test(input.cursor)) {
      const message = 'Take it from nextCursor of the previous page.';
      throw new AppError('BAD_REQUEST', `cursor: ${message}`, {
        fields: [{ path: 'cursor', message }],
      });
    }
    both.push({ seq: { lt: BigInt(input.cursor) } });
  }
  return { AND: both };
}

function toStored(row: Row): StoredEntry {
  const { previousHash, hash, seq, at, ...rest } = row;
  return {
    entry: { ...rest, seq: Number(seq), at: at.toISOString() },
    previousHash: Buffer.from(previousHash).toString('hex'),
    hash: Buffer.from(hash).toString('hex'),
  };
}

function toItem(row: Row): AuditItem {
  return {
    seq: Number(row.seq),
    id: row.id,
    at: row.at.toISOString(),
    actor: {
      // Written by `platform/audit.ts` from its own closed set.
      kind: row.actorKind as AuditItem['actor']['kind'],
      id: row.actorId,
      name: row.actorName,
    },
    action: row.action,
    target: { kind: row.targetKind, id: row.targetId, name: row.targetName },
    before: row.before,
    after: row.after,
    rule: row.rule,
    requestId: row.requestId,
    hash: Buffer.from(row.hash).toString('hex'),
  };
}

async function readAnchors(file: string): Promise<ChainState[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const match = /^(\d+) ([0-9a-f]{64})$/.exec(line);
    return match?.[1] && match[2] ? [{ seq: Number(match[1]), hash: match[2] }] : [];
  });
}
