import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  autocorrelation,
  inflationOf,
  MAX_TREND_VALUES,
  mannKendall,
  median,
  pairSlopes,
  spread,
} from './robust-trend.ts';

const series = (maxLength: number) =>
  fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength });

describe('slopes of all pairs', () => {
  test('are those that sorting all of them gives, at every place', () => {
    fc.assert(
      fc.property(series(40), fc.boolean(), (values, even) => {
        const y = Float64Array.from(values);
        // Some times are equal.
        const times = y.map((_, i) => (even ? i : Math.floor(i * 0.7)));
        const all: number[] = [];
        for (let i = 0; i < y.length; i++)
          for (let j = i + 1; j < y.length; j++) {
            const run = (times[j] ?? 0) - (times[i] ?? 0);
            if (run !== 0) all.push(((y[j] ?? 0) - (y[i] ?? 0)) / run);
          }
        all.sort((a, b) => a - b);
        const found = pairSlopes(y, even ? undefined : times);
        expect(found.count).toBe(all.length);
        expect(found.slope).toBe(median(all));
        for (const rank of [-1, 0, 0.4, 1.5, all.length / 2, all.length - 1, all.length + 9]) {
          const place = Math.max(0, Math.min(all.length - 1, Math.round(rank)));
          expect(found.at(rank)).toBe(all.length > 0 ? all[place] : Number.NaN);
        }
      }),
    );
  });
  test('a line is found exactly, however its times lie and though a quarter is wild', () => {
    const times = Float64Array.from({ length: 200 }, (_, i) => i * i);
    const wild = times.map((at, i) => (i % 4 === 3 ? 1e9 * (i % 8 === 3 ? 1 : -1) : 3 * at + 7));
    expect(pairSlopes(wild, times).slope).toBeCloseTo(3, 9);
  });
  test('nothing, one value and equal times have none', () => {
    for (const count of [0, 1]) {
      const found = pairSlopes(new Float64Array(count));
      expect(found).toMatchObject({ slope: Number.NaN, count: 0, score: 0 });
      expect(found.at(0)).toBeNaN();
    }
    expect(pairSlopes(Float64Array.of(1, 2), Float64Array.of(5, 5))).toMatchObject({
      slope: Number.NaN,
      count: 0,
      score: 1,
    });
  });
  test('more than can be paired are refused', () => {
    expect(pairSlopes(new Float64Array(MAX_TREND_VALUES)).slope).toBe(0);
    expect(() => pairSlopes(new Float64Array(MAX_TREND_VALUES + 1))).toThrow(RangeError);
  });
});

describe('the test of Mann and Kendall', () => {
  // Kendall (1975) by hand: S = 21 of 21 pairs, variance 7·6·19 / 18; with two ties of two, 2·1·9 / 18 less for each.
  test('score, variance and ties as published', () => {
    const clear = mannKendall(Float64Array.of(1, 2, 3, 4, 5, 6, 7));
    expect(clear.deviation).toBeCloseTo(Math.sqrt((7 * 6 * 19) / 18), 12);
    expect(clear.z).toBeCloseTo(20 / Math.sqrt((7 * 6 * 19) / 18), 12);
    const tied = mannKendall(Float64Array.of(1, 1, 2, 3, 4, 4, 5));
    expect(tied.deviation).toBeCloseTo(Math.sqrt((7 * 6 * 19 - 2 * 2 * 9) / 18), 12);
    expect(tied.z).toBeCloseTo(18 / tied.deviation, 12);
  });
  test('turns round with the series, and looks at the order alone', () => {
    fc.assert(
      fc.property(series(40), (values) => {
        const y = Float64Array.from(values);
        const { z, deviation } = mannKendall(y);
        const back = mannKendall(y.map((value) => -value));
        expect(back.z).toBeCloseTo(-z, 12);
        expect(back.deviation).toBe(deviation);
        expect(mannKendall(y, { score: pairSlopes(y).score }).z).toBe(z);
        const ranks = [...new Set(values)].sort((a, b) => a - b);
        expect(mannKendall(y.map((value) => ranks.indexOf(value))).z).toBe(z);
      }),
    );
  });
  test('memory widens the deviation by its root', () => {
    const y = Float64Array.from({ length: 30 }, (_, i) => i + 5 * Math.sin(i * 3));
    const [plain, wide] = [mannKendall(y), mannKendall(y, { inflation: inflationOf(0.6) })];
    expect(wide.deviation).toBeCloseTo(2 * plain.deviation, 12);
    expect(wide.z).toBeCloseTo(plain.z / 2, 12);
  });
  test('values that are all equal say nothing', () => {
    expect(mannKendall(new Float64Array(9))).toEqual({ z: 0, deviation: 0 });
  });
});

test('autocorrelation is Pearson’s around the common mean', () => {
  // Mean 3: products of neighbours 2·1 + 0 + 0 + 1·2 over squares 10; two apart 0 − 1 + 0.
  const found = autocorrelation(Float64Array.of(1, 2, 3, 4, 5));
  expect([0, 1, 2].map(found)).toEqual([1, 0.4, -0.1]);
  expect(autocorrelation(Float64Array.of(7, 7, 7))(1)).toBeNaN();
});

test('median and spread are not moved by wild values', () => {
  expect(median([])).toBeNaN();
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(spread([1, 2, 3, 4, 1e9])).toBeCloseTo(1.4826, 12);
});
