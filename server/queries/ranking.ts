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
const TREND_PARTS_OF_HOURS = 25;
const LIST_CHARS = 1_000;
const MAX_CALLERS = 50;
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

const figures = ['calls', 'total', 'rows', 'hits', 'reads', 'temps'];
const coalesced = (from: string): string =>
  figures.map((name) => `coalesce(${from}.${name}, 0)::float8 AS ${name}`).join(', ');
/** One statement (`$4`) by looks or hours, with zeros where it did not run and nothing where nobody looked. */
const POINTS_OF_LOOKS = `
  SELECT (extract(epoch FROM m.at) * 1000)::float8 AS at,
         (60 / greatest(1, extract(epoch FROM m.at - m.since)))::float8 AS scale, ${coalesced('s')}
  FROM query_minutes m
  LEFT JOIN LATERAL (
    SELECT * FROM unnest(m.statements, m.calls, m.times_ms, m.rows, m.hits, m.reads, m.temps)
      AS each(id, calls, total, rows, hits, reads, temps) WHERE id = $4) AS s ON true
  WHERE m.database_id = $1 AND m.at > $2 AND m.at <= $3 ORDER BY 1`;
const POINTS_OF_HOURS = `
  SELECT (extract(epoch FROM g) * 1000)::float8 AS at,
         (1 / greatest(0.05, least(1, extract(epoch FROM $3::timestamptz - g) / 3600)))::float8 AS scale,
         ${coalesced('h').replace('h.total,', 'h.total_ms,')}
  FROM generate_series($2::timestamptz, $3::timestamptz, '1 hour') AS g
  LEFT JOIN query_hours h ON h.database_id = $1 AND h.hour = g AND h.statement_id = $4
  WHERE EXISTS (SELECT FROM query_hours x WHERE x.database_id = $1 AND x.hour = g) ORDER BY 1`;

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
  /**
   * Time by parts of the range, for the statements of one page, as a mean over the looks or hours of a part: so a part
   * with a look more than its neighbour is no peak. Null where nobody looked.
   */
  const trendsOf = async (databaseId: string, range: Range, ids: readonly number[]) => {
    if (ids.length === 0) return new Map<number, (number | null)[]>();
    const { from, to, minutes } = range;
    const length = to.getTime() - from.getTime();
    // Parts of whole hours; of looks as many as hold at least one each.
    const stepMs = minutes
      ? Math.max(1.5 * MINUTE_MS, length / TREND_PARTS)
      : Math.ceil(length / HOUR_MS / TREND_PARTS_OF_HOURS) * HOUR_MS;
    const part = `floor(extract(epoch FROM at - $2::timestamptz) * 1000 / $4::float8)::int`;
    const sums = await db.pool.query<{ id: number; part: number; ms: number }>(
      `SELECT statement_id AS id, ${part} AS part, sum(ms)::float8 AS ms
       FROM (${parts(minutes)}) AS p WHERE statement_id = ANY($5::int[]) GROUP BY 1, 2`,
      [databaseId, from, to, stepMs, ids],
    );
    const looks = await db.pool.query<{ part: number; looks: number }>(
      `SELECT ${part} AS part, sum(weight)::float8 AS looks FROM (${
        minutes
          ? 'SELECT at, 1 AS weight FROM query_minutes WHERE database_id = $1 AND at > $2 AND at <= $3'
          : `SELECT at, least(1, extract(epoch FROM $3::timestamptz - at) / 3600) AS weight
             FROM generate_series($2::timestamptz, $3::timestamptz, '1 hour') AS at
             WHERE EXISTS (SELECT FROM query_hours h WHERE h.database_id = $1 AND h.hour = at)`
      }) AS seen GROUP BY 1`,
      [databaseId, from, to, stepMs],
    );
    const seen = new Map(looks.rows.map((row) => [row.part, row.looks]));
    const count = Math.max(1, Math.ceil(length / stepMs));
    const trends = new Map(
      ids.map((id) => [
        id,
        Array.from({ length: count }, (_, n): number | null => (seen.get(n) ? 0 : null)),
      ]),
    );
    for (const row of sums.rows) {
      const trend = trends.get(row.id);
      if (trend && row.part >= 0 && row.part < count)
        trend[row.part] = row.ms / Math.max(0.05, seen.get(row.part) ?? 1);
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
      const points = await ask<{
        at: number;
        /** What makes a minute, or an hour, of it: looks are not evenly apart, and the last hour is not over. */
        scale: number;
        calls: number;
        total: number;
        rows: number;
        reads: number;
        hits: number;
        temps: number;
      }>(range.minutes ? POINTS_OF_LOOKS : POINTS_OF_HOURS, [...of, Number(id)]);
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
        per: range.minutes ? 'minute' : 'hour',
        points: points.map(
          (point): StatementPoint => ({
            at: new Date(point.at).toISOString(),
            calls: point.calls * point.scale,
            totalMs: point.total * point.scale,
            meanMs: point.calls > 0 ? point.total / point.calls : null,
            rows: point.rows * point.scale,
            reads: point.reads * point.scale,
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
