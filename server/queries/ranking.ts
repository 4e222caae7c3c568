/** What pages read: statements by their cost in a range, one statement with its history and callers, slow calls, relations. */
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral } from '../platform/db/index.ts';
import { transaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import {
  adviceKinds,
  type CallerItem,
  type QueryRange,
  type SlowInput,
  type SlowPage,
  type StatementDetail,
  type StatementInput,
  type StatementItem,
  type StatementPoint,
  statementKinds,
} from './contract.ts';
import { BUCKETS, quantile } from './durations.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
export const rangeMs: Readonly<Record<QueryRange, number>> = {
  '15m': 15 * MINUTE_MS,
  '1h': HOUR_MS,
  '6h': 6 * HOUR_MS,
  '24h': DAY_MS,
  '7d': 7 * DAY_MS,
  '30d': 30 * DAY_MS,
};
/** Longer ranges are read by hours. */
const BY_MINUTES_MS = 6 * HOUR_MS;
const TREND_PARTS = 20;
const LIST_CHARS = 1_000;
const MAX_CALLERS = 50;
const MAX_POINTS = 720;
const READ_TIMEOUT_MS = 10_000;

export type Ranking = {
  slow(input: SlowInput): Promise<SlowPage>;
  statement(input: StatementInput): Promise<StatementDetail>;
};

type Range = { from: Date; to: Date; minutes: boolean };
type SumRow = {
  statement_id: number;
  calls: number;
  total: number;
  rows: number;
  hits: number;
  reads: number;
  temps: number;
  fingerprint: string;
  text: string;
  truncated: boolean;
  kind: string;
  tables: string[];
  database_id: string;
  first_seen: Date;
  last_seen: Date;
};

/** One row a statement and time: from looks, or from hours. `$1` database, `$2` from, `$3` to. */
const parts = (minutes: boolean) =>
  minutes
    ? `SELECT s.id AS statement_id, m.at AS at, s.calls, s.ms, s.rows, s.hits, s.reads, s.temps
       FROM query_minutes m, unnest(m.statements, m.calls, m.times_ms, m.rows, m.hits, m.reads, m.temps)
         AS s(id, calls, ms, rows, hits, reads, temps)
       WHERE m.database_id = $1 AND m.at > $2 AND m.at <= $3`
    : `SELECT statement_id, hour AS at, calls, total_ms AS ms, rows, hits, reads, temps
       FROM query_hours WHERE database_id = $1 AND hour >= $2 AND hour <= $3`;

const sorts = {
  total: 'total',
  mean: 'total / greatest(calls, 1e-9)',
  calls: 'calls',
  rows: 'rows',
} as const;

const columns = `s.fingerprint, s.text, s.truncated, s.kind, s.tables, s.database_id::text, s.first_seen, s.last_seen`;

export function createRanking({ db, clock }: { db: Db; clock: Clock }): Ranking {
  const rangeOf = (name: QueryRange, to: Date): Range => {
    const length = rangeMs[name];
    const minutes = length <= BY_MINUTES_MS;
    const from = to.getTime() - length;
    return { to, minutes, from: new Date(minutes ? from : Math.floor(from / HOUR_MS) * HOUR_MS) };
  };
  /** A question that reads too much is cut off. */
  const ask = <R extends object>(text: string, values: unknown[]): Promise<R[]> =>
    transaction(
      db.pool,
      async (client) => {
        await client.query(`SET LOCAL statement_timeout = ${READ_TIMEOUT_MS}`);
        return (await client.query<R>(text, values)).rows;
      },
      'READ ONLY',
    );
  const totalOf = async (databaseId: string, range: Range): Promise<number> => {
    const { rows } = await db.pool.query<{ total: number | null }>(
      range.minutes
        ? 'SELECT sum(total_ms)::float8 AS total FROM query_minutes WHERE database_id = $1 AND at > $2 AND at <= $3'
        : 'SELECT sum(total_ms)::float8 AS total FROM query_hours WHERE database_id = $1 AND hour >= $2 AND hour <= $3',
      [databaseId, range.from, range.to],
    );
    return rows[0]?.total ?? 0;
  };
  /** Time by equal parts of the range, for the statements of one page. */
  const trendsOf = async (databaseId: string, range: Range, ids: readonly number[]) => {
    if (ids.length === 0) return new Map<number, (number | null)[]>();
    const { rows } = await db.pool.query<{ id: number; part: number; ms: number }>(
      `SELECT statement_id AS id,
              least(${TREND_PARTS - 1}, floor(${TREND_PARTS} * extract(epoch FROM at - $2) / greatest(1, extract(epoch FROM $3::timestamptz - $2::timestamptz))))::int AS part,
              sum(ms)::float8 AS ms
       FROM (${parts(range.minutes)}) AS p WHERE statement_id = ANY($4::int[]) GROUP BY 1, 2`,
      [databaseId, range.from, range.to, ids],
    );
    const watched = await db.pool.query<{ since: Date | null }>(
      'SELECT min(created_at) AS since FROM query_databases WHERE id = $1',
      [databaseId],
    );
    const since = watched.rows[0]?.since?.getTime() ?? 0;
    const length = (range.to.getTime() - range.from.getTime()) / TREND_PARTS;
    const trends = new Map(
      ids.map((id) => [
        id,
        Array.from({ length: TREND_PARTS }, (_, part): number | null =>
          range.from.getTime() + (part + 1) * length < since ? null : 0,
        ),
      ]),
    );
    for (const { id, part, ms } of rows) {
      const trend = trends.get(id);
      if (trend && part >= 0) trend[part] = ms;
    }
    return trends;
  };
  const p95Of = async (databaseId: string, range: Range, ids: readonly number[]) => {
    const { rows } = await db.pool.query<{ id: number; histogram: number[] }>(
      `SELECT statement_id AS id, array_agg(sum ORDER BY n)::int[] AS histogram
       FROM (SELECT statement_id, n, sum(times)::bigint AS sum
             FROM query_callers, unnest(histogram) WITH ORDINALITY AS h(times, n)
             WHERE database_id = $1 AND day >= $2::date AND statement_id = ANY($3::int[]) AND n <= ${BUCKETS}
             GROUP BY 1, 2) AS summed GROUP BY 1`,
      [databaseId, range.from.toISOString().slice(0, 10), ids],
    );
    return new Map(rows.map(({ id, histogram }) => [id, quantile(histogram, 0.95)]));
  };
  /** The kind of the advice that would save most, by fingerprint; what says that nothing should be done is none. */
  const adviceOf = async (databaseId: string, fingerprints: readonly string[]) => {
    const { rows } = await db.pool.query<{ fingerprint: string; kind: string }>(
      `SELECT DISTINCT ON (f.fingerprint) f.fingerprint, a.kind
       FROM query_advice a JOIN unnest($2::text[]) AS f(fingerprint) ON f.fingerprint = ANY(a.statements)
       WHERE a.database_id = $1 AND a.state IN ('open', 'approved', 'applying', 'verifying') AND a.kind <> 'none'
       ORDER BY f.fingerprint, a.saved_ms_per_day DESC`,
      [databaseId, fingerprints],
    );
    return new Map(rows.map(({ fingerprint, kind }) => [fingerprint, kind]));
  };
  const itemsOf = async (
    databaseId: string,
    range: Range,
    rows: readonly SumRow[],
    totalMs: number,
  ): Promise<StatementItem[]> => {
    const ids = rows.map((row) => row.statement_id);
    const trends = await trendsOf(databaseId, range, ids);
    const p95s = await p95Of(databaseId, range, ids);
    const advice = await adviceOf(
      databaseId,
      rows.map(({ fingerprint }) => fingerprint),
    );
    return rows.map((row) => {
      const calls = Math.round(row.calls);
      const blocks = row.hits + row.reads;
      return {
        id: String(row.statement_id),
        databaseId: row.database_id,
        fingerprint: row.fingerprint,
        query: row.text.slice(0, LIST_CHARS),
        kind: statementKinds.find((kind) => kind === row.kind) ?? 'other',
        tables: row.tables,
        calls,
        totalMs: row.total,
        meanMs: calls > 0 ? row.total / row.calls : 0,
        p95Ms: p95s.get(row.statement_id) ?? null,
        rows: Math.round(row.rows),
        rowsPerCall: calls > 0 ? row.rows / row.calls : 0,
        share: totalMs > 0 ? Math.min(1, row.total / totalMs) : 0,
        blocksPerCall: calls > 0 ? blocks / row.calls : 0,
        hitRatio: blocks > 0 ? row.hits / blocks : null,
        tempBlocks: Math.round(row.temps),
        firstSeenAt: row.first_seen.toISOString(),
        lastSeenAt: row.last_seen.toISOString(),
        trend: trends.get(row.statement_id) ?? [],
        advice: adviceKinds.find((kind) => kind === advice.get(row.fingerprint)) ?? null,
      };
    });
  };

  return {
    async slow(input) {
      const { databaseId, limit } = input;
      const known = await db.prisma.queryDatabase.findUnique({
        where: { id: databaseId },
        select: { id: true },
      });
      if (!known) throw new AppError('NOT_FOUND', 'There is no such database.');
      const [until, value, last] = input.cursor?.split('~') ?? [];
      const to = until === undefined ? clock.now() : new Date(Number(until));
      const range = rangeOf(input.range, Number.isNaN(to.getTime()) ? clock.now() : to);
      const values: unknown[] = [databaseId, range.from, range.to];
      const where: string[] = [];
      const place = (given: unknown): string => `$${values.push(given)}`;
      if (input.search) {
        const like = place(`%${likeLiteral(input.search)}%`);
        where.push(`(s.text ILIKE ${like} OR s.fingerprint ILIKE ${like})`);
      }
      if (input.kind) where.push(`s.kind = ${place(input.kind)}`);
      if (input.minMeanMs !== undefined)
        where.push(`total / greatest(calls, 1e-9) >= ${place(input.minMeanMs)}::float8`);
      const sorted = `round((${sorts[input.sort]})::numeric, 6)::float8`;
      if (value !== undefined && last !== undefined)
        where.push(`(${sorted}, statement_id) < (${place(value)}::float8, ${place(last)}::int)`);
      const rows = await ask<SumRow & { sorted: number }>(
        `SELECT sums.*, ${sorted} AS sorted, ${columns}
         FROM (SELECT statement_id, sum(calls)::float8 AS calls, sum(ms)::float8 AS total, sum(rows)::float8 AS rows,
                      sum(hits)::float8 AS hits, sum(reads)::float8 AS reads, sum(temps)::float8 AS temps
               FROM (${parts(range.minutes)}) AS p GROUP BY 1) AS sums
         JOIN query_statements s ON s.id = sums.statement_id AND s.database_id = $1
         ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
         ORDER BY sorted DESC, statement_id DESC LIMIT ${place(limit + 1)}`,
        values,
      );
      const page = rows.slice(0, limit);
      const totalMs = await totalOf(databaseId, range);
      const end = page.at(-1);
      return {
        items: await itemsOf(databaseId, range, page, totalMs),
        nextCursor:
          rows.length > limit && end
            ? `${range.to.getTime()}~${end.sorted}~${end.statement_id}`
            : null,
        from: range.from.toISOString(),
        to: range.to.toISOString(),
        totalMs,
      };
    },
    async statement({ id, range: name }) {
      const [one] = (
        await db.pool.query<Omit<SumRow, 'statement_id'> & { database_name: string }>(
          `SELECT ${columns}, d.name AS database_name FROM query_statements s JOIN query_databases d ON d.id = s.database_id
           WHERE s.id = $1`,
          [Number(id)],
        )
      ).rows;
      if (!one) throw new AppError('NOT_FOUND', 'There is no such statement.');
      const range = rangeOf(name, clock.now());
      const of = [one.database_id, range.from, range.to];
      const stepMs = Math.max(
        range.minutes ? MINUTE_MS : HOUR_MS,
        Math.ceil(rangeMs[name] / MAX_POINTS / MINUTE_MS) * MINUTE_MS,
      );
      const points = await ask<{
        at: number;
        calls: number;
        total: number;
        rows: number;
        reads: number;
        hits: number;
        temps: number;
      }>(
        `SELECT floor(extract(epoch FROM at) * 1000 / $5::float8)::float8 * $5::float8 AS at, sum(calls)::float8 AS calls, sum(ms)::float8 AS total,
                sum(rows)::float8 AS rows, sum(reads)::float8 AS reads, sum(hits)::float8 AS hits, sum(temps)::float8 AS temps
         FROM (${parts(range.minutes)}) AS p WHERE statement_id = $4 GROUP BY 1 ORDER BY 1`,
        [...of, Number(id), stepMs],
      );
      const sum = (pick: (point: (typeof points)[number]) => number) =>
        points.reduce((all, point) => all + pick(point), 0);
      const totalMs = await totalOf(one.database_id, range);
      const [item] = await itemsOf(
        one.database_id,
        range,
        [
          {
            ...one,
            statement_id: Number(id),
            calls: sum(({ calls }) => calls),
            total: sum(({ total }) => total),
            rows: sum(({ rows }) => rows),
            hits: sum(({ hits }) => hits),
            reads: sum(({ reads }) => reads),
            temps: sum(({ temps }) => temps),
          },
        ],
        totalMs,
      );
      if (!item) throw new AppError('NOT_FOUND', 'There is no such statement.');
      const callers = await db.pool.query<{
        source: CallerItem['source'];
        caller: string;
        calls: number;
        total: number;
        max: number;
        slow: number;
        last: Date;
      }>(
        `SELECT source, caller, sum(calls)::float8 AS calls, sum(total_ms)::float8 AS total, max(max_ms)::float8 AS max,
                sum(slow)::float8 AS slow, max(last_seen) AS last
         FROM query_callers WHERE database_id = $1 AND statement_id = $2 AND day >= $3::date
         GROUP BY 1, 2 ORDER BY total DESC LIMIT ${MAX_CALLERS}`,
        [one.database_id, Number(id), range.from.toISOString().slice(0, 10)],
      );
      return {
        ...item,
        text: one.text,
        truncated: one.truncated,
        databaseName: one.database_name,
        points: points.map(
          (point): StatementPoint => ({
            at: new Date(point.at).toISOString(),
            calls: point.calls,
            totalMs: point.total,
            meanMs: point.calls > 0 ? point.total / point.calls : null,
            rows: point.rows,
            reads: point.reads,
          }),
        ),
        callers: callers.rows.map((row) => ({
          source: row.source,
          caller: row.caller,
          calls: row.calls,
          totalMs: row.total,
          meanMs: row.calls > 0 ? row.total / row.calls : 0,
          maxMs: row.max,
          slow: row.slow,
          lastSeenAt: row.last.toISOString(),
        })),
      };
    },
  };
}
