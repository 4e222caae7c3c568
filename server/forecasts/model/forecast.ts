/**
 * A forecast: the series cleaned, its seasons found, models backtested from rolling origins against the naive floor,
 * the best used, and intervals made from the errors that it had there (split conformal prediction, Lei et al. 2018, on
 * rolling origins).
 */
import {
  type Accuracy,
  type CandidateAccuracy,
  type Forecast,
  type ForecastPoint,
  INTERVAL_LEVEL,
} from '../contract.ts';
import { type Candidates, createCandidates, type Forecasts } from './candidates.ts';
import { clean, type RawPoint, withoutOutliers } from './clean.ts';
import { findSeasons } from './season-strength.ts';
import { seasonalNaive } from './simple.ts';
import { type Bounds, identity, type Transform, transformFor, within } from './transform.ts';
import { testTrend } from './trend.ts';

export type ForecastInput = {
  series: readonly RawPoint[];
  horizon: number;
  seasonality?: readonly number[] | undefined;
  bounds?: Bounds | undefined;
};
export type Timed = { elapsed(): number };

/** Origins that the backtest looks from, if the series is long enough. */
const ORIGINS = 10;
/** A candidate replaces the favourite when its error is at most this share of the favourite's. */
const SWITCH = 0.95;
/** A model must beat the floor by so much of its error to be used. */
const MARGIN = 0.02;
/** Of the usual step from value to value: intervals are no narrower, however exactly the past was foretold. */
const NARROWEST = 0.05;
/** After so many milliseconds no further origin is looked from, and no further order is tried. */
const SEARCH_MS = 1_500;
const BACKTEST_MS = 3_500;
/** Older values tell models little and cost them much. */
const MAX_FITTED = 1_500;
const SEASONS_FITTED = 8;
const DAY_MS = 86_400_000;
const MIN_POINTS = 3;

export class TooShort extends Error {}

export function forecastSeries(input: ForecastInput, { elapsed }: Timed): Forecast {
  const asked = input.seasonality;
  const seasonsOf = (values: Float64Array, stepMs: number | null) =>
    asked
      ? [...new Set(asked)].filter((s) => s > 1).sort((a, b) => a - b)
      : findSeasons(values, stepMs);
  const cleaned = clean(input.series, (values) => seasonsOf(values, null)[0] ?? 1);
  const { notes, stepMs, lastAt, offset } = cleaned;
  const points = cleaned.known.filter(Boolean).length;
  if (points < MIN_POINTS)
    throw new TooShort(`The series has ${points} values; at least ${MIN_POINTS} are needed.`);
  const wanted = seasonsOf(cleaned.values, stepMs);
  const longest = Math.max(MAX_FITTED, SEASONS_FITTED * Math.max(0, ...wanted));
  const y = cleaned.values.slice(-longest);
  if (y.length < cleaned.values.length)
    notes.push(`The models look at the last ${y.length} of ${cleaned.values.length} steps.`);
  const seasons = wanted.filter((s) => y.length >= 2 * s);
  for (const s of wanted)
    if (!seasons.includes(s))
      notes.push(`A season of ${s} steps needs ${2 * s} values; it was left out.`);
  const [main = 1] = seasons;
  const { horizon } = input;
  if (horizon > y.length)
    notes.push(
      `The horizon (${horizon} steps) is longer than the history (${y.length}); what is beyond it is a guess.`,
    );
  const given = offset > 0 ? {} : (input.bounds ?? {});
  // What was never negative is not foretold to be.
  const bounds =
    given.min === undefined && offset === 0 && y.every((value) => value >= 0)
      ? { ...given, min: 0 }
      : given;
  const trend = testTrend(cleaned.values, main);

  const { values: calm, replaced } = withoutOutliers(y, main);
  if (replaced > 0)
    notes.push(
      `${replaced === 1 ? 'One outlier was' : `${replaced} outliers were`} left out of the fit.`,
    );
  const transforms = transformsFor(calm, given);
  const beyond = y.filter(
    (value) => value < (bounds.min ?? value) || value > (bounds.max ?? value),
  ).length;
  if (beyond > 0) notes.push(`${beyond} of ${y.length} values lie outside the bounds given.`);
  const candidates = createCandidates(calm, seasons, transforms, () => elapsed() > SEARCH_MS);
  const tested = backtest({ y, calm, horizon, main, candidates, bounds, elapsed });
  if (tested.origins.length === 0)
    notes.push('The series is too short to look back from; the intervals are a guess.');
  else if (tested.origins.length < 4)
    notes.push(
      `Only ${tested.origins.length} times could be looked back from; the intervals are uncertain.`,
    );
  const scores = scoresOf(tested, y, main, candidates);
  const chosen = elect(scores, candidates, seasons, transforms.at(-1) ?? identity);
  const naive = chosen === candidates.floor;

  const future = candidates.forecast(calm, horizon);
  const used = future.has(chosen) ? chosen : candidates.floor;
  const mean = within(future.get(used) ?? seasonalNaive(calm, main, horizon), bounds);
  const fitted = scaleOf(used, transforms);
  const interval = [...new Set([fitted, identity])]
    .map((scale) => intervalOn(scale, { tested, used, horizon, y, main, mean, bounds }))
    .reduce((best, other) => (other.width < best.width ? other : best));
  const list = scores.map((score) => ({ ...score, chosen: score.name === used }));
  const own = list.find((score) => score.chosen);
  const accuracy: Accuracy = {
    mape: own?.mape ?? null,
    smape: own?.smape ?? 0,
    mase: own?.mase ?? null,
    wape: own?.wape ?? null,
    coverage: coverageOf(interval.residuals, interval.typical),
  };
  const perDay = stepMs === null ? 1 : DAY_MS / stepMs;
  const out: ForecastPoint[] = Array.from(mean, (value, h) => ({
    at: lastAt === null || stepMs === null ? '' : new Date(lastAt + (h + 1) * stepMs).toISOString(),
    mean: value - offset,
    lower: (interval.lower[h] as number) - offset,
    upper: (interval.upper[h] as number) - offset,
  }));
  const nearZero = y.filter((value) => value !== 0).length < y.length;
  if (nearZero)
    notes.push('Some values are 0: the error in per cent of them says little. MASE and WAPE do.');
  return {
    model: naive ? candidates.floor : used.startsWith('median') ? words(used, candidates) : used,
    trend: trend.direction,
    backtest: accuracy,
    points: out,
    origins: tested.origins.length,
    originSteps: tested.steps,
    candidates: list,
    naive,
    stepMs: stepMs ?? 0,
    seasons,
    transform:
      transforms.find(({ name }) => name !== 'none' && used.endsWith(` on ${name}`))?.name ??
      'none',
    trendTest: {
      pValue: trend.pValue,
      slopePerDay: times(trend.slope, perDay),
      lower: times(trend.lower, perDay),
      upper: times(trend.upper, perDay),
    },
    notes,
    tookMs: Math.round(elapsed()),
  };
}

/**
 * Errors measured, and an interval made of them, on one scale: that of the model or the plain one, whichever makes the
 * narrower interval that holds as much.
 */
function intervalOn(
  scale: Transform,
  of: {
    tested: Tested;
    used: string;
    horizon: number;
    y: Float64Array;
    main: number;
    mean: Float64Array;
    bounds: Bounds;
  },
) {
  const { y, mean, bounds } = of;
  const residuals = residualsOf(of.tested, of.used, scale);
  const typical = naiveError(scale.forward(y), Math.min(of.main, y.length - 1));
  const narrowest = NARROWEST * naiveError(scale.forward(y), 1);
  const half = widths(residuals, of.horizon, typical).map((size) => Math.max(size, narrowest));
  const centre = scale.forward(mean);
  const edge = (sign: number) =>
    within(scale.back(centre.map((value, h) => value + sign * (half[h] as number))), bounds);
  // Moved off a bound, the centre of the scale is not quite the mean.
  const lower = edge(-1).map((value, h) => Math.min(value, mean[h] as number));
  const upper = edge(1).map((value, h) => Math.max(value, mean[h] as number));
  const width = upper.reduce((sum, value, h) => sum + value - (lower[h] as number), 0);
  return { residuals, typical, lower, upper, width };
}

const times = (value: number | null, factor: number) => (value === null ? null : value * factor);
const words = (name: string, candidates: Candidates) =>
  `${name} (${candidates.describe(name).replace(/^At each step the middle one of |\.$/g, '')})`;

function transformsFor(y: Float64Array, bounds: Bounds): Transform[] {
  if (bounds.min === undefined && bounds.max === undefined) return [identity];
  const transform = transformFor(y, bounds);
  return transform ? [identity, transform] : [identity];
}

type Tested = {
  steps: number;
  /** What came, and what each candidate had said, by origin. */
  origins: { actual: Float64Array; forecasts: Forecasts }[];
};

function backtest(input: {
  y: Float64Array;
  calm: Float64Array;
  horizon: number;
  main: number;
  candidates: Candidates;
  bounds: Bounds;
  elapsed(): number;
}): Tested {
  const { y, calm, horizon, main, candidates, bounds, elapsed } = input;
  const n = y.length;
  // Three seasons where there are more: with two, seasonal models have nothing to learn from.
  const seasonal =
    main > 1 ? Math.max(2 * main + 2, Math.min(3 * main + 2, Math.floor(0.6 * n))) : 0;
  const least = Math.max(seasonal, Math.min(10, n - 2), Math.floor(n / 3));
  const steps = Math.max(1, Math.min(horizon, Math.floor((n - least) / 2)));
  const room = n - steps - least;
  const origins: Tested['origins'] = [];
  if (room < 0) return { steps, origins };
  const stride = Math.max(1, Math.min(steps, Math.floor(room / (ORIGINS - 1))));
  const began = elapsed();
  for (let k = 0; k < ORIGINS && k * stride <= room; k++) {
    if (k > 2 && elapsed() - began > BACKTEST_MS - SEARCH_MS) break;
    const end = n - steps - k * stride;
    const forecasts = new Map<string, Float64Array>();
    for (const [name, values] of candidates.forecast(calm.subarray(0, end), steps))
      forecasts.set(name, within(values, bounds));
    origins.push({ actual: y.subarray(end, end + steps), forecasts });
  }
  return { steps, origins };
}

/** Of each candidate that answered from every origin. */
function scoresOf(
  { origins }: Tested,
  y: Float64Array,
  main: number,
  candidates: Candidates,
): Omit<CandidateAccuracy, 'chosen'>[] {
  const scale = naiveError(y, main);
  const names = [...(origins[0]?.forecasts.keys() ?? [candidates.floor])];
  return names
    .filter((name) => origins.every(({ forecasts }) => forecasts.has(name)))
    .map((name) => {
      let errors = 0;
      let count = 0;
      let sizes = 0;
      let percents = 0;
      let nonZero = 0;
      let symmetric = 0;
      for (const { actual, forecasts } of origins) {
        const said = forecasts.get(name) as Float64Array;
        for (let h = 0; h < actual.length; h++) {
          const value = actual[h] as number;
          const error = Math.abs(value - (said[h] as number));
          errors += error;
          sizes += Math.abs(value);
          count++;
          if (value !== 0) {
            percents += error / Math.abs(value);
            nonZero++;
          }
          const both = Math.abs(value) + Math.abs(said[h] as number);
          if (both > 0) symmetric += error / both;
        }
      }
      return {
        name,
        description: candidates.describe(name),
        floor: name === candidates.floor,
        mase: scale > 0 && count > 0 ? errors / count / scale : null,
        smape: count > 0 ? (200 * symmetric) / count : 0,
        mape: nonZero > 0 ? (100 * percents) / nonZero : null,
        wape: sizes > 0 ? (100 * errors) / sizes : null,
      };
    });
}

/** The mean absolute step from season to season inside the history. */
function naiveError(y: Float64Array, season: number): number {
  let sum = 0;
  for (let i = season; i < y.length; i++)
    sum += Math.abs((y[i] as number) - (y[i - season] as number));
  return y.length > season ? sum / (y.length - season) : 0;
}

/** The best in the backtest, where it beats the floor clearly; with few origins the combination is trusted most. */
function elect(
  scores: readonly Omit<CandidateAccuracy, 'chosen'>[],
  candidates: Candidates,
  seasons: readonly number[],
  scale: Transform,
): string {
  const error = (name: string) => scores.find((score) => score.name === name)?.mase ?? null;
  const floor = error(candidates.floor);
  // Where the scale is known it is kept to: a rate or a latency errs differently near its bound.
  const suited = scores.filter(
    ({ name }) => scale.name === 'none' || name.endsWith(` on ${scale.name}`),
  );
  const favourite = suited.find(({ name }) =>
    name.startsWith(seasons.length > 0 ? 'median' : 'ARIMA'),
  )?.name;
  if (floor === null) return candidates.floor;
  let best = favourite ?? candidates.floor;
  for (const { name, mase } of scores) {
    const held = error(best);
    if (mase !== null && held !== null && mase < held * SWITCH) best = name;
  }
  const own = error(best);
  return own !== null && own <= floor * (1 - MARGIN) ? best : candidates.floor;
}

const scaleOf = (name: string, transforms: readonly Transform[]): Transform =>
  transforms.find((transform) => name.endsWith(` on ${transform.name}`)) ?? identity;

/** Absolute errors by origin and step, on the scale of the model. */
function residualsOf({ origins }: Tested, name: string, scale: Transform): Float64Array[] {
  return origins.flatMap(({ actual, forecasts }) => {
    const said = forecasts.get(name);
    if (!said) return [];
    const came = scale.forward(actual);
    return [scale.forward(said).map((value, h) => Math.abs((came[h] as number) - value))];
  });
}

/** Half the width of the interval at each step. */
function widths(
  residuals: readonly Float64Array[],
  horizon: number,
  typical: number,
): Float64Array {
  const shape = shapeOf(residuals, horizon, typical);
  const factor = quantileOf(residuals, shape);
  return shape.map((size) => size * factor);
}

/** The typical error at each step: a power of the distance, as single steps of few origins are noise. */
function shapeOf(
  residuals: readonly Float64Array[],
  horizon: number,
  typical: number,
): Float64Array {
  const steps = residuals[0]?.length ?? 0;
  if (steps === 0) {
    return Float64Array.from({ length: horizon }, (_, h) => typical * Math.sqrt(h + 1));
  }
  const sizes = Array.from({ length: steps }, (_, h) => {
    const at = residuals.map((each) => each[h] as number);
    return at.reduce((a, b) => a + b, 0) / at.length;
  });
  const overall = sizes.reduce((a, b) => a + b, 0) / steps;
  if (!(overall > 0)) return new Float64Array(horizon);
  let xx = 0;
  let xy = 0;
  let mx = 0;
  let my = 0;
  const xs = sizes.map((_, h) => Math.log(h + 1));
  const ys = sizes.map((size) => Math.log(Math.max(size, overall * 1e-3)));
  for (let h = 0; h < steps; h++) {
    mx += (xs[h] as number) / steps;
    my += (ys[h] as number) / steps;
  }
  for (let h = 0; h < steps; h++) {
    xx += ((xs[h] as number) - mx) ** 2;
    xy += ((xs[h] as number) - mx) * ((ys[h] as number) - my);
  }
  const growth = xx > 0 ? Math.max(0, Math.min(1, xy / xx)) : 0.5;
  return Float64Array.from({ length: horizon }, (_, h) =>
    Math.exp(my + growth * (Math.log(h + 1) - mx)),
  );
}

/** By how much the typical error must be multiplied to hold the wanted share of all. */
function quantileOf(residuals: readonly Float64Array[], shape: Float64Array): number {
  const ratios = residuals
    .flatMap((each) =>
      Array.from(each, (size, h) => ((shape[h] as number) > 0 ? size / (shape[h] as number) : 0)),
    )
    .sort((a, b) => a - b);
  if (ratios.length === 0) return 2.5;
  // Errors of one origin resemble each other: an origin counts as a few values, and the quantile is taken so much higher.
  const worth = Math.max(1, residuals.length * Math.sqrt(shape.length));
  const level = Math.min(1, (INTERVAL_LEVEL * (worth + 1)) / worth);
  const at = level * (ratios.length - 1);
  const low = ratios[Math.floor(at)] as number;
  const high = ratios[Math.min(ratios.length - 1, Math.ceil(at))] as number;
  return low + (high - low) * (at - Math.floor(at));
}

/** The share of errors inside intervals that were made from the other origins. */
function coverageOf(residuals: readonly Float64Array[], typical: number): number {
  if (residuals.length < 2) return INTERVAL_LEVEL;
  let inside = 0;
  let count = 0;
  residuals.forEach((own, k) => {
    const others = residuals.filter((_, i) => i !== k);
    const half = widths(others, own.length, typical);
    own.forEach((size, h) => {
      count++;
      if (size <= (half[h] as number) * (1 + 1e-9)) inside++;
    });
  });
  return count > 0 ? inside / count : INTERVAL_LEVEL;
}
