import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planText, readPlan } from './plan.ts';

const node = (type: string, given: object = {}) => ({
  'Node Type': type,
  'Startup Cost': 0,
  'Total Cost': 10,
  'Plan Rows': 1,
  'Plan Width': 4,
  ...given,
});
const ran = (ms: number, rows: number, loops = 1) => ({
  'Actual Startup Time': 0,
  'Actual Total Time': ms,
  'Actual Rows': rows,
  'Actual Loops': loops,
});

test("a node's own time leaves out its children, in all loops", () => {
  const plan = readPlan([
    {
      Plan: node('Nested Loop', {
        ...ran(100, 50),
        'Join Type': 'Inner',
        Plans: [
          node('Seq Scan', { ...ran(10, 50), 'Relation Name': 'a', Alias: 'a' }),
          node('Index Scan', {
            ...ran(1.5, 1, 50),
            'Relation Name': 'b',
            Alias: 'x',
            'Index Name': 'b_pkey',
            'Index Cond': '(id = a.b)',
          }),
        ],
      }),
      'Planning Time': 0.2,
      'Execution Time': 101,
    },
  ]);
  expect(plan?.root.actual).toEqual({ loops: 1, rows: 50, totalMs: 100, selfMs: 15 });
  const [seq, index] = plan?.root.children ?? [];
  expect(index).toMatchObject({
    label: 'Index Scan using b_pkey on b x',
    actual: { totalMs: 75, selfMs: 75 },
    share: 0.75,
    costly: true,
  });
  expect(seq).toMatchObject({ misestimate: { factor: 50, over: false }, costly: false });
  expect(plan).toMatchObject({ nodes: 3, planningMs: 0.2, executionMs: 101 });
  expect(planText(plan ?? fail())).toContain(
    '->  Index Scan using b_pkey on b x  (cost=0.00..10.00 rows=1 width=4) (actual time=1.500 rows=1 loops=50)',
  );
});

test('what a CTE takes is the scan’s that reads it', () => {
  const plan = readPlan({
    Plan: node('Hash Join', {
      ...ran(100, 1),
      Plans: [
        node('Aggregate', { ...ran(80, 1), 'Subplan Name': 'CTE big' }),
        node('CTE Scan', { ...ran(85, 1), 'CTE Name': 'big', Alias: 'big' }),
        node('Seq Scan', { ...ran(5, 1), 'Relation Name': 'a', Alias: 'a' }),
      ],
    }),
  });
  expect(plan?.root.actual?.selfMs).toBe(10);
  expect(plan?.root.children.map(({ actual }) => actual?.selfMs)).toEqual([80, 5, 5]);
});

test('without a run the cost is shared out; what never ran is said', () => {
  const plan = readPlan([
    {
      Plan: node('Limit', {
        'Total Cost': 100,
        Plans: [node('Seq Scan', { 'Total Cost': 90, Filter: 'x' })],
      }),
    },
  ]);
  expect(plan?.root.children[0]).toMatchObject({
    share: 0.9,
    costly: true,
    actual: null,
    misestimate: null,
  });
  const never = readPlan([{ Plan: node('Result', { ...ran(0, 0, 0) }) }]);
  expect(planText(never ?? fail())).toContain('(never executed)');
});

test.each([
  [
    'a sort on disk',
    node('Sort', { 'Sort Space Type': 'Disk', 'Sort Space Used': 900 }),
    'sorted on disk, 900 kB',
  ],
  ['hash batches', node('Hash', { 'Hash Batches': 8 }), 'hashed in 8 batches'],
  [
    'a hash aggregate',
    node('Aggregate', { Strategy: 'Hashed', 'HashAgg Batches': 5, 'Disk Usage': 40 }),
    'hashed in 5 batches, 40 kB on disk',
  ],
  [
    'what is kept',
    node('Materialize', {
      'Shared Hit Blocks': 0,
      'Temp Written Blocks': 4,
      Plans: [node('Seq Scan', { 'Temp Written Blocks': 1 })],
    }),
    '24 kB written to temporary files',
  ],
  ['nothing', node('Sort', { 'Sort Space Type': 'Memory', 'Hash Batches': 1 }), null],
])('spill: %s', (_name, given, expected) => {
  expect(readPlan([{ Plan: given }])?.root.spill ?? null).toBe(expected);
});

test('whatever comes, it does not throw, and shares add up to one at most', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      readPlan(value);
      readPlan([{ Plan: value }]);
    }),
  );
  const tree = (depth: number): fc.Arbitrary<object> =>
    fc.record({
      'Node Type': fc.constantFrom('Seq Scan', 'Hash Join', 'CTE Scan'),
      'Actual Total Time': fc.double({ min: 0, max: 1e6, noNaN: true }),
      'Actual Loops': fc.nat(5),
      'Total Cost': fc.double({ min: 0, max: 1e6, noNaN: true }),
      'CTE Name': fc.constantFrom('a', 'b'),
      'Subplan Name': fc.constantFrom(undefined, 'CTE a', 'InitPlan 1'),
      Plans: depth === 0 ? fc.constant([]) : fc.array(tree(depth - 1), { maxLength: 3 }),
    });
  fc.assert(
    fc.property(tree(4), (given) => {
      const plan = readPlan([{ Plan: given }]);
      const waiting = plan ? [plan.root] : [];
      let sum = 0;
      let costly = 0;
      for (let each = waiting.pop(); each; each = waiting.pop()) {
        expect(each.selfCost).toBeGreaterThanOrEqual(0);
        expect(each.actual?.selfMs ?? 0).toBeGreaterThanOrEqual(0);
        sum += each.share;
        costly += Number(each.costly);
        waiting.push(...each.children);
        planText(plan ?? fail());
      }
      expect(sum).toBeLessThan(1.000001);
      expect(costly).toBe(1);
    }),
    { numRuns: 50 },
  );
});

function fail(): never {
  throw new Error('no plan');
}
