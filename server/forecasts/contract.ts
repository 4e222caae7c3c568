/** Forecasts: what a series will probably do, and how well that was foretold before. Client-safe. */
import { z } from 'zod';
import { filterSchema, isPlainText, pageSchema } from '../api/contract.ts';
import { LABEL_NAME, MAX_LABEL_VALUE, plainAggregations } from '../metrics/contract.ts';

// forecasts.compute

export const MAX_SERIES_POINTS = 20_000;
export const MAX_HORIZON = 1_000;
/** Seasons longer than this are not fitted. */
export const MAX_SEASON = 400;
/** Share of future values that the intervals are made to hold. */
export const INTERVAL_LEVEL = 0.95;

const TIMES =
  'Enter a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31 (UTC), or a Unix time';
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/;
/** Numbers below are seconds since 1970, others milliseconds. */
const FIRST_MILLISECOND = 1e11;

/** Milliseconds since 1970, NaN for what is no time; without a zone it is UTC. */
export function momentOf(moment: string | number): number {
  if (typeof moment === 'number')
    return Math.abs(moment) < FIRST_MILLISECOND ? moment * 1000 : moment;
  const [, zone] = MOMENT.exec(moment) ?? [null];
  if (zone === null) return Number.NaN;
  const text = moment.replace(' ', 'T');
  return Date.parse(zone || text.length === 10 ? text : `${text}Z`);
}

const momentSchema = z
  .union([z.string(), z.number()], { error: TIMES })
  .refine((moment) => Math.abs(momentOf(moment)) < 8.64e15, TIMES);

export const computeSchema = z.strictObject({
  series: z
    .array(
      z.strictObject({
        at: momentSchema,
        /** Null: not known. */
        value: z.number('Enter a number or null').nullable(),
      }),
    )
    .max(MAX_SERIES_POINTS, `At most ${MAX_SERIES_POINTS} points`),
  /** Steps ahead. */
  horizon: z
    .int('Enter a whole number of steps')
    .min(1, 'At least 1 step')
    .max(MAX_HORIZON, `At most ${MAX_HORIZON} steps`),
  /** Seasons in steps, such as [24, 168] of hours; absent: found in the series; empty: none. */
  seasonality: z
    .array(
      z
        .int('Enter a whole number of steps')
        .min(2, 'A season has at least 2 steps')
        .max(MAX_SEASON, `At most ${MAX_SEASON} steps`),
    )
    .max(3, 'At most 3 seasons')
    .optional(),
  bounds: z
    .strictObject({ min: z.number().optional(), max: z.number().optional() })
    .refine(
      ({ min, max }) => min === undefined || max === undefined || min < max,
      'min must be less than max',
    )
    .optional(),
});
export type ComputeInput = z.output<typeof computeSchema>;

export type Trend = 'up' | 'down' | 'stable';
export type Accuracy = {
  /** Per cent, over actual values that are not 0; null where there are none. */
  mape: number | null;
  smape: number;
  /** Mean absolute error in steps of the naive floor's own error inside the history; null when that never errs. */
  mase: number | null;
  /** Per cent: the sum of errors over the sum of values. */
  wape: number | null;
  /** Share of the actual values inside the interval, of origins that the intervals were not made from. */
  coverage: number;
};
export type CandidateAccuracy = Omit<Accuracy, 'coverage'> & {
  name: string;
  /** What it is, in words. */
  description: string;
  /** The naive floor that the others must beat. */
  floor: boolean;
  chosen: boolean;
};
export type ForecastPoint = { at: string; mean: number; lower: number; upper: number };

export type Forecast = {
  /** Such as `median of MSTL, SARIMA(1,0,1)(0,1,1)24 and seasonal naive`. */
  model: string;
  trend: Trend;
  backtest: Accuracy;
  points: ForecastPoint[];
  /** Rolling origins that the backtest looked from, and steps ahead at each. */
  origins: number;
  originSteps: number;
  candidates: CandidateAccuracy[];
  /** True when no model beat the naive floor in the backtest, so that it is used. */
  naive: boolean;
  stepMs: number;
  seasons: number[];
  transform: 'none' | 'log' | 'logit';
  trendTest: {
    /** Of Mann and Kendall, on the deseasonalised series with its memory removed. */
    pValue: number | null;
    /** Sen's slope in units a day, with its 95 % interval. */
    slopePerDay: number | null;
    lower: number | null;
    upper: number | null;
  };
  /** What was cleaned and what is doubtful, as sentences. */
  notes: string[];
  tookMs: number;
};

// Forecasts that are made again and again

export const MAX_FORECASTS = 1_000;
export const steps = ['hour', 'day'] as const;
export const units = ['number', 'ratio', 'milliseconds', 'seconds', 'bytes', 'perSecond'] as const;
export type Unit = (typeof units)[number];
export const measures = ['success', 'errors', 'latency'] as const;
export type Measure = (typeof measures)[number];
export const forecastStates = ['waiting', 'ok', 'short', 'failed'] as const;
export type ForecastState = (typeof forecastStates)[number];

const word = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'Must not be empty')
    .max(max, `At most ${max} characters`)
    .refine(isPlainText, 'Control and invisible characters are not accepted');
const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};
/** One series of a saved query: the labels that it is known by. */
export const seriesLabelsSchema = z
  .record(z.string().regex(LABEL_NAME, 'The name of a label'), z.string().max(MAX_LABEL_VALUE))
  .refine((labels) => Object.keys(labels).length <= 10, 'At most 10 labels');
export const subjectSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('target'),
      targetId: z.uuid(),
      /** Shares of good and of failed checks, or the mean time of good ones. */
      measure: z.enum(measures, `One of ${measures.join(', ')}`),
    }),
    z.strictObject({
      kind: z.literal('service'),
      service: word(200),
      /** What it sends: spans over OTLP, or wide events. */
      of: z.enum(['spans', 'events']).default('spans'),
      /** Shares of what ended well and with an error, or the duration that 95 of 100 stay below. */
      measure: z.enum(measures, `One of ${measures.join(', ')}`),
    }),
    z.strictObject({
      kind: z.literal('saved'),
      savedId: z.uuid(),
      /** Absent: the first of the query. */
      aggregation: z.enum(plainAggregations).optional(),
      /** Which series, where the query has several. */
      labels: seriesLabelsSchema.default({}),
    }),
  ],
  'kind: target, service or saved',
);
export type Subject = z.output<typeof subjectSchema>;

const settings = {
  name: word(150),
  /** Steps ahead; absent: 7 days. */
  horizon: z
    .int('Enter a whole number of steps')
    .min(1, 'At least 1 step')
    .max(336, 'At most 336 steps')
    .optional(),
  /** Where days begin. */
  timeZone: z.string().max(60).refine(isTimeZone, 'A time zone such as Europe/Berlin').optional(),
  /** In steps; empty or absent: found in the series. */
  seasonality: z
    .array(z.int().min(2, 'A season has at least 2 steps').max(MAX_SEASON))
    .max(3, 'At most 3 seasons')
    .optional(),
  bounds: z
    .strictObject({ min: z.number().nullish(), max: z.number().nullish() })
    .refine(({ min, max }) => min == null || max == null || min < max, 'min must be less than max')
    .optional(),
  unit: z.enum(units, `One of ${units.join(', ')}`).optional(),
  /** Whether an anomaly opens an incident. */
  incidents: z.boolean().optional(),
  /** `count` of the last `of` values outside the interval are an anomaly. */
  alarm: z
    .strictObject({ count: z.int().min(1).max(24), of: z.int().min(1).max(24) })
    .refine(({ count, of }) => count <= of, { path: ['count'], message: 'Not more than of' })
    .optional(),
};
export const createForecastSchema = z.strictObject({
  subject: subjectSchema,
  step: z.enum(steps, `One of ${steps.join(', ')}`).default('hour'),
  ...settings,
});
export type CreateForecastInput = z.output<typeof createForecastSchema>;
export const updateForecastSchema = z.strictObject({
  id: z.uuid(),
  ...settings,
  name: settings.name.optional(),
  paused: z.boolean().optional(),
});
export type UpdateForecastInput = z.output<typeof updateForecastSchema>;
export const forecastIdSchema = z.strictObject({ id: z.uuid() });
export const listForecastsSchema = pageSchema.extend({
  cursor: z.string().max(600).nullish(),
  search: filterSchema.optional(),
  kind: z.enum(['target', 'service', 'saved']).optional(),
  /** `attention`: anomalous, failed or without enough history. */
  show: z.enum(['all', 'anomalous', 'attention', 'paused']).default('all'),
});
export type ListForecastsInput = z.output<typeof listForecastsSchema>;
export const forecastSettingsSchema = z.strictObject({ builtIn: z.boolean() });

/** Of forecasts made then, by what has come since. */
export type AccuracyMeasures = {
  compared: number;
  mae: number | null;
  /** In units of what repeating the last season is off by; below 1 is better than that. */
  mase: number | null;
  /** Per cent: the sum of errors over the sum of values. */
  wape: number | null;
  /** Per cent; null where it says nothing, and `mapeWhy` says why. */
  mape: number | null;
  mapeWhy: string | null;
  /** Per cent: what even a forecast that knows the true rate would be off by; of shares of known counts. */
  oracleMape: number | null;
  /** Share of values inside the interval; 0.95 is what was promised. */
  inside: number | null;
};
export type StoredAccuracy = {
  days: number;
  /** Of the forecast made a day before. */
  day: AccuracyMeasures;
  /** Of the newest one before each value. */
  near: AccuracyMeasures;
};
/** Means of the forecast, and of its bounds: no narrower than the interval of the mean. */
export type Outlook = { mean: number; lower: number; upper: number };
export type ForecastItem = {
  id: string;
  name: string;
  subject: Subject;
  builtIn: boolean;
  step: (typeof steps)[number];
  unit: Unit;
  state: ForecastState;
  /** Why it is short or failed. */
  detail: string | null;
  paused: boolean;
  refreshedAt: string | null;
  nextAt: string;
  last: { at: string; value: number } | null;
  nextDay: Outlook | null;
  nextWeek: Outlook | null;
  trend: Trend | null;
  slopePerDay: number | null;
  model: string | null;
  /** Of the backtest; null before the first forecast. */
  backtest: { mase: number | null; floorMase: number | null; naive: boolean } | null;
  accuracy: StoredAccuracy | null;
  anomalousSince: string | null;
  /** For a small chart: the newest values, then what is expected. */
  spark: { history: (number | null)[]; mean: number[]; lower: number[]; upper: number[] };
};
export type ForecastSaid = Omit<Forecast, 'points'>;
export type PastRun = { ago: 'day' | 'week'; madeAt: string; points: ForecastPoint[] };
export type TruthPoint = {
  at: string;
  actual: number;
  /** What was expected a day before. */
  mean: number | null;
  lower: number | null;
  upper: number | null;
  /** Outside the interval of the newest forecast before it; null when there was none. */
  outside: boolean | null;
};
export type ForecastDetail = Omit<ForecastItem, 'spark'> & {
  horizon: number;
  timeZone: string;
  seasonality: number[];
  bounds: { min: number | null; max: number | null };
  incidents: boolean;
  alarm: { count: number; of: number };
  createdBy: string;
  createdAt: string;
  updatedAt: string;
  stepMs: number;
  history: { at: string; value: number | null }[];
  newest: (ForecastSaid & { madeAt: string; points: ForecastPoint[] }) | null;
  past: PastRun[];
  truths: TruthPoint[];
  events: { at: string; kind: 'anomalous' | 'normal'; detail: string }[];
};
export type ForecastCounts = {
  all: number;
  anomalous: number;
  attention: number;
  paused: number;
  /** Whether targets and services get forecasts by themselves. */
  builtIn: boolean;
};
