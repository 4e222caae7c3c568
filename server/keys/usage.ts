/**
 * Who uses which version of a key: counted in memory, written each 10 s in one statement and when the process ends.
 * Nothing is written on a request. What is in memory is bounded: past 500 addresses of a key, or 20 000 counts in all,
 * the address becomes `other`.
 */
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { KeyUsage } from './contract.ts';
import type { KeyUse } from './verifier.ts';

const FLUSH_EVERY_MS = 10_000;
const COUNTS_MAX = 20_000;
const ADDRESSES_MAX = 500;
const BATCH = 2_000;
const LISTED = 100;
export const USAGE_DAYS = 400;
const OTHER = 'other';

type Count = KeyUse & {
  day: string;
  procedure: string;
  address: string;
  calls: number;
  refused: number;
  lastAt: Date;
  /** Last call that was not refused. */
  usedAt: Date | null;
  refusedAt: Date | null;
};
export type KeyCall = { procedures: readonly string[]; address: string; refused: boolean };
export type Usage = {
  /** Counts a request with this version of a key. */
  count(use: KeyUse, call: KeyCall): void;
  /** Writes what was counted; what cannot be written stays counted. */
  flush(): Promise<void>;
  of(keyId: string, days: number): Promise<KeyUsage>;
  purge(): Promise<number>;
  close(): Promise<void>;
};

const later = (a: Date | null, b: Date | null): Date | null =>
  a === null || (b !== null && b > a) ? b : a;

export function createUsage(deps: { db: Db; clock: Clock; log: Log }): Usage {
  const { db, clock, log } = deps;
  let counts = new Map<string, Count>();
  const addresses = new Map<string, Set<string>>();
  let addressDay = '';

  const bounded = (keyId: string, address: string, day: string): string => {
    if (day !== addressDay) {
      addresses.clear();
      addressDay = day;
    }
    const known = addresses.get(keyId) ?? new Set();
    if (known.has(address)) return address;
    if (known.size >= ADDRESSES_MAX || counts.size >= COUNTS_MAX) return OTHER;
    addresses.set(keyId, known.add(address));
    return address;
  };
  const add = (count: Count) => {
    const id = `${count.versionId} ${count.day} ${count.procedure} ${count.address}`;
    const known = counts.get(id);
    if (!known) {
      counts.set(id, count);
      return;
    }
    known.calls += count.calls;
    known.refused += count.refused;
    known.lastAt = later(known.lastAt, count.lastAt) ?? known.lastAt;
    known.usedAt = later(known.usedAt, count.usedAt);
    known.refusedAt = later(known.refusedAt, count.refusedAt);
  };

  const write = async (batch: readonly Count[]) => {
    await db.pool.query({
      name: 'key-usage',
      text: `WITH given AS (
          SELECT t.* FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::date[], $5::text[], $6::text[], $7::bigint[],
              $8::bigint[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])
            AS t(key_id, version_id, version, day, procedure, address, calls, refused, last_at, used_at, refused_at)
          JOIN api_keys k ON k.id = t.key_id),
        counted AS (
          INSERT INTO api_key_usage AS u (key_id, day, version, procedure, address, calls, refused, last_at)
          SELECT key_id, day, version, procedure, address, calls, refused, last_at FROM given
          ORDER BY key_id, day, version, procedure, address
          ON CONFLICT (key_id, day, version, procedure, address) DO UPDATE SET calls = u.calls + EXCLUDED.calls,
            refused = u.refused + EXCLUDED.refused, last_at = greatest(u.last_at, EXCLUDED.last_at)),
        newest AS (
          SELECT version_id, max(used_at) AS used_at, max(refused_at) AS refused_at FROM given
          GROUP BY version_id),
        -- Replicas that write at once take the versions in the same order, so that none waits for the other in a circle.
        held AS (
          SELECT id FROM api_key_versions WHERE id IN (SELECT version_id FROM newest) ORDER BY id FOR NO KEY UPDATE)
        UPDATE api_key_versions v SET last_used_at = greatest(v.last_used_at, newest.used_at),
          last_refused_at = greatest(v.last_refused_at, newest.refused_at)
        FROM newest JOIN held ON held.id = newest.version_id WHERE v.id = held.id`,
      values: [
        batch.map((count) => count.keyId),
        batch.map((count) => count.versionId),
        batch.map((count) => count.version),
        batch.map((count) => count.day),
        batch.map((count) => count.procedure),
        batch.map((count) => count.address),
        batch.map((count) => count.calls),
        batch.map((count) => count.refused),
        batch.map((count) => count.lastAt),
        batch.map((count) => count.usedAt),
        batch.map((count) => count.refusedAt),
      ],
    });
  };
  let flushing: Promise<void> = Promise.resolve();
  const flushNow = async () => {
    if (counts.size === 0 || !db.status().up) return;
    const taken = [...counts.values()];
    counts = new Map();
    for (let i = 0; i < taken.length; i += BATCH) {
      try {
        await write(taken.slice(i, i + BATCH));
      } catch (error) {
        for (const count of taken.slice(i)) add(count);
        throw error;
      }
    }
  };
  const flush = () => {
    flushing = flushing.catch(() => undefined).then(flushNow);
    return flushing;
  };
  const warn = (err: unknown) => log.warn({ err }, 'use of keys was not written');
  const timer = setInterval(() => flush().catch(warn), FLUSH_EVERY_MS);
  timer.unref();

  return {
    count(use, { procedures, address, refused }) {
      const now = clock.now();
      const day = now.toISOString().slice(0, 10);
      const from = bounded(use.keyId, address, day);
      for (const procedure of procedures) {
        add({
          ...use,
          day,
          procedure,
          address: from,
          calls: 1,
          refused: refused ? 1 : 0,
          lastAt: now,
          usedAt: refused ? null : now,
          refusedAt: refused ? now : null,
        });
      }
    },
    flush,
    async of(keyId, days) {
      await flush().catch(warn);
      const since = new Date(clock.now().getTime() - (days - 1) * 86_400_000);
      const range = [keyId, since.toISOString().slice(0, 10)];
      const [byDay, procedures, users] = await Promise.all([
        db.pool.query<{ day: string; version: number; calls: string; refused: string }>({
          name: 'key-usage-days',
          text: `SELECT to_char(day, 'YYYY-MM-DD') AS day, version, sum(calls) AS calls, sum(refused) AS refused
                 FROM api_key_usage WHERE key_id = $1 AND day >= $2::date GROUP BY 1, 2 ORDER BY 1, 2`,
          values: range,
        }),
        db.pool.query<{ procedure: string; calls: string; refused: string; last_at: Date }>({
          name: 'key-usage-procedures',
          text: `SELECT procedure, sum(calls) AS calls, sum(refused) AS refused, max(last_at) AS last_at
                 FROM api_key_usage WHERE key_id = $1 AND day >= $2::date
                 GROUP BY 1 ORDER BY sum(calls) DESC, 1 LIMIT ${LISTED + 1}`,
          values: range,
        }),
        db.pool.query<{
          version: number;
          address: string;
          calls: string;
          refused: string;
          last_at: Date;
          last_procedure: string;
        }>({
          name: 'key-usage-users',
          text: `SELECT version, address, sum(calls) AS calls, sum(refused) AS refused, max(last_at) AS last_at,
                   (array_agg(procedure ORDER BY last_at DESC, procedure))[1] AS last_procedure
                 FROM api_key_usage WHERE key_id = $1 AND day >= $2::date
                 GROUP BY 1, 2 ORDER BY max(last_at) DESC, 1, 2 LIMIT ${LISTED + 1}`,
          values: range,
        }),
      ]);
      const sums = (row: { calls: string; refused: string }) => ({
        calls: Number(row.calls),
        refused: Number(row.refused),
      });
      return {
        days: byDay.rows.map(({ day, version, ...row }) => ({ day, version, ...sums(row) })),
        procedures: procedures.rows.slice(0, LISTED).map((row) => ({
          procedure: row.procedure,
          ...sums(row),
          lastAt: row.last_at.toISOString(),
        })),
        users: users.rows.slice(0, LISTED).map((row) => ({
          version: row.version,
          address: row.address,
          ...sums(row),
          lastAt: row.last_at.toISOString(),
          lastProcedure: row.last_procedure,
        })),
        more: procedures.rows.length > LISTED || users.rows.length > LISTED,
      };
    },
    async purge() {
      const before = new Date(clock.now().getTime() - USAGE_DAYS * 86_400_000);
      const { rowCount } = await db.pool.query('DELETE FROM api_key_usage WHERE day < $1::date', [
        before.toISOString().slice(0, 10),
      ]);
      return rowCount ?? 0;
    },
    async close() {
      clearInterval(timer);
      await flush().catch(warn);
    },
  };
}
