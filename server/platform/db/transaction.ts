/** One transaction on a connection of the pool, for plain SQL; `Db.tx` is the same for Prisma. */
import type pg from 'pg';

/**
 * Runs `work` between BEGIN (with `mode`, such as `READ ONLY`) and COMMIT; rolls back when it throws. A connection that
 * is lost meanwhile makes the next statement fail and does not go back to the pool.
 */
export async function transaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  mode: '' | 'READ ONLY' | 'ISOLATION LEVEL REPEATABLE READ READ ONLY' = '',
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A client that is out of the pool has no other listener: without this one a lost connection ends the process.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query(`BEGIN ${mode}`);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(onError);
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
