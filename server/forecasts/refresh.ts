/**
 * Makes one forecast again: reads the series, joins what came with what was expected, judges the newest values, asks the
 * forecaster, and writes all of it in one transaction. Which process does it is decided in the database: a forecast that
 * is due is claimed by moving its time on, with SKIP LOCKED, so that of any number of replicas one makes it, and when that
 * one ends in the middle another does it after a minute.
 */
import type { Audit } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Forecast, ForecastSaid, StoredAccuracy } from './contract.ts';
import { DAY_MS, type Grid, HOUR_MS, lastPresent, presentIn, stepMsOf } from './grid.ts';
import type { ForecastIncidents } from './incident.ts';
import type { Forecaster } from './model/index.ts';
import { columns, type Row, type RunRow, stepOf, subjectOf } from './rows.ts';
import { FARTHEST_MS, nextDue } from './schedule.ts';
import type { Series, Subjects } from './subjects.ts';
import { type Alarm, alarmOf, measure, naiveScale, type RunHead, runFor } from './truth.ts';

export const MIN_POINTS = 14;
const FORECAST_TIMEOUT_MS = 5_000;
const LEASE_MS = 60_000;
const KEEP_DAYS = 30;
/** Every run is kept for so long, then one a day. */
const KEEP_ALL_MS = 2 * DAY_MS;
const MAX_JOINED = 200;
const CLAIM_TRIES = 3;
/** A series without enough values is looked at again after three of its periods. */
const SHORT_TROUBLES = 2;

export type Refresher = {
  /**
   * Makes what is due, one after the other, until nothing is; answers how many. `enough` ends it after the one at hand,
   * `signal` at once.
   */
  refreshDue(signal: AbortSignal, enough?: AbortSignal): Promise<number>;
};

type Truth = {
  at: number;
  actual: number;
  near: { mean: number; lower: number; upper: number } | null;
  day: { mean: number; lower: number; upper: number } | null;
};
type Outcome =
  | { state: 'ok'; forecast: Forecast; madeAt: Date; firstAt: Date; tookFrom: Grid }
  | { state: 'short' | 'failed'; detail: string; grid: Grid | null };

export function createRefresher(deps: {
  db: Db;
  audit: Audit;
  bus: Bus;
  clock: Clock;
  log: Log;
  subjects: Subjects;
  forecaster: Forecaster;
  incidents: ForecastIncidents;
}): Refresher {
  const { db, bus, clock, log, subjects, forecaster, incidents } = deps;

  /**
   * One that another replica took between the look and the lock is passed over by PostgreSQL, and with it the whole
   * statement: so nothing found once does not mean that nothing is due.
   */
  const claim = async (): Promise<Row | null> => {
    for (let tries = 0; tries < CLAIM_TRIES; tries++) {
      const row = await claimOnce();
      if (row) return row;
    }
    return null;
  };
  const claimOnce = async (): Promise<Row | null> => {
    const now = clock.now();
    // A time that is far ahead was written before the clock was set back.
    const { rows } = await db.pool.query<Row>({
      name: 'forecasts-claim',
      text: `UPDATE forecasts f SET due_at = $2 WHERE f.id = (
               SELECT id FROM forecasts
               WHERE NOT paused AND (due_at <= $1 OR due_at > $3)
                 AND (built_in_key IS NULL OR coalesce((SELECT built_in FROM forecast_settings WHERE id = 1), true))
               ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING ${columns}`,
      values: [now, new Date(now.getTime() + LEASE_MS), new Date(now.getTime() + FARTHEST_MS)],
    });
    return rows[0] ?? null;
  };

  const make = async (row: Row, series: Series, signal: AbortSignal): Promise<Outcome> => {
    const { grid } = series;
    const present = grid ? presentIn(grid.values) : 0;
    if (!grid || present < MIN_POINTS) {
      const points = present === 1 ? '1 point' : `${present} points`;
      return { state: 'short', detail: `Too short: ${points}, ${MIN_POINTS} are needed.`, grid };
    }
    const bounds = {
      ...(row.lower_bound === null ? {} : { min: row.lower_bound }),
      ...(row.upper_bound === null ? {} : { max: row.upper_bound }),
    };
    const past = Array.from(grid.values, (value, i) => ({
      at: grid.from + i * grid.stepMs,
      value: Number.isNaN(value) ? null : value,
    }));
    const forecast = await forecaster.forecast(
      {
        series: past,
        horizon: row.horizon,
        ...(row.seasonality.length > 0 ? { seasonality: row.seasonality } : {}),
        ...(Object.keys(bounds).length > 0 ? { bounds } : {}),
      },
      { timeoutMs: FORECAST_TIMEOUT_MS, signal },
    );
    // Where the newest values are missing the forecast begins in the past; what is over is not foretold.
    const open = grid.from + grid.values.length * grid.stepMs;
    const points = forecast.points.filter(({ at }) => Date.parse(at) >= open);
    const [first] = points;
    if (!first) {
      throw new AppError(
        'NOT_FOUND',
        `No values since ${new Date(grid.from + lastPresent(grid.values) * grid.stepMs).toISOString()}, which is longer ago than the forecast reaches.`,
      );
    }
    return {
      state: 'ok',
      forecast: { ...forecast, points },
      madeAt: clock.now(),
      firstAt: new Date(first.at),
      tookFrom: grid,
    };
  };

  /** What came since the last time, beside what was expected of it. */
  const join = async (row: Row, grid: Grid): Promise<Truth[]> => {
    const heads = await db.pool.query<{ id: string; made_at: Date; first_at: Date }>(
      `SELECT id::text, made_at, first_at FROM forecast_runs WHERE forecast_id = $1 ORDER BY made_at`,
      [row.id],
    );
    const known = heads.rows.map(
      (head): RunHead => ({
        id: head.id,
        madeAt: head.made_at.getTime(),
        firstAt: head.first_at.getTime(),
      }),
    );
    const [oldest] = known;
    if (!oldest) return [];
    const { rows } = await db.pool.query<{ at: Date | null }>(
      'SELECT max(at) AS at FROM forecast_truths WHERE forecast_id = $1',
      [row.id],
    );
    const after = Math.max(rows[0]?.at?.getTime() ?? 0, oldest.firstAt - 1);
    // Of hours what was said a day before; of days the first step is a day ahead already.
    const dayLead = stepOf(row) === 'hour' ? DAY_MS - HOUR_MS : 0;
    const wanted: { at: number; actual: number; near: RunHead | null; day: RunHead | null }[] = [];
    for (let i = grid.values.length - 1; i >= 0 && wanted.length < MAX_JOINED; i--) {
      const at = grid.from + i * grid.stepMs;
      const actual = grid.values[i] ?? Number.NaN;
      if (at <= after) break;
      if (Number.isNaN(actual)) continue;
      const near = runFor(known, at, 0);
      const day = runFor(known, at, dayLead);
      if (near || day) wanted.unshift({ at, actual, near, day });
    }
    if (wanted.length === 0) return [];
    const ids = [...new Set(wanted.flatMap(({ near, day }) => [near?.id, day?.id]))];
    const runs = await db.pool.query<RunRow & { id: string }>(
      'SELECT id::text, made_at, first_at, mean, lower, upper FROM forecast_runs WHERE id = ANY($1::uuid[])',
      [ids.filter((id) => id !== undefined)],
    );
    const byId = new Map(runs.rows.map((run) => [run.id, run]));
    const saidAt = (head: RunHead | null, at: number): Truth['near'] => {
      const run = head ? byId.get(head.id) : undefined;
      if (!run) return null;
      const place = Math.round((at - run.first_at.getTime()) / grid.stepMs);
      const [mean, lower, upper] = [run.mean[place], run.lower[place], run.upper[place]];
      return mean === undefined || lower === undefined || upper === undefined
        ? null
        : { mean, lower, upper };
    };
    return wanted.map(({ at, actual, near, day }) => ({
      at,
      actual,
      near: saidAt(near, at),
      day: saidAt(day, at),
    }));
  };

  const saveTruths = async (tx: Tx, row: Row, truths: readonly Truth[]) => {
    const part = (pick: (truth: Truth) => number | null | undefined) =>
      truths.map((truth) => pick(truth) ?? null);
    await tx.$executeRaw`
      INSERT INTO forecast_truths (forecast_id, at, actual, near_mean, near_lower, near_upper, day_mean, day_lower, day_upper)
      SELECT ${row.id}::uuid, * FROM unnest(${truths.map(({ at }) => new Date(at))}::timestamptz[],
        ${part(({ actual }) => actual)}::float8[], ${part(({ near }) => near?.mean)}::float8[],
        ${part(({ near }) => near?.lower)}::float8[], ${part(({ near }) => near?.upper)}::float8[],
        ${part(({ day }) => day?.mean)}::float8[], ${part(({ day }) => day?.lower)}::float8[],
        ${part(({ day }) => day?.upper)}::float8[])
      ON CONFLICT (forecast_id, at) DO NOTHING`;
  };

  type Kept = {
    at: Date;
    actual: number;
    near_mean: number | null;
    near_lower: number | null;
    near_upper: number | null;
    day_mean: number | null;
    day_lower: number | null;
    day_upper: number | null;
  };
  const judge = (
    row: Row,
    kept: readonly Kept[],
    grid: Grid,
    ratio: boolean,
  ): { accuracy: StoredAccuracy; alarm: Alarm; newest: Kept | null } => {
    const season = row.seasonality[0] ?? (stepOf(row) === 'hour' ? 24 : 7);
    const weights = grid.weights ? grid.weights.filter((weight) => weight > 0).toSorted() : null;
    const options = {
      scale: naiveScale(grid.values, season),
      ratio,
      eventsPerStep: weights?.[Math.floor(weights.length / 2)] ?? null,
    };
    // Only the newest: a value of yesterday says nothing of now when none has come since.
    const since = grid.from + (grid.values.length - 2 * row.alarm_of) * grid.stepMs;
    const recent = kept.filter(({ at }) => at.getTime() >= since);
    return {
      accuracy: {
        days: KEEP_DAYS,
        day: measure(
          kept.map((one) => ({
            actual: one.actual,
            mean: one.day_mean,
            lower: one.day_lower,
            upper: one.day_upper,
          })),
          options,
        ),
        near: measure(
          kept.map((one) => ({
            actual: one.actual,
            mean: one.near_mean,
            lower: one.near_lower,
            upper: one.near_upper,
          })),
          options,
        ),
      },
      alarm: alarmOf(
        recent.map(({ actual, near_lower: low, near_upper: high }) =>
          low === null || high === null ? null : actual < low || actual > high,
        ),
        { count: row.alarm_count, of: row.alarm_of, anomalous: row.anomalous_since !== null },
      ),
      newest: recent.at(-1) ?? null,
    };
  };

  const saveRun = async (tx: Tx, row: Row, made: Extract<Outcome, { state: 'ok' }>) => {
    const { points } = made.forecast;
    await tx.$executeRaw`
      INSERT INTO forecast_runs (id, forecast_id, made_at, first_at, model, mean, lower, upper)
      VALUES (${newId(made.madeAt)}::uuid, ${row.id}::uuid, ${made.madeAt}, ${made.firstAt}, ${made.forecast.model.slice(0, 200)},
              ${points.map(({ mean }) => mean)}::real[], ${points.map(({ lower }) => lower)}::real[],
              ${points.map(({ upper }) => upper)}::real[])
      ON CONFLICT (forecast_id, made_at) DO NOTHING`;
    const now = made.madeAt.getTime();
    await tx.$executeRaw`
      DELETE FROM forecast_runs WHERE forecast_id = ${row.id}::uuid AND made_at < ${new Date(now - KEEP_ALL_MS)}
        AND (made_at < ${new Date(now - KEEP_DAYS * DAY_MS)} OR id NOT IN (
          SELECT DISTINCT ON (date_trunc('day', made_at, 'UTC')) id FROM forecast_runs
          WHERE forecast_id = ${row.id}::uuid ORDER BY date_trunc('day', made_at, 'UTC'), made_at))`;
  };

  /** The values are of something else now: what was said of the others does not belong to them. */
  const forget = async (tx: Tx, row: Row): Promise<string | null> => {
    await tx.forecastRun.deleteMany({ where: { forecastId: row.id } });
    await tx.forecastTruth.deleteMany({ where: { forecastId: row.id } });
    return row.anomalous_since === null
      ? null
      : incidents.ended(tx, row.id, 'Its saved query asks for something else now.');
  };

  const save = async (
    row: Row,
    outcome: Outcome,
    truths: readonly Truth[],
    { ratio, key }: Pick<Series, 'ratio' | 'key'>,
  ) => {
    const other = key !== null && row.series_key !== null && key !== row.series_key;
    const now = clock.now();
    const old = new Date(now.getTime() - KEEP_DAYS * DAY_MS);
    const grid = outcome.state === 'ok' ? outcome.tookFrom : outcome.grid;
    const told: string[] = [];
    await db.tx(async (tx) => {
      // Somebody may have changed or removed it meanwhile; then it is due at once and what was made is dropped.
      const [still] = await tx.$queryRaw<{ updated_at: Date; paused: boolean }[]>`
        SELECT updated_at, paused FROM forecasts WHERE id = ${row.id}::uuid FOR UPDATE`;
      if (!still) return;
      if (still.updated_at.getTime() !== row.updated_at.getTime()) {
        await tx.$executeRaw`UPDATE forecasts SET due_at = ${now} WHERE id = ${row.id}::uuid`;
        return;
      }
      const troubles =
        outcome.state === 'ok' ? 0 : outcome.state === 'short' ? SHORT_TROUBLES : row.failures + 1;
      const due = new Date(nextDue(row.id, stepOf(row), now.getTime(), troubles));
      let accuracy: StoredAccuracy | null = null;
      let since = other ? null : row.anomalous_since;
      if (other) {
        const ended = await forget(tx, row);
        if (ended) told.push(ended);
      }
      if (grid) {
        if (truths.length > 0 && !other) await saveTruths(tx, row, truths);
        await tx.$executeRaw`DELETE FROM forecast_truths WHERE forecast_id = ${row.id}::uuid AND at < ${old}`;
        await tx.$executeRaw`DELETE FROM forecast_events WHERE forecast_id = ${row.id}::uuid AND at < ${old}`;
        const kept = await tx.$queryRaw<Kept[]>`
          SELECT at, actual, near_mean, near_lower, near_upper, day_mean, day_lower, day_upper FROM forecast_truths
          WHERE forecast_id = ${row.id}::uuid ORDER BY at`;
        const current = { ...row, anomalous_since: since };
        const judged = judge(current, kept, grid, ratio);
        accuracy = judged.accuracy;
        const changed = await alarm(tx, current, judged, now);
        since = changed.since;
        if (changed.told) told.push(changed.told);
      }
      if (outcome.state === 'ok') await saveRun(tx, row, outcome);
      const last = grid ? lastPresent(grid.values) : -1;
      const said: ForecastSaid | null =
        outcome.state === 'ok' ? withoutPoints(outcome.forecast) : null;
      // What was made before stays on the page while a new one fails.
      await tx.$executeRaw`
        UPDATE forecasts SET due_at = ${due}, state = ${outcome.state},
          detail = ${outcome.state === 'ok' ? null : outcome.detail.slice(0, 500)},
          failures = ${outcome.state === 'failed' ? row.failures + 1 : 0},
          series_key = coalesce(${key}, series_key),
          refreshed_at = CASE WHEN ${said !== null} THEN ${now}::timestamptz ELSE refreshed_at END,
          newest = coalesce(${said === null ? null : JSON.stringify(said)}::jsonb, newest),
          accuracy = coalesce(${accuracy === null ? null : JSON.stringify(accuracy)}::jsonb, accuracy),
          anomalous_since = ${since},
          history_from = CASE WHEN ${grid !== null} THEN ${grid ? new Date(grid.from) : null}::timestamptz ELSE history_from END,
          history = CASE WHEN ${grid !== null} THEN ${grid ? Array.from(grid.values, String) : []}::text[]::float8[] ELSE history END,
          last_at = coalesce(${grid && last >= 0 ? new Date(grid.from + last * grid.stepMs) : null}::timestamptz, last_at),
          last_value = coalesce(${grid && last >= 0 ? (grid.values[last] ?? null) : null}::float8, last_value)
        WHERE id = ${row.id}::uuid`;
    });
    for (const id of told) incidents.announce(id);
    bus.publish({ topic: 'forecasts', type: 'refreshed', id: row.id });
  };

  const alarm = async (
    tx: Tx,
    row: Row,
    { alarm: found, newest }: { alarm: Alarm; newest: Kept | null },
    now: Date,
  ): Promise<{ since: Date | null; told: string | null }> => {
    const was = row.anomalous_since;
    const values = found.judged === 1 ? 'the last value is' : `the last ${found.judged} values are`;
    if (found.anomalous) {
      const since = was ?? now;
      const number = (value: number | null | undefined) =>
        value === null || value === undefined ? '?' : String(Number(value.toPrecision(4)));
      const detail =
        `${found.outside} of ${values} outside what was expected; the newest is ` +
        `${number(newest?.actual)}, expected ${number(newest?.near_lower)} to ${number(newest?.near_upper)}.`;
      if (was === null) await note(tx, row.id, now, 'anomalous', detail);
      const told = row.incidents
        ? await incidents.anomalous(tx, { id: row.id, name: row.name, since, detail })
        : null;
      return { since, told };
    }
    if (was === null) return { since: null, told: null };
    const detail = `${found.outside} of ${values} outside what was expected.`;
    await note(tx, row.id, now, 'normal', detail);
    return { since: null, told: await incidents.ended(tx, row.id, `As expected again: ${detail}`) };
  };
  const note = (tx: Tx, id: string, at: Date, kind: string, detail: string) =>
    tx.forecastEvent.create({
      data: { id: newId(at), forecastId: id, at, kind, detail },
      select: { id: true },
    });

  const refresh = async (row: Row, signal: AbortSignal): Promise<void> => {
    let grid: Grid | null = null;
    let about: Pick<Series, 'ratio' | 'key'> = { ratio: false, key: null };
    try {
      const series = await subjects.read(
        { subject: subjectOf(row), step: stepOf(row), timeZone: row.time_zone },
        clock.now().getTime(),
        signal,
      );
      grid = series.grid;
      about = series;
      const truths = grid ? await join(row, grid) : [];
      let outcome: Outcome;
      try {
        outcome = await make(row, series, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        // What came is kept all the same.
        outcome = { state: 'failed', detail: plain(error, row, log), grid };
      }
      await save(row, outcome, truths, about);
    } catch (error) {
      if (signal.aborted || !db.status().up) throw error;
      await save(row, { state: 'failed', detail: plain(error, row, log), grid: null }, [], about);
    }
  };

  return {
    async refreshDue(signal, enough) {
      let count = 0;
      while (!signal.aborted && !enough?.aborted) {
        const row = await claim();
        if (!row) break;
        await refresh(row, signal);
        count += 1;
      }
      return count;
    },
  };
}

/** A plain sentence; what is no expected error is logged. */
function plain(error: unknown, row: Row, log: Log): string {
  if (error instanceof AppError) return error.publicMessage;
  log.warn({ err: error, forecast: row.id }, 'a forecast failed');
  return 'The forecast could not be made; the log says why.';
}

function withoutPoints(forecast: Forecast): ForecastSaid {
  const { points: _points, ...said } = forecast;
  return said;
}

export const stepTimes = (row: Pick<Row, 'history_from' | 'step'>, values: readonly number[]) => {
  const from = row.history_from?.getTime() ?? 0;
  const stepMs = stepMsOf(stepOf(row));
  return values.map((value, i) => ({
    at: new Date(from + i * stepMs).toISOString(),
    value: Number.isNaN(value) ? null : value,
  }));
};
