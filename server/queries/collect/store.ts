/** What looks found, as it is kept: a row a look, a row a statement and hour, and tables and indexes as last seen. */
import type { Db } from '../../platform/db/index.ts';
import { createPartitions } from '../../platform/db/partitions.ts';
import { transaction } from '../../platform/db/transaction.ts';
import { HISTORY_DAYS, SLOW_LOG_DAYS } from '../contract.ts';
import type { Counts } from './counters.ts';
import { MARK } from './read.ts';
import type { Relations } from './relations.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Statements of one look that have a place of their own in its row. */
export const MAX_OF_A_LOOK = 300;
const KEEP_DAYS = {
  query_minutes: 2,
  query_hours: HISTORY_DAYS,
  query_slow_log: SLOW_LOG_DAYS,
} as const;
type Partitioned = keyof typeof KEEP_DAYS;
const MAX_STATEMENTS = 20_000;
const MAX_CALLERS = 50_000;
const RELATION_DAYS = 30;

export type SavedLook = {
  databaseId: string;
  replica: string;
  at: Date;
  since: Date;
  /** By statement. */
  counts: ReadonlyMap<number, Counts>;
  /** Of all that ran, also what has no statement. */
  totalMs: number;
};
export type CollectStore = {
  ensure(table: Partitioned, at: Date): Promise<void>;
  /** False when another process has taken the database over: then nothing was written. */
  saveLook(look: SavedLook): Promise<boolean>;
  saveRelations(databaseId: string, at: Date, relations: Relations): Promise<void>;
  /** Of a database that was removed. What this does not reach goes with its partition. */
  forget(databaseId: string): Promise<void>;
  prune(now: Date): Promise<void>;
};

const dayOf = (at: Date): number => Math.floor(at.getTime() / DAY_MS);
const isoDay = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

export function createCollectStore({ db }: { db: Db }): CollectStore {
  const partitions = createPartitions(db.pool);
  const ensure = (table: Partitioned, at: Date): Promise<void> => {
    const day = dayOf(at);
    return partitions.ensure({
      table,
      name: `${table}_${isoDay(day).replaceAll('-', '')}`,
      from: `${isoDay(day)}T00:00:00Z`,
      to: `${isoDay(day + 1)}T00:00:00Z`,
    });
  };

  return {
    ensure,
    async saveLook({ databaseId, replica, at, since, counts, totalMs }) {
      const hour = new Date(Math.floor(at.getTime() / HOUR_MS) * HOUR_MS);
      await ensure('query_minutes', at);
      await ensure('query_hours', hour);
      const ranked = [...counts].sort(([, a], [, b]) => b.totalMs - a.totalMs);
      const top = ranked.slice(0, MAX_OF_A_LOOK);
      const column = (of: typeof ranked, pick: (one: Counts) => number) =>
        of.map(([, one]) => pick(one));
      const columns = (of: typeof ranked) => [
        of.map(([id]) => id),
        column(of, (one) => one.calls),
        column(of, (one) => one.totalMs),
        column(of, (one) => one.rows),
        column(of, (one) => one.hits),
        column(of, (one) => one.reads),
        column(of, (one) => one.ioMs),
        column(of, (one) => one.temps),
      ];
      return transaction(db.pool, async (client) => {
        const held = await client.query(
          `UPDATE ${MARK} query_databases SET last_at = $3 WHERE id = $1 AND collector = $2`,
          [databaseId, replica, at],
        );
        if (held.rowCount === 0) return false;
        await client.query(
          `INSERT ${MARK} INTO query_minutes (database_id, at, since, total_ms, statements, calls, times_ms, rows, hits, reads, io_ms, temps)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
          [databaseId, at, since, totalMs, ...columns(top)],
        );
        if (ranked.length === 0) return true;
        // One order for all: two that write at once must not wait for each other in a circle.
        const sorted = ranked.toSorted(([a], [b]) => a - b);
        await client.query({
          name: 'queries-hours',
          text: `INSERT ${MARK} INTO query_hours AS h (database_id, hour, statement_id, calls, total_ms, rows, hits, reads, io_ms, temps)
                 SELECT $1, $2, * FROM unnest($3::int[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[], $10::float8[])
                 ON CONFLICT (database_id, hour, statement_id) DO UPDATE SET
                   calls = h.calls + excluded.calls, total_ms = h.total_ms + excluded.total_ms, rows = h.rows + excluded.rows,
                   hits = h.hits + excluded.hits, reads = h.reads + excluded.reads, io_ms = h.io_ms + excluded.io_ms,
                   temps = h.temps + excluded.temps`,
          values: [databaseId, hour, ...columns(sorted)],
        });
        await client.query(
          `UPDATE ${MARK} query_statements SET last_seen = $2
           WHERE id = ANY($1::int[]) AND last_seen < $2::timestamptz - interval '5 minutes'`,
          [sorted.map(([id]) => id), at],
        );
        return true;
      });
    },
    async saveRelations(databaseId, at, { tables, indexes }) {
      const all = [
        ...tables.map((one) => ({ ...one, kind: 'table', table: one.name })),
        ...indexes.map((one) => ({ ...one, kind: 'index' })),
      ];
      const names = [
        databaseId,
        at,
        all.map(({ kind }) => kind),
        all.map(({ schema }) => schema),
        all.map(({ name }) => name),
      ];
      const scans = (row: string) =>
        `coalesce((${row}.figures ->> 'scans')::float8, (${row}.figures ->> 'seqScans')::float8 + (${row}.figures ->> 'indexScans')::float8)`;
      await transaction(db.pool, async (client) => {
        await client.query(
          `INSERT ${MARK} INTO query_relations AS r (database_id, kind, schema, name, table_name, figures, first_seen, used_at, updated_at)
           SELECT $1, kind, schema, name, table_name, figures, $2, used, $2
           FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::timestamptz[])
             AS t(kind, schema, name, table_name, figures, used)
           ON CONFLICT (database_id, kind, schema, name) DO UPDATE SET
             table_name = excluded.table_name, figures = excluded.figures, updated_at = excluded.updated_at,
             used_at = CASE WHEN ${scans('excluded')} > ${scans('r')} THEN coalesce(excluded.used_at, excluded.updated_at)
                            ELSE greatest(r.used_at, excluded.used_at) END`,
          [
            ...names,
            all.map(({ table }) => table),
            all.map(({ figures }) => JSON.stringify(figures)),
            all.map(({ usedAt }) => usedAt),
          ],
        );
        await client.query(
          `DELETE ${MARK} FROM query_relations r WHERE database_id = $1 AND updated_at < $2
           AND NOT EXISTS (SELECT FROM unnest($3::text[], $4::text[], $5::text[]) AS t(kind, schema, name)
                           WHERE (t.kind, t.schema, t.name) = (r.kind, r.schema, r.name))`,
          names,
        );
        await client.query(
          `INSERT ${MARK} INTO query_relation_days (database_id, day, schema, name, figures, at)
           SELECT $1, ($2::timestamptz AT TIME ZONE 'UTC')::date, schema, name, figures, $2
           FROM unnest($3::text[], $4::text[], $5::jsonb[]) AS t(schema, name, figures)
           ON CONFLICT DO NOTHING`,
          [
            databaseId,
            at,
            tables.map(({ schema }) => schema),
            tables.map(({ name }) => name),
            tables.map(({ figures }) => JSON.stringify(figures)),
          ],
        );
      });
    },
    async forget(databaseId) {
      for (const table of Object.keys(KEEP_DAYS))
        await db.pool.query(`DELETE ${MARK} FROM ${table} WHERE database_id = $1`, [databaseId]);
    },
    async prune(now) {
      for (const table of Object.keys(KEEP_DAYS) as Partitioned[]) {
        await ensure(table, now);
        await ensure(table, new Date(now.getTime() + DAY_MS));
        for (const { name } of await partitions.of([table])) {
          const match = /_(\d{4})(\d\d)(\d\d)$/.exec(name);
          if (!match) continue;
          const day = dayOf(
            new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]))),
          );
          if (day < dayOf(now) - KEEP_DAYS[table]) await partitions.drop(name);
        }
      }
      const before = new Date(now.getTime() - KEEP_DAYS.query_hours * DAY_MS);
      await db.pool.query(
        `DELETE ${MARK} FROM query_statements WHERE id IN (
           SELECT id FROM (SELECT id, last_seen, row_number() OVER (PARTITION BY database_id ORDER BY last_seen DESC) AS n FROM query_statements) AS ranked
           WHERE last_seen < $1 OR n > ${MAX_STATEMENTS})`,
        [before],
      );
      await db.pool.query(
        `DELETE ${MARK} FROM query_callers c USING (
           SELECT ctid, day, row_number() OVER (PARTITION BY database_id ORDER BY day DESC, total_ms DESC) AS n FROM query_callers) AS ranked
         WHERE c.ctid = ranked.ctid AND (ranked.day < $1::date OR n > ${MAX_CALLERS})`,
        [before],
      );
      await db.pool.query(`DELETE ${MARK} FROM query_relation_days WHERE day < $1::date`, [
        new Date(now.getTime() - RELATION_DAYS * DAY_MS),
      ]);
    },
  };
}
