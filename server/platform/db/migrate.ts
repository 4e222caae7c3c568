/**
 * Applies `prisma/migrations` as `prisma migrate deploy` would, by plain SQL: each migration in one transaction
 * together with its row in `_prisma_migrations` (same columns, same SHA-256 checksum), so Prisma's own tools go on
 * working on the folder and the table. Prisma's engine is not used here: it would have to be downloaded, and its
 * WebAssembly form splits scripts at every semicolon, also inside a function's body.
 * Replicas that start together wait for each other by an advisory lock.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { PlainError } from '../plain-error.ts';

const LOCK = [0x7768, 3] as const;
// As Prisma creates it.
const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS public._prisma_migrations (
  id varchar(36) PRIMARY KEY NOT NULL,
  checksum varchar(64) NOT NULL,
  finished_at timestamptz,
  migration_name varchar(255) NOT NULL,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0
)`;

type Migration = { name: string; sql: string };

/** The migrations of a folder, oldest first. */
function readMigrations(folder: string): Migration[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({
      name,
      sql: readFileSync(path.join(folder, name, 'migration.sql'), 'utf8'),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
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
  const migrations = readMigrations(options.folder);
  const names = migrations.map((entry) => entry.name);
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
    await client.query(MIGRATIONS_TABLE);
    const wanted = new Set(missing(names, await readApplied(client)));
    for (const migration of migrations)
      if (wanted.has(migration.name)) await apply(client, migration);
    return { applied: [...wanted] };
  } finally {
    await client.end();
  }
}

async function apply(client: pg.Client, { name, sql }: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query(
      `INSERT INTO public._prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), createHash('sha256').update(sql).digest('hex'), name],
    );
    await client.query('COMMIT');
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined);
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new PlainError(`The database migration ${name} failed and was rolled back: ${message}`);
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
