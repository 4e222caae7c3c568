/** Counted attempts at a password, in PostgreSQL, so that all replicas count together. */
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { accountPolicy, afterAttempt, lockedMs, type ThrottlePolicy } from './throttle.ts';

export type Attempts = {
  /** Counts one attempt; answers how many ms to wait when it may not go ahead, which then is not counted. */
  count(key: string, policy: ThrottlePolicy): Promise<number>;
  /** After the right password: forgets the key. */
  forget(key: string): Promise<void>;
  /** After the right password: takes back its own attempt and no other. */
  takeBack(key: string): Promise<void>;
  /** Removes records that no longer count. */
  purge(): Promise<number>;
};

export function createAttempts({ db, clock }: { db: Db; clock: Clock }): Attempts {
  return {
    count: (key, policy) =>
      db.tx(async (tx) => {
        // Parallel attempts wait for each other, so that a burst counts in full.
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${key}, 1))`;
        const now = clock.now();
        const select = { failures: true, lastAt: true, lockedUntil: true } as const;
        const record = await tx.signInThrottle.findUnique({ where: { key }, select });
        const wait = lockedMs(record, now);
        if (wait > 0) return wait;
        const next = afterAttempt(record, now, policy);
        await tx.signInThrottle.upsert({
          where: { key },
          create: { key, ...next },
          update: next,
          select: { key: true },
        });
        return 0;
      }),
    async forget(key) {
      await db.prisma.signInThrottle.deleteMany({ where: { key } });
    },
    async takeBack(key) {
      await db.prisma.signInThrottle.updateMany({
        where: { key, failures: { gt: 0 } },
        data: { failures: { decrement: 1 }, lockedUntil: null },
      });
    },
    async purge() {
      const before = new Date(clock.now().getTime() - accountPolicy.forgetMs);
      const { count } = await db.prisma.signInThrottle.deleteMany({
        where: { lastAt: { lt: before } },
      });
      return count;
    },
  };
}
