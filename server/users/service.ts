import { createHash, timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import type { Page, Role } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral, type Prisma, type Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId, newToken } from '../platform/ids.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { Sessions } from '../sessions/index.ts';
import type { Revocations } from '../tokens/index.ts';
import { lockAccounts } from './accounts.ts';
import { createAttempts } from './attempts.ts';
import {
  type acceptInviteSchema,
  INVITE_TTL_HOURS,
  type Invitation,
  type inviteSchema,
  type setupSchema,
  type UserItem,
  type userListSchema,
} from './contract.ts';
import type { Passwords } from './passwords.ts';
import { accountPolicy } from './throttle.ts';

const columns = {
  id: true,
  email: true,
  name: true,
  role: true,
  passwordHash: true,
  oidcSubject: true,
  disabledAt: true,
  lastSeenAt: true,
  createdAt: true,
  inviteExpiresAt: true,
} as const;
type Row = Prisma.UserGetPayload<{ select: typeof columns }>;

export type Users = {
  /** Whether there is no account yet. */
  setupNeeded(): Promise<boolean>;
  /** The path of the one-time link for the first admin. */
  setupPath(): string;
  setup(input: z.output<typeof setupSchema>): Promise<void>;
  /** Creates an admin without a link (CLI, environment); false when the account is there already. */
  createAdmin(
    authority: Authority,
    input: { email: string; name: string; password: string; onlyFirst: boolean },
  ): Promise<boolean>;
  list(input: z.output<typeof userListSchema>): Promise<Page<UserItem>>;
  invite(authority: Authority, input: z.output<typeof inviteSchema>): Promise<Invitation>;
  reinvite(authority: Authority, id: string): Promise<Invitation>;
  removeInvite(authority: Authority, id: string): Promise<void>;
  inviteState(token: string): Promise<{ email: string; name: string; role: Role }>;
  acceptInvite(
    input: z.output<typeof acceptInviteSchema>,
    requestId: string,
  ): Promise<{ email: string }>;
  setRole(authority: Authority, id: string, role: Role): Promise<void>;
  setDisabled(authority: Authority, id: string, disabled: boolean): Promise<void>;
  rename(authority: Authority, id: string, name: string): Promise<void>;
  changePassword(
    authority: Authority,
    input: { userId: string; sessionId: string; current: string; password: string },
  ): Promise<void>;
};

const hashToken = (token: string) => new Uint8Array(createHash('sha256').update(token).digest());
const notFound = () => new AppError('NOT_FOUND', 'There is no such user.');
const field = (path: string, message: string, code: 'BAD_REQUEST' | 'CONFLICT' = 'BAD_REQUEST') =>
  new AppError(code, message, { fields: [{ path, message }] });

export function createUsers(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  secrets: Secrets;
  passwords: Passwords;
  sessions: Sessions;
  revocations: Pick<Revocations, 'endIssuedBy'>;
  /** Origin that people use, for links. */
  publicUrl: () => string;
}): Users {
  const { db, bus, audit, clock, passwords, sessions } = deps;
  // Derived, so that it survives restarts and is the same on every replica; it works once because it only
  // works while there is no account.
  const setupToken = deps.secrets.derive('setup-link').toString('base64url');
  const changed = (id: string) => bus.publish({ topic: 'users', type: 'changed', id });
  const attempts = createAttempts(deps);
  const find = async (tx: Tx, id: string) => {
    const row = await tx.user.findUnique({ where: { id }, select: columns });
    if (!row) throw notFound();
    return row;
  };
  /** What an admin issued ends with the right to; `sessions.announce` tells of it. */
  const endTokens = async (
    tx: Tx,
    authority: Authority,
    { id, role }: { id: string; role: Role },
  ) => {
    if (role !== 'admin') return;
    const why = { reason: 'Who issued it may no longer.', by: authority.actor.name };
    await deps.revocations.endIssuedBy(tx, `user:${id}`, why);
  };
  const assertOtherAdmin = async (tx: Tx, id: string) => {
    const others = await tx.user.count({
      where: {
        id: { not: id },
        role: 'admin',
        disabledAt: null,
        OR: [{ passwordHash: { not: null } }, { oidcSubject: { not: null } }],
      },
    });
    if (others === 0) {
      throw new AppError(
        'CONFLICT',
        'This is the last active admin. Make somebody else admin first.',
      );
    }
  };
  const insertAdmin = async (
    tx: Tx,
    authority: Authority,
    input: { email: string; name: string; passwordHash: string },
  ) => {
    const now = clock.now();
    const id = newId(now);
    await tx.user.create({
      data: { id, ...input, role: 'admin', createdAt: now },
      select: { id: true },
    });
    await audit.append(tx, authority, {
      action: 'users.create',
      target: { kind: 'user', id, name: input.email },
      after: { email: input.email, name: input.name, role: 'admin' },
    });
  };
  const newInvitation = () => {
    const token = newToken();
    const expiresAt = new Date(clock.now().getTime() + INVITE_TTL_HOURS * 3_600_000);
    return {
      columns: { inviteTokenHash: hashToken(token), inviteExpiresAt: expiresAt },
      link: {
        url: `${deps.publicUrl()}/invite?token=${token}`,
        expiresAt: expiresAt.toISOString(),
      },
    };
  };
  const findInvited = async (tx: Tx, token: string) => {
    const row = await tx.user.findUnique({
      where: { inviteTokenHash: hashToken(token) },
      select: columns,
    });
    const open = row?.inviteExpiresAt && row.inviteExpiresAt > clock.now();
    if (!row || !open || statusOf(row) !== 'invited') {
      throw new AppError(
        'NOT_FOUND',
        'This invitation is unknown, used or expired. Ask for a new one.',
      );
    }
    return row;
  };

  return {
    setupNeeded: async () => (await db.prisma.user.findFirst({ select: { id: true } })) === null,
    setupPath: () => `/setup?token=${setupToken}`,
    async setup(input) {
      const given = Buffer.from(input.token);
      const right = Buffer.from(setupToken);
      if (given.length !== right.length || !timingSafeEqual(given, right)) {
        throw new AppError(
          'FORBIDDEN',
          'This set-up link is not valid. Use the one that the console printed at start.',
        );
      }
      const used = () =>
        new AppError('CONFLICT', 'This set-up link was used already. Sign in instead.');
      if (!(await this.setupNeeded())) throw used();
      const passwordHash = await passwords.hash(input.password);
      await db.tx(async (tx) => {
        await lockAccounts(tx);
        if ((await tx.user.count()) > 0) throw used();
        const authority: Authority = {
          actor: { kind: 'system', id: null, name: 'set-up link' },
          rule: 'setup-link',
          requestId: null,
        };
        await insertAdmin(tx, authority, { email: input.email, name: input.name, passwordHash });
      });
    },
    async createAdmin(authority, { email, name, password, onlyFirst }) {
      if (onlyFirst && !(await this.setupNeeded())) return false;
      const passwordHash = await passwords.hash(password);
      return db.tx(async (tx) => {
        await lockAccounts(tx);
        if (onlyFirst && (await tx.user.count()) > 0) return false;
        if (await tx.user.findUnique({ where: { email }, select: { id: true } })) {
          if (onlyFirst) return false;
          throw field('email', `There is already an account for ${email}.`, 'CONFLICT');
        }
        await insertAdmin(tx, authority, { email, name, passwordHash });
        return true;
      });
    },
    async list(input) {
      const where: Prisma.UserWhereInput[] = [];
      if (input.q) {
        const contains = { contains: likeLiteral(input.q), mode: 'insensitive' as const };
        where.push({ OR: [{ email: contains }, { name: contains }] });
      }
      if (input.status) where.push(statusFilter[input.status]);
      if (input.cursor) where.push({ id: { gt: input.cursor } });
      const rows = await db.prisma.user.findMany({
        where: { AND: where },
        orderBy: { id: 'asc' },
        take: input.limit + 1,
        select: columns,
      });
      const items = rows.slice(0, input.limit).map(toItem);
      return { items, nextCursor: rows.length > input.limit ? (items.at(-1)?.id ?? null) : null };
    },
    async invite(authority, input) {
      const invitation = newInvitation();
      const now = clock.now();
      const id = newId(now);
      await db.tx(async (tx) => {
        await lockAccounts(tx);
        if (await tx.user.findUnique({ where: { email: input.email }, select: { id: true } })) {
          throw field('email', `There is already an account for ${input.email}.`, 'CONFLICT');
        }
        await tx.user.create({
          data: { id, ...input, ...invitation.columns, createdAt: now },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'users.invite',
          target: { kind: 'user', id, name: input.email },
          after: { ...input, expiresAt: invitation.link.expiresAt },
        });
      });
      changed(id);
      return { id, ...invitation.link };
    },
    async reinvite(authority, id) {
      const invitation = newInvitation();
      await db.tx(async (tx) => {
        const row = await find(tx, id);
        // Asked in the statement itself: a link to an account in use would set its password.
        const { count } = await tx.user.updateMany({
          where: { id, ...statusFilter.invited },
          data: invitation.columns,
        });
        if (count === 0) throw new AppError('CONFLICT', `${row.email} has accepted already.`);
        await audit.append(tx, authority, {
          action: 'users.reinvite',
          target: { kind: 'user', id, name: row.email },
          after: { expiresAt: invitation.link.expiresAt },
        });
      });
      changed(id);
      return { id, ...invitation.link };
    },
    async removeInvite(authority, id) {
      await db.tx(async (tx) => {
        const row = await find(tx, id);
        const { count } = await tx.user.deleteMany({ where: { id, ...statusFilter.invited } });
        if (count === 0) {
          throw new AppError(
            'CONFLICT',
            `${row.email} has accepted already; disable the account instead.`,
          );
        }
        await audit.append(tx, authority, {
          action: 'users.removeInvite',
          target: { kind: 'user', id, name: row.email },
          before: { email: row.email, name: row.name, role: row.role },
        });
      });
      changed(id);
    },
    async inviteState(token) {
      const { email, name, role } = await db.tx((tx) => findInvited(tx, token));
      return { email, name, role };
    },
    async acceptInvite({ token, name, password }, requestId) {
      const invited = await db.tx((tx) => findInvited(tx, token));
      const passwordHash = await passwords.hash(password);
      await db.tx(async (tx) => {
        // Only one of two who use the link at once gets a row back.
        const { count } = await tx.user.updateMany({
          where: { id: invited.id, inviteTokenHash: hashToken(token), ...statusFilter.invited },
          data: { name, passwordHash, inviteTokenHash: null, inviteExpiresAt: null },
        });
        if (count === 0) throw new AppError('CONFLICT', 'This invitation was used already.');
        await audit.append(
          tx,
          { actor: { kind: 'user', id: invited.id, name }, rule: 'invitation', requestId },
          {
            action: 'users.acceptInvite',
            target: { kind: 'user', id: invited.id, name: invited.email },
            after: { name, role: invited.role },
          },
        );
      });
      changed(invited.id);
      return { email: invited.email };
    },
    async setRole(authority, id, role) {
      await db.tx(async (tx) => {
        await lockAccounts(tx);
        const row = await find(tx, id);
        if (row.role === role) return;
        if (row.role === 'admin') await assertOtherAdmin(tx, id);
        await tx.user.update({ where: { id }, data: { role }, select: { id: true } });
        await endTokens(tx, authority, row);
        await audit.append(tx, authority, {
          action: 'users.setRole',
          target: { kind: 'user', id, name: row.email },
          before: { role: row.role },
          after: { role },
        });
      });
      sessions.announce();
      changed(id);
    },
    async setDisabled(authority, id, disabled) {
      if (disabled && authority.actor.id === id) {
        throw new AppError('CONFLICT', 'You cannot disable your own account.');
      }
      await db.tx(async (tx) => {
        await lockAccounts(tx);
        const row = await find(tx, id);
        if ((row.disabledAt !== null) === disabled) return;
        if (disabled && row.role === 'admin') await assertOtherAdmin(tx, id);
        await tx.user.update({
          where: { id },
          data: { disabledAt: disabled ? clock.now() : null },
          select: { id: true },
        });
        if (disabled) {
          await sessions.revokeAllOf(tx, id);
          await endTokens(tx, authority, row);
        }
        await audit.append(tx, authority, {
          action: disabled ? 'users.disable' : 'users.enable',
          target: { kind: 'user', id, name: row.email },
          before: { disabled: !disabled },
          after: { disabled },
        });
      });
      sessions.announce();
      changed(id);
    },
    async rename(authority, id, name) {
      await db.tx(async (tx) => {
        const row = await find(tx, id);
        if (row.name === name) return;
        await tx.user.update({ where: { id }, data: { name }, select: { id: true } });
        await audit.append(tx, authority, {
          action: 'users.rename',
          target: { kind: 'user', id, name: row.email },
          before: { name: row.name },
          after: { name },
        });
      });
      sessions.announce();
      changed(id);
    },
    async changePassword(authority, { userId, sessionId, current, password }) {
      const row = await db.prisma.user.findUnique({
        where: { id: userId },
        select: { passwordHash: true, email: true },
      });
      if (!row) throw notFound();
      if (row.passwordHash === null) {
        throw new AppError(
          'CONFLICT',
          'You sign in with the identity provider; change the password there.',
        );
      }
      // Apart from signing in: whoever sits at an open session cannot lock its owner out.
      const key = `password:${userId}`;
      const wait = await attempts.count(key, accountPolicy);
      if (wait > 0) {
        const seconds = Math.ceil(wait / 1000);
        throw new AppError(
          'TOO_MANY_REQUESTS',
          `Too many attempts with a wrong password. Try again in ${seconds} s.`,
        );
      }
      if (!(await passwords.matches(row.passwordHash, current))) {
        throw field('current', 'This is not your current password.');
      }
      const passwordHash = await passwords.hash(password);
      await db.tx(async (tx) => {
        await tx.user.update({
          where: { id: userId },
          data: { passwordHash },
          select: { id: true },
        });
        // Whoever knew the old password is out.
        await tx.session.updateMany({
          where: { userId, revokedAt: null, id: { not: sessionId } },
          data: { revokedAt: clock.now() },
        });
        await audit.append(tx, authority, {
          action: 'users.changePassword',
          target: { kind: 'user', id: userId, name: row.email },
        });
      });
      sessions.announce();
      await attempts.forget(key);
    },
  };
}

const statusFilter: Record<UserItem['status'], Prisma.UserWhereInput> = {
  disabled: { disabledAt: { not: null } },
  invited: { disabledAt: null, passwordHash: null, oidcSubject: null },
  active: {
    disabledAt: null,
    OR: [{ passwordHash: { not: null } }, { oidcSubject: { not: null } }],
  },
};

function statusOf(row: Row): UserItem['status'] {
  if (row.disabledAt) return 'disabled';
  return row.passwordHash === null && row.oidcSubject === null ? 'invited' : 'active';
}

function toItem(row: Row): UserItem {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    status: statusOf(row),
    method: row.oidcSubject ? 'oidc' : row.passwordHash ? 'password' : null,
    lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    inviteExpiresAt: row.inviteExpiresAt?.toISOString() ?? null,
  };
}
