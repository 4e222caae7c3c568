/**
 * What is read from a watched server, for PostgreSQL 13 to 18: the names of columns changed with the versions of
 * `pg_stat_statements` (1.8 to 1.12). Every text carries the mark by which the collector leaves itself out.
 */
import { MARK, type TargetSession } from '../targets.ts';
import type { Entry, Look } from './counters.ts';

export { MARK };

export const OLDEST_SERVER = 130_000;
const MAX_TEXT_BYTES = 1_000_000;
/** Of all texts of one look together; the rest is read at the next. */
const MAX_TEXTS_BYTES = 32_000_000;
const HERE = `dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`;

export type Facts = {
  version: string;
  startedAt: string;
  atMs: number;
  recovery: boolean;
  readsAll: boolean;
  /** Of pg_stat_statements: its version, and its schema, quoted. Null when it is not installed here. */
  extension: { version: number; text: string; schema: string } | null;
};

export async function readFacts(session: TargetSession): Promise<Facts> {
  const [row] = await session.query<{
    version: string;
    started: string;
    at: number;
    recovery: boolean;
    reads_all: boolean;
    extension: string | null;
    schema: string | null;
  }>(
    `SELECT ${MARK} split_part(current_setting('server_version'), ' ', 1) AS version, pg_postmaster_start_time()::text AS started,
            (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS at, pg_is_in_recovery() AS recovery,
            pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS reads_all,
            e.extversion AS extension, quote_ident(n.nspname) AS schema
     FROM (SELECT 1) AS one
     LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'pg_stat_statements'
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace`,
  );
  if (!row) throw new Error('the server said nothing of itself');
  return {
    version: row.version,
    startedAt: row.started,
    atMs: row.at,
    recovery: row.recovery,
    readsAll: row.reads_all,
    extension:
      row.extension === null || row.schema === null
        ? null
        : { version: versionOf(row.extension), text: row.extension, schema: row.schema },
  };
}

/** `1.10` as 110, `1.8` as 108. */
function versionOf(text: string): number {
  const [major = 0, minor = 0] = text.split('.').map(Number);
  return major * 100 + minor;
}

export type Extension = NonNullable<Facts['extension']>;
/** 1.8 came with PostgreSQL 13; older ones stay after an upgrade of the server. */
export const OLDEST_EXTENSION = 108;

type Row = {
  key: string;
  id: string;
  calls: number;
  total: number;
  rows: number;
  hits: number;
  reads: number;
  io: number;
  temps: number;
  since: number | null;
};

export async function readCounters(
  session: TargetSession,
  facts: Facts & { extension: Extension },
): Promise<Look> {
  const { version, schema } = facts.extension;
  const io =
    version >= 111
      ? 'shared_blk_read_time + shared_blk_write_time'
      : 'blk_read_time + blk_write_time';
  const rows = await session.query<Row>(
    `SELECT ${MARK} userid::text || ':' || queryid::text ${version >= 109 ? `|| CASE WHEN toplevel THEN '' ELSE ':n' END` : ''} AS key,
            queryid::text AS id, calls::float8 AS calls, total_exec_time AS total, rows::float8 AS rows,
            (shared_blks_hit + local_blks_hit)::float8 AS hits, (shared_blks_read + local_blks_read)::float8 AS reads,
            ${io} AS io, temp_blks_written::float8 AS temps,
            ${version >= 111 ? '(extract(epoch FROM stats_since) * 1000)::float8' : 'NULL::float8'} AS since
     FROM ${schema}.pg_stat_statements(false) WHERE ${HERE} AND queryid IS NOT NULL`,
  );
  const [info] =
    version >= 109
      ? await session.query<{ evictions: number; reset: string | null }>(
          `SELECT ${MARK} dealloc::float8 AS evictions, stats_reset::text AS reset FROM ${schema}.pg_stat_statements_info`,
        )
      : [];
  const [hidden] = facts.readsAll
    ? []
    : await session.query<{ count: number }>(
        `SELECT ${MARK} count(*)::int AS count FROM ${schema}.pg_stat_statements(false) WHERE ${HERE} AND queryid IS NULL`,
      );
  return {
    atMs: facts.atMs,
    startedAt: facts.startedAt,
    resetAt: info?.reset ?? null,
    evictions: info?.evictions ?? null,
    hidden: hidden?.count ?? 0,
    entries: rows.map(
      (row): Entry => ({
        key: row.key,
        queryId: row.id,
        calls: row.calls,
        totalMs: row.total,
        rows: row.rows,
        hits: row.hits,
        reads: row.reads,
        ioMs: row.io,
        temps: row.temps,
        sinceMs: row.since,
      }),
    ),
  };
}

export type QueryText = { id: string; text: string | null; bytes: number };

/** Texts of statements that are not known yet; null for one that is too long. The server reads its file of all texts for it. */
export async function readTexts(
  session: TargetSession,
  { schema }: Extension,
  ids: readonly string[],
): Promise<QueryText[]> {
  return session.query<QueryText>(
    `SELECT ${MARK} id, text, bytes FROM (
       SELECT id, CASE WHEN bytes <= $2 THEN query END AS text, bytes, sum(least(bytes, $2)) OVER (ORDER BY bytes, id) AS total
       FROM (SELECT DISTINCT ON (queryid) queryid::text AS id, query, octet_length(query) AS bytes
             FROM ${schema}.pg_stat_statements(true)
             WHERE ${HERE} AND queryid = ANY($1::bigint[]) AND query IS NOT NULL ORDER BY queryid) AS texts
     ) AS bounded WHERE total <= $3 ORDER BY bytes, id`,
    [ids, MAX_TEXT_BYTES, MAX_TEXTS_BYTES],
  );
}
