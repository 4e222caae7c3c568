/**
 * Verification of API keys: a bad checksum, a remembered key, a cold one; beside the statements that better-auth 1.7.5 sends
 * for each check on the same database (one SELECT and two awaited UPDATEs, read off its api-key plugin; the library itself
 * is no dependency, as its peers do not agree with ours).
 * Targets: bad checksum ≤ 1 µs without I/O, remembered ≤ 10 µs, cold one SELECT and no write.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../server/config.ts';
import { formatKey } from '../server/keys/format.ts';
import { migrate } from '../server/platform/db/migrate.ts';
import { silentLog } from '../server/platform/log.ts';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';
import { createRuntime } from '../server/runtime.ts';
import { print, quantile } from './measure.ts';

const authority = {
  actor: { kind: 'system' as const, id: null, name: 'bench' },
  rule: 'bench',
  requestId: null,
};
const us = (value: number) => `${(value * 1000).toFixed(2)} µs`;
const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-bench-'));
const server = await openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
await migrate({
  url: server.url,
  folder: path.resolve(import.meta.dirname, '../prisma/migrations'),
});
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
const { keys, db } = runtime;

/** Median over rounds of the mean of one call, in milliseconds. */
async function mean(calls: number, work: (i: number) => Promise<unknown>): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < 15; round++) {
    const began = performance.now();
    for (let i = 0; i < calls; i++) await work(i);
    rounds.push((performance.now() - began) / calls);
  }
  rounds.sort((a, b) => a - b);
  return quantile(rounds, 0.5);
}
async function each(calls: number, work: (i: number) => Promise<unknown>) {
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const began = performance.now();
    await work(i);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

const made: string[] = [];
for (let i = 0; i < 1_500; i++) {
  const input = { name: `bench ${i}`, role: 'viewer' as const, scopes: [] };
  made.push((await keys.create(authority, input)).key);
}
const [one = ''] = made;
const bad = formatKey(randomBytes).replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
const asked: string[] = [];
const query = db.pool.query.bind(db.pool);
const watch = () => {
  Object.assign(db.pool, {
    query: (...given: Parameters<typeof query>) => {
      const [what] = given as unknown[];
      asked.push(typeof what === 'string' ? what : (what as { text: string }).text);
      return query(...given);
    },
  });
};

await mean(50_000, () => keys.verify(bad, null));
const checksum = await mean(50_000, () => keys.verify(bad, null));
await mean(20_000, () => keys.verify(one, '127.0.0.1'));
const known = await mean(20_000, () => keys.verify(one, '127.0.0.1'));
await each(500, (i) => keys.verify(made[i] ?? '', null));
watch();
const cold = await each(1_000, (i) => keys.verify(made[500 + i] ?? '', null));
const selects = asked.filter((text) => text.includes('api_key_versions v JOIN')).length;
const writes = asked.filter((text) => /^\s*(INSERT|UPDATE|WITH|DELETE)/.test(text)).length;
Object.assign(db.pool, { query });

await db.pool.query(
  `CREATE TABLE peer (id uuid PRIMARY KEY, key text UNIQUE, "lastRequest" timestamptz, "updatedAt" timestamptz)`,
);
await db.pool.query(
  `INSERT INTO peer SELECT gen_random_uuid(), md5(i::text) FROM generate_series(1, 1500) AS i`,
);
const peer = await each(1_000, async (i) => {
  const { rows } = await db.pool.query<{ id: string }>({
    name: 'peer-select',
    text: 'SELECT * FROM peer WHERE key = md5($1::text)',
    values: [i + 1],
  });
  for (const column of ['lastRequest', 'updatedAt']) {
    await db.pool.query({
      name: `peer-${column}`,
      text: `UPDATE peer SET "${column}" = now() WHERE id = $1 RETURNING *`,
      values: [rows[0]?.id],
    });
  }
});
print([
  { case: 'bad checksum', mean: us(checksum), target: '1 µs' },
  { case: 'remembered', mean: us(known), target: '10 µs' },
  {
    case: 'cold',
    p50: us(cold.p50),
    p99: us(cold.p99),
    selects: `${selects} of 1000`,
    writes: String(writes),
  },
  {
    case: "better-auth's statements",
    p50: us(peer.p50),
    p99: us(peer.p99),
    ours: `${(cold.p50 / peer.p50).toFixed(2)} ×`,
  },
]);
await runtime.close();
await server.stop();
rmSync(dataDir, { recursive: true, force: true });
