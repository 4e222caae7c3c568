/** Signing in: password and OpenID Connect, both ending in a session. */
import { createHash } from 'node:crypto';
import { isPlainText, type Role } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { AuthBridge } from '../sessions/contract.ts';
import type { Sessions } from '../sessions/index.ts';
import { lockAccounts } from './accounts.ts';
import { createAttempts } from './attempts.ts';
import { emailSchema } from './contract.ts';
import type { Passwords } from './passwords.ts';
import { accountPolicy, addressPolicy } from './throttle.ts';

export type SignIn = Pick<AuthBridge, 'signInWithPassword' | 'signInWithOidc'> & {
  /** Forgets records that no longer count. */
  purgeThrottles(): Promise<number>;
};

const accountKey = (email: string) => `account:${createHash('sha256').update(email).digest('hex')}`;

const person = { id: true, name: true, email: true, disabledAt: true, oidcSubject: true } as const;
const provider: Authority = {
  actor: { kind: 'system', id: null, name: 'OpenID Connect' },
  rule: 'sign-in:oidc',
  requestId: null,
};

export function createSignIn(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  sessions: Sessions;
  passwords: Passwords;
  clock: Clock;
  log: Log;
  oidcDefaultRole: Role | undefined;
}): SignIn {
  const { db, audit, sessions, passwords, clock, log } = deps;

  const attempts = createAttempts(deps);
  /**
   * Whether the account is still as it was looked up, from here to the end of the transaction: not disabled, and
   * with the same password or identity. Without it a change at this moment would leave an open session behind.
   */
  const hold = async (
    tx: Tx,
    id: string,
    by: { passwordHash: string | null; subject: string | null },
  ) => {
    const rows = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM users WHERE id = ${id}::uuid AND disabled_at IS NULL
        AND (password_hash = ${by.passwordHash} OR oidc_subject = ${by.subject}) FOR NO KEY UPDATE`;
    return rows.length > 0;
  };
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

  /** The account of an identity that comes for the first time; null when there is none for it. */
  const join = async (tx: Tx, subject: string, email: string, given: string | null) => {
    await lockAccounts(tx);
    // The same identity may have come twice at once.
    const known = await tx.user.findFirst({
      where: { OR: [{ oidcSubject: subject }, { email }] },
      select: person,
    });
    if (known?.oidcSubject === subject) return known;
    // An account that already belongs to another identity is not taken over by its address.
    if (known && (known.oidcSubject !== null || known.disabledAt)) return null;
    const target = (id: string) => ({ kind: 'user', id, name: email });
    if (known) {
      const user = await tx.user.update({
        where: { id: known.id },
        data: { oidcSubject: subject, inviteTokenHash: null, inviteExpiresAt: null },
        select: person,
      });
      await audit.append(tx, provider, { action: 'users.linkIdentity', target: target(known.id) });
      return user;
    }
    const role = deps.oidcDefaultRole;
    if (!role) return null;
    const now = clock.now();
    const data = { id: newId(now), email, name: nameFrom(given, email), role };
    const user = await tx.user.create({
      data: { ...data, oidcSubject: subject, createdAt: now },
      select: person,
    });
    await audit.append(tx, provider, {
      action: 'users.create',
      target: target(user.id),
      after: { email, name: data.name, role },
    });
    return user;
  };

  return {
    async signInWithPassword({ email: typed, password, address, userAgent }) {
      const email = typed.trim().toLowerCase();
      const keys = { address: `address:${address}`, account: accountKey(email) };
      try {
        // What a locked address tries does not count against accounts: it could lock out anybody.
        const wait =
          (await attempts.count(keys.address, addressPolicy)) ||
          (await attempts.count(keys.account, accountPolicy));
        if (wait > 0) {
          log.warn({ address, account: keys.account }, 'sign-in refused: locked');
          return { ok: false, reason: 'locked', retryAfterSeconds: Math.ceil(wait / 1000) };
        }
        const refuse = () => {
          log.warn({ address, account: keys.account }, 'sign-in refused');
          return { ok: false, reason: 'invalid' } as const;
        };
        const user = !isPlainText(email)
          ? null
          : await db.prisma.user.findUnique({
              where: { email },
              select: { id: true, name: true, email: true, passwordHash: true, disabledAt: true },
            });
        const passwordHash = user?.passwordHash ?? null;
        const right = await passwords.matches(passwordHash, password);
        if (!user || !right || user.disabledAt) return refuse();
        const sessionId = await db.tx(async (tx) => {
          if (!(await hold(tx, user.id, { passwordHash, subject: null }))) return null;
          const id = await sessions.open(tx, {
            userId: user.id,
            method: 'password',
            address,
            userAgent,
          });
          await auditSignIn(tx, user, 'password', address);
          return id;
        });
        if (sessionId === null) return refuse();
        await Promise.all([attempts.forget(keys.account), attempts.takeBack(keys.address)]);
        return { ok: true, userId: user.id, sessionId };
      } catch (err) {
        if (err instanceof AppError && err.code === 'TOO_MANY_REQUESTS') {
          return { ok: false, reason: 'busy' };
        }
        log.error({ err }, 'sign-in failed');
        return { ok: false, reason: 'unavailable' };
      }
    },

    async signInWithOidc({ subject, email, emailVerified, name, address, userAgent }) {
      if (!isPlainText(subject)) return null;
      const result = await db.tx(async (tx) => {
        const known = await tx.user.findUnique({ where: { oidcSubject: subject }, select: person });
        const verified = emailVerified ? emailSchema.safeParse(email) : null;
        const user =
          known ?? (verified?.success ? await join(tx, subject, verified.data, name) : null);
        if (!user || !(await hold(tx, user.id, { passwordHash: null, subject }))) {
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
        return { userId: user.id, sessionId, joined: known === null };
      });
      if (!result) return null;
      const { joined, ...opened } = result;
      if (joined) deps.bus.publish({ topic: 'users', type: 'changed', id: opened.userId });
      return opened;
    },

    purgeThrottles: attempts.purge,
  };
}

/** A name as the identity provider has it, in the form that names have here. */
function nameFrom(given: string | null, email: string): string {
  const seen = (given ?? '').replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ');
  const clean = (
    isPlainText(seen) ? seen : seen.replace(/\p{Default_Ignorable_Code_Point}/gu, '')
  ).trim();
  // The cut may go through the middle of a character.
  return (
    clean
      .slice(0, 100)
      .replace(/\p{Cs}$/u, '')
      .trim() || email.slice(0, 100)
  );
}
