/** The advisor's workload of a database, from all that was seen of it. */
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { TableWrites, Workload } from './advisor/workload.ts';
import type { TableFigures } from './contract.ts';
import { statementKinds } from './contract.ts';
import type { Databases } from './databases.ts';
import type { Own } from './own.ts';
import type { Registry } from './registry.ts';
import type { Spans } from './spans.ts';
import { eventsOf } from './trails.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** As the issue has it: a whole workload is advised within 30 s. */
const MAX_STATEMENTS = 500;

export type Workloads = {
  /** Statements that took the most time within the window, the newest hour included. */
  of(databaseId: string, windowMs: number): Promise<Workload>;
};

type Row = {
  id: number;
  fingerprint: string;
  text: string;
  kind: string;
  calls: number;
  total: number;
  rows: number;
  blocks: number;
  spilled: number;
};

export function createWorkloads(deps: {
  db: Db;
  clock: Clock;
  own: Own;
  spans: Spans;
  registry: Registry;
  databases: Pick<Databases, 'find'>;
}): Workloads {
  const { db, clock, own, spans, registry } = deps;

  const statementsOf = async (databaseId: string, from: Date): Promise<Row[]> => {
    const { rows } = await db.pool.query<Row>(
      `SELECT s.id, s.fingerprint, s.text, s.kind, h.calls, h.total, h.rows, h.blocks, h.spilled
       FROM (SELECT statement_id, sum(calls)::float8 AS calls, sum(total_ms)::float8 AS total, sum(rows)::float8 AS rows,
                    sum(hits + reads)::float8 AS blocks, sum(temps)::float8 AS spilled
             FROM query_hours WHERE database_id = $1 AND hour >= $2 GROUP BY 1) AS h
       JOIN query_statements s ON s.id = h.statement_id
       WHERE s.kind <> 'utility' AND NOT s.truncated AND s.fingerprint !~ '^x' AND h.calls > 0
       ORDER BY h.total DESC LIMIT ${MAX_STATEMENTS}`,
      [databaseId, from],
    );
    return rows;
  };
  /** Rows written since the first look of the window, where one is kept. */
  const writesOf = async (databaseId: string, from: Date) => {
    const { rows } = await db.pool.query<{
      schema: string;
      name: string;
      now: TableFigures;
      before: TableFigures | null;
    }>(
      `SELECT r.schema, r.name, r.figures AS now, d.figures AS before FROM query_relations r
       LEFT JOIN LATERAL (
         SELECT figures FROM query_relation_days q
         WHERE q.database_id = r.database_id AND q.schema = r.schema AND q.name = r.name AND q.day >= $2::date
         ORDER BY q.day LIMIT 1) AS d ON true
       WHERE r.database_id = $1 AND r.kind = 'table'`,
      [databaseId, from.toISOString().slice(0, 10)],
    );
    const since = (now: number, before: number | undefined) =>
      before === undefined ? 0 : now >= before ? now - before : now;
    return new Map<string, TableWrites>(
      rows.map(({ schema, name, now, before }) => [
        `${schema}.${name}`,
        {
          inserted: since(now.inserts, before?.inserts),
          updated: since(now.updates, before?.updates),
          hotUpdated: since(now.hotUpdates, before?.hotUpdates),
          deleted: since(now.deletes, before?.deletes),
        },
      ]),
    );
  };
  const scansOf = async (databaseId: string, now: Date) => {
    const { rows } = await db.pool.query<{
      schema: string;
      name: string;
      scans: number;
      watched: Date;
    }>(
      `SELECT r.schema, r.name, (r.figures ->> 'scans')::float8 AS scans,
              CASE WHEN (r.figures ->> 'scans')::float8 = 0 THEN least(r.first_seen, (d.facts ->> 'countedSince')::timestamptz)
                   ELSE r.first_seen END AS watched
       FROM query_relations r JOIN query_databases d ON d.id = r.database_id
       WHERE r.database_id = $1 AND r.kind = 'index'`,
      [databaseId],
    );
    return new Map(
      rows.map(({ schema, name, scans, watched }) => [
        `${schema}.${name}`,
        { scans, watchedMs: Math.max(0, now.getTime() - watched.getTime()) },
      ]),
    );
  };

  return {
    async of(databaseId, windowMs) {
      const now = clock.now();
      const from = new Date(Math.floor((now.getTime() - windowMs) / HOUR_MS) * HOUR_MS);
      const database = await deps.databases.find(databaseId);
      const rows = await statementsOf(databaseId, from);
      const first = await db.pool.query<{ at: Date | null }>(
        'SELECT min(hour) AS at FROM query_hours WHERE database_id = $1 AND hour >= $2',
        [databaseId, from],
      );
      const since = first.rows[0]?.at ?? now;
      const byId = new Map(rows.map((row) => [String(row.id), row]));
      const isOwn = database.kind === 'own';
      const repeatedOf = (row: Row): number | null => {
        // A statement without places for values is the same each time.
        if (!/\$\d/.test(row.text)) return 1;
        return (
          spans.repeated(databaseId, row.id) ?? (isOwn ? (ownRepeats.get(row.id) ?? null) : null)
        );
      };
      const ownRepeats = new Map<number, number>();
      if (isOwn) {
        for (const [text, share] of own.repeats()) {
          const known = registry.peek(databaseId, text);
          if (known) ownRepeats.set(known.id, share);
        }
      }
      const ownEvents = isOwn
        ? eventsOf(own.recent(), (text) => {
            const known = registry.peek(databaseId, text);
            return known && { sql: known.normalized, fingerprint: known.fingerprint };
          })
        : [];
      const spanTrails = spans.recent(databaseId);
      const missing = [
        ...new Set(spanTrails.flatMap(({ events }) => events.map(({ text }) => text))),
      ].filter((id) => !byId.has(id));
      const more = await db.pool.query<{ id: number; fingerprint: string; text: string }>(
        'SELECT id, fingerprint, text FROM query_statements WHERE id = ANY($1::int[])',
        [missing.map(Number)],
      );
      const texts = new Map(
        [...rows, ...more.rows].map((row) => [
          String(row.id),
          { sql: row.text, fingerprint: row.fingerprint },
        ]),
      );
      return {
        // No more than was watched: what is said of a day is not to be told from an hour as if it were one.
        windowMs: Math.max(HOUR_MS / 60, Math.min(DAY_MS * 30, now.getTime() - since.getTime())),
        statements: rows.map((row) => ({
          id: row.fingerprint,
          sql: row.text,
          calls: row.calls,
          meanMs: row.total / row.calls,
          rows: row.rows / row.calls,
          blocks: row.blocks / row.calls,
          spilled: row.spilled / row.calls,
          kind: statementKinds.find((kind) => kind === row.kind) ?? 'other',
          parameters: [],
          repeated: repeatedOf(row),
        })),
        events: [...ownEvents, ...eventsOf(spanTrails, (id) => texts.get(id))],
        writes: await writesOf(databaseId, from),
        indexScans: await scansOf(databaseId, now),
      };
    },
  };
}
