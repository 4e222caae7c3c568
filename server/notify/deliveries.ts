/** The log of what was sent and the dead letters: looked at, sent again, let go. */
import type { Page } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { DeliveryItem, DeliveryListInput } from './contract.ts';
import { openerKinds, type Stored } from './outbox.ts';

const KEEP_DAYS = 90;
/** Whatever its state. */
const KEEP_AT_MOST_DAYS = 400;
const PURGE_BATCH = 5_000;

export type Deliveries = {
  /** Newest first. */
  list(input: DeliveryListInput): Promise<Page<DeliveryItem>>;
  /** A dead one starts over. */
  resend(authority: Authority, id: string): Promise<void>;
  /** Lets one go that is dead or still waits, so that it no longer holds the later ones of its thread. */
  cancel(authority: Authority, id: string): Promise<void>;
  purge(signal: AbortSignal): Promise<number>;
};

export function createDeliveries(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  wake: () => void;
}): Deliveries {
  const { db, bus, audit, clock, wake } = deps;
  const find = async (tx: Tx, id: string) => {
    const row = await tx.delivery.findUnique({
      where: { id },
      select: {
        status: true,
        attempts: true,
        kind: true,
        message: true,
        channel: { select: { name: true } },
      },
    });
    if (!row) throw new AppError('NOT_FOUND', 'There is no such message.');
    return row;
  };
  const targetOf = (id: string, row: Awaited<ReturnType<typeof find>>) => ({
    kind: 'delivery',
    id,
    // The outbox wrote it.
    name: `${(row.message as Stored).title} to ${row.channel.name}`,
  });

  return {
    async list({ limit, cursor, status, channelId }) {
      const rows = await db.prisma.delivery.findMany({
        where: {
          ...(status ? { status } : {}),
          ...(channelId ? { channelId } : {}),
          ...(cursor ? { id: { lt: cursor } } : {}),
        },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: {
          id: true,
          channelId: true,
          channel: { select: { name: true, kind: true } },
          severity: true,
          thread: true,
          message: true,
          status: true,
          attempts: true,
          nextAttemptAt: true,
          lastError: true,
          lastStatus: true,
          maybeTwice: true,
          foldedInto: true,
          createdAt: true,
          deliveredAt: true,
        },
      });
      const items = rows.slice(0, limit).map((row): DeliveryItem => {
        const { channel, message, createdAt, deliveredAt, nextAttemptAt, ...rest } = row;
        // The outbox wrote it. Its `route` stays here.
        const { kind, title, text, facts, href } = message as Stored;
        return {
          ...rest,
          channelName: channel.name,
          channelKind: channel.kind,
          kind,
          title,
          text,
          facts,
          href,
          nextAttemptAt: nextAttemptAt.toISOString(),
          createdAt: createdAt.toISOString(),
          deliveredAt: deliveredAt?.toISOString() ?? null,
        };
      });
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async resend(authority, id) {
      await db.tx(async (tx) => {
        const row = await find(tx, id);
        // Without its route: a key that was refused may be right by now.
        const count = await tx.$executeRaw`
          UPDATE deliveries SET status = 'pending', attempts = 0, next_attempt_at = ${clock.now()},
            message = message - 'route'
          WHERE id = ${id}::uuid AND status = 'dead'`;
        if (count === 0) {
          throw new AppError(
            'CONFLICT',
            `Only a dead message is sent again; this is ${row.status}.`,
          );
        }
        await audit.append(tx, authority, {
          action: 'notify.resend',
          target: targetOf(id, row),
          before: { status: 'dead', attempts: row.attempts },
          after: { status: 'pending', attempts: 0 },
        });
      });
      bus.publish({ topic: 'notify', type: 'resent', id });
      wake();
    },
    async cancel(authority, id) {
      await db.tx(async (tx) => {
        const row = await find(tx, id);
        const { count } = await tx.delivery.updateMany({
          where: { id, status: { in: ['dead', 'pending'] } },
          data: { status: 'cancelled' },
        });
        if (count === 0) {
          throw new AppError(
            'CONFLICT',
            `Only a message that is dead or waits can be cancelled; this is ${row.status}.`,
          );
        }
        // The lines of a rollup go with it.
        const lines =
          row.kind === 'rollup'
            ? await tx.delivery.updateMany({
                where: { foldedInto: id, status: 'folded' },
                data: { status: 'cancelled' },
              })
            : { count: 0 };
        await audit.append(tx, authority, {
          action: 'notify.cancel',
          target: targetOf(id, row),
          before: { status: row.status },
          after: { status: 'cancelled', lines: lines.count },
        });
      });
      bus.publish({ topic: 'notify', type: 'cancelled', id });
      wake();
    },
    async purge(signal) {
      const ago = (days: number) => new Date(clock.now().getTime() - days * 86_400_000);
      let purged = 0;
      while (!signal.aborted) {
        // What opened a thread stays while its resolve may still have to follow it.
        const { rowCount } = await db.pool.query(
          `DELETE FROM deliveries WHERE id IN (
             SELECT d.id FROM deliveries d
             WHERE d.created_at < $2
                OR (d.created_at < $1 AND (d.status IN ('delivered', 'cancelled')
                      OR (d.status = 'folded' AND d.delivered_at IS NOT NULL))
                    AND (d.kind <> ALL($3::text[]) OR d.status = 'cancelled' OR EXISTS (
                      SELECT 1 FROM deliveries r WHERE r.channel_id = d.channel_id AND r.thread = d.thread
                        AND r.kind = 'resolve' AND r.created_at > d.created_at)))
             ORDER BY d.created_at LIMIT ${PURGE_BATCH})`,
          [ago(KEEP_DAYS), ago(KEEP_AT_MOST_DAYS), openerKinds],
        );
        purged += rowCount ?? 0;
        if ((rowCount ?? 0) < PURGE_BATCH) break;
      }
      return purged;
    },
  };
}
