/**
 * Applies `prisma/migrations` without Prisma's downloaded engine: the same schema engine as WebAssembly, over the
 * pg adapter. The folder stays a normal Prisma migrations folder. Replicas that start together wait for each
 * other by an advisory lock; when nothing is missing (every warm start) the engine is not even loaded.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import { PlainError } from '../plain-error.ts';

const LOCK = [0x7768, 3] as const;
export const noFilter = { externalTables: [], externalEnums: [] };

/** The migrations of a folder, oldest first. */
export function readMigrations(folder: string): MigrationList {
  const lockfile = path.join(folder, 'migration_lock.toml');
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return {
    baseDir: folder,
    lockfile: {
      path: 'migration_lock.toml',
      content: existsSync(lockfile) ? readFileSync(lockfile, 'utf8') : null,
    },
    shadowDbInitScript: '',
    migrationDirectories: names.map((name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok', value: readFileSync(path.join(folder, name, 'migration.sql'), 'utf8') },
      },
    })),
  };
}

/** Loads the WebAssembly schema engine on a database. */
export async function openSchemaEngine(database: string | pg.PoolConfig): Promise<SchemaEngine> {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const wasm = readFileSync(path.join(path.dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(wasm, {
    './schema_engine_bg.js': bindings as unknown as WebAssembly.ModuleImports,
  });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(database));
  return bindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, adapter);
}

type Applied = { migration_name: string; finished_at: Date | null; rolled_back_at: Date | null };

async function readApplied(client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query<{ known: string | null }>(
    `SELECT to_regclass('public._prisma_migrations')::text AS known`,
  );
  if (!rows[0]?.known) return [];
  const found = await client.query<Applied>(
    'SELECT migration_name, finished_at, rolled_back_at FROM public._prisma_migrations',
  );
  return found.rows.filter((row) => row.rolled_back_at === null);
}

/** Names of the folder's migrations that the database lacks; throws when the database is newer or half done. */
function missing(folder: readonly string[], applied: readonly Applied[]): string[] {
  const failed = applied.find((row) => row.finished_at === null);
  if (failed) {
    throw new PlainError(
      `The database migration ${failed.migration_name} failed earlier; restore a backup or resolve it with "prisma migrate resolve", then start again.`,
    );
  }
  const unknown = applied.find((row) => !folder.includes(row.migration_name));
  if (unknown) {
    throw new PlainError(
      `The database was migrated by a newer version of this program (${unknown.migration_name}); start that version.`,
    );
  }
  const done = new Set(applied.map((row) => row.migration_name));
  return folder.filter((name) => !done.has(name));
}

/** Brings the database to the folder's state; answers what was applied. */
export async function migrate(options: {
  url: string;
  folder: string;
}): Promise<{ applied: string[] }> {
  const list = readMigrations(options.folder);
  const names = list.migrationDirectories.map((entry) => entry.path);
  const client = new pg.Client({
    connectionString: options.url,
    connectionTimeoutMillis: 5_000,
    application_name: 'wheelhouse migrate',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new PlainError(describeConnect(error, options.url));
  }
  try {
    if (missing(names, await readApplied(client)).length === 0) return { applied: [] };
    await client.query('SELECT pg_advisory_lock($1, $2)', [...LOCK]);
    if (missing(names, await readApplied(client)).length === 0) return { applied: [] };
    const engine = await openSchemaEngine(options.url);
    try {
      const { appliedMigrationNames } = await engine.applyMigrations({
        migrationsList: list,
        filters: noFilter,
      });
      return { applied: appliedMigrationNames };
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new PlainError(`A database migration failed: ${message.trim()}`);
    } finally {
      engine.free();
    }
  } finally {
    await client.end();
  }
}

/** One plain sentence for a database that cannot be reached or refuses us; never shows the password. */
function describeConnect(error: unknown, url: string): string {
  const { hostname, port, pathname, username } = new URL(url);
  const where = `PostgreSQL at ${hostname}:${port || '5432'}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const user = decodeURIComponent(username);
  if (code === '28P01' || code === '28000') {
    return `${where} refuses the user "${user}": the password or the access rules are wrong; check DATABASE_URL.`;
  }
  if (code === '3D000') {
    return `${where} has no database "${decodeURIComponent(pathname.slice(1))}"; create it or check DATABASE_URL.`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `The host ${hostname} cannot be found; check DATABASE_URL.`;
  }
  const detail = code || (error instanceof Error ? error.message : 'no answer');
  return `${where} cannot be reached (${detail}); check DATABASE_URL and that the server runs.`;
}
