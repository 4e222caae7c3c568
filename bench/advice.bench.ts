/**
 * Advice: texts normalised a second, the time for one statement, and for a workload of 500 statements over 50 tables, on a
 * PostgreSQL 15 with HypoPG. Peer: what supabase/index_advisor does for a statement (a hypothetical index on every column of
 * its tables, then one plan), in the same run. Targets: 10 000 texts a second, 500 ms, 30 s.
 */
import pg from 'pg';
import { startPostgres15 } from '../server/platform/testing/postgres15.ts';
import { advise, type TargetSession, type WorkloadStatement } from '../server/queries/index.ts';
import { describe } from '../server/queries/statement/describe.ts';
import { read } from '../server/queries/statement/read.ts';
import { ms, print, quantile } from './measure.ts';

const TABLES = 50;
const ROWS = 20_000;
const ROUNDS = 5;

const shapes = (table: string, other: string): string[] => [
  `SELECT id, c FROM ${table} WHERE a = $1`,
  `SELECT id FROM ${table} WHERE a = $1 AND b = $2 ORDER BY at DESC LIMIT 20`,
  `SELECT count(*) FROM ${table} WHERE at >= $1 AND at < $2`,
  `SELECT x.id, y.c FROM ${table} x JOIN ${other} y ON y.a = x.id WHERE x.b = $1`,
  `SELECT id FROM ${table} WHERE lower(c) = $1`,
  `SELECT id FROM ${table} WHERE a = $1 OR c = $2`,
  `UPDATE ${table} SET b = b + 1 WHERE id = $1`,
  `SELECT b, count(*) FROM ${table} GROUP BY b`,
  `SELECT id FROM ${table} WHERE id = $1`,
  `SELECT id FROM ${table} WHERE b = 3 AND c LIKE 'c1%' ORDER BY id LIMIT 10`,
];
const server = await startPostgres15({ settings: { autovacuum: 'off' } });
const client = new pg.Client({ connectionString: await server.database('bench', ['hypopg']) });
await client.connect();
const names = Array.from({ length: TABLES }, (_, n) => `table_${n}`);
for (const name of names) {
  await client.query(
    `CREATE TABLE ${name}(id bigserial PRIMARY KEY, a int, b int, c text, at timestamptz)`,
  );
  await client.query(
    `INSERT INTO ${name}(a, b, c, at) SELECT g % 2000, g % 7, 'c' || g, timestamptz '2024-01-01' + g * interval '1 minute' FROM generate_series(1, ${ROWS}) g`,
  );
}
await client.query('SELECT pg_stat_force_next_flush()');
await client.query('VACUUM ANALYZE');

const statements: WorkloadStatement[] = names
  .flatMap((name, n) => shapes(name, names[(n + 1) % TABLES] ?? name))
  .map((sql, n) => ({
    id: `s${n}`,
    sql,
    calls: 1_000,
    meanMs: 5,
    rows: 1,
    blocks: 300,
    parameters: [],
    repeated: null,
  }));
const query: TargetSession['query'] = async <R extends object>(
  text: string,
  values: readonly unknown[] = [],
) => (await client.query<R & pg.QueryResultRow>(text, [...values])).rows;
const session = { query, serverVersion: 150_000 };
const ask = async (asked: readonly WorkloadStatement[]) => {
  const begun = performance.now();
  const advice = await advise(session, (texts) => Promise.resolve(texts.map(read)), {
    windowMs: 3_600_000,
    statements: asked,
  });
  return { tookMs: performance.now() - begun, advice };
};
/** A hypothetical index on every column of every table, one generic plan, as index_advisor 0.2.0. */
const peer = async (sql: string, tables: readonly string[]) => {
  const begun = performance.now();
  for (const table of tables)
    for (const column of ['id', 'a', 'b', 'c', 'at'])
      await client.query('SELECT hypopg_create_index($1)', [
        `CREATE INDEX ON ${table} (${column})`,
      ]);
  const parameters = Math.max(0, ...[...sql.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n)));
  await client.query(`PREPARE peer AS ${sql}`);
  const nulls = Array.from({ length: parameters }, () => 'NULL').join(', ');
  await client.query(`EXPLAIN (FORMAT JSON) EXECUTE peer${parameters > 0 ? `(${nulls})` : ''}`);
  await client.query('DEALLOCATE peer');
  await client.query('SELECT hypopg_reset()');
  return performance.now() - begun;
};

const texts = statements.map(({ sql }) => sql);
for (const text of texts) describe(text);
let begun = performance.now();
for (let round = 0; round < 4; round++) for (const text of texts) describe(text);
const perSecond = (4 * texts.length * 1_000) / (performance.now() - begun);

const one: number[] = [];
const theirs: number[] = [];
for (const statement of statements.slice(0, 10)) {
  for (let round = 0; round < ROUNDS; round++) {
    one.push((await ask([statement])).tookMs);
    theirs.push(
      await peer(
        statement.sql,
        statement.sql.includes('JOIN') ? ['table_0', 'table_1'] : ['table_0'],
      ),
    );
  }
}
begun = performance.now();
const { tookMs, advice } = await ask(statements);

const median = (values: number[]) =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
const p95 = quantile(
  one.toSorted((a, b) => a - b),
  0.95,
);
print([
  { 'texts described': `${Math.round(perSecond)} a second`, target: '10 000 a second' },
  { 'advice for one statement': `median ${ms(median(one))}, p95 ${ms(p95)}`, target: '500 ms' },
  {
    'index_advisor’s way': `median ${ms(median(theirs))}`,
    ratio: `${(median(one) / median(theirs)).toFixed(2)}×`,
  },
  {
    'advice for 500 statements': ms(tookMs),
    target: '30 s',
    indexes: String(advice.filter(({ kind }) => kind === 'create_index').length),
  },
]);
await client.end();
await server.stop();
