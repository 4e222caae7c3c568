/** Slow calls one by one, and tables and indexes as last seen. */
import type { Page } from '../api/contract.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import {
  type IndexFigures,
  type RelationItem,
  type RelationsInput,
  SLOW_LOG_DAYS,
  type SlowCall,
  type SlowCallDetail,
  type SlowLogInput,
  type TableFigures,
} from './contract.ts';

const DAY_MS = 86_400_000;
const LIST_CHARS = 1_000;
/** A scan once in so many days is a use. */
export const UNUSED_DAYS = 14;

export type Listing = {
  log(input: SlowLogInput): Promise<Page<SlowCall>>;
  call(input: { at: string; id: string }): Promise<SlowCallDetail>;
  relations(input: RelationsInput): Promise<Page<RelationItem>>;
};

type CallRow = {
  row_id: string;
  at: Date;
  database_id: string;
  database_name: string;
  statement_id: number;
  text: string;
  duration_ms: number;
  source: SlowCall['source'];
  caller: string | null;
  request_id: string | null;
  trace_id: string | null;
  has_plan: boolean;
  parameters: (string | null)[] | null;
};
const callColumns = `l.id::text AS row_id, l.at, l.database_id::text, d.name AS database_name, l.statement_id, left(s.text, ${LIST_CHARS}) AS text,
  l.duration_ms, l.source, l.caller, l.request_id, l.trace_id, l.plan IS NOT NULL AS has_plan, l.parameters`;
const callTables = `query_slow_log l JOIN query_databases d ON d.id = l.database_id JOIN query_statements s ON s.id = l.statement_id`;
const callOf = (row: CallRow): SlowCall => ({
  id: row.row_id,
  at: row.at.toISOString(),
  databaseId: row.database_id,
  databaseName: row.database_name,
  statementId: String(row.statement_id),
  query: row.text,
  durationMs: row.duration_ms,
  source: row.source,
  caller: row.caller,
  requestId: row.request_id,
  traceId: row.trace_id,
  hasPlan: row.has_plan,
  parameters: row.parameters,
});

type RelationRow = {
  kind: string;
  schema: string;
  name: string;
  table_name: string;
  figures: TableFigures | IndexFigures;
  first_seen: Date;
  used_at: Date | null;
  updated_at: Date;
  size: string;
  counted_since: string | null;
  earlier: TableFigures | null;
  earlier_at: Date | null;
};

export function createListing({ db, clock }: { db: Db; clock: Clock }): Listing {
  return {
    async log(input) {
      const values: unknown[] = [new Date(clock.now().getTime() - SLOW_LOG_DAYS * DAY_MS)];
      const place = (value: unknown): string => `$${values.push(value)}`;
      const where = ['l.at >= $1'];
      if (input.databaseId) where.push(`l.database_id = ${place(input.databaseId)}`);
      if (input.statementId) where.push(`l.statement_id = ${place(input.statementId)}::int`);
      if (input.minMs !== undefined) where.push(`l.duration_ms >= ${place(input.minMs)}::float8`);
      if (input.search) {
        const like = place(`%${likeLiteral(input.search)}%`);
        where.push(`(s.text ILIKE ${like} OR l.caller ILIKE ${like})`);
      }
      if (input.cursor) {
        const [at, id] = input.cursor.split('~');
        where.push(
          `(l.at, l.id) < (to_timestamp(${place(at)}::float8 / 1000)::timestamptz(3), ${place(id)}::bigint)`,
        );
      }
      const { rows } = await db.pool.query<CallRow>(
        `SELECT ${callColumns} FROM ${callTables} WHERE ${where.join(' AND ')}
         ORDER BY l.at DESC, l.id DESC LIMIT ${place(input.limit + 1)}`,
        values,
      );
      const page = rows.slice(0, input.limit);
      const last = page.at(-1);
      return {
        items: page.map(callOf),
        nextCursor:
          rows.length > input.limit && last ? `${last.at.getTime()}~${last.row_id}` : null,
      };
    },
    async call({ at, id }) {
      const { rows } = await db.pool.query<CallRow & { plan: unknown }>(
        `SELECT ${callColumns}, l.plan FROM ${callTables} WHERE l.at = $1 AND l.id = $2::bigint`,
        [new Date(at), id],
      );
      const [row] = rows;
      if (!row) throw new AppError('NOT_FOUND', 'There is no such call; they are kept 14 days.');
      return { ...callOf(row), plan: row.plan };
    },
    async relations({ databaseId, kind, search, unused, limit, cursor }) {
      const now = clock.now();
      const values: unknown[] = [databaseId, kind];
      const place = (value: unknown): string => `$${values.push(value)}`;
      const size = `(r.figures ->> 'sizeBytes')::float8::bigint`;
      const where = ['r.database_id = $1', 'r.kind = $2'];
      if (search) {
        const like = place(`%${likeLiteral(search)}%`);
        where.push(
          `(r.name ILIKE ${like} OR r.table_name ILIKE ${like} OR r.schema ILIKE ${like})`,
        );
      }
      if (unused && kind === 'index') {
        const before = place(new Date(now.getTime() - UNUSED_DAYS * DAY_MS));
        where.push(
          `NOT (r.figures ->> 'constraint')::bool AND NOT (r.figures ->> 'unique')::bool
           AND coalesce(r.used_at, CASE WHEN (r.figures ->> 'scans')::float8 = 0 THEN least(r.first_seen, (d.facts ->> 'countedSince')::timestamptz) ELSE r.first_seen END) < ${before}`,
        );
      }
      if (cursor) {
        // Names may hold the sign that parts a cursor; sizes do not.
        const cut = cursor.indexOf('~');
        const names = cursor.slice(cut + 1);
        where.push(
          `(${size}, r.schema || '.' || r.name) < (${place(cursor.slice(0, cut))}::bigint, ${place(names)})`,
        );
      }
      const { rows } = await db.pool.query<RelationRow>(
        `SELECT r.kind, r.schema, r.name, r.table_name, r.figures, r.first_seen, r.used_at, r.updated_at, ${size}::text AS size,
                d.facts ->> 'countedSince' AS counted_since, day.figures AS earlier, day.at AS earlier_at
         FROM query_relations r JOIN query_databases d ON d.id = r.database_id
         LEFT JOIN LATERAL (
           SELECT figures, at FROM query_relation_days q
           WHERE r.kind = 'table' AND q.database_id = r.database_id AND q.schema = r.schema AND q.name = r.name
             AND q.day >= ${place(new Date(now.getTime() - 7 * DAY_MS).toISOString().slice(0, 10))}::date
           ORDER BY q.day LIMIT 1) AS day ON true
         WHERE ${where.join(' AND ')}
         ORDER BY ${size} DESC, r.schema || '.' || r.name DESC LIMIT ${place(limit + 1)}`,
        values,
      );
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map((row) => relationOf(row, now)),
        nextCursor: rows.length > limit && last ? `${last.size}~${last.schema}.${last.name}` : null,
      };
    },
  };
}

const writesOf = ({ inserts, updates, deletes }: TableFigures): number =>
  inserts + updates + deletes;

function relationOf(row: RelationRow, now: Date): RelationItem {
  const common = {
    schema: row.schema,
    name: row.name,
    table: row.table_name,
    firstSeenAt: row.first_seen.toISOString(),
    usedAt: row.used_at?.toISOString() ?? null,
    updatedAt: row.updated_at.toISOString(),
  };
  if (row.kind === 'table') {
    // Written from this shape by kind.
    const figures = row.figures as TableFigures;
    const elapsedMs = row.earlier_at ? row.updated_at.getTime() - row.earlier_at.getTime() : 0;
    const grown = row.earlier ? writesOf(figures) - writesOf(row.earlier) : 0;
    return {
      ...common,
      kind: 'table',
      figures,
      writesPerDay: elapsedMs >= 600_000 && grown >= 0 ? (grown / elapsedMs) * DAY_MS : null,
    };
  }
  const figures = row.figures as IndexFigures;
  return { ...common, kind: 'index', figures, unusedDays: unusedDays(row, figures, now) };
}

/** Days since the last scan that is known of; null while it is not known for a day. */
function unusedDays(row: RelationRow, { scans }: IndexFigures, now: Date): number | null {
  const counted = row.counted_since ? Date.parse(row.counted_since) : Number.NaN;
  const never =
    scans === 0 && counted < row.first_seen.getTime() ? counted : row.first_seen.getTime();
  const since = row.used_at?.getTime() ?? never;
  const days = Math.floor((now.getTime() - since) / DAY_MS);
  return days >= 1 ? days : null;
}
