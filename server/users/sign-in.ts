/** Signing in: password and OpenID Connect, both ending in a session. */
import { createHash } from 'node:crypto';
import type { Role } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { AuthBridge } from '../sessions/contract.ts';
import type { Sessions } from '../sessions/index.ts';
import type { Passwords } from './passwords.ts';
import {
  accountPolicy,
  addressPolicy,
  afterAttempt,
  lockedMs,
  type ThrottlePolicy,
} from './throttle.ts';

export type SignIn = Pick<AuthBridge, 'signInWithPassword' | 'signInWithOidc'> & {
  /** Forgets records that no longer count. */
  purgeThrottles(): Promise<number>;
};

const accountKey = (email: string) => `account:${createHash('sha256').update(email).digest('hex')}`;

export function createSignIn(deps: {
  db: Db;
  audit: Audit;
  sessions: Sessions;
  passwords: Passwords;
  clock: Clock;
  log: Log;
  oidcDefaultRole: Role | undefined;
}): SignIn {
  const { db, audit, sessions, passwords, clock, log } = deps;

  /** Counts the attempt; answers how long to wait when it may not go ahead. */
  const countAttempt = (key: string, policy: ThrottlePolicy) =>
    db.tx(async (tx) => {
      // The row lock (or, for a new key, the advisory one) makes parallel attempts wait for each other.
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
    });
  const forgive = (address: string, account: string) =>
    Promise.all([
      db.prisma.signInThrottle.deleteMany({ where: { key: account } }),
      db.prisma.signInThrottle.updateMany({
        where: { key: address, failures: { gt: 0 } },
        data: { failures: { decrement: 1 }, lockedUntil: null },
      }),
    ]);
  const auditSignIn = (
    tx: Tx,
    user: { id: string; name: string; email: string },
    method: string,
    address: string,
  ) => {
    const authority: Authority = {
      actor: { kind: 'user', id: user.id, name: user.name },
      rule: `sign-in:${method}`,
      requestId: null,
    };
    return audit.append(tx, authority, {
      action: 'sessions.signIn',
      target: { kind: 'user', id: user.id, name: user.email },
      after: { method, address },
    });
  };

  return {
    async signInWithPassword({ email: typed, password, address, userAgent }) {
      const email = typed.trim().toLowerCase();
      const keys = { address: `address:${address}`, account: accountKey(email) };
      try {
        const wait = Math.max(
          await countAttempt(keys.address, addressPolicy),
          await countAttempt(keys.account, accountPolicy),
        );
        if (wait > 0) {
          log.warn({ address, account: keys.account }, 'sign-in refused: locked');
          return { ok: false, reason: 'locked', retryAfterSeconds: Math.ceil(wait / 1000) };
        }
        const user = await db.prisma.user.findUnique({
          where: { email },
          select: { id: true, name: true, email: true, passwordHash: true, disabledAt: true },
        });
        const right = await passwords.matches(user?.passwordHash ?? null, password);
        if (!user || !right || user.disabledAt) {
          log.warn({ address, account: keys.account }, 'sign-in refused');
          return { ok: false, reason: 'invalid' };
        }
        const sessionId = await db.tx(async (tx) => {
          const id = await sessions.open(tx, {
            userId: user.id,
            method: 'password',
            address,
            userAgent,
          });
          await auditSignIn(tx, user, 'password', address);
          return id;
        });
        await forgive(keys.address, keys.account);
        return { ok: true, userId: user.id, sessionId };
      } catch (err) {
        if (err instanceof AppError && err.code === 'TOO_MANY_REQUESTS') {
          return { ok: false, reason: 'busy' };
        }
        log.error({ err }, 'sign-in failed');
        return { ok: false, reason: 'unavailable' };
      }
    },

    async signInWithOidc({ subject, email: given, emailVerified, name, address, userAgent }) {
      const email = given?.trim().toLowerCase() ?? null;
      return db.tx(async (tx) => {
        const select = {
          id: true,
          name: true,
          email: true,
          disabledAt: true,
          oidcSubject: true,
        } as const;
        let user = await tx.user.findUnique({ where: { oidcSubject: subject }, select });
        if (!user && email && emailVerified) {
          const known = await tx.user.findUnique({ where: { email }, select });
          // An account that already belongs to another identity is not taken over by its address.
          if (known && known.oidcSubject === null) {
            user = await tx.user.update({
              where: { id: known.id },
              data: { oidcSubject: subject, inviteTokenHash: null, inviteExpiresAt: null },
              select,
            });
          } else if (!known && deps.oidcDefaultRole) {
            const now = clock.now();
            user = await tx.user.create({
              data: {
                id: newId(now),
                email,
                name: name?.trim().slice(0, 100) || email,
                role: deps.oidcDefaultRole,
                oidcSubject: subject,
                createdAt: now,
              },
              select,
            });
          }
        }
        if (!user || user.disabledAt) {
          log.warn({ address, known: user !== null }, 'OpenID Connect sign-in refused');
          return null;
        }
        const sessionId = await sessions.open(tx, {
          userId: user.id,
          method: 'oidc',
          address,
          userAgent,
        });
        await auditSignIn(tx, user, 'oidc', address);
        return { userId: user.id, sessionId };
      });
    },

    async purgeThrottles() {
      const before = new Date(clock.now().getTime() - accountPolicy.forgetMs);
      const { count } = await db.prisma.signInThrottle.deleteMany({
        where: { lastAt: { lt: before } },
      });
      return count;
    },
  };
}
