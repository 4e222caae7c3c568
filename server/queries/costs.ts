/** What the console's own procedures cost its own database: for the cache, which loads the slow ones first. */
import type { Db } from '../platform/db/index.ts';

const DAYS = 7;

export type ProcedureCosts = () => Promise<ReadonlyMap<string, number>>;

/**
 * Milliseconds of the database for one call, by procedure, over the last week. How often a procedure was called is taken from
 * the statement of it that ran most; with loops in it that is too often, and the cost too low.
 */
export const createProcedureCosts =
  (db: Db): ProcedureCosts =>
  async () => {
    const { rows } = await db.pool.query<{ caller: string; ms: number }>(
      `SELECT caller, sum(total) / max(calls) AS ms FROM (
         SELECT c.caller, c.statement_id, sum(c.total_ms) AS total, sum(c.calls) AS calls
         FROM query_callers c JOIN query_databases d ON d.id = c.database_id
         WHERE d.kind = 'own' AND c.source = 'own' AND c.day > current_date - $1::int
         GROUP BY 1, 2) AS s
       WHERE calls > 0 GROUP BY 1`,
      [DAYS],
    );
    return new Map(rows.map(({ caller, ms }) => [caller, ms]));
  };
