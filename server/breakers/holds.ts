/**
 * Alerts that hold breakers open. An alert belongs to a breaker when all of the breaker's matchers are among its labels,
 * or when its label `breaker` is the breaker's name. While one fires, the breaker is held open; when the last is over,
 * it is handed back to the machine, which tries trial calls first. What an operator holds is left alone, and an alert
 * that an operator overruled does not hold the breaker again before it is over.
 */
import type { Audit, Authority } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import type { Book, Known } from './book.ts';
import { knownOf } from './book.ts';

export type AlertSignal = {
  fingerprint: string;
  status: 'firing' | 'resolved';
  title: string;
  labels: Readonly<Record<string, string>>;
};
const MAX_MATCHED = 100;
const MAX_WITH_MATCHERS = 5_000;

export const matches = (
  { name, matchers }: Pick<Known, 'name' | 'matchers'>,
  labels: Readonly<Record<string, string>>,
): boolean => {
  if (Object.hasOwn(labels, 'breaker') && labels.breaker === name) return true;
  if (matchers === null) return false;
  return Object.entries(matchers).every(([label, value]) => labels[label] === value);
};

export function createHolds(deps: {
  db: Db;
  clock: Clock;
  audit: Audit;
  book: Book;
  announce(name: string): void;
}) {
  const { db, clock, audit, book } = deps;

  const settle = async (
    tx: Tx,
    authority: Authority,
    id: string,
    title: string,
  ): Promise<string | null> => {
    const row = await tx.breaker.findUnique({ where: { id } });
    if (!row || row.forcedKind === 'operator') return null;
    const firing = await tx.breakerHold.findFirst({
      where: { breakerId: id, released: false },
      orderBy: { since: 'asc' },
    });
    const { hold, name } = knownOf(row);
    if ((firing !== null) === (hold !== null)) return null;
    const next = firing
      ? {
          state: 'open' as const,
          kind: 'alert' as const,
          by: authority.actor.name,
          reason: firing.title,
        }
      : null;
    await book.hold(tx, id, next);
    await audit.append(tx, authority, {
      action: firing ? 'breakers.hold' : 'breakers.release',
      target: { kind: 'breaker', id, name },
      before: { hold },
      after: { hold: next, alert: title },
    });
    return name;
  };

  return {
    /** Answers the names of breakers that are held, or not held any more, because of these. */
    async apply(authority: Authority, alerts: readonly AlertSignal[]): Promise<string[]> {
      if (alerts.length === 0) return [];
      const named = alerts.flatMap(({ labels }) => labels.breaker ?? []);
      const rows = await db.prisma.breaker.findMany({
        where: { OR: [{ name: { in: named } }, { matchers: { not: { equals: null } } }] },
        take: MAX_WITH_MATCHERS,
      });
      const candidates = rows.map(knownOf);
      const touched = new Set<string>();
      for (const alert of alerts) {
        const { fingerprint, status, title } = alert;
        const ids =
          status === 'firing'
            ? candidates
                .filter((each) => matches(each, alert.labels))
                .slice(0, MAX_MATCHED)
                .map(({ id }) => id)
            : (
                await db.prisma.breakerHold.findMany({
                  where: { fingerprint },
                  select: { breakerId: true },
                  take: MAX_MATCHED,
                })
              ).map(({ breakerId }) => breakerId);
        for (const breakerId of ids) {
          const name = await db.tx(async (tx) => {
            // One after the other for a breaker, so that the last to end sees that it is the last.
            await tx.$queryRaw`SELECT 1 FROM breakers WHERE id = ${breakerId}::uuid FOR UPDATE`;
            if (status === 'firing') {
              await tx.breakerHold.createMany({
                data: { breakerId, fingerprint, title, since: clock.now() },
                skipDuplicates: true,
              });
            } else await tx.breakerHold.deleteMany({ where: { breakerId, fingerprint } });
            return settle(tx, authority, breakerId, title);
          });
          if (name === null) continue;
          book.drop(name);
          deps.announce(name);
          touched.add(name);
        }
      }
      return [...touched];
    },
  };
}
