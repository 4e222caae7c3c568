import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anomalyScores, movingAverage, trend } from './derive.ts';

describe('moving average', () => {
  test.each<[string, (number | null)[], number, (number | null)[]]>([
    ['nothing', [], 3, []],
    ['fewer than the window', [2, 4], 3, [2, 3]],
    ['the last three', [1, 2, 3, 10, 20], 3, [1, 1.5, 2, 5, 11]],
    ['a gap stays a gap and is left out', [1, null, 3, 5], 3, [1, null, 2, 4]],
    ['a window of one is the value', [7, 8], 1, [7, 8]],
    ['a window of none is one of one', [7, 8], 0, [7, 8]],
    ['a huge value leaves nothing behind', [1e300, 1, 1], 2, [1e300, 5e299, 1]],
    ['what is no number is a gap', [Number.NaN, 4], 2, [null, 4]],
  ])('%s', (_name, values, window, expected) => {
    expect(movingAverage(values, window)).toEqual(expected);
  });
});

describe('trend', () => {
  const at = Date.parse('2026-03-02T00:00:00Z');
  const line = (values: (number | null)[]) =>
    values.map((value, i) => ({ at: at + i * 60_000, value }));

  test('a line is found again, to the tenth digit, at epoch milliseconds', () => {
    const found = trend(line([3, 5, 7, 9, 11]));
    expect(found.slopePerSecond).toBeCloseTo(2 / 60, 10);
    for (const [i, value] of found.values.entries()) expect(value).toBeCloseTo(3 + 2 * i, 9);
  });
  test('gaps stay gaps and bend nothing', () => {
    const { values } = trend(line([3, null, 7, null, 11]));
    expect(values.map((value) => value && Math.round(value * 1e9) / 1e9)).toEqual([
      3,
      null,
      7,
      null,
      11,
    ]);
  });
  test('the least squares of a textbook: (1,1) (2,2) (3,2) has the slope 1/2', () => {
    const found = trend([1, 2, 2].map((value, i) => ({ at: i * 1000, value })));
    expect(found.slopePerSecond).toBeCloseTo(0.5, 12);
    expect(found.values[0]).toBeCloseTo(7 / 6, 12);
  });
  test.each([
    ['nothing', []],
    ['one point', line([4])],
    ['points at one time', [1, 2].map((value) => ({ at, value }))],
    ['only gaps', line([null, null])],
  ])('%s has no trend', (_name, points) => {
    expect(trend(points)).toEqual({ values: points.map(() => null), slopePerSecond: null });
  });
});

test('no input makes anything but numbers and gaps', () => {
  const value = fc.oneof(fc.constant(null), fc.double(), fc.constantFrom(Number.MAX_VALUE));
  const points = fc.array(fc.record({ at: fc.double(), value }), { maxLength: 60 });
  const clean = (list: readonly (number | null)[]) =>
    list.every((each) => each === null || Number.isFinite(each));
  fc.assert(
    fc.property(points, fc.nat(20), (rows, window) => {
      const values = rows.map((row) => row.value);
      const line = trend(rows);
      const scores = anomalyScores(rows);
      return (
        clean(movingAverage(values, window)) &&
        clean(line.values) &&
        (line.slopePerSecond === null || Number.isFinite(line.slopePerSecond)) &&
        scores.length === rows.length &&
        clean(scores.map(({ score }) => score))
      );
    }),
    { numRuns: 200 },
  );
});

test('scores are those of the detector, point by point', () => {
  const points = Array.from({ length: 400 }, (_, i) => ({
    at: i * 60_000,
    value: i === 300 ? 9 : i % 3,
  }));
  const scores = anomalyScores(points, { seasonSeconds: null }).map(({ score }) => score);
  expect(scores.indexOf(Math.max(...scores))).toBe(300);
});
