import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createExposition } from './exposition.ts';

const parse = (text: string, openMetrics = false) => {
  const exposition = createExposition(openMetrics);
  const samples = text.split('\n').flatMap((line) => exposition.take(line) ?? []);
  return { samples, families: exposition.families(), faults: exposition.faults() };
};
const one = (line: string, openMetrics = false) => {
  const { samples, faults } = parse(line, openMetrics);
  return samples[0] ?? faults.first[0];
};

test('the example of the format', () => {
  const { samples, families, faults } = parse(`
# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
`);
  expect(faults.count).toBe(0);
  expect(samples).toHaveLength(9);
  expect(samples[0]).toEqual({
    name: 'http_requests_total',
    labels: { method: 'post', code: '200' },
    value: 1027,
    at: 1395066363000,
  });
  expect(samples[2]?.labels).toEqual({
    path: 'C:\\DIR\\FILE.TXT',
    error: 'Cannot find file:\n"FILE.TXT"',
  });
  expect(samples[4]).toMatchObject({ value: Number.POSITIVE_INFINITY, at: -3982045 });
  expect(families[0]).toEqual({
    metric: 'http_requests_total',
    kind: 'counter',
    help: 'The total number of HTTP requests.',
  });
  expect(families.slice(1).map(({ metric, kind }) => [metric, kind])).toEqual([
    ['http_request_duration_seconds_bucket', 'histogram'],
    ['http_request_duration_seconds_sum', 'counter'],
    ['http_request_duration_seconds_count', 'counter'],
  ]);
});

test('OpenMetrics: seconds, exemplars, units, the end', () => {
  const { samples, families, faults } = parse(
    `# TYPE foo_seconds counter
# UNIT foo_seconds seconds
foo_seconds_total{a="b # c"} 17.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67
foo_seconds_created 1520430000.123
bar_bucket{le="1.0"} 3 # {trace_id="x"} 0.3 1520879607.7
# EOF
late 1`,
    true,
  );
  expect(samples).toEqual([
    { name: 'foo_seconds_total', labels: { a: 'b # c' }, value: 17, at: 1520879607789 },
    { name: 'foo_seconds_created', labels: {}, value: 1520430000.123, at: null },
    { name: 'bar_bucket', labels: { le: '1.0' }, value: 3, at: null },
  ]);
  expect(families).toEqual([{ metric: 'foo_seconds_total', kind: 'counter', unit: 'seconds' }]);
  expect(faults.first[0]).toMatch(/^line 7: comes after # EOF/);
});

test.each([
  ['a{b="c",} 1', { name: 'a', labels: { b: 'c' }, value: 1, at: null }],
  [
    '  a  { b = "c" , d = "" }   1e3  ',
    { name: 'a', labels: { b: 'c', d: '' }, value: 1000, at: null },
  ],
  ['a{} NaN', { name: 'a', labels: {}, value: Number.NaN, at: null }],
  ['{"my.metric","a.b"="c"} 1', { name: 'my.metric', labels: { 'a.b': 'c' }, value: 1, at: null }],
  ['a\t-Inf', { name: 'a', labels: {}, value: Number.NEGATIVE_INFINITY, at: null }],
])('%s', (line, expected) => expect(one(line)).toEqual(expected));

test.each([
  ['a', 'no value'],
  ['a{b="c"}', 'no value'],
  ['a one', 'the value is no number'],
  ['a 0x10', 'the value is no number'],
  ['a 1 2 3', 'something follows the time'],
  ['a 1 1.5', 'the time is no number'],
  ['a{b="c} 1', 'a quote is not closed'],
  ['a{b=c} 1', 'a label value is not in quotes'],
  ['a{b} 1', 'no metric name|a label has no value'],
  ['a{b="c"d="e"} 1', 'labels are not separated by commas'],
  ['{b="c"} 1', 'no metric name'],
  ['9a 1', 'no metric name'],
  ['<html>', 'no metric name'],
])('%s cannot be read', (line, reason) =>
  expect(one(line)).toMatch(new RegExp(`^line 1: (${reason}): `)),
);

describe('properties', () => {
  const escaped = (text: string) =>
    text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  test('what is written is read again', () => {
    const text = fc
      .string({ unit: 'grapheme', maxLength: 30 })
      .filter((t) => !/[\r\u2028\u2029]/.test(t));
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/),
        fc.dictionary(fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,10}$/), text, { maxKeys: 5 }),
        fc.double(),
        fc.option(fc.integer()),
        (name, labels, value, at) => {
          const pairs = Object.entries(labels).map(([label, it]) => `${label}="${escaped(it)}"`);
          const line = `${name}{${pairs.join(',')}} ${value}${at === null ? '' : ` ${at}`}`;
          expect(one(line)).toEqual({
            name,
            labels: { ...labels },
            value: Object.is(value, -0) ? 0 : value,
            at,
          });
        },
      ),
    );
  });
  test('any text is read or counted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, openMetrics) => {
        const { samples, faults } = parse(text, openMetrics);
        expect(samples.length + faults.count).toBeLessThanOrEqual(text.split('\n').length);
      }),
    );
  });
});
