/** Single calls: of the console's own pool, from spans, and from the log of a server with auto_explain. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { createMetrics } from '../platform/metrics.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { startPostgres15, type TestPostgres } from '../platform/testing/postgres15.ts';
import type { SpanRow } from './spans.ts';
import { createStatements } from './statement/service.ts';
import { createTargets } from './targets.ts';
import { createWatching } from './watching.ts';

const clock = manualClock('2026-03-01T10:00:00Z');
const runtime = await testRuntime({ clock });
const { db } = runtime;
const watching = createWatching({
  ...runtime,
  metrics: createMetrics({ version: 'test', clock }),
  addresses: runtime.http.addresses,
  targets: createTargets({ addresses: runtime.http.addresses, log: runtime.log }),
  statements: createStatements(runtime),
  replica: 'one',
  replicas: () => 1,
});
afterAll(() => watching.close());
const { databases, listing, ranking } = watching;

let older: TestPostgres;
beforeAll(async () => {
  older = await startPostgres15({
    settings: {
      'auto_explain.log_min_duration': '100',
      'auto_explain.log_format': 'json',
      'auto_explain.log_analyze': 'on',
    },
  });
});
afterAll(() => older.stop());

const ownId = async () => {
  const { items } = await databases.list({ limit: 10 });
  return items.find(({ kind }) => kind === 'own')?.id ?? '';
};
const log = async (databaseId: string) =>
  (await listing.log({ databaseId, search: '', limit: 100 })).items;
const request = (name: string) => ({
  kind: 'request' as const,
  name,
  requestId: `request of ${name}`,
  traceId: 'c'.repeat(32),
});

test('the console’s own slow calls come with request, trace and procedure; values only when they may be kept', async () => {
  watching.listen();
  await watching.drain();
  const id = await ownId();
  const slow = (word: string) =>
    db.calls.within(request('users.list'), () =>
      db.pool.query('SELECT pg_sleep(0.15), $1::text AS word', [word]),
    );
  await slow('unkept value');
  await db.pool.query('SELECT 7 AS fast');
  await watching.drain();
  const found = await log(id);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({
    source: 'own',
    query: 'SELECT pg_sleep($2), $1::text AS word',
    caller: 'users.list',
    requestId: 'request of users.list',
    traceId: 'c'.repeat(32),
    parameters: null,
  });
  expect(found[0]?.durationMs).toBeGreaterThanOrEqual(150);
  await databases.update(testAuthority, { id, keepParameters: true, test: true });
  await watching.drain();
  await slow('kept value');
  await watching.drain();
  expect((await log(id))[0]?.parameters).toEqual(['kept value']);
  const { rows } = await db.pool.query(
    `SELECT 1 FROM query_slow_log l WHERE l::text LIKE '%unkept%'`,
  );
  expect(rows).toEqual([]);
  const statement = await ranking.statement({ id: found[0]?.statementId ?? '', range: '24h' });
  expect(statement.callers).toMatchObject([
    { source: 'own', caller: 'users.list', calls: 2, slow: 2 },
  ]);
  expect(statement.p95Ms).toBeGreaterThan(120);
  expect(statement.p95Ms).toBeLessThan(400);
});

test('what one call of a procedure asks again and again is there for the advisor, without values', async () => {
  const id = await ownId();
  await db.calls.within(request('orders.list'), async () => {
    await db.pool.query('SELECT id, name FROM users LIMIT 10');
    for (let n = 0; n < 6; n++)
      await db.pool.query('SELECT name FROM users WHERE email = $1', [`person ${n}`]);
  });
  await db.calls.within(request('users.get'), () =>
    db.pool.query('SELECT name FROM users WHERE email = $1', ['person 1']),
  );
  await watching.drain();
  const { events } = await watching.workloads.of(id, 86_400_000);
  const own = (events ?? []).filter(({ caller }) => caller === 'orders.list');
  expect(own.map(({ sql }) => sql)).toEqual([
    'SELECT id, name FROM users LIMIT $1',
    ...Array.from({ length: 6 }, () => 'SELECT name FROM users WHERE email = $1'),
  ]);
  expect(new Set(own.slice(1).map(({ params }) => String(params))).size).toBe(6);
  expect(JSON.stringify(events)).not.toContain('person');
  expect((events ?? []).filter(({ caller }) => caller === 'users.get')).toEqual([]);
});

let spanCount = 0;
const span = (
  sql: string,
  more: Partial<SpanRow> = {},
  attributes: SpanRow['attributes'] = {},
): SpanRow => ({
  kind: 'span',
  at: clock.now().getTime() + spanCount,
  service: 'shop',
  name: 'SELECT',
  durationMs: 20,
  traceId: 'd'.repeat(32),
  spanId: String(++spanCount).padStart(16, '0'),
  parentId: 'f'.repeat(16),
  ...more,
  attributes: { 'db.system': 'postgresql', 'db.name': 'shop', 'db.statement': sql, ...attributes },
});

test('spans of a watched database are callers, slow calls and sequences; those of others are none', async () => {
  const url = new URL(await older.database('shop'));
  const { id } = await databases.create(testAuthority, {
    name: 'shop',
    url: url.href,
    slowMs: 100,
    keepParameters: false,
    paused: false,
    test: true,
  });
  const lookups = Array.from({ length: 6 }, (_, n) =>
    span(`SELECT * FROM items WHERE order_id = ${n} /*traceparent='00-${n}'*/`),
  );
  watching.take([
    ...lookups.toReversed(),
    span('SELECT * FROM orders', { durationMs: 350, at: clock.now().getTime() - 10 }),
    {
      ...span('', { spanId: 'f'.repeat(16), name: 'GET /orders', parentId: null }),
      attributes: {},
    },
    span('SELECT * FROM elsewhere', { durationMs: 900 }, { 'db.name': 'other' }),
    span(
      'SELECT * FROM elsewhere',
      { durationMs: 900 },
      { 'server.address': 'db9', 'server.port': 1 },
    ),
    span('SELECT * FROM mysql', {}, { 'db.system': 'mysql' }),
    span(
      'SELECT * FROM new_names',
      {},
      {
        'db.system': '',
        'db.system.name': 'postgresql',
        'db.name': '',
        'db.namespace': 'shop|public',
        'db.statement': '',
        'db.query.text': 'SELECT * FROM new_names',
        'server.address': '127.0.0.1',
        'server.port': Number(url.port),
      },
    ),
  ]);
  await watching.drain();
  expect(await log(id)).toMatchObject([
    {
      source: 'span',
      query: 'SELECT * FROM orders',
      durationMs: 350,
      caller: 'shop · GET /orders',
      traceId: 'd'.repeat(32),
    },
  ]);
  const { rows } = await db.pool.query<{ text: string; calls: number }>(
    'SELECT text, calls FROM query_callers c JOIN query_statements s ON s.id = c.statement_id WHERE c.database_id = $1 ORDER BY text',
    [id],
  );
  expect(rows).toEqual([
    { text: 'SELECT * FROM items WHERE order_id = $1', calls: 6 },
    { text: 'SELECT * FROM new_names', calls: 1 },
    { text: 'SELECT * FROM orders', calls: 1 },
  ]);
  const { events } = await watching.workloads.of(id, 86_400_000);
  expect(events?.map(({ sql }) => sql)).toEqual([
    'SELECT * FROM orders',
    ...Array.from({ length: 6 }, () => 'SELECT * FROM items WHERE order_id = $1'),
    'SELECT * FROM new_names',
  ]);
});

test('the same call with the same values again and again is told from many different ones', async () => {
  const { id } = (await databases.list({ limit: 10 })).items.find(
    ({ name }) => name === 'shop',
  ) ?? { id: '' };
  const client = new pg.Client({ connectionString: (await databases.find(id)).target.url });
  await client.connect();
  await watching.collector.look(id);
  const ask = async (sql: string) => client.query(sql);
  await ask('CREATE TABLE rates (day int, rate int)');
  clock.advance(60_000);
  for (let n = 0; n < 8; n++) await ask('SELECT * FROM rates WHERE day = 1');
  for (let n = 0; n < 8; n++) await ask(`SELECT day FROM rates WHERE day = ${n}`);
  watching.take([
    ...Array.from({ length: 8 }, () =>
      span('SELECT * FROM rates WHERE day = 1', { traceId: null }),
    ),
    ...Array.from({ length: 8 }, (_, n) =>
      span(`SELECT day FROM rates WHERE day = ${n}`, { traceId: null }),
    ),
  ]);
  await watching.drain();
  await watching.collector.look(id);
  const { statements } = await watching.workloads.of(id, 86_400_000);
  const repeated = Object.fromEntries(statements.map(({ sql, repeated: share }) => [sql, share]));
  expect(repeated['SELECT * FROM rates WHERE day = $1']).toBeCloseTo(7 / 8);
  expect(repeated['SELECT day FROM rates WHERE day = $1']).toBe(0);
  await client.end();
});

test('plans from the log of a server, without values', async () => {
  const url = await older.database('planned');
  const { id } = await databases.create(testAuthority, {
    name: 'planned',
    url,
    slowMs: 100,
    keepParameters: false,
    paused: false,
    test: true,
  });
  const client = new pg.Client({ connectionString: url, application_name: 'reports' });
  await client.connect();
  await client.query(`SELECT pg_sleep(0.11), 'before the first look'`);
  await watching.collector.look(id);
  await client.query(
    `SELECT relname, pg_sleep(0.15) FROM pg_class WHERE relname = 'pg_type' AND 'topsecret' <> relname`,
  );
  clock.advance(60_000);
  await watching.collector.look(id);
  await watching.drain();
  const found = await log(id);
  // The log says no database: only what was counted in this one is taken.
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ source: 'auto_explain', hasPlan: true, parameters: null });
  const { plan } = await listing.call({ at: found[0]?.at ?? '', id: found[0]?.id ?? '' });
  expect(JSON.stringify(plan)).toContain('Node Type');
  expect(JSON.stringify([plan, found])).not.toMatch(/topsecret|'pg_type'/);
  await client.end();
});

test('what is old is dropped, and what belongs to a removed database goes with it', async () => {
  const { id } = (await databases.list({ limit: 10 })).items.find(
    ({ name }) => name === 'shop',
  ) ?? { id: '' };
  const left = async () => {
    const { rows } = await db.pool.query<{ count: number }>(
      `SELECT ((SELECT count(*) FROM query_minutes WHERE database_id = $1) + (SELECT count(*) FROM query_hours WHERE database_id = $1)
        + (SELECT count(*) FROM query_slow_log WHERE database_id = $1) + (SELECT count(*) FROM query_statements WHERE database_id = $1)
        + (SELECT count(*) FROM query_callers WHERE database_id = $1) + (SELECT count(*) FROM query_relations WHERE database_id = $1))::int AS count`,
      [id],
    );
    return rows[0]?.count;
  };
  await watching.prune(clock.now());
  expect(await left()).toBeGreaterThan(10);
  await databases.remove(testAuthority, id);
  await vi.waitFor(async () => expect(await left()).toBe(0));
  const partitions = async () =>
    (
      await db.pool.query<{ name: string }>(
        `SELECT c.relname AS name FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid JOIN pg_class p ON p.oid = inhparent
         WHERE p.relname IN ('query_minutes', 'query_hours', 'query_slow_log') ORDER BY 1`,
      )
    ).rows.map(({ name }) => name);
  expect(await partitions()).toContain('query_hours_20260301');
  await watching.prune(new Date('2026-04-15T00:00:00Z'));
  expect(await partitions()).toEqual([
    'query_hours_20260415',
    'query_hours_20260416',
    'query_minutes_20260415',
    'query_minutes_20260416',
    'query_slow_log_20260415',
    'query_slow_log_20260416',
  ]);
  expect((await db.pool.query('SELECT FROM query_callers')).rowCount).toBe(0);
});
