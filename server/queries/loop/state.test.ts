import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Advice } from '../contract.ts';
import type { LoopFigures } from './contract.ts';
import { createIndexText, indexNameOf, restoreText } from './ddl.ts';
import { adviceKey, evidenceOf, isNewEvidence, verdictOf } from './state.ts';

const index: Advice = {
  kind: 'create_index',
  table: 't',
  columns: ['a', 'b'],
  method: 'btree',
  reason: 'x',
};

test('the same advice has the same key, whatever it says of itself', () => {
  const key = adviceKey(index);
  expect(
    adviceKey({ ...index, reason: 'y', savedMsPerDay: 4, statements: ['z'], ddl: 'CREATE' }),
  ).toBe(key);
  expect(adviceKey({ ...index, order: ['ASC', 'ASC'] })).toBe(key);
  const others: Advice[] = [
    { ...index, columns: ['b', 'a'] },
    { ...index, order: ['ASC', 'DESC'] },
    { ...index, where: 'a > 1' },
    { ...index, include: ['c'] },
    { ...index, unique: true },
    { ...index, method: 'gin' },
    { ...index, opclass: 'x' },
    { kind: 'drop_index', name: 'a', table: 't', reason: '' },
    { kind: 'reindex', name: 'a', table: 't', reason: '' },
    { kind: 'analyze', table: 't', reason: '' },
    { kind: 'none', query: 't', reason: '' },
    { kind: 'cache', query: 't', ttlSeconds: 5, reason: '' },
    { kind: 'eager_load', child: 't', key: 'a', reason: '' },
    { kind: 'rewrite', pattern: 'other', query: 't', rewrite: '', reason: '' },
  ];
  expect(new Set([key, ...others.map(adviceKey)]).size).toBe(others.length + 1);
});

test('what was dismissed comes back for four times as much, or for a proof', () => {
  const then = evidenceOf({ ...index, savedMsPerDay: 1_000 });
  expect(isNewEvidence(then, evidenceOf({ ...index, savedMsPerDay: 1_100 }))).toBe(false);
  expect(isNewEvidence(then, evidenceOf({ ...index, savedMsPerDay: 10 }))).toBe(false);
  expect(isNewEvidence(then, evidenceOf({ ...index, savedMsPerDay: 4_200 }))).toBe(true);
  const proof = { costBefore: 9, costAfter: 1, method: 'hypopg' } as const;
  expect(isNewEvidence(then, evidenceOf({ ...index, savedMsPerDay: 1_000, evidence: proof }))).toBe(
    true,
  );
});

const figures = (given: Partial<LoopFigures>): LoopFigures => ({
  from: '',
  to: '',
  calls: 100,
  totalMs: 0,
  meanMs: 10,
  blocksPerCall: 1,
  writes: 0,
  writeMeanMs: null,
  ...given,
});
test.each<[string, Parameters<typeof verdictOf>, object]>([
  [
    'no call yet',
    ['create_index', figures({}), figures({ calls: 0, meanMs: null }), 1_000],
    { ready: false },
  ],
  [
    'no call for a day',
    ['create_index', figures({}), figures({ calls: 0, meanMs: null }), 90_000_000],
    { ready: true, proposal: null },
  ],
  [
    'few calls',
    ['create_index', figures({}), figures({ calls: 3 }), 60_000],
    { ready: false, detail: '3 calls since.' },
  ],
  [
    'few calls, but time',
    ['create_index', figures({}), figures({ calls: 3, meanMs: 1 }), 600_000],
    { ready: true, proposal: 'keep' },
  ],
  [
    'faster',
    ['create_index', figures({}), figures({ meanMs: 0.1 }), 1],
    {
      ready: true,
      proposal: 'keep',
      detail: '10 ms a call before, 0.100 ms now: 100 times faster.',
    },
  ],
  [
    'hardly faster',
    ['create_index', figures({}), figures({ meanMs: 9.5 }), 1],
    { proposal: 'drop' },
  ],
  ['slower', ['analyze', figures({}), figures({ meanMs: 20 }), 1], { proposal: 'drop' }],
  [
    'nothing to compare with',
    ['create_index', figures({ calls: 0, meanMs: null }), figures({}), 1],
    { ready: true, proposal: null },
  ],
  [
    'slower writes are said',
    ['create_index', figures({ writeMeanMs: 1 }), figures({ meanMs: 1, writeMeanMs: 1.5 }), 1],
    {
      proposal: 'keep',
      detail: expect.stringContaining('Writes to the table: 1.0 ms before, 1.5 ms now.'),
    },
  ],
  ['dropped, and watched', ['drop_index', figures({}), figures({}), 1], { ready: false }],
  [
    'dropped, and not missed',
    ['drop_index', figures({}), figures({}), 600_000],
    { proposal: 'keep' },
  ],
  [
    'dropped, and missed',
    ['drop_index', figures({}), figures({ meanMs: 50 }), 600_000],
    { proposal: 'drop' },
  ],
])('%s', (_name, given, expected) => {
  expect(verdictOf(...given)).toMatchObject(expected);
});

test('names of indexes are plain, short, and differ with what they index', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }),
      (table, columns) => {
        const name = indexNameOf(`${table} ${columns}`, { table, columns });
        expect(name).toMatch(/^wh_([a-z0-9][a-z0-9_]*_)?[0-9a-f]{8}$|^wh__[0-9a-f]{8}$/);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      },
    ),
  );
  expect(indexNameOf('1', { table: 's.t', columns: ['lower(a)'] })).toMatch(
    /^wh_t_lower_a_[0-9a-f]{8}$/,
  );
});

test('names with quotes stay names', () => {
  const catalogue = {
    columns: new Map([
      ['a"b', 'text'],
      ['n', 'integer'],
    ]),
    classType: 'text',
  };
  expect(
    createIndexText(
      'wh_x',
      { schema: 's"', table: 'T' },
      {
        table: 'x',
        columns: ['a"b', 'n'],
        method: 'btree',
        opclass: 'text_pattern_ops',
        order: ['ASC', 'DESC'],
        include: ['n'],
        where: 'n > 1',
      },
      catalogue,
    ),
  ).toBe(
    'CREATE INDEX CONCURRENTLY IF NOT EXISTS "wh_x" ON "s"""."T" USING btree ("a""b" "text_pattern_ops", "n" DESC) INCLUDE ("n") WHERE (n > 1)',
  );
  expect(restoreText('CREATE UNIQUE INDEX i ON public.t USING btree (a)')).toBe(
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON public.t USING btree (a)',
  );
});
