/**
 * Which replica checks what. Targets fall into 64 shards by their number; a replica holds a shard by a session
 * advisory lock on a connection of its own, so exactly one checks each target, a killed process lets go the
 * moment its connection ends, and a host that vanished does so after 15 s (TCP keep-alive set by the session).
 * No table, no lease clock, no Redis. Each replica takes its fair share: 64 ÷ replicas, rounded up.
 */
import pg from 'pg';
import type { Log } from '../platform/log.ts';

export const SHARDS = 64;
const LOCK = 0x7769;
const MEMBER = [0x7768, 5] as const;

export type Shards = {
  held(): ReadonlySet<number>;
  /**
   * Takes free shards up to the fair share; answers those that must be given back because others joined. Call
   * `release` for them when nothing of theirs runs any more.
   */
  balance(): Promise<{ members: number; surplus: number[] }>;
  release(shards: readonly number[]): Promise<void>;
  /** Called with nothing held when the connection was lost. */
  onLost(handler: () => void): void;
  close(): Promise<void>;
};

export const shardOf = (ref: number): number => ref % SHARDS;

/** Shards a replica should hold, and those to give back. Pure. */
export function share(
  members: number,
  held: readonly number[],
): { fair: number; surplus: number[] } {
  const fair = Math.ceil(SHARDS / Math.max(1, members));
  return { fair, surplus: [...held].sort((a, b) => a - b).slice(fair) };
}

export function createShards(options: { url: string; log: Log }): Shards {
  const { log } = options;
  let client: pg.Client | null = null;
  let lost: () => void = () => undefined;
  let closed = false;
  const held = new Set<number>();

  const drop = (which: pg.Client) => {
    if (client !== which) return;
    client = null;
    held.clear();
    if (!closed) {
      log.warn('the connection that holds the shards was lost; checks pause until it is back');
      lost();
    }
  };
  const open = async (): Promise<pg.Client> => {
    const fresh = new pg.Client({
      connectionString: options.url,
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
      keepAlive: true,
      application_name: 'wheelhouse shards',
    });
    fresh.on('error', () => drop(fresh));
    fresh.on('end', () => drop(fresh));
    await fresh.connect();
    // Lets the server notice within 15 s that this host is gone.
    await fresh.query(
      `SELECT set_config(name, value, false) FROM (VALUES
         ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '5'),
         ('tcp_keepalives_count', '2'), ('tcp_user_timeout', '15000')) AS t(name, value)`,
    );
    await fresh.query('SELECT pg_advisory_lock_shared($1, $2)', [...MEMBER]);
    return fresh;
  };

  return {
    held: () => held,
    async balance() {
      const current = client ?? (await open());
      client = current;
      try {
        const { rows } = await current.query<{ members: number; taken: number[] }>(
          `SELECT count(*) FILTER (WHERE classid = $2 AND objid = $3)::int AS members,
                  coalesce(array_agg(objid::int) FILTER (WHERE classid = $1), '{}') AS taken
           FROM pg_locks
           WHERE locktype = 'advisory' AND granted AND objsubid = 2
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
          [LOCK, ...MEMBER],
        );
        const members = Math.max(1, rows[0]?.members ?? 1);
        const taken = new Set(rows[0]?.taken ?? []);
        const { fair, surplus } = share(members, [...held]);
        const free = Array.from({ length: SHARDS }, (_, shard) => shard).filter(
          (shard) => !taken.has(shard) && !held.has(shard),
        );
        const wanted = free.slice(0, Math.max(0, fair - held.size));
        if (wanted.length > 0) {
          const got = await current.query<{ shard: number; held: boolean }>(
            `SELECT shard, pg_try_advisory_lock($1, shard) AS held FROM unnest($2::int[]) AS shard`,
            [LOCK, wanted],
          );
          for (const row of got.rows) if (row.held) held.add(row.shard);
        }
        return { members, surplus };
      } catch (error) {
        drop(current);
        current.end().catch(() => undefined);
        throw error;
      }
    },
    async release(shards) {
      const mine = shards.filter((shard) => held.has(shard));
      if (mine.length === 0 || !client) return;
      for (const shard of mine) held.delete(shard);
      await client.query('SELECT pg_advisory_unlock($1, shard) FROM unnest($2::int[]) AS shard', [
        LOCK,
        mine,
      ]);
    },
    onLost(handler) {
      lost = handler;
    },
    async close() {
      closed = true;
      held.clear();
      await client?.end().catch(() => undefined);
      client = null;
    },
  };
}
