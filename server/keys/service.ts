import { randomBytes } from 'node:crypto';
import type { Role } from '../api/contract.ts';
import type { Principal } from '../api/trpc.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import { createBriefCache } from '../platform/brief-cache.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { KeyCreateInput } from './contract.ts';
import { formatKey, hashKey, isKey } from './format.ts';

const CACHE_MS = 800;
const CACHE_MAX = 10_000;
const FLUSH_EVERY_MS = 30_000;

export type KeyPrincipal = Extract<Principal, { kind: 'key' }>;
export type Keys = {
  /** Makes a key; this is the only time it is seen. */
  create(authority: Authority, input: KeyCreateInput): Promise<{ id: string; key: string }>;
  /** Who a key stands for; null when it is malformed, unknown, expired or revoked. */
  verify(key: string): Promise<KeyPrincipal | null>;
  /** Which of these keys still count; one query for any number. */
  alive(ids: readonly string[]): Promise<Set<string>>;
  close(): Promise<void>;
};

export function createKeys(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}): Keys {
  const { db, audit, clock, log } = deps;
  const cache = createBriefCache<KeyPrincipal | null>({
    ttlMs: CACHE_MS,
    max: CACHE_MAX,
    clock,
    onLook: deps.metrics.cache('keys'),
  });
  const used = new Map<string, Date>();

  const load = async (hash: Buffer): Promise<KeyPrincipal | null> => {
    const { rows } = await db.pool.query<{
      id: string;
      name: string;
      role: Role;
      scopes: string[];
    }>({
      name: 'key-verify',
      text: `SELECT id, name, role, scopes FROM api_keys
             WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`,
      values: [hash, clock.now()],
    });
    return rows[0] ? { kind: 'key', ...rows[0] } : null;
  };
  const flush = async () => {
    if (used.size === 0 || !db.status().up) return;
    const batch = [...used];
    used.clear();
    await db.pool.query(
      `UPDATE api_keys k SET last_used_at = t.at
       FROM unnest($1::uuid[], $2::timestamptz[]) AS t(id, at)
       WHERE k.id = t.id AND (k.last_used_at IS NULL OR k.last_used_at < t.at)`,
      [batch.map(([id]) => id), batch.map(([, at]) => at)],
    );
  };
  const timer = setInterval(() => {
    flush().catch((err) => log.warn({ err }, 'last use of keys was not written'));
  }, FLUSH_EVERY_MS);
  timer.unref();

  return {
    async create(authority, input) {
      const now = clock.now();
      const id = newId(now);
      const key = formatKey(randomBytes);
      const { name, role, scopes } = input;
      await db.tx(async (tx) => {
        await tx.apiKey.create({
          data: {
            id,
            name,
            role,
            scopes,
            hash: new Uint8Array(hashKey(key)),
            expiresAt: input.expiresAt ? new Date(input.expiresAt) : null,
            createdAt: now,
            createdBy: authority.actor.name,
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'keys.create',
          target: { kind: 'key', id, name },
          after: { name, role, scopes, expiresAt: input.expiresAt ?? null },
        });
      });
      return { id, key };
    },
    async verify(key) {
      if (!isKey(key)) return null;
      const hash = hashKey(key);
      const principal = await cache.get(hash.toString('base64'), () => load(hash));
      if (principal) used.set(principal.id, clock.now());
      return principal;
    },
    async alive(ids) {
      const { rows } = await db.pool.query<{ id: string }>({
        name: 'keys-alive',
        text: `SELECT id FROM api_keys
               WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`,
        values: [ids, clock.now()],
      });
      return new Set(rows.map((row) => row.id));
    },
    async close() {
      clearInterval(timer);
      await flush().catch((err) => log.warn({ err }, 'last use of keys was not written'));
    },
  };
}
