/**
 * How many console processes share this database. Each holds one shared advisory lock on a connection of its
 * own, so that a killed process stops counting when its connection ends: no table, no stale rows.
 */
import pg from 'pg';
import type { Log } from './log.ts';

export type Presence = {
  /** Processes on this database, this one included; at most ten seconds old. */
  count(): number;
  close(): Promise<void>;
};

const LOCK = [0x7768, 4] as const;
const EVERY_MS = 5_000;

export async function createPresence(options: {
  url: string;
  log: Log;
  /** False for a program that only looks in, such as the command line. */
  member: boolean;
}): Promise<Presence> {
  if (!options.member) return { count: () => 1, close: async () => undefined };
  let client: pg.Client | null = null;
  let count = 1;
  let busy = false;
  const look = async () => {
    if (busy) return;
    busy = true;
    try {
      if (!client) {
        const fresh = new pg.Client({
          connectionString: options.url,
          connectionTimeoutMillis: 5_000,
          query_timeout: 5_000,
          application_name: 'wheelhouse presence',
        });
        fresh.on('error', () => {
          if (client === fresh) client = null;
        });
        await fresh.connect();
        await fresh.query('SELECT pg_advisory_lock_shared($1, $2)', [...LOCK]);
        client = fresh;
      }
      const { rows } = await client.query<{ count: number }>(
        `SELECT count(*)::int FROM pg_locks
         WHERE locktype = 'advisory' AND classid = $1 AND objid = $2 AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        [...LOCK],
      );
      count = rows[0]?.count ?? 1;
    } catch (err) {
      options.log.debug({ err }, 'replicas could not be counted');
      client?.end().catch(() => undefined);
      client = null;
    } finally {
      busy = false;
    }
  };
  await look();
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  return {
    count: () => Math.max(1, count),
    async close() {
      clearInterval(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
