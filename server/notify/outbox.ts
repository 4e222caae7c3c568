/**
 * The durable outbox: queueing inside somebody's transaction, claiming, and completing. Every completion is a
 * compare-and-swap on (id, attempts, `sending`), so whoever lost a claim changes nothing.
 */
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { newId } from '../platform/ids.ts';
import { backoffMs, MAX_ATTEMPTS } from './backoff.ts';
import type { ChannelKind, NotifyMessage, Severity } from './contract.ts';
import type { Outcome, Outgoing, RollupLine } from './senders/port.ts';
import { bounded } from './text.ts';

export const LEASE_MS = 60_000;
export const ROLLUP_LINES = 500;
// Both keys of the advisory lock are ours; the second is the thread's hash.
const THREAD_LOCK = 0x6e746679;

/** They begin to ask for attention; the others follow them to the same channels. */
const openers = new Set<NotifyMessage['kind']>(['trigger', 'escalate', 'reminder', 'approval']);
export const openerKinds: readonly string[] = [...openers];

/** `message` as it is stored: with the sealed routing key that its thread goes to, for PagerDuty. */
export type Stored = Outgoing & { route?: string };
export type Claimed = {
  id: string;
  channelId: string;
  channelName: string;
  channelKind: ChannelKind;
  sealed: string;
  kind: Outgoing['kind'];
  thread: string;
  message: Stored;
  attempts: number;
  createdAt: Date;
};
/** What went to this channel in this thread before. */
export type ThreadState = { rootId: string | null; route: string | null };

type ClaimedRow = {
  id: string;
  channel_id: string;
  name: string;
  channel_kind: ChannelKind;
  sealed: string;
  kind: Outgoing['kind'];
  thread: string;
  message: Stored;
  attempts: number;
  created_at: Date;
};
export const toClaimed = (row: ClaimedRow): Claimed => ({
  id: row.id,
  channelId: row.channel_id,
  channelName: row.name,
  channelKind: row.channel_kind,
  sealed: row.sealed,
  kind: row.kind,
  thread: row.thread,
  message: row.message,
  attempts: row.attempts,
  createdAt: row.created_at,
});

// An older message of the thread that has not arrived; what is folded arrives with its rollup.
const UNBLOCKED = `NOT EXISTS (
  SELECT 1 FROM deliveries o
  WHERE o.channel_id = x.channel_id AND o.thread = x.thread AND (o.created_at, o.id) < (x.created_at, x.id)
    AND (o.status IN ('pending', 'sending', 'dead') OR (o.status = 'folded' AND o.delivered_at IS NULL)))`;
// Not the first attempt at a message for people: those are counted first, see `folding.ts`.
const AT_ONCE = `(c.kind IN ('pagerduty', 'webhook') OR x.kind IN ('test', 'rollup') OR x.attempts > 0 OR x.last_error IS NOT NULL)`;
const CLAIM = `
  WITH due AS MATERIALIZED (
    SELECT x.id, x.status = 'sending' AS interrupted
    FROM deliveries x JOIN channels c ON c.id = x.channel_id
    WHERE x.status IN ('pending', 'sending') AND x.next_attempt_at <= $1
      AND (x.status = 'pending' OR x.lease_until <= $1)
      AND c.enabled AND NOT x.channel_id = ANY($4::uuid[]) AND ${AT_ONCE} AND ${UNBLOCKED}
    ORDER BY (c.kind = 'pagerduty') DESC, x.severity, x.next_attempt_at, x.created_at, x.id
    LIMIT $3 FOR UPDATE OF x SKIP LOCKED)
  UPDATE deliveries d
  SET status = 'sending', lease_until = $2, attempts = d.attempts + 1, maybe_twice = d.maybe_twice OR due.interrupted
  FROM due, channels c
  WHERE d.id = due.id AND c.id = d.channel_id
  RETURNING d.id, d.channel_id, c.name, c.kind AS channel_kind, c.sealed, d.kind, d.thread, d.message, d.attempts, d.created_at`;

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox({ db, clock }: { db: Db; clock: Clock }) {
  /** The channels that `message` goes to, each with a time after everything of its thread. */
  const recipients = (tx: Tx, message: NotifyMessage, now: Date) => {
    const { kind, thread, severity } = message;
    const follows = !openers.has(kind);
    // Only a resolve waits for a channel that is disabled: what it opened there is closed one day.
    return tx.$queryRaw<{ id: string; at: Date }[]>`
      SELECT c.id::text, GREATEST(${now}::timestamptz, (
        SELECT max(d.created_at) + interval '1 millisecond' FROM deliveries d
        WHERE d.channel_id = c.id AND d.thread = ${thread})) AS at
      FROM channels c
      WHERE CASE WHEN ${follows}::boolean
        THEN (c.enabled OR ${kind} = 'resolve') AND EXISTS (
          SELECT 1 FROM deliveries d WHERE d.channel_id = c.id AND d.thread = ${thread}
            AND d.kind = ANY(${openerKinds}::text[]) AND d.status <> 'cancelled')
        ELSE c.enabled AND ${severity}::severity <= c.min_severity END
      ORDER BY c.id FOR KEY SHARE OF c`;
  };

  return {
    /** Writes one row a channel inside the caller's transaction; answers how many. Call `wake` after the commit. */
    async enqueue(tx: Tx, given: NotifyMessage): Promise<number> {
      const message = bounded(given);
      // Whoever queues for the same thread waits: the order of times is the order of commits.
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${THREAD_LOCK}::int, hashtext(${message.thread}))`;
      const now = clock.now();
      const channels = await recipients(tx, message, now);
      if (channels.length === 0) return 0;
      const { count } = await tx.delivery.createMany({
        data: channels.map(({ id, at }) => ({
          id: newId(at),
          channelId: id,
          eventKey: message.key,
          kind: message.kind,
          thread: message.thread,
          severity: message.severity,
          message,
          status: 'pending' as const,
          nextAttemptAt: now,
          createdAt: at,
        })),
        skipDuplicates: true,
      });
      return count;
    },
    /** Takes up to `limit` that are due, of no channel in `full`; also what another process took and let lapse. */
    async claim(limit: number, full: readonly string[]): Promise<Claimed[]> {
      const now = clock.now();
      const { rows } = await db.pool.query<ClaimedRow>({
        name: 'notify-claim',
        text: CLAIM,
        values: [now, new Date(now.getTime() + LEASE_MS), limit, full],
      });
      return rows.map(toClaimed);
    },
    async threadState({ channelId, thread, createdAt }: Claimed): Promise<ThreadState> {
      const { rows } = await db.pool.query<{ root: string | null; route: string | null }>(
        `SELECT (array_agg(COALESCE(folded_into, id) ORDER BY created_at, id))[1] AS root,
                (array_agg(message->>'route' ORDER BY created_at DESC, id DESC)
                   FILTER (WHERE message->>'route' IS NOT NULL))[1] AS route
         FROM deliveries
         WHERE channel_id = $1 AND thread = $2 AND created_at < $3 AND delivered_at IS NOT NULL`,
        [channelId, thread, createdAt],
      );
      return { rootId: rows[0]?.root ?? null, route: rows[0]?.route ?? null };
    },
    /** Before anything is sent, so that a process that ends now leaves where it went. False: the claim is lost. */
    async keepRoute({ id, attempts }: Claimed, route: string): Promise<boolean> {
      const { rowCount } = await db.pool.query(
        `UPDATE deliveries SET message = jsonb_set(message, '{route}', to_jsonb($3::text))
         WHERE id = $1 AND attempts = $2 AND status = 'sending'`,
        [id, attempts, route],
      );
      return rowCount === 1;
    },
    async rollupLines({ id, channelId }: Claimed): Promise<{ lines: RollupLine[]; more: number }> {
      const { rows } = await db.pool.query<{
        kind: RollupLine['kind'];
        severity: Severity;
        title: string;
        at: string;
        href: string;
        total: number;
      }>(
        `SELECT kind, severity::text, message->>'title' AS title, message->>'at' AS at,
                message->>'href' AS href, count(*) OVER ()::int AS total
         FROM deliveries WHERE channel_id = $1 AND folded_into = $2 AND status = 'folded'
         ORDER BY created_at, id LIMIT ${ROLLUP_LINES}`,
        [channelId, id],
      );
      const lines = rows.map(({ kind, severity, title, at, href }) => ({
        kind,
        severity,
        title,
        at,
        href,
      }));
      return { lines, more: (rows[0]?.total ?? 0) - lines.length };
    },
    /** Writes down how an attempt ended. Null: the claim was lost meanwhile. */
    async complete(
      { id, channelId, kind, attempts }: Claimed,
      outcome: Outcome,
    ): Promise<'delivered' | 'retried' | 'dead' | null> {
      const now = clock.now();
      if (outcome.ok) {
        const { rows } = await db.pool.query<{ done: number }>(
          `WITH done AS (
             UPDATE deliveries SET status = 'delivered', delivered_at = $3, last_status = $4, lease_until = NULL
             WHERE id = $1 AND attempts = $2 AND status = 'sending' RETURNING id),
           arrived AS (
             UPDATE deliveries SET delivered_at = $3
             WHERE channel_id = $5 AND status = 'folded' AND folded_into IN (SELECT id FROM done))
           SELECT count(*)::int AS done FROM done`,
          [id, attempts, now, outcome.status, channelId],
        );
        return rows[0]?.done === 1 ? 'delivered' : null;
      }
      // Who tests is told at once and tries again by hand.
      const dead = outcome.permanent || attempts >= MAX_ATTEMPTS || kind === 'test';
      const wait = outcome.retryAfterMs ?? backoffMs(id, attempts);
      const { rowCount } = await db.pool.query(
        `UPDATE deliveries SET status = $3::delivery_status, next_attempt_at = $4, last_error = $5, last_status = $6,
                lease_until = NULL
         WHERE id = $1 AND attempts = $2 AND status = 'sending'`,
        [
          id,
          attempts,
          dead ? 'dead' : 'pending',
          dead ? now : new Date(now.getTime() + wait),
          outcome.detail,
          outcome.status,
        ],
      );
      return rowCount === 1 ? (dead ? 'dead' : 'retried') : null;
    },
    async depth(): Promise<Record<'pending' | 'sending' | 'dead', number>> {
      const { rows } = await db.pool.query<{ status: 'pending' | 'sending' | 'dead'; n: number }>(
        `SELECT status::text, count(*)::int AS n FROM deliveries
         WHERE status IN ('pending', 'sending', 'dead') GROUP BY status`,
      );
      return {
        pending: 0,
        sending: 0,
        dead: 0,
        ...Object.fromEntries(rows.map((r) => [r.status, r.n])),
      };
    },
  };
}
