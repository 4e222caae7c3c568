import { expect, test } from 'vitest';
import { toChartRows } from './rows.ts';

const MINUTE = 60_000;
const points = (...given: [minute: number, metrics: Record<string, number>][]) =>
  given.map(([minute, metrics]) => ({ at: minute * MINUTE, metrics }));
const alone = (rows: ReturnType<typeof toChartRows>) =>
  rows.flatMap(({ at, alone: names }) => (names ?? []).map((name) => [at / MINUTE, name]));

test('a point without a neighbour to draw a line to is marked, each series by itself', () => {
  const given = points([1, { a: 1 }], [2, { a: 2, b: 5 }], [3, { a: 3 }], [9, { a: 4 }]);
  const rows = toChartRows(given, ['a', 'b'], 240, 2 * MINUTE);
  expect(alone(rows)).toEqual([
    [2, 'b'],
    [9, 'a'],
  ]);
  // Without the pause the last point has a line that leads to it.
  expect(alone(toChartRows(given, ['a', 'b'], 240, 10 * MINUTE))).toEqual([[2, 'b']]);
  expect(alone(toChartRows(points([1, { a: 0 }]), ['a'], 240))).toEqual([[1, 'a']]);
});
