import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { readSchema, sqlBetween } from '../../../scripts/migrate.ts';
import { PlainError } from '../plain-error.ts';
import { testDatabase } from '../testing/index.ts';
import { migrate } from './migrate.ts';

const folder = path.resolve(import.meta.dirname, '../../../prisma/migrations');
const scratch = mkdtempSync(path.join(tmpdir(), 'wheelhouse-migrations-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

function migrations(name: string, extra: Record<string, string>): string {
  const target = path.join(scratch, name);
  cpSync(folder, target, { recursive: true });
  for (const [migration, sql] of Object.entries(extra)) {
    mkdirSync(path.join(target, migration));
    writeFileSync(path.join(target, migration, 'migration.sql'), sql);
  }
  return target;
}

/** Everything that Prisma's schema can say about a database, as sorted lines. */
async function shape(url: string): Promise<string[]> {
  const rows = await query<{ line: string }>(
    url,
    `SELECT concat_ws(' ', 'column', table_name, column_name, udt_name, datetime_precision, is_nullable, column_default) AS line
       FROM information_schema.columns WHERE table_schema = 'public'
     UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
     UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid))
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace
     UNION ALL SELECT concat_ws(' ', 'enum', enumtypid::regtype, enumsortorder, enumlabel) FROM pg_enum`,
  );
  return rows
    .map((row) => row.line)
    .filter((line) => !line.includes('_prisma_migrations') && !line.includes('pg_stat_statements'))
    .sort();
}

test('the migrations lead to the schema', async () => {
  const migrated = await testDatabase();
  const direct = await testDatabase({ empty: true });
  const sql = await sqlBetween(direct, null, readSchema());
  await query(direct, sql ?? '');
  const expected = await shape(direct);
  expect(expected.length).toBeGreaterThan(30);
  // Partitions and partial indexes, which Prisma's schema has no words for, stand in the migrations alone.
  const beyond =
    /\b(health_(checks|minutes|hours|rolled)|metric_(fresh|chunks|minutes|hours)|telemetry_events|query_(minutes|hours|slow_log)|model_(predictions|prediction_keys|labels_waiting))|^constraint (memory|policy|capacity|forecast)\w* \w+ CHECK|^index .* WHERE \(/;
  const found = await shape(migrated);
  expect(found.filter((line) => beyond.test(line)).length).toBeGreaterThan(5);
  expect(found.filter((line) => !beyond.test(line))).toEqual(expected);
});

test('replicas that start together apply each migration once', async () => {
  const url = await testDatabase({ empty: true });
  const results = await Promise.all(Array.from({ length: 5 }, () => migrate({ url, folder })));
  expect(results.filter((result) => result.applied.length > 0)).toHaveLength(1);
  expect(await migrate({ url, folder })).toEqual({ applied: [] });
});

test('a failing migration leaves nothing behind and can be started again once mended', async () => {
  const url = await testDatabase();
  const broken = migrations('broken', {
    '29990101000000_more': 'CREATE TABLE half (id int); SELECT 1/0;',
  });
  await expect(migrate({ url, folder: broken })).rejects.toThrow(
    /29990101000000_more failed.*division by zero/,
  );
  expect(await query(url, `SELECT to_regclass('half') AS half`)).toEqual([{ half: null }]);
  const mended = migrations('mended', { '29990101000000_more': 'CREATE TABLE whole (id int);' });
  expect(await migrate({ url, folder: mended })).toEqual({ applied: ['29990101000000_more'] });
});

test('a database of a newer program is refused', async () => {
  const url = await testDatabase();
  await migrate({ url, folder: migrations('newer', { '29990101000000_newer': 'SELECT 1' }) });
  await expect(migrate({ url, folder })).rejects.toThrow(/newer version.*29990101000000_newer/);
});

test.each([
  ['a wrong password', (url: URL) => (url.password = 'wrong'), /refuses the user "wheelhouse"/],
  ['an unknown database', (url: URL) => (url.pathname = '/nowhere'), /has no database "nowhere"/],
  ['nobody there', (url: URL) => (url.port = '1'), /cannot be reached \(ECONNREFUSED\)/],
  [
    'an unknown host',
    (url: URL) => (url.hostname = 'nowhere.invalid'),
    /nowhere\.invalid cannot be found/,
  ],
])('%s is one plain sentence', async (_name, spoil, sentence) => {
  const url = new URL(await testDatabase());
  spoil(url);
  const attempt = migrate({ url: url.href, folder });
  await expect(attempt).rejects.toThrow(PlainError);
  await expect(attempt).rejects.toThrow(sentence);
});

test('audit entries cannot be changed, deleted or truncated', async () => {
  const url = await testDatabase();
  await query(
    url,
    `INSERT INTO audit_entries (seq, id, at, actor_kind, actor_name, action, target_kind, rule, previous_hash, hash)
     VALUES (1, gen_random_uuid(), now(), 'system', 'test', 'test', 'test', 'test', '', '')`,
  );
  for (const sql of [
    'UPDATE audit_entries SET rule = $$x$$',
    'DELETE FROM audit_entries',
    'TRUNCATE audit_entries',
  ]) {
    await expect(query(url, sql)).rejects.toThrow('audit entries are append-only');
  }
});
