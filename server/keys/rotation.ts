/**
 * What happens to keys by themselves: versions end with their grace or when they are provably quiet, and people are
 * told 14, 7 and 1 days before a key expires or is due for a new version, once each, and again when it is overdue.
 */
import type { NotifyMessage } from '../notify/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { NOTICE_DAYS } from './contract.ts';
import type { Usage } from './usage.ts';

export const DAY_MS = 86_400_000;
const BATCH = 200;

/** Tells people; `notify` is one. */
export type Teller = {
  enqueue(tx: Tx, message: NotifyMessage): Promise<number>;
  wake(): void;
};
export type Rotation = {
  /** One pass: ends what has to end, tells what has to be told, forgets old usage. Answers how much of each. */
  run(): Promise<{ ended: number; told: number; purged: number }>;
  /** In the transaction that rotates or revokes a key: what was told is over. */
  settle(tx: Tx, key: { id: string; name: string }, why: string): Promise<void>;
};

type Due = {
  id: string;
  name: string;
  version: number;
  kind: 'rotation' | 'expiry' | 'grace';
  at: Date;
  /** The nearest of `NOTICE_DAYS` ahead of it; 0 when the time has come. */
  days: number;
  owner: string | null;
  last_used_at: Date | null;
};

const threadOf = (id: string) => `key:${id}`;

function words({ kind, name, version, days }: Due): { title: string; text: string } {
  const when = days === 0 ? 'now' : days === 1 ? 'within a day' : `within ${days} days`;
  switch (kind) {
    case 'rotation':
      return {
        title:
          days === 0
            ? `Key ${name} is overdue for a new version`
            : `Key ${name} is due for a new version ${when}`,
        text: 'Rotate it, give the new version to who uses the key, and see who still uses the old one before it ends.',
      };
    case 'expiry':
      return {
        title: days === 0 ? `Key ${name} has expired` : `Key ${name} expires ${when}`,
        text: 'Whoever uses it is refused from then on. Give it a later end, or make another.',
      };
    case 'grace':
      return {
        title: `Version ${version} of key ${name} ends ${when} and is still used`,
        text: 'Its users are refused from then on. The page of the key shows who they are.',
      };
  }
}

export function createRotation(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  teller: Teller;
  usage: Pick<Usage, 'flush' | 'purge'>;
  changed: () => void;
}): Rotation {
  const { db, audit, clock, teller, usage } = deps;

  const endDue = async (): Promise<number> => {
    const now = clock.now();
    const { rows } = await db.pool.query<{ id: string }>(
      `SELECT v.id FROM api_key_versions v JOIN api_keys k ON k.id = v.key_id
       WHERE v.ended_at IS NULL AND v.grace_ends_at IS NOT NULL AND k.revoked_at IS NULL AND (v.grace_ends_at <= $1
         OR greatest(v.last_used_at, v.created_at) + v.quiet_days * interval '1 day' <= $1)
       ORDER BY v.id LIMIT ${BATCH}`,
      [now],
    );
    let ended = 0;
    for (const { id } of rows) {
      // Looked at again while held: it may have been used or changed meanwhile.
      const done = await db.tx(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM api_key_versions WHERE id = ${id}::uuid FOR UPDATE`;
        const row = await tx.apiKeyVersion.findUnique({
          where: { id },
          omit: { hash: true },
          include: { key: { select: { id: true, name: true } } },
        });
        if (!row || row.endedAt || !row.graceEndsAt) return false;
        const used = Math.max(row.createdAt.getTime(), row.lastUsedAt?.getTime() ?? 0);
        const quiet = row.quietDays !== null && used + row.quietDays * DAY_MS <= now.getTime();
        const over = row.graceEndsAt <= now;
        if (!over && !quiet) return false;
        const cause = over ? 'end of its grace' : `not used for ${row.quietDays} days`;
        await tx.apiKeyVersion.update({
          where: { id },
          data: { endedAt: over ? row.graceEndsAt : now, endedBy: cause },
          select: { id: true },
        });
        const authority: Authority = {
          actor: { kind: 'system', id: null, name: 'rotation' },
          rule: over ? 'rotation:grace' : 'rotation:quiet',
          requestId: null,
        };
        await audit.append(tx, authority, {
          action: 'keys.endVersion',
          target: { kind: 'key', ...row.key },
          before: { version: row.version, lastUsedAt: row.lastUsedAt?.toISOString() ?? null },
          after: { version: row.version, endedAt: now.toISOString(), reason: cause },
        });
        return true;
      });
      if (done) ended++;
    }
    if (ended > 0) deps.changed();
    return ended;
  };

  /** What is to be told of and was not told yet. */
  const dues = async (now: Date): Promise<Due[]> => {
    const { rows } = await db.pool.query<Due>(
      `WITH live AS (
         SELECT k.id, k.name, k.expires_at, k.rotate_days, coalesce(u.name, u.email) AS owner, v.version, v.created_at,
           v.grace_ends_at, v.last_used_at, v.version = max(v.version) OVER (PARTITION BY k.id) AS newest
         FROM api_keys k JOIN api_key_versions v ON v.key_id = k.id LEFT JOIN users u ON u.id = k.owner_id
         WHERE k.revoked_at IS NULL AND v.ended_at IS NULL AND (v.grace_ends_at IS NULL OR v.grace_ends_at > $1)
           AND (k.expires_at IS NULL OR k.expires_at > $1 - interval '1 day')),
       due AS (
         SELECT id, name, version, 'rotation' AS kind, created_at + rotate_days * interval '1 day' AS at, owner,
           last_used_at FROM live WHERE newest AND rotate_days IS NOT NULL AND (expires_at IS NULL OR expires_at > $1)
         UNION ALL
         SELECT id, name, version, 'expiry', expires_at, owner, last_used_at FROM live WHERE newest AND expires_at IS NOT NULL
         UNION ALL
         SELECT id, name, version, 'grace', grace_ends_at, owner, last_used_at FROM live
         WHERE grace_ends_at < $1 + interval '1 day' AND last_used_at > $1 - interval '1 day')
       SELECT * FROM (
         SELECT due.*, CASE WHEN at <= $1 THEN 0
           ELSE (SELECT min(d) FROM unnest($2::int[]) AS d WHERE at <= $1 + d * interval '1 day') END AS days FROM due) due
       WHERE days IS NOT NULL AND NOT EXISTS (SELECT 1 FROM api_key_notices n
         WHERE n.key_id = due.id AND n.version = due.version AND n.kind = due.kind AND n.days = due.days)
       ORDER BY at, id LIMIT ${BATCH}`,
      [now, NOTICE_DAYS],
    );
    return rows;
  };

  const tell = async (due: Due, now: Date): Promise<boolean> =>
    db.tx(async (tx) => {
      const { count } = await tx.apiKeyNotice.createMany({
        data: [{ keyId: due.id, version: due.version, kind: due.kind, days: due.days, at: now }],
        skipDuplicates: true,
      });
      // Another replica was quicker.
      if (count === 0) return false;
      await teller.enqueue(tx, {
        key: `key:${due.id}:${due.version}:${due.kind}:${due.days}`,
        kind: 'trigger',
        thread: threadOf(due.id),
        severity: 'warning',
        ...words(due),
        facts: [
          { label: 'Owner', value: due.owner ?? 'none' },
          { label: 'Version', value: String(due.version) },
          { label: due.kind === 'rotation' ? 'Due' : 'Ends', value: due.at.toISOString() },
          { label: 'Last used', value: due.last_used_at?.toISOString() ?? 'never' },
        ],
        at: now.toISOString(),
        href: `/keys/detail?id=${due.id}`,
      });
      return true;
    });

  return {
    async run() {
      // What this process still counts decides whether a version is quiet.
      await usage.flush();
      const ended = await endDue();
      const now = clock.now();
      let told = 0;
      for (const due of await dues(now)) if (await tell(due, now)) told++;
      if (told > 0) teller.wake();
      return { ended, told, purged: await usage.purge() };
    },
    async settle(tx, { id, name }, why) {
      const { count } = await tx.apiKeyNotice.deleteMany({ where: { keyId: id } });
      if (count === 0) return;
      const now = clock.now();
      await teller.enqueue(tx, {
        key: `key:${id}:settled:${now.toISOString()}`,
        kind: 'resolve',
        thread: threadOf(id),
        severity: 'info',
        title: `Key ${name}: settled`,
        text: why,
        facts: [],
        at: now.toISOString(),
        href: `/keys/detail?id=${id}`,
      });
    },
  };
}
