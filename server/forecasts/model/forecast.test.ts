import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Forecast } from '../contract.ts';
import type { RawPoint } from './clean.ts';
import { type ForecastInput, forecastSeries } from './forecast.ts';
import { fitSarima } from './sarima.ts';
import { findSeasons } from './season-strength.ts';
import { testTrend } from './trend.ts';

const data: {
  daily: number[];
  hourly: number[];
  arima: { y: number[]; expected: Record<string, number[]> };
  trend: { name: string; y: number[]; slope: number }[];
} = JSON.parse(readFileSync(path.join(import.meta.dirname, 'testdata/series.json'), 'utf8'));

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);

function random(seed: number) {
  let state = seed;
  const uniform = () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
const normal = random(7);
const series = (values: readonly (number | null)[], stepMs = HOUR): RawPoint[] =>
  values.map((value, i) => ({ at: START + i * stepMs, value }));
const make = (length: number, value: (i: number) => number | null) =>
  Array.from({ length }, (_, i) => value(i));
const day = (i: number) => Math.sin((2 * Math.PI * i) / 24);

/** No time passes, so that what is answered does not depend on the machine. */
const forecast = (input: ForecastInput): Forecast => forecastSeries(input, { elapsed: () => 0 });

/** The mean absolute error against the naive floor's, and how much of the truth the intervals hold. */
function score(values: number[], history: number, steps: number, stepMs: number) {
  const answer = forecast({ series: series(values.slice(0, history), stepMs), horizon: steps });
  const [season = 1] = answer.seasons;
  const truth = values.slice(history, history + steps);
  let error = 0;
  let floor = 0;
  let inside = 0;
  for (const [h, value] of truth.entries()) {
    const point = answer.points[h];
    if (!point) throw new Error('too few points');
    error += Math.abs(value - point.mean);
    floor += Math.abs(value - (values[history - season + (h % season)] ?? 0));
    if (value >= point.lower && value <= point.upper) inside++;
  }
  return { answer, ratio: error / floor, inside: inside / truth.length };
}

describe('on real series', () => {
  test('a week of taxi trips by the hour', () => {
    const { answer, ratio, inside } = score(data.hourly, 700, 48, HOUR);
    expect(answer.seasons).toEqual([24, 168]);
    expect(ratio).toBeLessThan(0.9);
    expect(inside).toBeGreaterThan(0.85);
    expect(answer.naive).toBe(false);
    expect(answer.origins).toBe(10);
    expect(answer.backtest.coverage).toBeGreaterThan(0.9);
    const floor = answer.candidates.find((candidate) => candidate.floor);
    expect(floor?.name).toBe('seasonal naive 24');
    expect(answer.backtest.mase ?? 9).toBeLessThan(floor?.mase ?? 0);
    expect(answer.candidates.filter(({ chosen }) => chosen)).toHaveLength(1);
  });
  test('weeks of taxi trips by the day, from six origins', () => {
    const scores = Array.from({ length: 6 }, (_, k) =>
      score(data.daily, data.daily.length - 7 * (k + 1), 7, 24 * HOUR),
    );
    expect(scores.every(({ answer }) => answer.seasons.includes(7))).toBe(true);
    const mean = scores.reduce((sum, { ratio }) => sum + ratio, 0) / scores.length;
    expect(mean).toBeLessThan(1);
  });
});

describe('SARIMA agrees with exact maximum likelihood', () => {
  test.each(Object.keys(data.arima.expected))('%s', (name) => {
    const [p = 0, d = 0, q = 0] = (name.match(/\d/g) ?? []).map(Number);
    const order = { p, d, q, P: 0, D: 0, Q: 0, s: 1, mean: name.endsWith('c') };
    const y = Float64Array.from(data.arima.y);
    const expected = data.arima.expected[name] ?? [];
    const fitted = fitSarima(y, order)?.forecast(expected.length) ?? new Float64Array();
    const mean = y.reduce((a, b) => a + b, 0) / y.length;
    const sd = Math.sqrt(y.reduce((a, b) => a + (b - mean) ** 2, 0) / y.length);
    for (const [h, value] of expected.entries())
      expect(Math.abs((fitted[h] ?? Number.NaN) - value) / sd).toBeLessThan(0.08);
  });
  test('a seasonal one finds its own parameters again', () => {
    const noise = make(1_200, () => normal());
    const y: number[] = [];
    for (let t = 0; t < 1_200; t++)
      y.push(
        0.6 * (y[t - 1] ?? 0) +
          0.5 * (y[t - 12] ?? 0) -
          0.3 * (y[t - 13] ?? 0) +
          (noise[t] as number),
      );
    const order = { p: 1, d: 0, q: 0, P: 1, D: 0, Q: 0, s: 12, mean: false };
    const fitted = fitSarima(Float64Array.from(y), order);
    expect(0.99 * Math.tanh(fitted?.free[0] ?? 0)).toBeCloseTo(0.6, 1);
    expect(0.99 * Math.tanh(fitted?.free[1] ?? 0)).toBeCloseTo(0.5, 1);
    expect(fitted?.variance).toBeCloseTo(1, 0);
  });
});

describe('trend', () => {
  test.each(data.trend.map((each) => [each.name, each] as const))('%s', (name, { y, slope }) => {
    const found = testTrend(Float64Array.from(y), 1);
    expect(found.slope).toBeCloseTo(slope, 9);
    expect(found.direction).toBe(
      name === 'ties' ? 'up' : name === 'up' || name === 'down' ? name : 'stable',
    );
    expect(found.lower ?? 9).toBeLessThanOrEqual(slope);
    expect(found.upper ?? -9).toBeGreaterThanOrEqual(slope);
  });
  test.each([
    [0.5, 60],
    [0.8, 120],
    [0, 60],
  ])('a stream that only remembers (AR %d) is stable', (memory, n) => {
    const walk = random(3);
    let alarms = 0;
    for (let run = 0; run < 200; run++) {
      let last = walk() / Math.sqrt(1 - memory * memory);
      const y = Float64Array.from({ length: n }, () => (last = memory * last + walk()));
      if (testTrend(y, 1).direction !== 'stable') alarms++;
    }
    expect(alarms / 200).toBeLessThanOrEqual(0.1);
  });
});

describe('seasons', () => {
  test('of a day and a week', () => {
    const y = Float64Array.from(
      { length: 24 * 7 * 5 },
      (_, i) => 10 + 3 * day(i) + (Math.floor(i / 24) % 7 > 4 ? -4 : 0) + 0.3 * normal(),
    );
    expect(findSeasons(y, HOUR)).toEqual([24, 168]);
    expect(findSeasons(y, null)[0]).toBe(24);
  });
  test('of none', () => {
    const white = Float64Array.from({ length: 600 }, () => normal());
    expect(findSeasons(white, HOUR)).toEqual([]);
    expect(findSeasons(white, null)).toEqual([]);
  });
});

describe('what comes badly', () => {
  const whole = make(400, (i) => 10 + 5 * day(i) + 0.3 * normal());
  const near = (answer: Forecast, tolerance: number) => {
    for (const [h, point] of answer.points.entries()) {
      expect(Math.abs(point.mean - (10 + 5 * day(400 + h)))).toBeLessThan(tolerance);
      expect(point.lower).toBeLessThanOrEqual(point.mean);
      expect(point.upper).toBeGreaterThanOrEqual(point.mean);
    }
  };
  test.each<[string, RawPoint[], RegExp]>([
    ['points in no order', [...series(whole)].reverse(), /not in order of time/],
    [
      'points twice',
      [...series(whole), ...series(whole.slice(0, 3))],
      /3 points had the time of another/,
    ],
    [
      'irregular steps',
      series(whole).map((point, i) => ({
        ...point,
        at: (point.at ?? 0) + ((i * 7_919) % 1_400) * 1_000,
      })),
      /not evenly spaced; they were put on steps of one hour/,
    ],
    [
      'gaps',
      series(whole.map((value, i) => (i % 40 < 6 ? null : value))),
      /54 gaps of 394 steps were filled in/,
    ],
    [
      'outliers',
      series(whole.map((value, i) => (i === 100 || i === 250 ? 300 : value))),
      /2 outliers were left out/,
    ],
    [
      'not a number',
      [...series(whole), { at: START, value: Number.NaN }],
      /1 value that is not finite was left out/,
    ],
  ])('%s', (_, points, note) => {
    const answer = forecast({ series: points, horizon: 24 });
    expect(answer.notes.join(' ')).toMatch(note);
    expect(answer.points).toHaveLength(24);
    expect(answer.points[0]?.at).toBe(new Date(START + 400 * HOUR).toISOString());
    near(answer, 2.5);
  });
  test('an hour that a day lacks or has twice', () => {
    const points = make(120, (i) => 100 + 20 * (i % 7)).map((value, i) => ({
      at: START + i * 24 * HOUR - (i >= 60 ? HOUR : 0),
      value,
    }));
    const answer = forecast({ series: points, horizon: 7 });
    expect(answer.stepMs).toBe(24 * HOUR);
    expect(answer.seasons).toEqual([7]);
    expect(answer.points.map(({ mean }) => Math.round(mean))).toEqual(
      make(7, (h) => 100 + 20 * ((120 + h) % 7)),
    );
  });
  test.each<[string, (number | null)[], number]>([
    ['zeros', make(100, () => 0), 0],
    ['a constant', make(100, () => 5), 5],
  ])('%s stay', (_, values, expected) => {
    const answer = forecast({ series: series(values), horizon: 24 });
    expect(
      answer.points.every(
        ({ mean, lower, upper }) => mean === expected && lower === expected && upper === expected,
      ),
    ).toBe(true);
    expect(answer).toMatchObject({ trend: 'stable', naive: true });
  });
  test.each([1e9, 1e-9])('a scale of %d', (scale) => {
    const answer = forecast({
      series: series(whole.map((value) => (value ?? 0) * scale)),
      horizon: 24,
    });
    for (const [h, { mean }] of answer.points.entries())
      expect(Math.abs(mean / scale - (10 + 5 * day(400 + h)))).toBeLessThan(1.5);
  });
  test.each([
    [[], 0],
    [[1, 2], 2],
    [make(50, () => null), 0],
  ])('too few: %j', (values, known) => {
    expect(() => forecast({ series: series(values), horizon: 5 })).toThrow(
      `The series has ${known} values; at least 3 are needed.`,
    );
  });
  test('three points and a horizon longer than the history', () => {
    const answer = forecast({ series: series([1, 2, 3]), horizon: 20 });
    expect(answer.points).toHaveLength(20);
    expect(answer.notes.join(' ')).toMatch(
      /horizon \(20 steps\) is longer than the history \(3\).*intervals are uncertain/,
    );
  });
  test('a counter that started anew', () => {
    let count = 0;
    const values = make(300, (i) => {
      if (i === 120 || i === 220) count = 0;
      count += 10;
      return count;
    });
    const answer = forecast({ series: series(values), horizon: 5 });
    expect(answer.notes.join(' ')).toContain('counter that started anew 2 times');
    expect(answer.points[0]?.mean).toBeCloseTo(810, 0);
  });
  test('what is counted since midnight is a season', () => {
    let count = 0;
    const values = make(24 * 14, (i) => {
      if (i % 24 === 0) count = 0;
      count += 10 + normal();
      return count;
    });
    const answer = forecast({ series: series(values), horizon: 48 });
    expect(answer.notes.join(' ')).not.toContain('anew');
    for (const [h, { mean }] of answer.points.entries())
      expect(Math.abs(mean - 10 * ((h % 24) + 1))).toBeLessThan(10);
  });
});

describe('bounds', () => {
  test('a rate stays a rate', () => {
    const values = make(90, () => Math.min(1, 0.97 + 0.02 * normal()));
    const answer = forecast({
      series: series(values, 24 * HOUR),
      horizon: 7,
      bounds: { min: 0, max: 1 },
    });
    for (const { lower, mean, upper } of answer.points) {
      expect(lower).toBeGreaterThan(0.8);
      expect(mean).toBeGreaterThan(0.93);
      expect(upper).toBeLessThanOrEqual(1);
    }
  });
  test('a latency is fitted on its logarithm', () => {
    const values = make(500, (i) => Math.exp(3 + day(i) + 0.3 * normal()));
    const answer = forecast({ series: series(values), horizon: 48, bounds: { min: 0 } });
    expect(answer.transform).toBe('log');
    for (const { lower, mean, upper } of answer.points) {
      expect(lower).toBeGreaterThan(0);
      expect(upper - mean).toBeGreaterThan(mean - lower);
    }
  });
  test('what was never negative is not foretold to be', () => {
    const values = make(200, () => Math.max(0, 1 + 2 * normal()));
    const answer = forecast({ series: series(values), horizon: 24 });
    expect(Math.min(...answer.points.map(({ lower }) => lower))).toBe(0);
    const below = forecast({
      series: series(values.map((value) => (value ?? 0) - 3)),
      horizon: 24,
    });
    expect(Math.min(...below.points.map(({ lower }) => lower))).toBeLessThan(-3);
  });
  test('seasons can be given, and refused', () => {
    const values = make(200, (i) => day(i) + 0.1 * normal());
    const horizon = 12;
    expect(forecast({ series: series(values), horizon, seasonality: [] }).seasons).toEqual([]);
    expect(forecast({ series: series(values), horizon, seasonality: [24] }).seasons).toEqual([24]);
    const long = forecast({ series: series(values), horizon, seasonality: [24, 168] });
    expect(long.seasons).toEqual([24]);
    expect(long.notes.join(' ')).toContain('A season of 168 steps needs 336 values');
  });
});

test('intervals hold about 95 % of what comes', () => {
  let inside = 0;
  let all = 0;
  for (let run = 0; run < 25; run++) {
    let level = 50;
    const values = make(228, (i) => {
      level += 0.3 * normal();
      return level + 4 * day(i) + normal();
    });
    const answer = forecast({
      series: series(values.slice(0, 204)),
      horizon: 24,
      seasonality: [24],
    });
    for (const [h, { lower, upper }] of answer.points.entries()) {
      const truth = values[204 + h] ?? 0;
      all++;
      if (truth >= lower && truth <= upper) inside++;
    }
  }
  expect(inside / all).toBeGreaterThan(0.9);
  expect(inside / all).toBeLessThan(0.985);
});
