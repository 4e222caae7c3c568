import { expect, test } from 'vitest';
import type { Facts } from './facts.ts';
import { read } from './read.ts';

const facts = (sql: string): Facts => {
  const answer = read(sql);
  if (!answer.facts) throw new Error(answer.error);
  return answer.facts;
};
const rewrites = (sql: string) =>
  facts(sql).rewrites.map(({ pattern, rewrite }) => [pattern, rewrite]);

test('predicates, joins and orders of a statement', () => {
  const [block] = facts(
    "SELECT o.id FROM customers c LEFT JOIN orders AS o ON o.customer_id = c.id AND o.open WHERE 5 < c.age AND c.name LIKE 'x%' ORDER BY 1 DESC NULLS LAST LIMIT $1",
  ).blocks;
  expect(block?.relations).toEqual([
    { alias: 'c', table: 'customers' },
    { alias: 'o', table: 'orders' },
  ]);
  expect(block?.predicates.map(({ op, left, nullable }) => [op, left.sql, nullable])).toEqual([
    ['=', 'customer_id', ['o']],
    ['true', 'open', ['o']],
    ['>', 'age', undefined],
    ['~~', 'name', undefined],
  ]);
  expect(block?.order).toMatchObject([
    { direction: 'DESC', nulls: 'LAST', operand: { column: { relation: 'o', column: 'id' } } },
  ]);
  expect(block?.limit?.parameter).toBe(1);
});

test('blocks inside others, names that WITH defines, and what is written', () => {
  const inner = facts(
    'WITH a AS (SELECT * FROM t WHERE x = 1) SELECT * FROM a WHERE EXISTS (SELECT 1 FROM u WHERE u.y = a.x)',
  );
  expect(
    inner.blocks.map(({ relations, derived }) => [relations.map(({ table }) => table), derived]),
  ).toEqual([
    [[], ['a']],
    [['u'], []],
    [['t'], []],
  ]);
  expect(inner.tables).toEqual(['t', 'u']);
  expect(facts('UPDATE s.t SET a = 1, b = 2 WHERE c = $1').written).toEqual({
    table: 's.t',
    columns: ['a', 'b'],
    action: 'update',
  });
  expect(facts('INSERT INTO t VALUES (1), (2), (3)').valueRows).toBe(3);
});

test('what statements that write read, with parameters counted anew', () => {
  expect(
    facts('UPDATE t SET a = $1 FROM u WHERE t.id = u.id AND u.x = $3 AND t.y = $2').reading,
  ).toEqual({
    sql: 'SELECT 1 FROM t, u WHERE t.id = u.id AND u.x = $1 AND t.y = $2',
    parameters: [3, 2],
  });
  expect(facts('DELETE FROM s.t WHERE id = 5').reading?.sql).toBe('SELECT 1 FROM s.t WHERE id = 5');
  expect(facts('INSERT INTO t SELECT * FROM u WHERE x = $2').reading).toEqual({
    sql: 'SELECT * FROM u WHERE x = $1',
    parameters: [2],
  });
  expect(facts('INSERT INTO t VALUES ($1)').reading).toBeNull();
  expect(
    facts(
      'WITH d AS (DELETE FROM u RETURNING id) UPDATE t SET a = 1 WHERE id IN (SELECT id FROM d)',
    ).reading,
  ).toBeNull();
});

test('a column that a function or cast hides is uncovered', () => {
  expect(rewrites("SELECT 1 FROM t WHERE at::date = '2024-05-05'")).toEqual([
    [
      'sargable-range',
      "SELECT 1 FROM t WHERE at >= '2024-05-05'::date AND at < ('2024-05-05'::date + 1)",
    ],
  ]);
  expect(rewrites('SELECT 1 FROM t WHERE extract(year FROM at) <= 2024')).toEqual([
    ['sargable-range', 'SELECT 1 FROM t WHERE at < make_date(2025, 1, 1)'],
  ]);
  expect(rewrites("SELECT 1 FROM t WHERE at + interval '7 days' > now()")).toEqual([
    ['sargable-range', "SELECT 1 FROM t WHERE at > (now() - '7 days'::interval)"],
  ]);
  expect(rewrites("SELECT 1 FROM t WHERE left(code, 3) = 'abc'")).toEqual([
    ['sargable-range', "SELECT 1 FROM t WHERE code LIKE 'abc%'"],
  ]);
  // These mean something else with the column bare.
  for (const sql of [
    "SELECT 1 FROM t WHERE date_trunc('month', at) > $1",
    "SELECT 1 FROM t WHERE left(code, 3) = 'a%c'",
    "SELECT 1 FROM t WHERE left(code, 3) = 'ab'",
    'SELECT 1 FROM t WHERE a * -2 > 4',
    'SELECT 1 FROM t WHERE extract(month FROM at) = 5',
    'SELECT 1 FROM t WHERE a + b = 4',
    'SELECT 1 FROM t WHERE lower(code) = $1',
  ])
    expect(rewrites(sql)).toEqual([]);
});

test('pages by offset, counts for existence, lists that NULL spoils', () => {
  expect(rewrites('SELECT id FROM t ORDER BY b DESC, id DESC LIMIT 10 OFFSET $1')).toEqual([
    [
      'keyset-pagination',
      'SELECT id FROM t WHERE (b, id) < ($2, $3) ORDER BY b DESC, id DESC LIMIT 10',
    ],
  ]);
  expect(rewrites('SELECT id FROM t ORDER BY b, id DESC LIMIT 10 OFFSET 90')).toEqual([
    [
      'keyset-pagination',
      'SELECT id FROM t WHERE b > $1 OR (b = $1 AND id < $2) ORDER BY b, id DESC LIMIT 10',
    ],
  ]);
  expect(rewrites('SELECT 1 FROM c WHERE 0 = (SELECT count(*) FROM o WHERE o.c = c.id)')).toEqual([
    ['exists-for-count', 'SELECT 1 FROM c WHERE NOT EXISTS (SELECT 1 FROM o WHERE o.c = c.id)'],
  ]);
  expect(rewrites('SELECT 1 FROM c WHERE (SELECT count(x) FROM o WHERE o.c = c.id) > 0')).toEqual(
    [],
  );
  expect(rewrites('SELECT 1 FROM c WHERE (SELECT count(*) FROM o) > 2')).toEqual([]);
  expect(rewrites('SELECT id FROM t WHERE id NOT IN (SELECT tid FROM u WHERE v)')).toEqual([
    ['other', 'SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE v AND tid = t.id)'],
  ]);
});

test('several statements, none, and nonsense', () => {
  expect(read('SELECT 1; SELECT 2')).toEqual({ facts: null, error: '2 statements in one text' });
  expect(read('')).toMatchObject({ facts: null });
  expect(read('SELECT FROM WHERE')).toMatchObject({
    facts: null,
    error: expect.stringContaining('syntax error'),
  });
  expect(read(`SELECT ${'('.repeat(3000)}1${')'.repeat(3000)}`).error).toBeNull();
  expect(
    read(
      `SELECT 1 FROM t WHERE ${Array.from({ length: 500 }, (_, n) => `a${n} = ${n}`).join(' OR ')}`,
    ).error,
  ).toBeNull();
});
