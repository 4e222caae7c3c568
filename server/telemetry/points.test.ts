import { describe, expect, test } from 'vitest';
import { readLogs, readSpans } from './events.ts';
import { jsonMessage } from './message.ts';
import { readMetrics } from './points.ts';

const NOW = Date.parse('2026-03-02T08:00:00Z');
const nanos = `${NOW}000000`;
const run = <T>(work: Generator<void, T>): T => {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
};
const read = (metric: object, resource: object[] = []) =>
  run(
    readMetrics(
      jsonMessage({
        resourceMetrics: [
          { resource: { attributes: resource }, scopeMetrics: [{ metrics: [metric] }] },
        ],
      }),
      NOW,
    ),
  );
/** `name{le}` → value. */
const flat = (metric: object) =>
  Object.fromEntries(
    read(metric).samples.map(({ metric: name, labels, value, delta }) => [
      `${name}${labels.le ? `{${labels.le}}` : ''}${delta ? ' delta' : ''}`,
      value,
    ]),
  );

describe('histograms', () => {
  test('explicit bounds become cumulative buckets; smallest and largest stay readings', () => {
    const point = {
      timeUnixNano: nanos,
      count: '6',
      sum: 20,
      min: 0.5,
      max: 9,
      explicitBounds: [1, 2.5, 1e6],
      bucketCounts: ['1', '2', '3', '0'],
    };
    expect(
      flat({ name: 'h', histogram: { aggregationTemporality: 2, dataPoints: [point] } }),
    ).toEqual({
      'h_bucket{1}': 1,
      'h_bucket{2.5}': 3,
      'h_bucket{1e+06}': 6,
      'h_bucket{+Inf}': 6,
      h_count: 6,
      h_sum: 20,
      h_min: 0.5,
      h_max: 9,
    });
    const delta = flat({
      name: 'h',
      histogram: { aggregationTemporality: 1, dataPoints: [point] },
    });
    expect(Object.keys(delta).filter((name) => !name.endsWith(' delta'))).toEqual([
      'h_min',
      'h_max',
    ]);
  });
  test('without buckets only count and sum', () => {
    const point = { timeUnixNano: nanos, count: 3, sum: 6 };
    expect(
      flat({ name: 'h', histogram: { aggregationTemporality: 2, dataPoints: [point] } }),
    ).toEqual({
      'h_bucket{+Inf}': 3,
      h_count: 3,
      h_sum: 6,
    });
  });
  test('exponential ones have the exact bounds, from the most negative on', () => {
    const point = {
      timeUnixNano: nanos,
      count: '15',
      scale: 1,
      zeroCount: '2',
      zeroThreshold: 0.001,
      positive: { offset: -1, bucketCounts: ['3', '0', '4'] },
      negative: { offset: 2, bucketCounts: ['5', '1'] },
    };
    const base = Math.SQRT2;
    const found = flat({
      name: 'e',
      exponentialHistogram: { aggregationTemporality: 2, dataPoints: [point] },
    });
    const at = (bound: number) =>
      Object.entries(found).find(
        ([name]) => Math.abs(Number(/\{(.*)\}/.exec(name)?.[1]) - bound) < 1e-12,
      )?.[1];
    expect([at(-(base ** 3)), at(-(base ** 2)), at(0.001), at(1), at(base ** 2)]).toEqual([
      1, 6, 8, 11, 15,
    ]);
    // Empty ones are left out.
    expect(at(base)).toBeUndefined();
    expect(found['e_bucket{+Inf}']).toBe(15);
  });
  test.each([
    ['bounds that do not fit', { explicitBounds: [1], bucketCounts: [1, 2, 3] }, /need 2 buckets/],
    ['bounds that fall', { explicitBounds: [2, 1], bucketCounts: [1, 2, 3] }, /do not increase/],
    [
      'a bound that is no number',
      { explicitBounds: ['NaN', 1], bucketCounts: [1, 2, 3] },
      /increase/,
    ],
  ])('%s refuse the point', (_name, more, reason) => {
    const { samples, refused, points } = read({
      name: 'h',
      histogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: nanos, ...more }] },
    });
    expect([samples.length, points, refused.get(0)]).toEqual([0, 1, expect.stringMatching(reason)]);
  });
  test('a scale that nobody has is refused', () => {
    const { refused } = read({
      name: 'e',
      exponentialHistogram: {
        aggregationTemporality: 2,
        dataPoints: [{ timeUnixNano: nanos, scale: 2_000_000 }],
      },
    });
    expect(refused.get(0)).toMatch(/scale/);
  });
});

describe('sums', () => {
  const sum = (more: object) => ({
    name: 's',
    sum: { dataPoints: [{ timeUnixNano: nanos, asInt: 5 }], ...more },
  });
  test.each([
    [{ aggregationTemporality: 2, isMonotonic: true }, 'counter', undefined],
    [{ aggregationTemporality: 2 }, 'gauge', undefined],
    [{ aggregationTemporality: 1, isMonotonic: true }, 'counter', true],
  ])('%j', (more, kind, delta) => {
    const { samples, descriptions } = read(sum(more));
    expect([descriptions[0]?.kind, samples[0]?.delta]).toEqual([kind, delta]);
  });
  test('without temporality are refused', () => {
    expect(read(sum({})).refused.get(0)).toBe('s: the aggregation temporality is missing');
  });
});

test('attributes of any kind become labels; the point wins over the resource', () => {
  const attribute = (key: string, value: object) => ({ key, value });
  const { samples } = read(
    {
      name: 'g',
      gauge: {
        dataPoints: [
          {
            asDouble: 1,
            attributes: [
              attribute('i', { intValue: '9007199254740993' }),
              attribute('b', { boolValue: false }),
              attribute('d', { doubleValue: 0.5 }),
              attribute('l', { arrayValue: { values: [{ stringValue: 'x' }, { intValue: 1 }] } }),
              attribute('m', { kvlistValue: { values: [attribute('k', { stringValue: 'v' })] } }),
              attribute('instance', { stringValue: 'mine' }),
              attribute('none', {}),
            ],
          },
        ],
      },
    },
    [
      attribute('service.name', { stringValue: 'shop' }),
      attribute('service.instance.id', { stringValue: 'theirs' }),
    ],
  );
  expect(samples).toEqual([
    {
      metric: 'g',
      // No time of its own: when it came in.
      at: NOW,
      value: 1,
      labels: {
        service: 'shop',
        instance: 'mine',
        i: '9007199254740993',
        b: 'false',
        d: '0.5',
        l: '["x",1]',
        m: '{"k":"v"}',
      },
    },
  ]);
});

test('spans keep their duration to the nanosecond', () => {
  const span = {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    startTimeUnixNano: `${NOW}000001`,
    endTimeUnixNano: `${NOW}250501`,
  };
  const { rows, samples } = run(
    readSpans(jsonMessage({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }), NOW),
  );
  expect(rows[0]?.durationMs).toBe(0.2505);
  expect(samples[0]).toMatchObject({ value: 0.0002505, at: NOW + 0.251 });
});

test.each([
  [{ severityNumber: 9 }, 'info'],
  [{ severityNumber: 'SEVERITY_NUMBER_ERROR3' }, 'error'],
  [{ severityText: 'WARNING' }, 'warn'],
  [{ severityText: 'something of their own' }, 'unset'],
  [{}, 'unset'],
])('log %j has the severity %s', (record, severity) => {
  const body = { resourceLogs: [{ scopeLogs: [{ logRecords: [record, record] }] }] };
  const { rows, samples } = run(readLogs(jsonMessage(body), NOW));
  expect(rows.map(({ status }) => status)).toEqual([severity, severity]);
  expect(samples).toEqual([
    {
      metric: 'log_records',
      labels: { service: 'unknown_service', severity },
      at: NOW,
      value: 2,
      delta: true,
    },
  ]);
});
