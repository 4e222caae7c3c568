/** Tables and indexes of a watched database, with sizes, use, and an estimate of bloat from the widths of columns. */
import type { IndexFigures, TableFigures } from '../contract.ts';
import type { TargetSession } from '../targets.ts';
import { MARK } from './read.ts';

export const MAX_TABLES = 2_000;
export const MAX_INDEXES = 5_000;
const LOCK_NOT_AVAILABLE = '55P03';

export type SeenTable = {
  schema: string;
  name: string;
  figures: TableFigures;
  usedAt: Date | null;
};
export type SeenIndex = {
  schema: string;
  name: string;
  table: string;
  figures: IndexFigures;
  usedAt: Date | null;
};
export type Relations = {
  tables: SeenTable[];
  indexes: SeenIndex[];
  sizeBytes: number | null;
  /** Since when the server counts scans; null when that was never reset. */
  countedSince: Date | null;
};

const OURS = `n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`;
/** A page less its header; a tuple of a table has 24 bytes of header and 4 of pointer, one of an index 8 and 4. */
const PAGE = 8_168;

const tablesSql = (exact: boolean, version: number) => `
  SELECT ${MARK} n.nspname AS schema, c.relname AS name,
         ${exact ? 'pg_table_size(c.oid)::float8' : 'c.relpages * 8192::float8'} AS size,
         ${
           exact
             ? 'pg_indexes_size(c.oid)::float8'
             : '(SELECT coalesce(sum(i.relpages), 0) * 8192 FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid)::float8'
         } AS indexes,
         greatest(c.reltuples, 0)::float8 AS tuples, coalesce(s.n_dead_tup, 0)::float8 AS dead,
         coalesce(s.seq_scan, 0)::float8 AS seq, coalesce(s.idx_scan, 0)::float8 AS idx,
         coalesce(s.n_tup_ins, 0)::float8 AS inserts, coalesce(s.n_tup_upd, 0)::float8 AS updates,
         coalesce(s.n_tup_del, 0)::float8 AS deletes,
         coalesce(s.n_tup_hot_upd, 0)::float8 AS hot, coalesce(s.n_mod_since_analyze, 0)::float8 AS changed,
         greatest(s.last_analyze, s.last_autoanalyze) AS analyzed, greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed,
         ${version >= 160_000 ? 'greatest(s.last_seq_scan, s.last_idx_scan)' : 'NULL::timestamptz'} AS used,
         CASE WHEN c.reltuples > 0 AND w.known = w.columns THEN
           greatest(0, c.relpages - ceil(c.reltuples * (28 + ceil(w.width / 8) * 8)
             / (${PAGE} * coalesce((SELECT option_value::float8 FROM pg_options_to_table(c.reloptions)
                                    WHERE option_name = 'fillfactor'), 100) / 100)))::float8 * 8192
         END AS bloat
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
  LEFT JOIN LATERAL (
    SELECT count(*) AS columns, count(st.avg_width) AS known, sum((1 - st.null_frac) * st.avg_width) AS width
    FROM pg_catalog.pg_attribute a
    LEFT JOIN pg_catalog.pg_stats st ON st.schemaname = n.nspname AND st.tablename = c.relname AND st.attname = a.attname
                                    AND NOT st.inherited
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS w ON c.relkind = 'r'
  WHERE c.relkind IN ('r', 'm') AND ${OURS}
  ORDER BY c.relpages DESC, c.oid LIMIT ${MAX_TABLES}`;

const indexesSql = (exact: boolean, version: number) => `
  SELECT ${MARK} n.nspname AS schema, i.relname AS name, c.relname AS "table",
         ${exact ? 'pg_relation_size(i.oid)::float8' : 'i.relpages * 8192::float8'} AS size,
         coalesce(s.idx_scan, 0)::float8 AS scans, am.amname AS method, pg_get_indexdef(i.oid) AS definition,
         x.indisunique AS "unique", x.indisprimary AS "primary", x.indisvalid AS valid,
         EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x')) AS "constraint",
         ${version >= 160_000 ? 's.last_idx_scan' : 'NULL::timestamptz'} AS used,
         CASE WHEN am.amname = 'btree' AND i.reltuples > 0 AND w.known = x.indnatts THEN
           greatest(0, i.relpages - 1 - ceil(i.reltuples * (12 + ceil(w.width / 8) * 8) / (${PAGE} * 0.9)))::float8 * 8192
         END AS bloat
  FROM pg_catalog.pg_index x
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_am am ON am.oid = i.relam
  LEFT JOIN pg_catalog.pg_stat_all_indexes s ON s.indexrelid = i.oid
  LEFT JOIN LATERAL (
    SELECT count(st.avg_width) AS known, sum((1 - st.null_frac) * st.avg_width) AS width
    FROM unnest(x.indkey::int2[]) AS k(attnum)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    JOIN pg_catalog.pg_stats st ON st.schemaname = n.nspname AND st.tablename = c.relname AND st.attname = a.attname
                               AND NOT st.inherited
  ) AS w ON true
  WHERE i.relkind = 'i' AND ${OURS}
  ORDER BY i.relpages DESC, i.oid LIMIT ${MAX_INDEXES}`;

type TableRow = {
  schema: string;
  name: string;
  size: number;
  indexes: number;
  tuples: number;
  dead: number;
  seq: number;
  idx: number;
  inserts: number;
  updates: number;
  deletes: number;
  hot: number;
  changed: number;
  analyzed: Date | null;
  vacuumed: Date | null;
  used: Date | null;
  bloat: number | null;
};
type IndexRow = Omit<IndexFigures, 'sizeBytes' | 'bloatBytes'> & {
  schema: string;
  name: string;
  table: string;
  size: number;
  used: Date | null;
  bloat: number | null;
};

export async function readRelations(session: TargetSession): Promise<Relations> {
  const { serverVersion } = session;
  /** Sizes need a lock that whoever alters a table keeps from us; the catalog's last count needs none. */
  const read = async <R extends object>(sql: (exact: boolean, version: number) => string) => {
    try {
      return await session.query<R>(sql(true, serverVersion));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE))
        throw error;
      return session.query<R>(sql(false, serverVersion));
    }
  };
  const tables = await read<TableRow>(tablesSql);
  const indexes = await read<IndexRow>(indexesSql);
  const [database] = await session.query<{ size: number; reset: Date | null }>(
    `SELECT ${MARK} pg_database_size(current_database())::float8 AS size,
            (SELECT stats_reset FROM pg_catalog.pg_stat_database WHERE datname = current_database()) AS reset`,
  );
  return {
    tables: tables.map((row) => ({
      schema: row.schema,
      name: row.name,
      usedAt: row.used,
      figures: {
        sizeBytes: row.size,
        indexBytes: row.indexes,
        rows: row.tuples,
        deadRows: row.dead,
        seqScans: row.seq,
        indexScans: row.idx,
        inserts: row.inserts,
        updates: row.updates,
        deletes: row.deletes,
        hotUpdates: row.hot,
        changedSinceAnalyze: row.changed,
        analyzedAt: row.analyzed?.toISOString() ?? null,
        vacuumedAt: row.vacuumed?.toISOString() ?? null,
        bloatBytes: row.bloat,
      },
    })),
    indexes: indexes.map(({ schema, name, table, size, used, bloat, ...rest }) => ({
      schema,
      name,
      table,
      usedAt: used,
      figures: { ...rest, sizeBytes: size, bloatBytes: bloat },
    })),
    sizeBytes: database?.size ?? null,
    countedSince: database?.reset ?? null,
  };
}
