/**
 * History of checks: every check for 7 days, sums by minute for 30 days and by hour for 13 months. All three are
 * partitioned by time; old partitions are dropped whole. Sums are made of complete hours, again and again if
 * need be, with the same result.
 */
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { createPartitions } from '../platform/db/partitions.ts';
import { AppError } from '../platform/errors.ts';
import { withLock } from '../platform/lock.ts';
import type { CheckItem, History, HistoryPoint, State } from './contract.ts';
import { stretches, uptime } from './uptime.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const KEEP_CHECKS_DAYS = 7;
const KEEP_MINUTES_DAYS = 30;
const KEEP_HOURS_DAYS = 396;
const RAW_RANGE_MS = 2 * HOUR_MS;
const MINUTE_RANGE_MS = 26 * HOUR_MS;
const MAX_POINTS = 1_500;
/** Hours summed up in one run; the rest comes with the next. */
const MAX_HOURS = 48;

const levels = ['health_checks', 'health_minutes', 'health_hours'] as const;
type Level = (typeof levels)[number];
const keepDays: Record<Level, number> = {
  health_checks: KEEP_CHECKS_DAYS,
  health_minutes: KEEP_MINUTES_DAYS,
  health_hours: KEEP_HOURS_DAYS,
};

export type HistoryWriter = {
  /** Makes the partitions that these times fall into. */
  ensurePartitions(rows: readonly { at: number }[]): Promise<void>;
};
export type HistoryService = HistoryWriter & {
  /** Sums up complete hours; answers how many. */
  rollUp(now: Date, signal: AbortSignal): Promise<number>;
  /** Drops what is too old; answers the names of the partitions. */
  prune(now: Date): Promise<string[]>;
  read(input: { id: string; from: string; to: string }): Promise<History>;
  checks(input: { id: string; limit: number; cursor?: string | null | undefined }): Promise<{
    items: CheckItem[];
    nextCursor: string | null;
  }>;
  /** Targets, oldest first, that were checked in at least two thirds of the hours since; and whether good checks of theirs take time. */
  established(
    since: Date,
    limit: number,
  ): Promise<{ id: string; name: string; latency: boolean }[]>;
  /** Of these ids those that are targets. */
  existing(ids: readonly string[]): Promise<Set<string>>;
};

export function createHistory(deps: { db: Db; clock: Clock }): HistoryService {
  const { db, clock } = deps;
  const partitions = createPartitions(db.pool);
  const ensure = (level: Level, at: number): Promise<void> =>
    partitions.ensure({ table: level, ...partitionOf(level, at) });
  const refOf = async (id: string) => {
    const row = await db.prisma.target.findUnique({
      where: { id },
      select: { ref: true, current: { select: { state: true } }, createdAt: true },
    });
    if (!row) throw new AppError('NOT_FOUND', 'There is no such target.');
    return {
      ref: row.ref,
      state: row.current?.state ?? ('unknown' as State),
      createdAt: row.createdAt,
    };
  };

  return {
    async ensurePartitions(rows) {
      const days = new Set(rows.map(({ at }) => Math.floor(at / DAY_MS)));
      for (const day of days) await ensure('health_checks', day * DAY_MS);
    },
    async rollUp(now, signal) {
      const done = await withLock(db.pool, 'health.rollup', async () => {
        const end = new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS);
        const { rows } = await db.pool.query<{ until: Date | null }>(
          `SELECT coalesce((SELECT until FROM health_rolled WHERE id = 1),
                           (SELECT date_trunc('hour', min(at)) FROM health_checks)) AS until`,
        );
        let hour = rows[0]?.until;
        let count = 0;
        while (hour && hour < end && count < MAX_HOURS && !signal.aborted) {
          await rollHour(hour);
          hour = new Date(hour.getTime() + HOUR_MS);
          await db.pool.query(
            `INSERT INTO health_rolled (id, until) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET until = $1`,
            [hour],
          );
          count += 1;
        }
        return count;
      });
      return done ?? 0;
    },
    async prune(now) {
      const gone: string[] = [];
      for (const level of levels) {
        for (const { name } of await partitions.of([level])) {
          const end = partitionEnd(level, name);
          if (end === null || end > now.getTime() - keepDays[level] * DAY_MS) continue;
          await partitions.drop(name);
          gone.push(name);
        }
      }
      await db.pool.query('DELETE FROM target_transitions WHERE at < $1', [
        new Date(now.getTime() - KEEP_HOURS_DAYS * DAY_MS),
      ]);
      return gone;
    },
    async read({ id, from, to }) {
      const begin = Date.parse(from);
      const end = Math.min(Date.parse(to), clock.now().getTime());
      if (end - begin > KEEP_HOURS_DAYS * DAY_MS) {
        const fields = [{ path: 'from', message: 'The history goes back 13 months' }];
        throw new AppError('BAD_REQUEST', 'from: the history goes back 13 months.', { fields });
      }
      const { ref, state, createdAt } = await refOf(id);
      const range = Math.max(1, end - begin);
      const level =
        range <= RAW_RANGE_MS ? 'check' : range <= MINUTE_RANGE_MS * 2 ? 'minute' : 'hour';
      const [points, flips, remedies] = await Promise.all([
        level === 'hour' ? hourPoints(ref, begin, end) : rawPoints(ref, begin, end, level),
        db.pool.query<{ at: Date; from: State; to: State; reason: string }>(
          `SELECT at, "from", "to", reason FROM target_transitions
           WHERE target_id = $1 AND at > $2 AND at <= $3 ORDER BY at LIMIT 2000`,
          [id, new Date(begin), new Date(end)],
        ),
        db.pool.query<{ id: string; at: Date; status: string }>(
          `SELECT id::text, started_at AS at, status FROM remedy_runs
           WHERE target_id = $1 AND started_at > $2 AND started_at <= $3 ORDER BY started_at LIMIT 200`,
          [id, new Date(begin), new Date(end)],
        ),
      ]);
      const later = await db.pool.query<{ from: State }>(
        `SELECT "from" FROM target_transitions WHERE target_id = $1 AND at > $2 ORDER BY at LIMIT 1`,
        [id, new Date(end)],
      );
      const parts = stretches(
        flips.rows.map((flip) => ({ ...flip, at: flip.at.getTime() })),
        later.rows[0]?.from ?? state,
        Math.max(begin, createdAt.getTime()),
        end,
      );
      return {
        resolution: level,
        stepMs: points.stepMs,
        points: points.points,
        transitions: flips.rows.map((flip) => ({ ...flip, at: flip.at.toISOString() })),
        remedies: remedies.rows.map((run) => ({ ...run, at: run.at.toISOString() })),
        uptime: uptime(parts),
        downMs: parts.reduce(
          (sum, part) => sum + (part.state === 'down' ? part.to - part.from : 0),
          0,
        ),
      };
    },
    async established(since, limit) {
      const hours = (clock.now().getTime() - since.getTime()) / HOUR_MS;
      const { rows } = await db.pool.query<{ id: string; name: string; latency: boolean }>(
        `SELECT t.id::text, t.name, h.latency FROM targets t JOIN (
           SELECT ref, count(*) AS hours, max(latency_max) > 0 AS latency FROM health_hours
           WHERE hour >= $1 GROUP BY ref) h ON h.ref = t.ref
         WHERE NOT t.paused AND h.hours >= $2 ORDER BY t.id LIMIT $3`,
        [since, Math.floor((hours * 2) / 3), limit],
      );
      return rows;
    },
    async existing(ids) {
      const { rows } = await db.pool.query<{ id: string }>(
        'SELECT id::text FROM targets WHERE id = ANY($1::uuid[])',
        [ids],
      );
      return new Set(rows.map(({ id }) => id));
    },
    async checks({ id, limit, cursor }) {
      const { ref } = await refOf(id);
      const { rows } = await db.pool.query<{
        at: Date;
        ok: boolean;
        latency_ms: number | null;
        excluded: boolean;
        detail: string | null;
      }>(
        `SELECT at, ok, latency_ms, excluded, detail FROM health_checks
         WHERE ref = $1 AND ($2::timestamptz IS NULL OR at < $2) AND at > $3 ORDER BY at DESC LIMIT $4`,
        [
          ref,
          cursor ? new Date(cursor) : null,
          new Date(clock.now().getTime() - KEEP_CHECKS_DAYS * DAY_MS),
          limit + 1,
        ],
      );
      const items = rows.slice(0, limit).map((row) => ({
        at: row.at.toISOString(),
        ok: row.ok,
        latencyMs: row.latency_ms,
        excluded: row.excluded,
        detail: row.detail,
      }));
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.at ?? null) : null };
    },
  };

  /** Complete sums of one hour, by minute and in all; safe to repeat. */
  async function rollHour(hour: Date): Promise<void> {
    const next = new Date(hour.getTime() + HOUR_MS);
    await ensure('health_minutes', hour.getTime());
    await ensure('health_hours', hour.getTime());
    await db.pool.query(
      `WITH sums AS (
         SELECT ref, extract(minute FROM at)::int AS minute, count(*)::int AS checks,
                count(*) FILTER (WHERE NOT ok)::int AS failures,
                coalesce(sum(latency_ms) FILTER (WHERE ok), 0)::real AS latency_sum,
                coalesce(max(latency_ms) FILTER (WHERE ok), 0)::real AS latency_max
         FROM health_checks WHERE at >= $1 AND at < $2 AND NOT excluded GROUP BY 1, 2),
       grid AS (
         SELECT r.ref, m.minute, coalesce(s.checks, 0) AS checks, coalesce(s.failures, 0) AS failures,
                coalesce(s.latency_sum, 0)::real AS latency_sum, coalesce(s.latency_max, 0)::real AS latency_max
         FROM (SELECT DISTINCT ref FROM sums) r CROSS JOIN generate_series(0, 59) AS m(minute)
         LEFT JOIN sums s ON s.ref = r.ref AND s.minute = m.minute),
       minutes AS (
         INSERT INTO health_minutes (ref, hour, checks, failures, latency_sum, latency_max)
         SELECT ref, $1, array_agg(checks::smallint ORDER BY minute), array_agg(failures::smallint ORDER BY minute),
                array_agg(latency_sum ORDER BY minute), array_agg(latency_max ORDER BY minute)
         FROM grid GROUP BY ref
         ON CONFLICT (ref, hour) DO UPDATE SET checks = excluded.checks, failures = excluded.failures,
           latency_sum = excluded.latency_sum, latency_max = excluded.latency_max)
       INSERT INTO health_hours (ref, hour, checks, failures, latency_sum, latency_max)
       SELECT ref, $1, sum(checks), sum(failures), sum(latency_sum), max(latency_max) FROM sums GROUP BY ref
       ON CONFLICT (ref, hour) DO UPDATE SET checks = excluded.checks, failures = excluded.failures,
         latency_sum = excluded.latency_sum, latency_max = excluded.latency_max`,
      [hour, next],
    );
  }

  type Sum = { at: number; checks: number; failures: number; sum: number; max: number | null };

  async function rawPoints(ref: number, begin: number, end: number, level: 'check' | 'minute') {
    if (level === 'check') {
      const { rows } = await db.pool.query<{ at: Date; ok: boolean; latency_ms: number | null }>(
        `SELECT at, ok, latency_ms FROM health_checks WHERE ref = $1 AND at >= $2 AND at < $3
         ORDER BY at DESC LIMIT ${MAX_POINTS}`,
        [ref, new Date(begin), new Date(end)],
      );
      const points = rows.reverse().map((row) => ({
        at: row.at.toISOString(),
        checks: 1,
        failures: row.ok ? 0 : 1,
        latencyMs: row.ok ? row.latency_ms : null,
        maxLatencyMs: row.ok ? row.latency_ms : null,
      }));
      return { points, stepMs: 0 };
    }
    // What is summed up comes from the sums, the rest from the checks themselves.
    const rolled = await db.pool.query<{ until: Date }>(
      'SELECT until FROM health_rolled WHERE id = 1',
    );
    const edge = Math.min(end, Math.max(begin, rolled.rows[0]?.until.getTime() ?? begin));
    const [minutes, fresh] = await Promise.all([
      db.pool.query<Sum & { at: string | number }>(
        `SELECT extract(epoch FROM hour)::float * 1000 + (i - 1) * 60000 AS at, checks[i]::int AS checks,
                failures[i]::int AS failures, latency_sum[i]::float AS sum, latency_max[i]::float AS max
         FROM health_minutes CROSS JOIN generate_series(1, 60) AS i
         WHERE ref = $1 AND hour >= $2 AND hour < $3 AND checks[i] > 0 ORDER BY 1`,
        [ref, new Date(begin - HOUR_MS), new Date(edge)],
      ),
      db.pool.query<Sum>(
        `SELECT floor(extract(epoch FROM at) / 60)::float * 60000 AS at, count(*)::int AS checks,
                count(*) FILTER (WHERE NOT ok)::int AS failures,
                coalesce(sum(latency_ms) FILTER (WHERE ok), 0)::float AS sum, max(latency_ms) FILTER (WHERE ok)::float AS max
         FROM health_checks WHERE ref = $1 AND at >= $2 AND at < $3 AND NOT excluded GROUP BY 1 ORDER BY 1`,
        [ref, new Date(edge), new Date(end)],
      ),
    ]);
    const inRange = [...minutes.rows, ...fresh.rows].filter(
      ({ at }) => at >= begin - 60_000 && at < end,
    );
    return condense(inRange, begin, end, 60_000);
  }

  async function hourPoints(ref: number, begin: number, end: number) {
    const { rows } = await db.pool.query<Sum>(
      `SELECT extract(epoch FROM hour)::float * 1000 AS at, checks, failures, latency_sum::float AS sum,
              latency_max::float AS max
       FROM health_hours WHERE ref = $1 AND hour >= $2 AND hour < $3 ORDER BY hour`,
      [ref, new Date(begin), new Date(end)],
    );
    const last = Math.max(begin, rows.at(-1) ? (rows.at(-1)?.at ?? begin) + HOUR_MS : begin);
    const fresh =
      last >= end
        ? []
        : (
            await db.pool.query<Sum>(
              `SELECT floor(extract(epoch FROM at) / 3600)::float * 3600000 AS at, count(*)::int AS checks,
                      count(*) FILTER (WHERE NOT ok)::int AS failures,
                      coalesce(sum(latency_ms) FILTER (WHERE ok), 0)::float AS sum, max(latency_ms) FILTER (WHERE ok)::float AS max
               FROM health_checks WHERE ref = $1 AND at >= $2 AND at < $3 AND NOT excluded GROUP BY 1 ORDER BY 1`,
              [ref, new Date(last), new Date(end)],
            )
          ).rows;
    return condense([...rows, ...fresh], begin, end, HOUR_MS);
  }
}

/** At most 1500 points: neighbouring sums are added up. Pure. */
export function condense(
  sums: readonly {
    at: number;
    checks: number;
    failures: number;
    sum: number;
    max: number | null;
  }[],
  begin: number,
  end: number,
  baseMs: number,
): { points: HistoryPoint[]; stepMs: number } {
  const factor = Math.max(1, Math.ceil((end - begin) / baseMs / MAX_POINTS));
  const stepMs = baseMs * factor;
  const cells = new Map<number, { checks: number; failures: number; sum: number; max: number }>();
  for (const each of sums) {
    const at = Math.floor(each.at / stepMs) * stepMs;
    const cell = cells.get(at) ?? { checks: 0, failures: 0, sum: 0, max: 0 };
    cell.checks += each.checks;
    cell.failures += each.failures;
    cell.sum += each.sum;
    cell.max = Math.max(cell.max, each.max ?? 0);
    cells.set(at, cell);
  }
  const points = [...cells].map(([at, { checks, failures, sum, max }]) => {
    const good = checks - failures;
    return {
      at: new Date(at).toISOString(),
      checks,
      failures,
      latencyMs: good > 0 && max > 0 ? sum / good : null,
      maxLatencyMs: good > 0 && max > 0 ? max : null,
    };
  });
  return { points, stepMs };
}

/** Name and bounds of the partition that a moment falls into: days, and months for sums by hour. Pure. */
export function partitionOf(level: Level, at: number): { name: string; from: string; to: string } {
  const date = new Date(at);
  const day = date.toISOString().slice(0, 10);
  if (level === 'health_hours') {
    const month = day.slice(0, 7);
    const next = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1));
    return {
      name: `${level}_${month.replace('-', '')}`,
      from: `${month}-01T00:00:00Z`,
      to: next.toISOString(),
    };
  }
  const next = new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS);
  return {
    name: `${level}_${day.replaceAll('-', '')}`,
    from: `${day}T00:00:00Z`,
    to: next.toISOString(),
  };
}

/** When a partition ends, from its name; null for one that is not ours. Pure. */
export function partitionEnd(level: Level, name: string): number | null {
  const match = new RegExp(`^${level}_(\\d{4})(\\d{2})(\\d{2})?$`).exec(name);
  if (!match) return null;
  const [, year, month, day] = match;
  return day === undefined
    ? Date.UTC(Number(year), Number(month), 1)
    : Date.UTC(Number(year), Number(month) - 1, Number(day) + 1);
}
