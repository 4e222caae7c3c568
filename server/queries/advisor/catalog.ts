/**
 * What PostgreSQL knows of the tables that a workload touches: columns, statistics, indexes, keys, and how often they are
 * read and written. Four statements for any number of tables.
 */
import type { Session } from './session.ts';

export type ColumnStats = {
  /** Distinct values, as a count. */
  distinct: number;
  nullFraction: number;
  /** The most common values as text, with their shares. */
  common: ReadonlyMap<string, number>;
  /** Bounds of equally filled ranges, as text. */
  histogram: readonly string[];
  correlation: number;
  width: number;
};
export type Column = {
  name: string;
  type: string;
  /** As `pg_type.typcategory`: S text, N number, D time, A array, R range, B boolean, I network, G geometry, U other. */
  category: string;
  /** Its collation orders by bytes, so that a plain index serves LIKE 'x%'. */
  byteOrder: boolean;
  notNull: boolean;
  stats: ColumnStats | null;
};
export type IndexKey = {
  /** Column's name, or an expression as PostgreSQL prints it. */
  expression: string;
  isColumn: boolean;
  opclass: string;
  defaultOpclass: boolean;
  collation: number;
  descending: boolean;
  nullsFirst: boolean;
};
export type Index = {
  name: string;
  schema: string;
  method: string;
  keys: IndexKey[];
  include: string[];
  where: string | null;
  unique: boolean;
  primary: boolean;
  /** A constraint stands on it, or replication identifies rows by it. */
  needed: boolean;
  valid: boolean;
  /** Of a partition, as part of its parent's index. */
  partition: boolean;
  bytes: number;
  scans: number;
  definition: string;
};
export type Table = {
  oid: number;
  schema: string;
  name: string;
  /** As advice names it: without `public.`. */
  shown: string;
  partitioned: boolean;
  /** Names of the tables that hold its rows, when it is partitioned. */
  partitions: string[];
  /** It is one of another table's. */
  partition: boolean;
  rows: number;
  pages: number;
  bytes: number;
  analyzed: boolean;
  /** Rows changed since statistics were taken. */
  changed: number;
  /** Rows that the statistics collector counts; close to the truth also without ANALYZE. */
  live: number;
  columns: ReadonlyMap<string, Column>;
  indexes: Index[];
  /** Of other tables, that point here: their columns. */
  referencedBy: { table: string; columns: string[]; keys: string[] }[];
  references: { table: string; columns: string[]; keys: string[] }[];
};
export type Catalog = {
  /** By the name as written in a statement. */
  tables: ReadonlyMap<string, Table>;
  extensions: ReadonlyMap<string, string>;
  available: ReadonlySet<string>;
};

const MAX_TABLES = 400;
const numberOf = (value: unknown): number => Number(value ?? 0);

export async function readCatalog(session: Session, names: readonly string[]): Promise<Catalog> {
  const wanted = [...new Set(names)].slice(0, MAX_TABLES);
  const tableRows = await session.query<{
    asked: string;
    oid: string;
    schema: string;
    name: string;
    kind: string;
    partition: boolean;
    partitions: string[];
    rows: number;
    pages: string;
    bytes: string;
    last: Date | null;
    changed: string | null;
    live: string | null;
  }>(
    `WITH RECURSIVE asked AS (
       SELECT asked, to_regclass(asked)::oid AS oid FROM unnest($1::text[]) AS asked
     ), part AS (
       SELECT a.oid AS root, a.oid FROM (SELECT DISTINCT oid FROM asked WHERE oid IS NOT NULL) a
       UNION ALL SELECT part.root, i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid
     ), sums AS (
       SELECT part.root, sum(greatest(c.reltuples, 0))::float8 AS rows, sum(c.relpages)::bigint AS pages,
              sum(pg_relation_size(c.oid))::bigint AS bytes, min(coalesce(greatest(s.last_analyze, s.last_autoanalyze), '-infinity')) AS last,
              sum(s.n_mod_since_analyze)::bigint AS changed, sum(s.n_live_tup)::bigint AS live,
              array_agg(c.relname::text) FILTER (WHERE part.oid <> part.root) AS partitions
       FROM part JOIN pg_class c ON c.oid = part.oid AND c.relkind IN ('r', 'm')
            LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
       GROUP BY part.root
     )
     SELECT a.asked, a.oid::text, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relispartition AS partition,
            coalesce(sums.partitions, '{}') AS partitions, coalesce(sums.rows, 0) AS rows,
            coalesce(sums.pages, 0)::text AS pages, coalesce(sums.bytes, 0)::text AS bytes,
            CASE WHEN sums.last = '-infinity' THEN NULL ELSE sums.last END AS last, sums.changed::text, sums.live::text
     FROM asked a JOIN pg_class c ON c.oid = a.oid JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN sums ON sums.root = a.oid
     WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')`,
    [wanted.map((name) => quotedPath(name))],
  );
  const oids = [...new Set(tableRows.map(({ oid }) => oid))];
  const [columns, indexes, keys, extensions] = [
    await readColumns(session, oids),
    await readIndexes(session, oids),
    await readKeys(session, oids),
    await session.query<{ name: string; schema: string | null }>(
      `SELECT a.name, n.nspname AS schema FROM pg_available_extensions a
       LEFT JOIN pg_extension e ON e.extname = a.name LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
       WHERE a.name IN ('hypopg', 'pg_trgm', 'btree_gin', 'btree_gist', 'pg_stat_statements')`,
    ),
  ];
  const byOid = new Map<string, Table>();
  const tables = new Map<string, Table>();
  for (const row of tableRows) {
    let table = byOid.get(row.oid);
    if (!table) {
      table = {
        oid: Number(row.oid),
        schema: row.schema,
        name: row.name,
        shown: row.schema === 'public' ? row.name : `${row.schema}.${row.name}`,
        partitioned: row.kind === 'p',
        partitions: row.partitions,
        partition: row.partition,
        rows: Math.max(row.rows, 0),
        pages: numberOf(row.pages),
        bytes: numberOf(row.bytes),
        analyzed: row.last !== null,
        changed: numberOf(row.changed),
        live: numberOf(row.live),
        columns: columns.get(row.oid) ?? new Map(),
        indexes: indexes.get(row.oid) ?? [],
        referencedBy: keys.filter((key) => key.to === row.oid).map(({ from }) => from),
        references: keys.filter((key) => key.of === row.oid).map(({ target }) => target),
      };
      // Never analyzed: the size says how many rows there may be.
      if (table.rows === 0 && table.live > 0) table.rows = table.live;
      byOid.set(row.oid, table);
    }
    tables.set(wanted.find((name) => quotedPath(name) === row.asked) ?? row.asked, table);
  }
  return {
    tables,
    extensions: new Map(
      extensions.flatMap(({ name, schema }) => (schema === null ? [] : [[name, schema]])),
    ),
    available: new Set(extensions.map(({ name }) => name)),
  };
}

/** A name from the parse tree, `schema.name` or `name`, for to_regclass. */
const quotedPath = (name: string): string =>
  name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');

async function readColumns(
  session: Session,
  oids: readonly string[],
): Promise<Map<string, Map<string, Column>>> {
  const rows = await session.query<{
    oid: string;
    name: string;
    type: string;
    category: string;
    byte_order: boolean;
    not_null: boolean;
    distinct: number | null;
    null_fraction: number | null;
    common: string[] | null;
    shares: number[] | null;
    histogram: string[] | null;
    correlation: number | null;
    width: number | null;
    tuples: number;
  }>(
    `SELECT c.oid::text, a.attname AS name, format_type(a.atttypid, NULL) AS type, t.typcategory::text AS category,
            CASE WHEN l.oid IS NULL THEN true
                 WHEN l.oid = 100 THEN (SELECT coalesce(to_jsonb(d)->>'datlocprovider', 'c') = 'b' OR
                                               (coalesce(to_jsonb(d)->>'datlocprovider', 'c') = 'c' AND d.datcollate IN ('C', 'POSIX'))
                                        FROM pg_database d WHERE d.datname = current_database())
                 ELSE l.collprovider = 'b' OR coalesce(l.collcollate, '') IN ('C', 'POSIX') END AS byte_order,
            a.attnotnull AS not_null, s.n_distinct AS distinct, s.null_frac AS null_fraction,
            s.most_common_vals::text::text[] AS common, s.most_common_freqs::float8[] AS shares,
            s.histogram_bounds::text::text[] AS histogram, s.correlation, s.avg_width AS width, greatest(c.reltuples, 0)::float8 AS tuples
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type t ON t.oid = a.atttypid
          LEFT JOIN pg_collation l ON l.oid = a.attcollation
          LEFT JOIN LATERAL (SELECT * FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
                             ORDER BY s.inherited = (c.relkind = 'p') DESC LIMIT 1) s ON true
     WHERE c.oid = ANY($1::oid[])
     ORDER BY c.oid, a.attnum`,
    [oids],
  );
  const tables = new Map<string, Map<string, Column>>();
  for (const row of rows) {
    const columns = tables.get(row.oid) ?? new Map<string, Column>();
    tables.set(row.oid, columns);
    const distinct = row.distinct ?? 0;
    columns.set(row.name, {
      name: row.name,
      type: row.type,
      category: row.category,
      byteOrder: row.byte_order,
      notNull: row.not_null,
      stats:
        row.distinct === null
          ? null
          : {
              distinct: Math.max(1, distinct < 0 ? -distinct * row.tuples : distinct),
              nullFraction: row.null_fraction ?? 0,
              common: new Map(
                (row.common ?? []).map((value, n) => [value, row.shares?.[n] ?? 0] as const),
              ),
              histogram: row.histogram ?? [],
              correlation: row.correlation ?? 0,
              width: row.width ?? 8,
            },
    });
  }
  return tables;
}

async function readIndexes(
  session: Session,
  oids: readonly string[],
): Promise<Map<string, Index[]>> {
  const rows = await session.query<{
    oid: string;
    name: string;
    schema: string;
    method: string;
    keys: {
      expression: string;
      isColumn: boolean;
      opclass: string;
      defaultOpclass: boolean;
      collation: number;
      option: number;
    }[];
    include: string[];
    where: string | null;
    unique: boolean;
    primary: boolean;
    needed: boolean;
    valid: boolean;
    partition: boolean;
    bytes: string;
    scans: string | null;
    definition: string;
  }>(
    `SELECT i.indrelid::text AS oid, c.relname AS name, n.nspname AS schema, am.amname AS method,
            (SELECT json_agg(json_build_object(
                'expression', CASE WHEN i.indkey[k] = 0 THEN pg_get_indexdef(i.indexrelid, k + 1, true) ELSE a.attname END,
                'isColumn', i.indkey[k] <> 0, 'opclass', o.opcname, 'defaultOpclass', o.opcdefault,
                'collation', i.indcollation[k]::int8, 'option', i.indoption[k]) ORDER BY k)
             FROM generate_series(0, i.indnkeyatts - 1) AS k
                  LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
                  JOIN pg_opclass o ON o.oid = i.indclass[k]) AS keys,
            coalesce((SELECT json_agg(a.attname ORDER BY k) FROM generate_series(i.indnkeyatts, i.indnatts - 1) AS k
                      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]), '[]') AS include,
            pg_get_expr(i.indpred, i.indrelid, true) AS where, i.indisunique AS unique, i.indisprimary AS primary,
            (i.indisreplident OR i.indisclustered OR EXISTS (SELECT 1 FROM pg_constraint x WHERE x.conindid = i.indexrelid)) AS needed,
            i.indisvalid AND i.indisready AS valid,
            EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid) AS partition,
            pg_relation_size(i.indexrelid)::text AS bytes, s.idx_scan::text AS scans, pg_get_indexdef(i.indexrelid) AS definition
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_am am ON am.oid = c.relam LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = i.indexrelid
     WHERE i.indrelid = ANY($1::oid[]) ORDER BY i.indexrelid`,
    [oids],
  );
  const tables = new Map<string, Index[]>();
  for (const row of rows) {
    const indexes = tables.get(row.oid) ?? [];
    tables.set(row.oid, indexes);
    indexes.push({
      ...row,
      keys: (row.keys ?? []).map(({ option, ...key }) => ({
        ...key,
        descending: (option & 1) === 1,
        nullsFirst: (option & 2) === 2,
      })),
      bytes: numberOf(row.bytes),
      scans: numberOf(row.scans),
    });
  }
  return tables;
}

type KeyRow = {
  of: string;
  to: string;
  from: Table['referencedBy'][number];
  target: Table['references'][number];
};

async function readKeys(session: Session, oids: readonly string[]): Promise<KeyRow[]> {
  const rows = await session.query<{
    of: string;
    to: string;
    child: string;
    parent: string;
    columns: string[];
    keys: string[];
  }>(
    `SELECT x.conrelid::text AS of, x.confrelid::text AS to,
            CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS child,
            CASE WHEN pn.nspname = 'public' THEN p.relname ELSE pn.nspname || '.' || p.relname END AS parent,
            (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(x.conkey) WITH ORDINALITY AS k(num, n)
             JOIN pg_attribute a ON a.attrelid = x.conrelid AND a.attnum = k.num) AS columns,
            (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(x.confkey) WITH ORDINALITY AS k(num, n)
             JOIN pg_attribute a ON a.attrelid = x.confrelid AND a.attnum = k.num) AS keys
     FROM pg_constraint x JOIN pg_class c ON c.oid = x.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_class p ON p.oid = x.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
     WHERE x.contype = 'f' AND x.conparentid = 0 AND (x.conrelid = ANY($1::oid[]) OR x.confrelid = ANY($1::oid[]))
     LIMIT 2000`,
    [oids],
  );
  return rows.map(({ of, to, child, parent, columns, keys }) => ({
    of,
    to,
    from: { table: child, columns, keys },
    target: { table: parent, columns, keys },
  }));
}
