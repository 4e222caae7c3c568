/**
 * A look at a PostgreSQL 15 with close to 5 000 statements that all ran since the look before: the first time, when their
 * texts are read and parsed, and later, when they are known. Peer: reading `pg_stat_statements` whole, texts included, at
 * every look, in the same run. Targets: a look < 1 s, and < 1 % of a minute at the server.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { loadConfig } from '../server/config.ts';
import { migrate } from '../server/platform/db/migrate.ts';
import { silentLog } from '../server/platform/log.ts';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';
import { startPostgres15 } from '../server/platform/testing/postgres15.ts';
import { createRuntime } from '../server/runtime.ts';
import { ms, print, quantile } from './measure.ts';

const STATEMENTS = 4_800;
const ROUNDS = 9;
const MINUTE_MS = 60_000;
const authority = {
  actor: { kind: 'system' as const, id: null, name: 'bench' },
  rule: 'bench',
  requestId: null,
};

const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-bench-'));
const server = await openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
await migrate({
  url: server.url,
  folder: path.resolve(import.meta.dirname, '../prisma/migrations'),
});
const watched = await startPostgres15();
const url = await watched.database('bench', ['pg_stat_statements']);
const runtime = await createRuntime({
  config: loadConfig({
    WHEELHOUSE_DATA_DIR: dataDir,
    WHEELHOUSE_SECRET: 'a secret for the bench, long enough',
  }),
  databaseUrl: server.url,
  database: 'external',
  log: silentLog(),
  publicUrl: () => 'http://localhost:3000',
});
const client = new pg.Client({ connectionString: url });
await client.connect();

// Not digits: the parser's fingerprint takes tables that differ in those alone for partitions of one.
const letters = (n: number) => String.fromCharCode(97 + Math.floor(n / 26), 97 + (n % 26));
const columns = Array.from({ length: 100 }, (_, n) => `column_${n} int`).join(', ');
const tables = STATEMENTS / 100;
for (let n = 0; n < tables; n++)
  await client.query(`CREATE TABLE table_${letters(n)} (${columns})`);
await client.query('SELECT pg_stat_statements_reset()');
const runAll = async () => {
  for (let n = 0; n < STATEMENTS; n++) {
    const column = n % 100;
    const table = letters(Math.floor(n / 100));
    await client.query(
      `SELECT column_${column}, count(*) FROM table_${table} WHERE column_${column} BETWEEN ${n} AND ${n + 10} AND column_0 <> 7 GROUP BY column_${column} ORDER BY 2 DESC LIMIT 10`,
    );
  }
};

const { watching } = runtime.queries;
const { id } = await watching.databases.create(authority, {
  name: 'bench',
  url,
  slowMs: 100,
  keepParameters: false,
  paused: false,
  test: true,
});
type Look = { tookMs: number; serverMs: number; statements: number };
const look = async (): Promise<Look> => {
  const begun = performance.now();
  const { statements } = await watching.collector.look(id);
  const tookMs = performance.now() - begun;
  const { lookServerMs } = await watching.databases.get(id);
  return { tookMs, serverMs: lookServerMs ?? Number.NaN, statements };
};
const whole = async (): Promise<number> => {
  const begun = performance.now();
  await client.query('SELECT * FROM pg_stat_statements');
  return performance.now() - begun;
};

await runAll();
await look();
await runAll();
const first = await look();
const later: Look[] = [];
const peer: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  await runAll();
  later.push(await look());
  peer.push(await whole());
}
const median = (values: number[]) =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
const row = (name: string, tookMs: number, serverMs: number, statements: number) => ({
  [name]: `${statements} statements ran`,
  'in all': ms(tookMs),
  'waiting for the server': ms(serverMs),
  'of a minute': `${((serverMs / MINUTE_MS) * 100).toFixed(3)} %`,
});
const tookMs = median(later.map((one) => one.tookMs));
const serverMs = median(later.map((one) => one.serverMs));
print([
  row('first look at them', first.tookMs, first.serverMs, first.statements),
  row('later looks, median', tookMs, serverMs, later[0]?.statements ?? 0),
  { 'the view read whole': ms(median(peer)) },
  {
    ratio: `waiting for the server ${(serverMs / median(peer)).toFixed(2)}×; targets: in all < 1 s, of a minute < 1 %`,
  },
]);

await client.end();
await runtime.close();
await watched.stop();
await server.stop();
rmSync(dataDir, { recursive: true, force: true });
