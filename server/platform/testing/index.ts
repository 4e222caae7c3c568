/**
 * What suites share: a database of their own, a runtime on it, and a host to talk to over real HTTP.
 * Real PostgreSQL, real Redis, no mocks; everything is closed by the `afterAll` that is registered here.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, inject } from 'vitest';
import { loadConfig } from '../../config.ts';
import { createRuntime, type Runtime } from '../../runtime.ts';
import type { Clock } from '../clock.ts';
import { type Log, silentLog } from '../log.ts';

export { startRedis, type TestRedis } from './redis.ts';

const TEMPLATE = 'wheelhouse_template';

/** A fresh, migrated database, or an empty one; dropped after the suite. */
export async function testDatabase(options: { empty?: boolean } = {}): Promise<string> {
  const base = inject('postgresUrl');
  const name = `t_${randomBytes(6).toString('hex')}`;
  const admin = async (sql: string) => {
    const client = new pg.Client({ connectionString: base });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await admin(`CREATE DATABASE ${name} TEMPLATE ${options.empty ? 'template0' : TEMPLATE}`);
  afterAll(() => admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const url = new URL(base);
  url.pathname = `/${name}`;
  return url.href;
}

/** A folder that is gone after the suite. */
export function testFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-suite-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The whole program short of HTTP, on a database of its own. */
export async function testRuntime(
  options: { env?: Record<string, string>; clock?: Clock; databaseUrl?: string; log?: Log } = {},
): Promise<Runtime> {
  const databaseUrl = options.databaseUrl ?? (await testDatabase());
  const config = loadConfig({
    WHEELHOUSE_DATA_DIR: testFolder(),
    WHEELHOUSE_SECRET: 'a secret for tests, long enough to be one',
    PORT: '0',
    DATABASE_URL: databaseUrl,
    // Suites ask faster than people and programs do; those about limits set their own.
    WHEELHOUSE_LIMIT_ADDRESS: '600000',
    WHEELHOUSE_LIMIT_KEY: '600000',
    WHEELHOUSE_LIMIT_SESSION: '600000',
    WHEELHOUSE_LIMIT_OVERALL: '6000000',
    ...options.env,
  });
  const runtime = await createRuntime({
    config,
    databaseUrl,
    database: 'external',
    log: options.log ?? silentLog(),
    publicUrl: () => 'http://localhost:3000',
    ...(options.clock ? { clock: options.clock } : {}),
  });
  afterAll(() => runtime.close());
  return runtime;
}
