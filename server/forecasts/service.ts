/** Forecasts that are kept: made by people and by themselves, listed, shown beside what came. */
import type { Page } from '../api/contract.ts';
import type { Health } from '../health/index.ts';
import type { Incidents } from '../incidents/index.ts';
import type { MetricStore } from '../metrics/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral, type Prisma } from '../platform/db/index.ts';
import { uniqueName } from '../platform/db/unique-name.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Jobs } from '../platform/jobs.ts';
import {
  type CreateForecastInput,
  type ForecastCounts,
  type ForecastDetail,
  type ForecastItem,
  type ListForecastsInput,
  MAX_FORECASTS,
  type UpdateForecastInput,
} from './contract.ts';
import { aloneWithForecasts, createDiscovery } from './discover.ts';
import { DAY_MS, stepMsOf } from './grid.ts';
import { createForecastIncidents, type ForecastIncidents } from './incident.ts';
import { REFRESH_JOB } from './jobs.ts';
import { createRefresher, type Refresher, stepTimes } from './refresh.ts';
import {
  columns,
  type ListRow,
  outlook,
  pointsOf,
  type RunRow,
  saidOf,
  shown,
  stepOf,
} from './rows.ts';
import { createSubjects, type Subjects } from './subjects.ts';

const HORIZON = { hour: 168, day: 7 } as const;
const ALARM = { count: 3, of: 4 } as const;
const MAX_EVENTS = 100;
const MAX_TRUTHS = 720;

export type Forecasts = {
  list(input: ListForecastsInput): Promise<Page<ForecastItem>>;
  counts(): Promise<ForecastCounts>;
  get(id: string): Promise<ForecastDetail>;
  create(authority: Authority, input: CreateForecastInput): Promise<{ id: string }>;
  update(authority: Authority, input: UpdateForecastInput): Promise<void>;
  remove(authority: Authority, id: string): Promise<void>;
  /** Makes it again as soon as a worker is free. */
  refresh(authority: Authority, id: string): Promise<void>;
  setBuiltIn(authority: Authority, builtIn: boolean): Promise<void>;
};

/** Everything of kept forecasts. */
export type ForecastKeeper = {
  forecasts: Forecasts;
  /** Makes what is due; see `refresh.ts`. */
  refreshDue: Refresher['refreshDue'];
  /** Adds forecasts of new targets and services, and removes those of what is gone. */
  discover: ReturnType<typeof createDiscovery>['discover'];
};

export function createForecasts(
  deps: Omit<
    Parameters<typeof createRefresher>[0] & Parameters<typeof createDiscovery>[0],
    'subjects' | 'incidents' | 'health' | 'metricStore'
  > & {
    jobs: Pick<Jobs, 'send'>;
    health: Pick<Health, 'history'>;
    metricStore: MetricStore;
    incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  },
): ForecastKeeper {
  const subjects = createSubjects(deps);
  const incidents = createForecastIncidents(deps.incidents);
  const { refreshDue } = createRefresher({ ...deps, subjects, incidents });
  const { discover } = createDiscovery({ ...deps, incidents });
  return { forecasts: createService({ ...deps, subjects, incidents }), refreshDue, discover };
}

const notFound = () => new AppError('NOT_FOUND', 'There is no such forecast.');

function createService(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  jobs: Pick<Jobs, 'send'>;
  subjects: Subjects;
  incidents: ForecastIncidents;
}): Forecasts {
  const { db, bus, audit, clock, subjects, incidents } = deps;
  const changed = (id: string) => bus.publish({ topic: 'forecasts', type: 'changed', id });
  const wake = async () => {
    // Where no jobs run, such as on the command line, the next minute does.
    await deps.jobs.send(REFRESH_JOB, {}, 'now').catch(() => undefined);
  };
  const builtInOn = async (): Promise<boolean> => {
    const row = await db.prisma.forecastSettings.findUnique({
      where: { id: 1 },
      select: { builtIn: true },
    });
    return row?.builtIn ?? true;
  };
  const select = {
    name: true,
    subject: true,
    builtInKey: true,
    step: true,
    timeZone: true,
    horizon: true,
    seasonality: true,
    lowerBound: true,
    upperBound: true,
    unit: true,
    incidents: true,
    alarmCount: true,
    alarmOf: true,
    paused: true,
    anomalousSince: true,
  } satisfies Prisma.ForecastSelect;

  return {
    async list({ limit, cursor, search, kind, show }) {
      const conditions = ['true'];
      const values: unknown[] = [limit + 1];
      const add = (text: string, value: unknown) => {
        values.push(value);
        conditions.push(text.replace('?', `$${values.length}`));
      };
      if (!(await builtInOn())) conditions.push('f.built_in_key IS NULL');
      if (cursor) add('f.name > ?', cursor);
      if (search) add('f.name ILIKE ?', `%${likeLiteral(search)}%`);
      if (kind) add('f.kind = ?', kind);
      if (show !== 'all') conditions.push(shows[show]);
      const { rows } = await db.pool.query<ListRow>(
        `SELECT ${columns}, f.history[greatest(1, cardinality(f.history) - 47):] AS tail,
                CASE WHEN r.id IS NULL THEN NULL ELSE jsonb_build_object('mean', r.mean[1:24], 'lower', r.lower[1:24], 'upper', r.upper[1:24]) END AS run,
                ${ahead(1)} AS next_day, ${ahead(7)} AS next_week
         FROM forecasts f LEFT JOIN LATERAL (
           SELECT id, mean, lower, upper FROM forecast_runs WHERE forecast_id = f.id ORDER BY made_at DESC LIMIT 1) r ON true
         WHERE ${conditions.join(' AND ')} ORDER BY f.name LIMIT $1`,
        values,
      );
      const items = rows.slice(0, limit).map(shown);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.name ?? null) : null };
    },
    async counts() {
      const builtIn = await builtInOn();
      const { rows } = await db.pool.query<Omit<ForecastCounts, 'builtIn'>>(
        `SELECT count(*)::int AS all, count(*) FILTER (WHERE ${shows.anomalous})::int AS anomalous,
                count(*) FILTER (WHERE ${shows.attention})::int AS attention,
                count(*) FILTER (WHERE ${shows.paused})::int AS paused
         FROM forecasts f WHERE $1 OR f.built_in_key IS NULL`,
        [builtIn],
      );
      return { all: 0, anomalous: 0, attention: 0, paused: 0, ...rows[0], builtIn };
    },
    async get(id) {
      const { rows } = await db.pool.query<ListRow & { history: number[] | null }>(
        `SELECT ${columns}, f.history, NULL AS tail, NULL AS run, NULL AS next_day, NULL AS next_week FROM forecasts f WHERE f.id = $1`,
        [id],
      );
      const row = rows[0];
      if (!row) throw notFound();
      const step = stepOf(row);
      const stepMs = stepMsOf(step);
      const now = clock.now().getTime();
      const [runs, truths, events] = await Promise.all([
        db.pool.query<RunRow & { label: 'newest' | 'day' | 'week' }>(
          `(SELECT 'newest' AS label, made_at, first_at, mean, lower, upper FROM forecast_runs
            WHERE forecast_id = $1 ORDER BY made_at DESC LIMIT 1)
           UNION ALL
           (SELECT 'day', made_at, first_at, mean, lower, upper FROM forecast_runs
            WHERE forecast_id = $1 AND made_at <= $2 AND made_at > $3 ORDER BY made_at DESC LIMIT 1)
           UNION ALL
           (SELECT 'week', made_at, first_at, mean, lower, upper FROM forecast_runs
            WHERE forecast_id = $1 AND made_at <= $3 ORDER BY made_at DESC LIMIT 1)`,
          [id, new Date(now - DAY_MS), new Date(now - 7 * DAY_MS)],
        ),
        db.pool.query<{
          at: Date;
          actual: number;
          day_mean: number | null;
          day_lower: number | null;
          day_upper: number | null;
          outside: boolean | null;
        }>(
          `SELECT at, actual, day_mean, day_lower, day_upper, actual < near_lower OR actual > near_upper AS outside
           FROM forecast_truths WHERE forecast_id = $1 ORDER BY at DESC LIMIT ${MAX_TRUTHS}`,
          [id],
        ),
        db.pool.query<{ at: Date; kind: 'anomalous' | 'normal'; detail: string }>(
          `SELECT at, kind, detail FROM forecast_events WHERE forecast_id = $1 ORDER BY at DESC LIMIT ${MAX_EVENTS}`,
          [id],
        ),
      ]);
      const newest = runs.rows.find(({ label }) => label === 'newest') ?? null;
      const said = saidOf(row);
      const { spark: _spark, ...item } = shown({
        ...row,
        run: newest,
        next_day: outlook(newest, 1, step),
        next_week: outlook(newest, 7, step),
      });
      return {
        ...item,
        horizon: row.horizon,
        timeZone: row.time_zone,
        seasonality: row.seasonality,
        bounds: { min: row.lower_bound, max: row.upper_bound },
        incidents: row.incidents,
        alarm: { count: row.alarm_count, of: row.alarm_of },
        createdBy: row.created_by,
        createdAt: row.created_at.toISOString(),
        updatedAt: row.updated_at.toISOString(),
        stepMs,
        history: stepTimes(row, row.history ?? []),
        newest:
          newest && said
            ? { ...said, madeAt: newest.made_at.toISOString(), points: pointsOf(newest, step) }
            : null,
        past: runs.rows.flatMap(({ label, ...run }) =>
          label === 'newest'
            ? []
            : [{ ago: label, madeAt: run.made_at.toISOString(), points: pointsOf(run, step) }],
        ),
        truths: truths.rows.reverse().map((truth) => ({
          at: truth.at.toISOString(),
          actual: truth.actual,
          mean: truth.day_mean,
          lower: truth.day_lower,
          upper: truth.day_upper,
          outside: truth.outside,
        })),
        events: events.rows.map((event) => ({ ...event, at: event.at.toISOString() })),
      };
    },
    async create(authority, input) {
      const known = await subjects.check(input.subject);
      const now = clock.now();
      const id = newId(now);
      const data = {
        name: input.name,
        kind: input.subject.kind,
        subject: input.subject,
        step: input.step,
        timeZone: input.timeZone ?? 'UTC',
        horizon: input.horizon ?? HORIZON[input.step],
        seasonality: input.seasonality ?? [],
        lowerBound: input.bounds === undefined ? known.bounds.min : (input.bounds.min ?? null),
        upperBound: input.bounds === undefined ? known.bounds.max : (input.bounds.max ?? null),
        unit: input.unit ?? known.unit,
        incidents: input.incidents ?? false,
        alarmCount: input.alarm?.count ?? ALARM.count,
        alarmOf: input.alarm?.of ?? ALARM.of,
      };
      await uniqueName('a forecast', input.name, () =>
        db.tx(async (tx) => {
          await aloneWithForecasts(tx);
          if ((await tx.forecast.count()) >= MAX_FORECASTS)
            throw new AppError('CONFLICT', `At most ${MAX_FORECASTS} forecasts are kept.`);
          await tx.forecast.create({
            data: {
              id,
              ...data,
              dueAt: now,
              createdAt: now,
              createdBy: authority.actor.name,
              updatedAt: now,
            },
            select: { id: true },
          });
          await audit.append(tx, authority, {
            action: 'forecasts.create',
            target: { kind: 'forecast', id, name: input.name },
            after: data,
          });
        }),
      );
      changed(id);
      await wake();
      return { id };
    },
    async update(authority, { id, ...patch }) {
      let told: string | null = null;
      await uniqueName('a forecast', patch.name ?? '', () =>
        db.tx(async (tx) => {
          await tx.$queryRaw`SELECT 1 FROM forecasts WHERE id = ${id}::uuid FOR UPDATE`;
          const before = await tx.forecast.findUnique({ where: { id }, select });
          if (!before) throw notFound();
          const now = clock.now();
          const data = {
            ...(patch.name === undefined ? {} : { name: patch.name }),
            ...(patch.horizon === undefined ? {} : { horizon: patch.horizon }),
            ...(patch.timeZone === undefined ? {} : { timeZone: patch.timeZone }),
            ...(patch.seasonality === undefined ? {} : { seasonality: patch.seasonality }),
            ...(patch.bounds === undefined
              ? {}
              : { lowerBound: patch.bounds.min ?? null, upperBound: patch.bounds.max ?? null }),
            ...(patch.unit === undefined ? {} : { unit: patch.unit }),
            ...(patch.incidents === undefined ? {} : { incidents: patch.incidents }),
            ...(patch.alarm === undefined
              ? {}
              : { alarmCount: patch.alarm.count, alarmOf: patch.alarm.of }),
            ...(patch.paused === undefined ? {} : { paused: patch.paused }),
          };
          await tx.forecast.update({
            where: { id },
            data: { ...data, updatedAt: now, dueAt: now },
            select: { id: true },
          });
          // Days of another zone are other days: what was compared by the old ones does not belong to them.
          if (patch.timeZone !== undefined && patch.timeZone !== before.timeZone) {
            await tx.forecastRun.deleteMany({ where: { forecastId: id } });
            await tx.forecastTruth.deleteMany({ where: { forecastId: id } });
          }
          // Who is not told any more of anomalies is told that this one is over for them.
          const quiet = patch.paused === true || patch.incidents === false;
          if (quiet) told = await incidents.ended(tx, id, 'Switched off for this forecast.');
          await audit.append(tx, authority, {
            action: 'forecasts.update',
            target: { kind: 'forecast', id, name: patch.name ?? before.name },
            before,
            after: { ...before, ...data },
          });
        }),
      );
      if (told) incidents.announce(told);
      changed(id);
      if (patch.paused !== true) await wake();
    },
    async remove(authority, id) {
      const told = await db.tx(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM forecasts WHERE id = ${id}::uuid FOR UPDATE`;
        const before = await tx.forecast.findUnique({ where: { id }, select });
        if (!before) throw notFound();
        if (before.builtInKey !== null) {
          throw new AppError(
            'CONFLICT',
            'This forecast comes by itself and would come again. Pause it instead.',
          );
        }
        await tx.forecast.delete({ where: { id }, select: { id: true } });
        const ended = await incidents.ended(tx, id, 'The forecast was removed.');
        await audit.append(tx, authority, {
          action: 'forecasts.remove',
          target: { kind: 'forecast', id, name: before.name },
          before,
        });
        return ended;
      });
      if (told) incidents.announce(told);
      changed(id);
    },
    async refresh(authority, id) {
      await db.tx(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM forecasts WHERE id = ${id}::uuid FOR UPDATE`;
        const row = await tx.forecast.findUnique({
          where: { id },
          select: { name: true, paused: true },
        });
        if (!row) throw notFound();
        if (row.paused)
          throw new AppError('CONFLICT', 'This forecast is paused. Resume it to make it again.');
        await tx.forecast.update({
          where: { id },
          data: { dueAt: clock.now() },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'forecasts.refresh',
          target: { kind: 'forecast', id, name: row.name },
        });
      });
      await wake();
    },
    async setBuiltIn(authority, builtIn) {
      const now = clock.now();
      await db.tx(async (tx) => {
        const before = await tx.forecastSettings.findUnique({
          where: { id: 1 },
          select: { builtIn: true },
        });
        await tx.forecastSettings.upsert({
          where: { id: 1 },
          create: { id: 1, builtIn, updatedAt: now, updatedBy: authority.actor.name },
          update: { builtIn, updatedAt: now, updatedBy: authority.actor.name },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'forecasts.setBuiltIn',
          target: { kind: 'forecast_settings', id: null, name: null },
          before: { builtIn: before?.builtIn ?? true },
          after: { builtIn },
        });
      });
      bus.publish({ topic: 'forecasts', type: 'settings' });
    },
  };
}

/** Means over the next days, made where the points are: a page of lists would carry a hundred thousand of them. */
const ahead = (days: number) => `(
  SELECT jsonb_build_object('mean', avg(m), 'lower', avg(l), 'upper', avg(u))
  FROM (SELECT CASE f.step WHEN 'hour' THEN ${days * 24} ELSE ${days} END AS n) AS s,
       unnest(r.mean[1:s.n], r.lower[1:s.n], r.upper[1:s.n]) AS p(m, l, u)
  WHERE cardinality(r.mean) >= s.n HAVING count(*) > 0)`;

const shows = {
  anomalous: 'f.anomalous_since IS NOT NULL AND NOT f.paused',
  attention: `(f.anomalous_since IS NOT NULL OR f.state = 'failed') AND NOT f.paused`,
  paused: 'f.paused',
} as const satisfies Record<Exclude<ListForecastsInput['show'], 'all'>, string>;
