import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { aggregations, Filter, ParsedQuery } from '../metrics/contract.ts';
import { compile, escapeRegex, literal } from './promql.ts';

const query = (more: Partial<ParsedQuery> = {}) => ({
  metric: 'http_requests_total',
  filters: [],
  groupBy: [],
  ...more,
});
const promql = (aggregation: (typeof aggregations)[number], more: Partial<ParsedQuery> = {}) => {
  const compiled = compile(query(more), [aggregation], 60_000);
  return 'queries' in compiled ? compiled.queries[0]?.promql : compiled;
};
const M = '{__name__="http_requests_total"}[60000ms]';

test.each([
  ['count', [], `sum by () (count_over_time(${M}))`],
  ['avg', ['job'], `sum by (job) (sum_over_time(${M})) / sum by (job) (count_over_time(${M}))`],
  ['avg', ['*'], `avg_over_time(${M})`],
  ['max', ['job', 'code'], `max by (job, code) (max_over_time(${M}))`],
  ['rate', ['job'], `sum by (job) (rate(${M}))`],
  ['p95', ['*'], `quantile_over_time(0.95, ${M})`],
  ['p95', ['job'], `quantile by (job) (0.95, quantile_over_time(0.95, ${M}))`],
] as const)('%s by %j', (aggregation, groupBy, expected) => {
  expect(promql(aggregation, { groupBy: [...groupBy] })).toBe(expected);
});

test.each([
  [{ field: 'a', op: 'eq', value: 'x"\\\n' }, 'a="x\\"\\\\\\n"'],
  [{ field: 'a', op: 'ne', value: 5 }, 'a!="5"'],
  [{ field: 'a', op: 'in', value: ['x.y', 'z'] }, 'a=~"x\\\\.y|z"'],
  [{ field: 'a', op: 'nin', value: ['x'] }, 'a!~"x"'],
  [{ field: 'a', op: 'contains', value: 'a+b' }, 'a=~"(?s:.*)a\\\\+b(?s:.*)"'],
  [{ field: 'a', op: 'regex', value: '^a|b$' }, 'a=~"(?s:.*)(?:^a|b$)(?s:.*)"'],
  [{ field: 'a', op: 'exists' }, 'a!=""'],
  [{ field: 'a', op: 'exists', value: false }, 'a=""'],
] satisfies [Filter, string][])('filter %j', (filter, expected) => {
  expect(promql('count', { groupBy: ['*'], filters: [filter] })).toBe(
    `count_over_time({__name__="http_requests_total",${expected}}[60000ms])`,
  );
});

test.each([
  [{ filters: [{ field: 'value', op: 'gt', value: 5 }] }, 'filters.0.field'],
  [{ filters: [{ field: 'a', op: 'gt', value: 5 }] }, 'filters.0.op'],
  [{ filters: [{ field: 'a.b', op: 'eq', value: 'x' }] }, 'filters.0.field'],
  [{ groupBy: ['a', 'b.c'] }, 'groupBy.1'],
] satisfies [Partial<ParsedQuery>, string][])('%j is refused at %s', (more, path) => {
  expect(promql('avg', more)).toMatchObject({ path, message: expect.stringMatching(/Prometheus/) });
});
test.each(['first', 'distinct', 'histogram'] as const)('%s is refused', (aggregation) => {
  expect(compile(query(), ['avg', aggregation], 1_000)).toMatchObject({ path: 'aggregations.1' });
});
test('what is derived is not asked for', () => {
  expect(compile(query(), ['avg', 'trend', 'anomaly'], 1_000)).toMatchObject({
    queries: [{ aggregation: 'avg' }],
  });
});

const promtool = spawnSync('promtool', ['--version']).error === undefined;
test.runIf(promtool)('whatever text stands in a filter, it is PromQL and nothing more', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((it) => !/\p{C}/u.test(it));
  const samples = fc.sample(fc.tuple(text, text), 300);
  const rules = samples.flatMap(([a, b], index) =>
    (['stddev', 'p95', 'last', 'avg', 'rate'] as const).map((aggregation) => ({
      record: `r:${index}`,
      expr: promql(aggregation, {
        groupBy: index % 2 ? ['job'] : ['*'],
        filters: [
          { field: 'a', op: 'eq', value: a },
          { field: 'b', op: 'contains', value: b },
          { field: 'c', op: 'in', value: [a, b] },
        ],
      }),
      labels: { n: `${index} ${aggregation}` },
    })),
  );
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'wheelhouse-promql-')), 'rules.json');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'g', rules }] }));
  try {
    const out = execFileSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    expect(out).toMatch(/SUCCESS: 1500 rules found/);
  } finally {
    rmSync(path.dirname(file), { recursive: true });
  }
});
test('literals and escapes', () => {
  expect(literal('a"b\\c\u0001')).toBe('"a\\"b\\\\c\\u0001"');
  expect(escapeRegex('a.b|c')).toBe('a\\.b\\|c');
});
