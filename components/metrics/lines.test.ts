import { describe, expect, test } from 'vitest';
import type { Point, QueryResult } from '../../server/metrics/contract.ts';
import { draftOf, emptyDraft, queryOf } from './draft.ts';
import { exploreHref } from './explore-link.ts';
import { draw, flatten, labelText, MAX_LINES } from './lines.ts';
import { bottomOf, panelQuery } from './new-panel.ts';
import { autoStep, durationMs, lengthMs, previousRange, stepChoices } from './range.ts';
import { formatOf, unitOf } from './units.ts';

const MINUTE = 60_000;
const start = Date.parse('2026-03-02T10:00:00Z');
const iso = (minute: number) => new Date(start + minute * MINUTE).toISOString();
const points = (values: readonly [number, number | null][]): Point[] =>
  values.map(([minute, avg]) => ({ at: iso(minute), values: { avg } }));
const resultOf = (series: QueryResult['series'], more: Partial<QueryResult> = {}): QueryResult => ({
  series,
  scanned: 1,
  tookMs: 1,
  from: iso(0),
  to: iso(10),
  stepSeconds: 60,
  resolution: 'raw',
  percentiles: null,
  notes: [],
  ...more,
});
const drawn = (result: QueryResult, before: Parameters<typeof draw>[0]['before'] = null) =>
  draw({ result, metric: 'x_seconds', unit: '', before });

describe('what is drawn', () => {
  test('a line for each group and aggregation, by name, with its figures', () => {
    const { lines } = drawn(
      resultOf([
        { labels: { pod: 'b10' }, points: points([[0, 3]]) },
        {
          labels: { pod: 'b9' },
          points: points([
            [0, 1],
            [1, 5],
            [2, null],
          ]),
        },
      ]),
    );
    expect(lines.map(({ label, color }) => [label, color])).toEqual([
      ['b9', 1],
      ['b10', 2],
    ]);
    expect(lines[0]?.stats).toEqual({ last: 5, min: 1, avg: 3, max: 5 });
  });
  test('a pause is a gap, also where only one of two lines pauses', () => {
    const { rows, lines } = drawn(
      resultOf([
        { labels: { pod: 'a' }, points: points([0, 1, 2, 6, 7].map((m) => [m, m])) },
        { labels: { pod: 'b' }, points: points([0, 1, 2, 3, 4, 5, 6, 7].map((m) => [m, m])) },
      ]),
    );
    const name = lines[0]?.name ?? '';
    expect(rows.map(({ values, path }) => values[name] ?? path?.[name] ?? null)).toEqual([
      0,
      1,
      2,
      null,
      null,
      null,
      6,
      7,
    ]);
  });
  test('samples that are rarer than steps make a line all the same, without figures of its own between', () => {
    const { rows, lines } = drawn(
      resultOf([
        { labels: { pod: 'a' }, points: points([0, 4, 8].map((m) => [m, m])) },
        { labels: { pod: 'b' }, points: points([0, 1, 2, 3, 4, 5, 6, 7, 8].map((m) => [m, m])) },
      ]),
    );
    const name = lines[0]?.name ?? '';
    expect(rows[2]?.values[name]).toBeUndefined();
    expect(rows[2]?.path?.[name]).toBe(2);
    expect(rows.flatMap(({ alone }) => alone ?? [])).toEqual([]);
  });
  test('a single point is marked to be seen', () => {
    const { rows, lines } = drawn(resultOf([{ labels: {}, points: points([[3, 1]]) }]));
    expect(rows[0]?.alone).toEqual([lines[0]?.name]);
  });
  test('past fifty the largest are drawn, and the rest is counted', () => {
    const { lines, left } = drawn(
      resultOf(
        Array.from({ length: 70 }, (_, i) => ({
          labels: { pod: `p${i}` },
          points: points([[0, i]]),
        })),
      ),
    );
    expect([lines.length, left]).toEqual([MAX_LINES, 20]);
    expect(lines[0]?.label).toBe('p20');
  });
  test('the time before is laid over it, dashed and without a legend of its own', () => {
    const before = resultOf([{ labels: {}, points: points([[-10, 9]]) }]);
    const { rows, lines } = drawn(resultOf([{ labels: {}, points: points([[0, 1]]) }]), {
      result: before,
      shiftMs: 10 * MINUTE,
    });
    expect(lines.map(({ dashed }) => dashed)).toEqual([undefined, true]);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.values[lines[1]?.name ?? '']).toBe(9);
  });
  test('anomalies are marks and a band, not a line', () => {
    const result = resultOf([
      {
        labels: {},
        points: [
          { at: iso(0), values: { avg: 1, anomaly: 0.1 }, expected: { lower: 0, upper: 2 } },
          { at: iso(1), values: { avg: 9, anomaly: 0.8 }, expected: { lower: 0, upper: 2 } },
        ],
      },
    ]);
    const { rows, lines } = drawn(result);
    expect(lines.map(({ aggregation }) => aggregation)).toEqual(['avg']);
    expect(rows.map(({ flags, band }) => [flags?.length, band])).toEqual([
      [0, [0, 2]],
      [1, [0, 2]],
    ]);
  });
  test('the last bucket is partial while it is not over', () => {
    const series = [
      {
        labels: {},
        points: points([
          [0, 1],
          [9, 1],
        ]),
      },
    ];
    expect(drawn(resultOf(series)).partialAt).toBeNull();
    expect(drawn(resultOf(series, { to: iso(9.5) })).partialAt).toBe(start + 9 * MINUTE);
  });
  test('rows for files are the newest first', () => {
    const rows = flatten(
      resultOf([
        {
          labels: { a: 'b' },
          points: points([
            [0, 1],
            [1, 2],
          ]),
        },
      ]),
    );
    expect(rows.map(({ at }) => at)).toEqual([iso(1), iso(0)]);
  });
  test.each([
    [{}, ''],
    [{ a: 'x' }, 'x'],
    [{ a: '' }, '(none)'],
    [{ a: 'x', b: '' }, 'a=x, b=(none)'],
  ])('labels %j read %j', (labels, text) => {
    expect(labelText(labels)).toBe(text);
  });
});

describe('ranges', () => {
  test.each([
    ['15m', '15s'],
    ['1h', '15s'],
    ['6h', '2m'],
    ['24h', '10m'],
    ['7d', '1h'],
    ['30d', '3h'],
  ])('%s is asked in steps of %s', (relative, step) => {
    expect(autoStep({ relative })).toBe(step);
    expect(lengthMs({ relative }) / (durationMs(step) ?? 0)).toBeLessThanOrEqual(250);
    expect(stepChoices({ relative })).toContain(step);
  });
  test('the time before has the same buckets', () => {
    const { from, to, shiftMs } = previousRange({ from: 1_000_100, to: 1_060_000 }, 7_000);
    expect(shiftMs % 7_000).toBe(0);
    expect(to - from).toBe(59_900);
    expect(to).toBeLessThanOrEqual(1_060_000 - 59_900);
  });
  test.each(['', 'h', '0h', '-1h', '1.5h', '1y'])('%j is no duration', (text) => {
    expect(durationMs(text)).toBeNull();
  });
});

describe('a query', () => {
  const draft = {
    ...emptyDraft,
    metric: 'x',
    filters: [
      { field: 'a', op: 'eq' as const, value: 'b' },
      { field: 'c', op: 'eq' as const, value: '' },
      { field: 'd', op: 'in' as const, value: [] },
      { field: 'e', op: 'exists' as const },
    ],
  };
  test('leaves out filters that are still being written', () => {
    const { filters, step } = queryOf(draft, { relative: '1h' });
    expect(filters?.map(({ field }) => field)).toEqual(['a', 'e']);
    expect(step).toBe('15s');
  });
  test.each([{ relative: '6h' }, { from: start, to: start + 3_600_000 }])(
    'comes back from its stored form over %j',
    (range) => {
      const whole = { ...draft, filters: draft.filters.slice(0, 1), groupBy: ['r'], step: '5m' };
      expect(draftOf(queryOf(whole, range))).toEqual({ draft: whole, range });
      const auto = { ...whole, step: 'auto' };
      expect(draftOf(queryOf(auto, range))).toEqual({ draft: auto, range });
    },
  );
  test('becomes a panel below all others, with its own step only when one was chosen', () => {
    expect(panelQuery(draft)).not.toHaveProperty('step');
    expect(panelQuery({ ...draft, step: '5m' }).step).toBe('5m');
    expect([
      bottomOf([]),
      bottomOf([
        { y: 2, height: 3 },
        { y: 0, height: 4 },
      ]),
    ]).toEqual([0, 5]);
  });
  test('as a link keeps every part', () => {
    const href = exploreHref(
      { ...draft, groupBy: ['route', 'a,b'], step: '5m' },
      { relative: '6h' },
    );
    const search = new URLSearchParams(href.split('?')[1]);
    expect(search.get('by')).toBe('route,a%2Cb');
    expect(JSON.parse(search.get('filters') ?? '')).toHaveLength(4);
    expect([search.get('metric'), search.get('step'), search.get('range')]).toEqual([
      'x',
      '5m',
      '6h',
    ]);
  });
});

test.each([
  ['http_request_duration_seconds', '', 'avg', 'seconds'],
  ['process_resident_memory_bytes', '', 'max', 'bytes'],
  ['x_bytes_total', '', 'rate', 'perSecond'],
  ['x_bytes_total', '', 'increase', 'bytes'],
  ['x_seconds_sum', '', 'last', 'seconds'],
  ['cache_hit_ratio', '', 'avg', 'ratio'],
  ['x_seconds', '', 'count', 'number'],
  ['http.server.duration', 's', 'p95', 'seconds'],
  ['queue', '', 'avg', 'number'],
] as const)('%s (%s), %s is %s', (metric, unit, aggregation, expected) => {
  expect(unitOf(metric, unit, aggregation)).toBe(expected);
});
test.each([
  ['number', 0.00042, '0.00042'],
  ['number', 1_234_567, '1.235 M'],
  ['seconds', 0.012, '12 ms'],
  ['ratio', 0.123, '12.3 %'],
  ['perSecond', 12.4, '12.4 /s'],
] as const)('%s %s is written %s', (unit, value, text) => {
  expect(formatOf(unit)(value).replaceAll('\u202f', ' ')).toBe(text);
});
