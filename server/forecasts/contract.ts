/** Forecasts: what a series will probably do, and how well that was foretold before. Client-safe. */
import { z } from 'zod';

// forecasts.compute

export const MAX_SERIES_POINTS = 20_000;
export const MAX_HORIZON = 1_000;
/** Seasons longer than this are not fitted. */
export const MAX_SEASON = 400;
/** Share of future values that the intervals are made to hold. */
export const INTERVAL_LEVEL = 0.95;

const momentSchema = z.union(
  [
    z.iso.datetime({ offset: true, error: 'Enter a time such as 2026-01-31T12:00:00Z' }),
    z.number().finite(),
  ],
  { error: 'Enter a time such as 2026-01-31T12:00:00Z or milliseconds since 1970' },
);

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
