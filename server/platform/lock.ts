/**
 * One holder across replicas, by a PostgreSQL session advisory lock: freed at the latest when the holder's
 * connection ends, so a killed process leaves no lock behind. Works without Redis.
 */
import type pg from 'pg';

/**
 * Runs `work` while holding the lock `name`; answers null at once when someone else holds it.
 * `lost` is aborted when the connection dies during `work`: another may hold the lock from then on.
 * The lock sits on a pool connection for as long as `work` runs: keep it short or rare.
 */
export async function withLock<T>(
  pool: pg.Pool,
  name: string,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const client = await pool.connect();
  const lost = new AbortController();
  // A client that is out of the pool has no other listener: without this one a lost connection ends the process.
  const onError = (error: Error) => lost.abort(error);
  client.on('error', onError);
  try {
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held',
      [`wheelhouse:${name}`],
    );
    if (!rows[0]?.held) return null;
    try {
      return await work(lost.signal);
    } finally {
      await client
        .query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [`wheelhouse:${name}`])
        .catch(onError);
    }
  } finally {
    client.off('error', onError);
    client.release(lost.signal.aborted);
  }
}
