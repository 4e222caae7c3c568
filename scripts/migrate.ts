/**
 * The developer's tool for migrations; `npm start` applies them by itself.
 *   node scripts/migrate.ts create NAME   writes a migration for what changed in prisma/**.prisma
 *   node scripts/migrate.ts status        lists what DATABASE_URL (or the embedded database) lacks
 * A scratch database in a temporary folder answers what the migrations so far amount to.
 */
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrate, noFilter, openSchemaEngine, readMigrations } from '../server/platform/db/migrate.ts';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'prisma/migrations');

/** The adapter does not know PostgreSQL's internal type "char" (18), which the engine's catalog queries answer: call it text. */
class DescribingClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    const connection: unknown = Reflect.get(this, 'connection');
    if (!(connection instanceof EventEmitter)) throw new Error('pg has changed: a client has no connection');
    connection.on('rowDescription', (message: { fields: { dataTypeID: number }[] }) => {
      for (const field of message.fields) if (field.dataTypeID === 18) field.dataTypeID = 25;
    });
  }
}

/** The schema folder as the engine wants it. */
export function readSchema(): { files: { path: string; content: string }[] } {
  const files = readdirSync(path.join(root, 'prisma'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.prisma'))
    .sort()
    .map((file) => {
      const full = path.join(root, 'prisma', file);
      return { path: full, content: readFileSync(full, 'utf8') };
    });
  return { files };
}

/** The SQL that leads from the migrations to the schema; null when they agree. `url` is an empty database. */
export async function pendingSql(url: string): Promise<string | null> {
  await migrate({ url, folder });
  const engine = await openSchemaEngine({ connectionString: url, Client: DescribingClient });
  try {
    const { stdout } = await engine.diff({
      from: { tag: 'migrations', ...readMigrations(folder) },
      to: { tag: 'schemaDatamodel', ...readSchema() },
      script: true,
      exitCode: null,
      filters: noFilter,
    });
    const sql = stdout?.trim() ?? '';
    return sql === '' || sql === '-- This is an empty migration.' ? null : `${sql}\n`;
  } finally {
    engine.free();
  }
}

async function create(name: string): Promise<void> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-migrate-'));
  const server = await openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
  try {
    const sql = await pendingSql(server.url);
    if (!sql) {
      process.stdout.write('The migrations already amount to the schema.\n');
      return;
    }
    const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const target = path.join(folder, `${stamp}_${name}`);
    mkdirSync(target, { recursive: true });
    writeFileSync(path.join(target, 'migration.sql'), sql);
    const lock = path.join(folder, 'migration_lock.toml');
    if (!existsSync(lock)) writeFileSync(lock, 'provider = "postgresql"\n');
    process.stdout.write(`Wrote ${path.relative(root, target)}/migration.sql\n`);
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === import.meta.filename) {
  const [command, name] = process.argv.slice(2);
  if (command === 'create' && name && /^[a-z0-9_]+$/.test(name)) await create(name);
  else {
    process.stderr.write('Usage: node scripts/migrate.ts create NAME   (letters, digits and _)\n');
    process.exitCode = 2;
  }
}
