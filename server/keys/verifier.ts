/**
 * Verification: shape and checksum first, without I/O; then a record by the hash of the key, which is remembered for
 * 0.8 s and forgotten when any key changes on any replica; then the clock and the address, each time.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Role } from '../api/contract.ts';
import type { Principal } from '../api/trpc.ts';
import { createBriefCache } from '../platform/brief-cache.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Metrics } from '../platform/metrics.ts';
import { type KeyRefusal, refusals } from './contract.ts';
import { faultOf } from './format.ts';
import { effectiveRole, judge, type KeyRecord, parseNetworks } from './judge.ts';

const CACHE_MS = 800;
const CACHE_MAX = 10_000;

export type KeyPrincipal = Extract<Principal, { kind: 'key' }>;
/** Which version of which key was sent; known also when it is refused. */
export type KeyUse = { keyId: string; versionId: string; version: number };
export type Verified =
  | { principal: KeyPrincipal; use: KeyUse }
  | { refused: KeyRefusal; use: KeyUse | null };
export type Verifier = {
  /** Whether `key` is accepted from `address` now; throws while the database is away and the key is not remembered. */
  verify(key: string, address: string | null): Promise<Verified>;
  /** Which of these versions (`KeyPrincipal.versionId`) still count; one query for any number. */
  alive(versionIds: readonly string[]): Promise<Set<string>>;
  /** After a change was committed: every replica asks again. */
  announce(): void;
  onChange(handler: () => void): () => void;
  close(): void;
};

const COLUMNS = `k.id AS key_id, v.id AS version_id, v.version, v.hash, k.name, k.role, k.scopes, k.rate_per_minute,
  k.addresses, k.expires_at, k.revoked_at, k.owner_id, v.grace_ends_at, v.rehearsal_ends_at, v.ended_at,
  u.role AS owner_role, u.disabled_at AS owner_disabled_at`;
const TABLES = `api_key_versions v JOIN api_keys k ON k.id = v.key_id LEFT JOIN users u ON u.id = k.owner_id`;
type Row = {
  key_id: string;
  version_id: string;
  version: number;
  hash: Buffer;
  name: string;
  role: Role;
  scopes: string[] | null;
  rate_per_minute: number | null;
  addresses: string[] | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  owner_id: string | null;
  grace_ends_at: Date | null;
  rehearsal_ends_at: Date | null;
  ended_at: Date | null;
  owner_role: Role | null;
  owner_disabled_at: Date | null;
};

function ownerOf(row: Row): KeyRecord['owner'] {
  if (row.owner_id === null) return null;
  return row.owner_role === null || row.owner_disabled_at !== null ? 'gone' : row.owner_role;
}

const toRecord = (row: Row): KeyRecord => ({
  keyId: row.key_id,
  versionId: row.version_id,
  version: row.version,
  name: row.name,
  role: row.role,
  scopes: row.scopes ?? [],
  ratePerMinute: row.rate_per_minute,
  networks: parseNetworks(row.addresses ?? []),
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
  graceEndsAt: row.grace_ends_at,
  rehearsalEndsAt: row.rehearsal_ends_at,
  endedAt: row.ended_at,
  owner: ownerOf(row),
});

const toPrincipal = (record: KeyRecord): KeyPrincipal => ({
  kind: 'key',
  id: record.keyId,
  versionId: record.versionId,
  name: record.name,
  role: effectiveRole(record),
  scopes: record.scopes,
  ...(record.ratePerMinute === null ? {} : { ratePerMinute: record.ratePerMinute }),
});

export function createVerifier(deps: {
  db: Db;
  bus: Bus;
  clock: Clock;
  metrics: Metrics;
}): Verifier {
  const { db, bus, clock } = deps;
  type Known = { record: KeyRecord; use: KeyUse; principal: KeyPrincipal };
  const cache = createBriefCache<Known | null>({
    ttlMs: CACHE_MS,
    max: CACHE_MAX,
    clock,
    onLook: deps.metrics.cache('keys'),
  });
  // A person who is disabled or loses a role takes that from the keys that are theirs.
  const stops = ['keys', 'users'].map((topic) => bus.on(topic, () => cache.clear()));

  const checks = deps.metrics.counter('api_key_checks_total', 'Checks of API keys, by outcome.', [
    'outcome',
  ]);
  for (const outcome of ['accepted', ...refusals]) checks.inc({ outcome }, 0);
  const told = (verified: Verified): Verified => {
    checks.inc({ outcome: 'refused' in verified ? verified.refused : 'accepted' });
    return verified;
  };

  const load = async (digest: Buffer): Promise<Known | null> => {
    const { rows } = await db.pool.query<Row>({
      name: 'key-verify',
      text: `SELECT ${COLUMNS} FROM ${TABLES} WHERE v.hash = $1`,
      values: [digest],
    });
    const row = rows[0];
    // The index found it; the comparison that counts takes the same time wherever a difference is.
    if (!row || !timingSafeEqual(row.hash, digest)) return null;
    const record = toRecord(row);
    const { keyId, versionId, version } = record;
    return { record, use: { keyId, versionId, version }, principal: toPrincipal(record) };
  };
  const living = (rows: readonly Row[]) => {
    const now = clock.now();
    return rows.map(toRecord).filter((record) => {
      const refused = judge(record, now, null);
      // The address was looked at when the credential came in.
      return refused === null || refused === 'address';
    });
  };

  return {
    async verify(key, address) {
      const fault = faultOf(key);
      if (fault) return told({ refused: fault, use: null });
      const digest = hash('sha256', key, 'base64');
      const known = await cache.get(digest, () => load(Buffer.from(digest, 'base64')));
      if (!known) return told({ refused: 'unknown', use: null });
      const refused = judge(known.record, clock.now(), address);
      const { use, principal } = known;
      return told(refused ? { refused, use } : { principal, use });
    },
    async alive(versionIds) {
      const { rows } = await db.pool.query<Row>({
        name: 'keys-alive',
        text: `SELECT ${COLUMNS} FROM ${TABLES} WHERE v.id = ANY($1::uuid[])`,
        values: [versionIds],
      });
      return new Set(living(rows).map((record) => record.versionId));
    },
    announce() {
      cache.clear();
      bus.publish({ topic: 'keys', type: 'changed' });
    },
    onChange: (handler) => bus.on('keys', handler),
    close() {
      for (const stop of stops) stop();
    },
  };
}
