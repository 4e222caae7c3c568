import type { Page, PageInput, Role } from '../api/contract.ts';
import type { Principal } from '../api/trpc.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import { createBriefCache } from '../platform/brief-cache.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Prisma, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { NewRevocation, Revocations } from '../tokens/index.ts';
import type { SessionItem } from './contract.ts';

const CACHE_MS = 800;
const CACHE_MAX = 20_000;
const FLUSH_EVERY_MS = 30_000;
const KEEP_ENDED_DAYS = 30;

export type SessionUser = Extract<Principal, { kind: 'user' }>;
export type Sessions = {
  /** Opens a session inside the caller's transaction. */
  open(
    tx: Tx,
    input: { userId: string; method: string; address: string; userAgent: string },
  ): Promise<string>;
  /** The person behind a session, or null when it ended, was revoked, or the account is disabled. */
  resolve(id: string): Promise<SessionUser | null>;
  /** Which of these sessions still count; one query for any number. */
  alive(ids: readonly string[]): Promise<Set<string>>;
  list(input: {
    userId: string;
    currentId: string | null;
    page: PageInput & { limit: number };
  }): Promise<Page<SessionItem>>;
  revoke(authority: Authority, id: string, by: { userId: string; role: Role }): Promise<void>;
  revokeOthers(authority: Authority, userId: string, keepId: string | null): Promise<number>;
  /** Inside the transaction that disables an account; call `announce` after the commit. */
  revokeAllOf(tx: Tx, userId: string): Promise<void>;
  announce(): void;
  signOut(id: string): Promise<void>;
  purge(): Promise<number>;
  flush(): Promise<void>;
  onRevoked(handler: () => void): () => void;
  close(): Promise<void>;
};

export function createSessions(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  revocations: Revocations;
  maxAgeSeconds: number;
}): Sessions {
  const { db, bus, audit, clock, log, revocations } = deps;
  const cache = createBriefCache<SessionUser | null>({
    ttlMs: CACHE_MS,
    max: CACHE_MAX,
    clock,
    onLook: deps.metrics.cache('sessions'),
  });
  const seen = new Map<string, Date>();
  const stopListening = bus.on('sessions', () => cache.clear());
  const announce = (ended: readonly NewRevocation[] = []) => {
    cache.clear();
    revocations.announce(ended);
    bus.publish({ topic: 'sessions', type: 'revoked' });
  };
  /** In every replica's memory too, so that nobody waits for what is cached or for a query. */
  const end = async (
    tx: Tx,
    where: Prisma.SessionWhereInput,
    why: { reason: string; by: string },
  ): Promise<NewRevocation[]> => {
    const now = clock.now();
    const rows = await tx.session.updateManyAndReturn({
      where: { ...where, revokedAt: null },
      data: { revokedAt: now },
      select: { id: true, expiresAt: true },
    });
    const ended = rows
      .filter(({ expiresAt }) => expiresAt > now)
      .map(({ id, expiresAt }) => ({
        kind: 'session' as const,
        target: id,
        until: now,
        reason: why.reason,
        revokedBy: why.by,
        expiresAt,
      }));
    await revocations.add(tx, ended);
    return ended;
  };

  const load = async (id: string): Promise<SessionUser | null> => {
    const { rows } = await db.pool.query<{
      user_id: string;
      method: string;
      name: string;
      email: string;
      role: Role;
    }>({
      name: 'session-resolve',
      text: `SELECT s.user_id, s.method, u.name, u.email, u.role
             FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND u.disabled_at IS NULL`,
      values: [id, clock.now()],
    });
    const row = rows[0];
    if (!row) return null;
    return {
      kind: 'user',
      id: row.user_id,
      name: row.name,
      email: row.email,
      role: row.role,
      sessionId: id,
      method: row.method,
    };
  };

  const flush = async () => {
    if (seen.size === 0 || !db.status().up) return;
    const batch = [...seen];
    seen.clear();
    await db.pool.query(
      `WITH seen AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS t(id, at)),
            touched AS (
              UPDATE sessions s SET last_seen_at = seen.at FROM seen
              WHERE s.id = seen.id AND s.last_seen_at < seen.at RETURNING s.user_id, seen.at)
       UPDATE users u SET last_seen_at = t.at
       FROM (SELECT user_id, max(at) AS at FROM touched GROUP BY user_id) t
       WHERE u.id = t.user_id AND (u.last_seen_at IS NULL OR u.last_seen_at < t.at)`,
      [batch.map(([id]) => id), batch.map(([, at]) => at)],
    );
  };
  const timer = setInterval(() => {
    flush().catch((err) => log.warn({ err }, 'last use of sessions was not written'));
  }, FLUSH_EVERY_MS);
  timer.unref();

  return {
    async open(tx, { userId, method, address, userAgent }) {
      const now = clock.now();
      const id = newId(now);
      await tx.session.create({
        data: {
          id,
          userId,
          method,
          address: address.slice(0, 100),
          userAgent: userAgent.slice(0, 300),
          createdAt: now,
          lastSeenAt: now,
          expiresAt: new Date(now.getTime() + deps.maxAgeSeconds * 1000),
        },
        select: { id: true },
      });
      await tx.user.update({
        where: { id: userId },
        data: { lastSeenAt: now },
        select: { id: true },
      });
      return id;
    },
    async resolve(id) {
      if (revocations.isRevoked(id)) return null;
      const user = await cache.get(id, () => load(id));
      if (user && seen.size < CACHE_MAX) seen.set(id, clock.now());
      return user;
    },
    async alive(ids) {
      const { rows } = await db.pool.query<{ id: string }>({
        name: 'sessions-alive',
        text: `SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id
               WHERE s.id = ANY($1::uuid[]) AND s.revoked_at IS NULL AND s.expires_at > $2
                 AND u.disabled_at IS NULL`,
        values: [ids, clock.now()],
      });
      return new Set(rows.map((row) => row.id).filter((id) => !revocations.isRevoked(id)));
    },
    async list({ userId, currentId, page }) {
      const rows = await db.prisma.session.findMany({
        where: {
          userId,
          revokedAt: null,
          expiresAt: { gt: clock.now() },
          ...(page.cursor ? { id: { lt: page.cursor } } : {}),
        },
        orderBy: { id: 'desc' },
        take: page.limit + 1,
        select: {
          id: true,
          method: true,
          address: true,
          userAgent: true,
          createdAt: true,
          lastSeenAt: true,
          expiresAt: true,
        },
      });
      const items = rows.slice(0, page.limit).map((row) => ({
        id: row.id,
        current: row.id === currentId,
        method: row.method,
        address: row.address,
        userAgent: row.userAgent,
        createdAt: row.createdAt.toISOString(),
        lastSeenAt: (seen.get(row.id) ?? row.lastSeenAt).toISOString(),
        expiresAt: row.expiresAt.toISOString(),
      }));
      return { items, nextCursor: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
    },
    async revoke(authority, id, by) {
      const ended = await db.tx(async (tx) => {
        const row = await tx.session.findUnique({
          where: { id },
          select: {
            userId: true,
            revokedAt: true,
            address: true,
            user: { select: { email: true } },
          },
        });
        // Somebody else's session does not exist for those who may not see it.
        if (!row || (row.userId !== by.userId && by.role !== 'admin')) {
          throw new AppError('NOT_FOUND', 'There is no such session.');
        }
        if (row.revokedAt) return [];
        const ended = await end(tx, { id }, { reason: 'revoked', by: authority.actor.name });
        await audit.append(tx, authority, {
          action: 'sessions.revoke',
          target: { kind: 'session', id, name: row.user.email },
          before: { address: row.address },
        });
        return ended;
      });
      announce(ended);
    },
    async revokeOthers(authority, userId, keepId) {
      const ended = await db.tx(async (tx) => {
        const ended = await end(
          tx,
          {
            userId,
            expiresAt: { gt: clock.now() },
            ...(keepId ? { id: { not: keepId } } : {}),
          },
          { reason: 'all others revoked', by: authority.actor.name },
        );
        if (ended.length > 0) {
          await audit.append(tx, authority, {
            action: 'sessions.revokeOthers',
            target: { kind: 'user', id: userId, name: authority.actor.name },
            after: { revoked: ended.length },
          });
        }
        return ended;
      });
      announce(ended);
      return ended.length;
    },
    async revokeAllOf(tx, userId) {
      await end(tx, { userId }, { reason: 'all revoked', by: 'account' });
    },
    announce: () => announce(),
    async signOut(id) {
      const ended = await db.tx(async (tx) => {
        const row = await tx.session.findUnique({
          where: { id },
          select: { user: { select: { id: true, email: true, name: true } } },
        });
        if (!row) return [];
        const { user } = row;
        const ended = await end(tx, { id }, { reason: 'signed out', by: user.name });
        if (ended.length === 0) return [];
        await audit.append(
          tx,
          { actor: { kind: 'user', id: user.id, name: user.name }, rule: 'self', requestId: null },
          { action: 'sessions.signOut', target: { kind: 'session', id, name: user.email } },
        );
        return ended;
      });
      announce(ended);
    },
    async purge() {
      const before = new Date(clock.now().getTime() - KEEP_ENDED_DAYS * 86_400_000);
      const { count } = await db.prisma.session.deleteMany({
        where: { expiresAt: { lt: before } },
      });
      return count;
    },
    flush,
    onRevoked: (handler) => bus.on('sessions', handler),
    async close() {
      clearInterval(timer);
      stopListening();
      await flush().catch((err) => log.warn({ err }, 'last use of sessions was not written'));
    },
  };
}
