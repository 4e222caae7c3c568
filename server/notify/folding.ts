/**
 * Rollup, for channels that people read: after four messages within ten minutes the next ones become lines of one
 * message that goes out five minutes later. One process at a time decides for a channel (a lock on its row), so
 * replicas count together.
 */
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { newId } from '../platform/ids.ts';
import type { Severity } from './contract.ts';
import { type Claimed, LEASE_MS, toClaimed } from './outbox.ts';

export const ROLLUP_AFTER = 4;
export const ROLLUP_WINDOW_MS = 10 * 60_000;
export const ROLLUP_WAIT_MS = 5 * 60_000;
const CHANNELS = 50;
const HEADS = 200;
const PASSES = 10;

type Head = { id: string; severity: Severity; folded: string | null };
type Plan = { claim: string[]; fold: Head[] };

/** What waits in threads where everything older has arrived or is folded; `folded` names the rollup it waits for. */
const heads = (tx: Tx, channelId: string, now: Date) => tx.$queryRaw<Head[]>`
  SELECT x.id::text, x.severity::text, (
    SELECT o.folded_into::text FROM deliveries o
    WHERE o.channel_id = x.channel_id AND o.thread = x.thread AND (o.created_at, o.id) < (x.created_at, x.id)
      AND o.status = 'folded' AND o.delivered_at IS NULL
    ORDER BY o.created_at DESC, o.id DESC LIMIT 1) AS folded
  FROM deliveries x
  WHERE x.channel_id = ${channelId}::uuid AND x.status = 'pending' AND x.next_attempt_at <= ${now}
    AND x.attempts = 0 AND x.last_error IS NULL AND x.kind NOT IN ('test', 'rollup')
    AND NOT EXISTS (
      SELECT 1 FROM deliveries o
      WHERE o.channel_id = x.channel_id AND o.thread = x.thread AND (o.created_at, o.id) < (x.created_at, x.id)
        AND o.status IN ('pending', 'sending', 'dead'))
  ORDER BY x.created_at, x.id LIMIT ${HEADS} FOR UPDATE OF x SKIP LOCKED`;

/** Pure: who goes now and who becomes a line. `budget` and `slots` count down. */
function planOf(
  waiting: readonly Head[],
  openId: string | null,
  left: { budget: number; slots: number },
): Plan {
  const plan: Plan = { claim: [], fold: [] };
  for (const head of waiting) {
    // Its thread's last message is in a rollup that is on its way already.
    if (head.folded !== null && head.folded !== openId) continue;
    if (openId !== null || left.budget <= 0) {
      plan.fold.push(head);
    } else if (left.slots > 0) {
      plan.claim.push(head.id);
      left.budget--;
      left.slots--;
    } else {
      break;
    }
  }
  return plan;
}

export type Folding = ReturnType<typeof createFolding>;

export function createFolding({ db, clock }: { db: Db; clock: Clock }) {
  const openRollup = async (tx: Tx, channelId: string, now: Date) => {
    const rows = await tx.$queryRaw<{ id: string }[]>`
      SELECT id::text FROM deliveries
      WHERE channel_id = ${channelId}::uuid AND kind = 'rollup' AND status = 'pending' AND attempts = 0
        AND last_error IS NULL AND next_attempt_at > ${now}
      ORDER BY created_at DESC LIMIT 1 FOR UPDATE`;
    return rows[0]?.id ?? null;
  };
  const createRollup = async (tx: Tx, channelId: string, now: Date) => {
    const id = newId(now);
    await tx.delivery.create({
      data: {
        id,
        channelId,
        eventKey: `rollup:${id}`,
        kind: 'rollup',
        thread: `rollup:${id}`,
        severity: 'info',
        message: {
          key: `rollup:${id}`,
          kind: 'rollup',
          thread: `rollup:${id}`,
          severity: 'info',
          title: 'Messages',
          text: 'Many messages came within ten minutes; the latest are gathered here.',
          facts: [],
          at: now.toISOString(),
          href: '/channels?tab=deliveries',
        },
        status: 'pending',
        nextAttemptAt: new Date(now.getTime() + ROLLUP_WAIT_MS),
        createdAt: now,
      },
      select: { id: true },
    });
    return id;
  };
  const fold = async (tx: Tx, rollupId: string, lines: readonly Head[]) => {
    const ids = lines.map(({ id }) => id);
    await tx.$executeRaw`
      UPDATE deliveries SET status = 'folded', folded_into = ${rollupId}::uuid
      WHERE id = ANY(${ids}::uuid[]) AND status = 'pending'`;
    // As severe as its worst line: the enum is in order of severity.
    await tx.$executeRaw`
      UPDATE deliveries r SET severity = n.severity, message = r.message || jsonb_build_object(
        'title', n.lines || CASE WHEN n.lines = 1 THEN ' more message' ELSE ' more messages' END,
        'severity', n.severity::text)
      FROM (SELECT count(*) AS lines, min(f.severity) AS severity FROM deliveries f
            JOIN deliveries own ON own.id = ${rollupId}::uuid
            WHERE f.channel_id = own.channel_id AND f.folded_into = own.id) n
      WHERE r.id = ${rollupId}::uuid`;
  };
  const budgetOf = async (tx: Tx, channelId: string, now: Date) => {
    const since = new Date(now.getTime() - ROLLUP_WINDOW_MS);
    // A message is delivered within hours of being written; the day keeps the search short.
    const rows = await tx.$queryRaw<{ n: number }[]>`
      SELECT count(*)::int AS n FROM deliveries
      WHERE channel_id = ${channelId}::uuid AND kind NOT IN ('test', 'rollup')
        AND created_at > ${now}::timestamptz - interval '1 day'
        AND (status = 'sending' OR (status = 'delivered' AND delivered_at > ${since}))`;
    return ROLLUP_AFTER - (rows[0]?.n ?? 0);
  };
  const claimRows = async (tx: Tx, ids: readonly string[], now: Date): Promise<Claimed[]> => {
    if (ids.length === 0) return [];
    const lease = new Date(now.getTime() + LEASE_MS);
    const rows = await tx.$queryRaw<Parameters<typeof toClaimed>[0][]>`
      UPDATE deliveries d SET status = 'sending', lease_until = ${lease}, attempts = d.attempts + 1
      FROM channels c WHERE d.id = ANY(${ids}::uuid[]) AND c.id = d.channel_id AND d.status = 'pending'
      RETURNING d.id::text, d.channel_id::text, c.name, c.kind::text AS channel_kind, c.sealed, d.kind, d.thread,
        d.message, d.attempts, d.created_at`;
    return rows.map(toClaimed);
  };

  return {
    /** Channels that people read and where something waits for its first attempt. */
    async waiting(): Promise<string[]> {
      const { rows } = await db.pool.query<{ id: string }>(
        `SELECT c.id FROM channels c
         WHERE c.kind IN ('slack', 'email') AND c.enabled AND EXISTS (
           SELECT 1 FROM deliveries x WHERE x.channel_id = c.id AND x.status = 'pending' AND x.next_attempt_at <= $1
             AND x.attempts = 0 AND x.last_error IS NULL AND x.kind NOT IN ('test', 'rollup'))
         ORDER BY c.id LIMIT ${CHANNELS}`,
        [clock.now()],
      );
      return rows.map(({ id }) => id);
    },
    /** Claims at most `slots` of a channel's messages and folds what is too many. */
    settle(channelId: string, slots: number): Promise<{ claimed: Claimed[]; folded: number }> {
      return db.tx(async (tx) => {
        const now = clock.now();
        const held = await tx.$queryRaw<{ id: string }[]>`
          SELECT id::text FROM channels WHERE id = ${channelId}::uuid AND enabled
          FOR NO KEY UPDATE SKIP LOCKED`;
        if (held.length === 0) return { claimed: [], folded: 0 };
        let openId = await openRollup(tx, channelId, now);
        const left = { budget: await budgetOf(tx, channelId, now), slots };
        const claim: string[] = [];
        let folded = 0;
        // A thread shows its next message once the one before is folded.
        for (let pass = 0; pass < PASSES; pass++) {
          const waiting = (await heads(tx, channelId, now)).filter(({ id }) => !claim.includes(id));
          const plan = planOf(waiting, openId, left);
          claim.push(...plan.claim);
          if (plan.fold.length === 0) break;
          openId ??= await createRollup(tx, channelId, now);
          await fold(tx, openId, plan.fold);
          folded += plan.fold.length;
        }
        return { claimed: await claimRows(tx, claim, now), folded };
      });
    },
  };
}
