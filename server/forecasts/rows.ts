/** Forecasts as they stand in the database, and as they are shown. */
import { AppError } from '../platform/errors.ts';
import {
  type ForecastItem,
  type ForecastPoint,
  type ForecastSaid,
  type ForecastState,
  forecastStates,
  type Outlook,
  type StoredAccuracy,
  type Subject,
  subjectSchema,
  type Unit,
  units,
} from './contract.ts';
import { DAY_MS, type Step, stepMsOf } from './grid.ts';

const SPARK_STEPS = { hour: 48, day: 28 } as const;
const SPARK_AHEAD = { hour: 24, day: 7 } as const;

export const columns = `f.id::text, f.name, f.kind, f.subject, f.built_in_key, f.step, f.time_zone, f.horizon, f.seasonality,
  f.lower_bound, f.upper_bound, f.unit, f.incidents, f.alarm_count, f.alarm_of, f.paused, f.state, f.detail, f.series_key, f.failures,
  f.due_at, f.refreshed_at, f.history_from, f.last_at, f.last_value, f.newest, f.accuracy, f.anomalous_since,
  f.created_at, f.created_by, f.updated_at`;
export type Row = {
  id: string;
  name: string;
  kind: string;
  subject: unknown;
  built_in_key: string | null;
  step: string;
  time_zone: string;
  horizon: number;
  seasonality: number[];
  lower_bound: number | null;
  upper_bound: number | null;
  unit: string;
  incidents: boolean;
  alarm_count: number;
  alarm_of: number;
  paused: boolean;
  state: string;
  detail: string | null;
  series_key: string | null;
  failures: number;
  due_at: Date;
  refreshed_at: Date | null;
  history_from: Date | null;
  last_at: Date | null;
  last_value: number | null;
  newest: unknown;
  accuracy: unknown;
  anomalous_since: Date | null;
  created_at: Date;
  created_by: string;
  updated_at: Date;
};
export type RunRow = {
  made_at: Date;
  first_at: Date;
  mean: number[];
  lower: number[];
  upper: number[];
};

export const stepOf = (row: Pick<Row, 'step'>): Step => (row.step === 'day' ? 'day' : 'hour');
/** Throws when an older version wrote something that is no subject any more. */
export function subjectOf(row: Pick<Row, 'subject'>): Subject {
  const parsed = subjectSchema.safeParse(row.subject);
  if (!parsed.success) throw new AppError('NOT_FOUND', 'What was forecast is not known any more.');
  return parsed.data;
}
// Both are written from these shapes alone.
export const saidOf = (row: Pick<Row, 'newest'>): ForecastSaid | null =>
  row.newest as ForecastSaid | null;
export const accuracyOf = (row: Pick<Row, 'accuracy'>): StoredAccuracy | null =>
  row.accuracy as StoredAccuracy | null;

export function pointsOf(run: RunRow, step: Step): ForecastPoint[] {
  const stepMs = stepMsOf(step);
  const first = run.first_at.getTime();
  return run.mean.map((mean, i) => ({
    at: new Date(first + i * stepMs).toISOString(),
    mean,
    lower: run.lower[i] ?? mean,
    upper: run.upper[i] ?? mean,
  }));
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
/** Means over the next days; null when it does not reach so far. */
export function outlook(run: RunRow | null, days: number, step: Step): Outlook | null {
  const count = (days * DAY_MS) / stepMsOf(step);
  if (!run || run.mean.length < count) return null;
  return {
    mean: meanOf(run.mean.slice(0, count)),
    lower: meanOf(run.lower.slice(0, count)),
    upper: meanOf(run.upper.slice(0, count)),
  };
}

export type ListRow = Row & {
  tail: number[] | null;
  run: Pick<RunRow, 'mean' | 'lower' | 'upper'> | null;
  next_day: Outlook | null;
  next_week: Outlook | null;
};

export function shown(row: ListRow): ForecastItem {
  const step = stepOf(row);
  const said = saidOf(row);
  const { run } = row;
  const ahead = SPARK_AHEAD[step];
  return {
    id: row.id,
    name: row.name,
    subject: subjectOf(row),
    builtIn: row.built_in_key !== null,
    step,
    unit: units.find((unit) => unit === row.unit) ?? ('number' satisfies Unit),
    state:
      forecastStates.find((state) => state === row.state) ?? ('waiting' satisfies ForecastState),
    detail: row.detail,
    paused: row.paused,
    refreshedAt: row.refreshed_at?.toISOString() ?? null,
    nextAt: row.due_at.toISOString(),
    last:
      row.last_at && row.last_value !== null
        ? { at: row.last_at.toISOString(), value: row.last_value }
        : null,
    nextDay: row.next_day,
    nextWeek: row.next_week,
    trend: said?.trend ?? null,
    slopePerDay: said?.trendTest.slopePerDay ?? null,
    model: said?.model ?? null,
    backtest: said
      ? {
          mase: said.backtest.mase,
          floorMase: said.candidates.find(({ floor }) => floor)?.mase ?? null,
          naive: said.naive,
        }
      : null,
    accuracy: accuracyOf(row),
    anomalousSince: row.anomalous_since?.toISOString() ?? null,
    spark: {
      history: (row.tail ?? [])
        .slice(-SPARK_STEPS[step])
        .map((value) => (Number.isNaN(value) ? null : value)),
      mean: run?.mean.slice(0, ahead) ?? [],
      lower: run?.lower.slice(0, ahead) ?? [],
      upper: run?.upper.slice(0, ahead) ?? [],
    },
  };
}
