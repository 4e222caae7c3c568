/** Looks at real servers: the suite's PostgreSQL 18 and a PostgreSQL 15 of its own that is stopped, restarted and filled up. */
import pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { createMetrics } from '../platform/metrics.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testDatabase, testRuntime } from '../platform/testing/index.ts';
import { startPostgres15, type TestPostgres } from '../platform/testing/postgres15.ts';
import { proxied } from '../platform/testing/tcp-proxy.ts';
import { createStatements } from './statement/service.ts';
import { createTargets } from './targets.ts';
import { createWatching } from './watching.ts';

const lines: string[] = [];
const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
const clock = manualClock('2026-03-01T10:00:00Z');
const runtime = await testRuntime({ clock, log });
function watch(replica: string) {
  const watching = createWatching({
    ...runtime,
    metrics: createMetrics({ version: 'test', clock }),
    addresses: runtime.http.addresses,
    targets: createTargets({ addresses: runtime.http.addresses, log }),
    statements: createStatements(runtime),
    replica,
    replicas: () => 2,
  });
  afterAll(() => watching.close());
  return watching;
}
const watching = watch('one');
const { databases, collector, ranking } = watching;

let older: TestPostgres;
beforeAll(async () => {
  older = await startPostgres15();
});
afterAll(() => older.stop());

async function run(url: string, ...texts: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  for (const text of texts) await client.query(text);
  await client.end();
}
const servers: Record<string, () => Promise<string>> = {
  'PostgreSQL 18': async () => {
    const url = await testDatabase({ empty: true });
    await run(url, 'CREATE EXTENSION pg_stat_statements');
    return url;
  },
  'PostgreSQL 15': () => older.database(`d${++made}`),
};
let made = 0;
const add = async (url: string, more: { test?: boolean } = {}) =>
  (
    await databases.create(testAuthority, {
      name: `database ${++made}`,
      url,
      slowMs: 100,
      keepParameters: false,
      paused: false,
      test: true,
      ...more,
    })
  ).id;
const look = (id: string, relations = false) => {
  clock.advance(60_000);
  return collector.look(id, { relations });
};
const seen = async (databaseId: string, search = '') =>
  (await ranking.slow({ databaseId, range: '1h', sort: 'total', search, limit: 200 })).items;
const callsOf = async (id: string, search: string) =>
  (await seen(id, search)).map(({ query, calls }) => [query, calls]);
const as = (url: string, user: string, password: string) => {
  const other = new URL(url);
  other.username = user;
  other.password = password;
  return other.href;
};

describe.each(Object.keys(servers))('%s', (name) => {
  const fresh = async () => (await servers[name]?.()) ?? '';

  test('the first look is a baseline; then statements come by what they cost, and our own never', async () => {
    const url = await fresh();
    await run(
      url,
      'CREATE TABLE t AS SELECT n FROM generate_series(1, 20000) AS n',
      'SELECT count(*) FROM t WHERE n = 1',
    );
    const id = await add(url);
    expect(await look(id, true)).toMatchObject({ state: 'ok', baseline: 'first', statements: 0 });
    expect(await seen(id)).toEqual([]);
    for (let n = 0; n < 12; n++) await run(url, `SELECT count(*) FROM t WHERE n = ${n}`);
    await run(url, 'SELECT 1');
    expect(await look(id)).toMatchObject({ state: 'ok', baseline: null });
    const items = await seen(id);
    expect(items[0]).toMatchObject({
      query: 'SELECT count(*) FROM t WHERE n = $1',
      calls: 12,
      rows: 12,
      kind: 'select',
      tables: ['t'],
      p95Ms: null,
    });
    expect(items[0]?.totalMs).toBeGreaterThan(0);
    expect(items.map(({ share }) => share)).toEqual(
      items.map(({ share }) => share).toSorted((a, b) => b - a),
    );
    expect(items.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 3);
    await look(id, true);
    await look(id, true);
    // Neither what looks ask, nor what their connection settles first.
    expect(
      (await seen(id)).filter(({ query }) => /pg_|wheelhouse|set_config/i.test(query)),
    ).toEqual([]);
    expect(await callsOf(id, 'FROM t')).toEqual([['SELECT count(*) FROM t WHERE n = $1', 12]]);
    expect((await databases.get(id)).setup.filter(({ state }) => state === 'missing')).toEqual([]);
    // The course: what ran in one look of three, by looks and by hours.
    const found = items[0]?.id ?? '';
    const byLooks = await ranking.statement({ id: found, range: '1h' });
    expect(byLooks).toMatchObject({ per: 'minute', calls: 12 });
    expect(byLooks.points.map(({ calls, meanMs }) => [calls, meanMs !== null])).toEqual([
      [12, true],
      [0, false],
      [0, false],
    ]);
    const byHours = await ranking.statement({ id: found, range: '24h' });
    expect(byHours).toMatchObject({ per: 'hour', calls: 12, fingerprint: byLooks.fingerprint });
    expect(byHours.points).toHaveLength(1);
    expect(byHours.points[0]?.calls).toBeGreaterThanOrEqual(12);
    for (const { trend } of [byLooks, byHours]) {
      const known = trend.filter((value) => value !== null);
      expect(trend.length).toBeGreaterThanOrEqual(20);
      expect(known.length).toBeGreaterThan(0);
      expect(known.length).toBeLessThan(4);
      expect(Math.max(...known)).toBeGreaterThan(0);
    }
  });

  test('a reset between two looks: what ran since counts, once', async () => {
    const url = await fresh();
    const id = await add(url);
    await look(id);
    for (let n = 0; n < 9; n++) await run(url, 'SELECT 1 AS one');
    await look(id);
    await run(url, 'SELECT pg_stat_statements_reset()');
    for (let n = 0; n < 4; n++) await run(url, 'SELECT 1 AS one');
    await look(id);
    await look(id);
    expect(await callsOf(id, 'AS one')).toEqual([['SELECT $1 AS one', 13]]);
  });

  test('a role without rights: what is missing is said with the statement that grants it, and that helps', async () => {
    const url = await fresh();
    const role = `poor_${++made}`;
    await run(url, `CREATE ROLE ${role} LOGIN PASSWORD 'x'`, 'CREATE TABLE t AS SELECT 1 AS n');
    const id = await add(as(url, role, 'x'));
    expect(await look(id, true)).toMatchObject({
      state: 'partial',
      detail: 'Statements of other roles are not seen; grant pg_monitor.',
    });
    const lacking = (await databases.get(id)).setup.filter(({ state }) => state === 'missing');
    expect(lacking.map(({ id: what }) => what)).toEqual(['pg_monitor', 'select']);
    for (const { statement } of lacking) await run(url, statement ?? '');
    // What comes to light is no news: a baseline.
    expect(await look(id, true)).toMatchObject({ state: 'ok', baseline: 'rights' });
    expect((await databases.get(id)).setup.filter(({ state }) => state === 'missing')).toEqual([]);
    await run(url, 'SELECT n FROM t');
    await look(id);
    expect(await callsOf(id, 'FROM t')).toEqual([['SELECT n FROM t', 1]]);
  });

  test('without pg_stat_statements tables are seen all the same, and the sentence says what to do', async () => {
    const url = await fresh();
    await run(url, 'DROP EXTENSION pg_stat_statements', 'CREATE TABLE t (id int PRIMARY KEY)');
    const id = await add(url);
    expect(await look(id, true)).toMatchObject({
      state: 'partial',
      detail: 'pg_stat_statements is not installed in this database; see the set-up.',
    });
    const [missing] = (await databases.get(id)).setup.filter(({ state }) => state === 'missing');
    expect(missing).toMatchObject({ statement: 'CREATE EXTENSION pg_stat_statements;' });
    await run(url, missing?.statement ?? '');
    expect(await look(id)).toMatchObject({ state: 'ok', baseline: 'first' });
    const { items } = await watching.listing.relations({
      databaseId: id,
      kind: 'index',
      search: '',
      unused: false,
      limit: 10,
    });
    expect(items).toMatchObject([{ name: 't_pkey', table: 't', figures: { primary: true } }]);
  });

  test('tables and indexes: size, use, bloat, and what is gone goes', async () => {
    const url = await fresh();
    await run(
      url,
      'CREATE TABLE big AS SELECT n, n % 10 AS m, md5(n::text) AS text FROM generate_series(1, 20000) AS n',
      'CREATE UNIQUE INDEX big_n ON big (n)',
      'CREATE INDEX big_m ON big (m)',
      'UPDATE big SET text = text',
      'VACUUM ANALYZE big',
      'SET enable_seqscan = off; SELECT * FROM big WHERE n = 5',
    );
    const id = await add(url);
    await look(id, true);
    const list = (kind: 'table' | 'index', unused = false) =>
      watching.listing.relations({ databaseId: id, kind, search: '', unused, limit: 10 });
    const [table] = (await list('table')).items;
    expect(table).toMatchObject({
      kind: 'table',
      name: 'big',
      figures: { rows: 20_000, updates: 20_000 },
    });
    if (table?.kind !== 'table') throw new Error('no table');
    // Every row was written twice: about half of it is free.
    expect(table.figures.bloatBytes).toBeGreaterThan(table.figures.sizeBytes * 0.3);
    expect(table.figures.bloatBytes).toBeLessThan(table.figures.sizeBytes * 0.6);
    const indexes = (await list('index')).items;
    expect(indexes.map(({ name: index }) => index).sort()).toEqual(['big_m', 'big_n']);
    expect((await list('index', true)).items).toEqual([]);
    clock.advance(15 * 86_400_000);
    await run(url, 'SET enable_seqscan = off; SELECT * FROM big WHERE n = 5');
    await look(id, true);
    expect((await list('index', true)).items).toMatchObject([
      { name: 'big_m', usedAt: null, unusedDays: 15 },
    ]);
    await run(url, 'DROP TABLE big');
    await look(id, true);
    expect((await list('index')).items).toEqual([]);
  });
});

describe('what may be wrong with a server', () => {
  test('a wrong password is refused at the field; kept all the same, each look says so', async () => {
    const url = as(await older.database(`d${++made}`), 'postgres', 'wrong');
    await expect(add(url)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      fields: [{ path: 'url', message: 'PostgreSQL refused the password' }],
    });
    const id = await add(url, { test: false });
    expect(await look(id)).toMatchObject({
      state: 'failed',
      detail: 'PostgreSQL refused the password.',
    });
    expect(await databases.get(id)).toMatchObject({ state: 'failed', problem: 'password' });
    expect((await databases.test(id)).setup[0]).toMatchObject({ id: 'connect', state: 'missing' });
  });

  test('a database that is not there, a port where nothing listens, a metadata address', async () => {
    const url = new URL(older.url);
    url.pathname = '/nowhere';
    expect(await databases.tryUrl(url.href)).toMatchObject({ ok: false, problem: 'missing' });
    expect(await databases.tryUrl('postgresql://a:b@127.0.0.1:1/x')).toMatchObject({
      ok: false,
      problem: 'unreachable',
      detail: 'Nothing listens at this address and port.',
    });
    // What a URL says beside where and who leads nowhere else.
    for (const more of ['host=169.254.169.254', 'host=/var/run/postgresql', 'sslcert=/etc/passwd'])
      expect(await databases.tryUrl(`postgresql://a:b@127.0.0.1:1/x?${more}`)).toMatchObject({
        problem: 'unreachable',
      });
    expect(await databases.tryUrl('postgresql://a:b@2852039166/x')).toMatchObject({
      problem: 'address',
    });
    await expect(add('postgresql://a:b@169.254.169.254/x', { test: false })).rejects.toMatchObject({
      fields: [{ path: 'url' }],
    });
  });

  test('a host that hangs ends in a sentence, and what was counted before it is not lost or doubled', async () => {
    const plain = await older.database(`d${++made}`);
    const { url, proxy } = await proxied(plain);
    const id = await add(url);
    await look(id);
    for (let n = 0; n < 3; n++) await run(plain, 'SELECT 1 AS before');
    await look(id);
    proxy.stall();
    for (let n = 0; n < 5; n++) await run(plain, 'SELECT now() AS meanwhile');
    const failed = await look(id);
    expect(failed).toMatchObject({ state: 'failed', detail: 'The host does not answer.' });
    expect((await databases.get(id)).failingSince).not.toBeNull();
    const open = async () =>
      (await runtime.incidents.list({ status: 'open', limit: 10 })).items.map(({ title }) => title);
    expect(await open()).toEqual([]);
    proxy.cut();
    clock.advance(240_000);
    await look(id);
    expect(await open()).toEqual([expect.stringMatching(/^The database .* cannot be looked at$/)]);
    proxy.mend();
    await look(id);
    expect(await callsOf(id, 'AS before')).toEqual([['SELECT $1 AS before', 3]]);
    expect(await callsOf(id, 'AS meanwhile')).toEqual([['SELECT now() AS meanwhile', 5]]);
    expect(await databases.get(id)).toMatchObject({ state: 'ok', failingSince: null });
    expect(await open()).toEqual([]);
  }, 40_000);

  test('a restart between two looks is a baseline; nothing is negative or counted twice', async () => {
    const url = await older.database(`d${++made}`);
    const id = await add(url);
    await look(id);
    for (let n = 0; n < 6; n++) await run(url, 'SELECT 1 AS kept');
    await look(id);
    for (const mode of ['fast', 'immediate'] as const) {
      await older.restart(mode);
      await run(url, 'SELECT 1 AS kept');
      expect(await look(id)).toMatchObject({ state: 'ok', baseline: 'restart' });
      for (let n = 0; n < 2; n++) await run(url, 'SELECT 1 AS kept');
      await look(id);
    }
    expect(await callsOf(id, 'AS kept')).toEqual([['SELECT $1 AS kept', 10]]);
  }, 60_000);

  test('more statements than there is room for: figures stay right, and it is said', async () => {
    const small = await startPostgres15({ settings: { 'pg_stat_statements.max': '100' } });
    try {
      const url = await small.database('d', ['pg_stat_statements']);
      const columns = Array.from({ length: 400 }, (_, n) => `flood_${n} int`);
      await run(url, `CREATE TABLE wide (${columns.join()})`);
      const id = await add(url);
      await look(id);
      const flood = Array.from({ length: 400 }, (_, n) => `SELECT flood_${n} FROM wide`);
      await run(url, ...flood);
      const { detail } = await look(id);
      expect(detail).toMatch(/had no room .* raise pg_stat_statements.max/);
      await run(url, ...flood);
      await look(id);
      for (const { calls } of await seen(id, 'flood_')) expect(calls).toBeLessThanOrEqual(2);
    } finally {
      await small.stop();
    }
  }, 60_000);

  test('a statement of a megabyte, and one that the parser does not know', async () => {
    const url = (await servers['PostgreSQL 18']?.()) ?? '';
    const id = await add(url);
    await look(id);
    const long = `SELECT ${'1 + '.repeat(240_000)}1 AS long`;
    const longer = `SELECT '${'x'.repeat(1_200_000)}' AS longer, ${'2 + '.repeat(30_000)}2`;
    await run(
      url,
      `SELECT length('${'y'.repeat(900_000)}') AS text`,
      'CREATE TABLE v (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)',
    ).catch(() => undefined);
    await run(url, long).catch(() => undefined);
    await run(url, longer).catch(() => undefined);
    expect(await look(id)).toMatchObject({ state: 'ok' });
    const items = await seen(id);
    expect(items.map(({ query }) => query)).toContain('SELECT length($1) AS text');
    expect(items.find(({ query }) => /does not parse/.test(query))).toMatchObject({
      kind: 'other',
    });
    for (const { query } of items) expect(query.length).toBeLessThanOrEqual(1_000);
  }, 60_000);
});

test('a password in a text is found nowhere: not in the database, and not in the log', async () => {
  const url = await older.database(`d${++made}`);
  await run(url, 'CREATE ROLE somebody');
  const id = await add(url);
  await look(id);
  await run(
    url,
    "ALTER ROLE somebody PASSWORD 'hunter2hunter2'",
    "SET app.key = 'hunter2hunter2'",
    "SELECT 1 AS a /* hunter2hunter2 */, 'hunter2hunter2' AS b -- hunter2hunter2",
    "COMMENT ON ROLE somebody IS 'hunter2hunter2'",
    "DO $$ BEGIN PERFORM 'hunter2hunter2'; END $$",
    "PREPARE p AS SELECT 'hunter2hunter2'",
  );
  await run(url, "SELECT 'hunter2hunter2' FROM").catch(() => undefined);
  await look(id, true);
  watching.take([
    {
      kind: 'span',
      at: clock.now().getTime(),
      service: 'api',
      name: 'query',
      durationMs: 250,
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      parentId: null,
      attributes: {
        'db.system.name': 'postgresql',
        'db.namespace': new URL(url).pathname.slice(1),
        'db.query.text': "SELECT 'hunter2hunter2' AS span, 'hunter2hunter2 is not closed",
      },
    },
  ]);
  await watching.drain();
  expect((await seen(id)).length).toBeGreaterThan(4);
  const { rows } = await runtime.db.pool.query<{ name: string }>(
    `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  expect(rows.length).toBeGreaterThan(40);
  for (const { name } of rows) {
    const found = await runtime.db.pool.query(
      `SELECT 1 FROM ${name} AS t WHERE strpos(t::text, 'hunter2hunter' || '2') > 0 LIMIT 1`,
    );
    expect([name, found.rows.length]).toEqual([name, 0]);
  }
  log.warn('the log is read');
  expect(lines.filter((line) => line.includes('the log is read'))).toHaveLength(1);
  expect(lines.filter((line) => line.includes('hunter2hunter2'))).toEqual([]);
});

test('two processes: one looks; when it is silent the other goes on, and the first writes nothing more', async () => {
  const url = await older.database(`d${++made}`);
  const id = await add(url);
  const other = watch('two');
  await look(id);
  await expect(other.collector.look(id)).rejects.toThrow('another process');
  for (let n = 0; n < 3; n++) await run(url, 'SELECT 1 AS shared');
  await look(id);
  clock.advance(200_000);
  for (let n = 0; n < 4; n++) await run(url, 'SELECT 1 AS shared');
  expect(await other.collector.look(id)).toMatchObject({ baseline: 'first' });
  for (let n = 0; n < 2; n++) await run(url, 'SELECT 1 AS shared');
  await expect(look(id)).rejects.toThrow('another process');
  clock.advance(60_000);
  await other.collector.look(id);
  expect(await callsOf(id, 'AS shared')).toEqual([['SELECT $1 AS shared', 5]]);
  // Who leaves gives its databases back at once, and what comes next begins with a baseline.
  await other.collector.close();
  expect(await look(id)).toMatchObject({ baseline: 'first' });
});

test('what is due is looked at, what is paused is not; a new one is looked at again soon', async () => {
  const url = await older.database(`d${++made}`);
  await runtime.db.pool.query('UPDATE query_databases SET paused = true');
  const id = await add(url);
  expect(await collector.tick()).toBe(1);
  await collector.idle();
  expect(await collector.tick()).toBe(0);
  clock.advance(10_000);
  expect(await collector.tick()).toBe(1);
  await collector.idle();
  clock.advance(10_000);
  expect(await collector.tick()).toBe(0);
  // Who asks is answered by the process that has it, with tables and set-up.
  const asked = watching.refresh(id);
  await vi.waitFor(async () => expect(await collector.tick()).toBe(1));
  expect(await asked).toMatchObject({ state: 'ok', detail: null });
  await collector.idle();
  clock.advance(60_000);
  await databases.update(testAuthority, { id, paused: true, test: true });
  await expect(watching.refresh(id)).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await collector.tick()).toBe(0);
  expect(await databases.get(id)).toMatchObject({ state: 'paused' });
});
