/** How long statements took before and after, from what was collected each minute. */
import type { Db } from '../../platform/db/index.ts';
import type { LoopFigures } from './contract.ts';

export type Figures = (
  databaseId: string,
  about: {
    fingerprints: readonly string[];
    /** As statements name it; with no fingerprints all that read it are meant. */
    table: string | null;
  },
  from: Date,
  to: Date,
) => Promise<LoopFigures>;

export const createFigures =
  (db: Db): Figures =>
  async (databaseId, { fingerprints, table }, from, to) => {
    const { rows } = await db.pool.query<{
      calls: number;
      ms: number;
      blocks: number;
      writes: number;
      write_ms: number;
    }>(
      `SELECT coalesce(sum(u.calls) FILTER (WHERE f.concerned), 0)::float8 AS calls,
              coalesce(sum(u.ms) FILTER (WHERE f.concerned), 0)::float8 AS ms,
              coalesce(sum(u.hits + u.reads) FILTER (WHERE f.concerned), 0)::float8 AS blocks,
              coalesce(sum(u.calls) FILTER (WHERE f.writes), 0)::float8 AS writes,
              coalesce(sum(u.ms) FILTER (WHERE f.writes), 0)::float8 AS write_ms
       FROM query_minutes m
       CROSS JOIN LATERAL unnest(m.statements, m.calls, m.times_ms, m.hits, m.reads) AS u(statement, calls, ms, hits, reads)
       JOIN query_statements s ON s.id = u.statement AND s.database_id = m.database_id
       CROSS JOIN LATERAL (SELECT
         CASE WHEN cardinality($4::text[]) > 0 THEN s.fingerprint = ANY($4) ELSE s.kind = 'select' AND $5 = ANY(s.tables) END AS concerned,
         s.kind IN ('insert', 'update', 'delete', 'merge') AND $5 = ANY(s.tables) AS writes) f
       WHERE m.database_id = $1 AND m.since >= $2 AND m.at >= $2 AND m.at <= $3`,
      [databaseId, from, to, fingerprints, table],
    );
    const { calls = 0, ms = 0, blocks = 0, writes = 0, write_ms = 0 } = rows[0] ?? {};
    return {
      from: from.toISOString(),
      to: to.toISOString(),
      calls,
      totalMs: ms,
      meanMs: calls > 0 ? ms / calls : null,
      blocksPerCall: calls > 0 ? blocks / calls : null,
      writes,
      writeMeanMs: writes > 0 ? write_ms / writes : null,
    };
  };
