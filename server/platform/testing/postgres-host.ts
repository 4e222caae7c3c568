/**
 * The PostgreSQL server of a test run: a throw-away data folder and one migrated template database. Runs as a process of its own that
 * prints the server's URL and ends, with everything it made, when its standard input closes: also when the test run is killed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrate } from '../db/migrate.ts';
import { openEmbeddedPostgres } from '../postgres/embedded.ts';

const template = 'wheelhouse_template';
const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-test-'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const server = await openEmbeddedPostgres({
  dataDir,
  role: 'cli',
  progress: () => undefined,
  settings: {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '300',
  },
});
try {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`CREATE DATABASE ${template}`);
  await client.end();
  const url = new URL(server.url);
  url.pathname = `/${template}`;
  const owner = new pg.Client({ connectionString: url.href });
  await owner.connect();
  await owner.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await owner.end();
  await migrate({
    url: url.href,
    folder: path.resolve(import.meta.dirname, '../../../prisma/migrations'),
  });
  process.stdout.write(`${server.url}\n`);
  await new Promise((resolve) => process.stdin.resume().on('end', resolve).on('error', resolve));
} finally {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
process.exit(0);
