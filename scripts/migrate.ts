/**
 * The developer's tool for migrations; `npm start` applies them by itself.
 *   node scripts/migrate.ts create NAME   writes a migration for what changed in prisma/**.prisma
 *   node scripts/migrate.ts check         fails when the newest migration does not amount to the schema
 * Each migration folder keeps the schema that it leads to (`schema.txt`), so that the next one is the difference
 * of two schemas, computed by Prisma's schema engine (WebAssembly).
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'prisma/migrations');
const SNAPSHOT = 'schema.txt';

/** All schema files as one text, in the order of their names. */
export function readSchema(): string {
  return readdirSync(path.join(root, 'prisma'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.prisma'))
    .sort()
    .map((file) => readFileSync(path.join(root, 'prisma', file), 'utf8'))
    .join('\n');
}

/** The schema that the migrations so far lead to; null when there is none. */
function lastSchema(): string | null {
  const newest = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .at(-1);
  return newest ? readFileSync(path.join(folder, newest, SNAPSHOT), 'utf8') : null;
}

async function openSchemaEngine(url: string) {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const wasm = readFileSync(path.join(path.dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(wasm, {
    './schema_engine_bg.js': { ...bindings },
  });
  bindings.__wbg_set_wasm(instance.exports);
  const { __wbindgen_start: begin } = instance.exports;
  if (typeof begin === 'function') begin();
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(url));
  return bindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, adapter);
}

/** The SQL that leads from one schema to another; from nothing when `from` is null. The engine insists on a live database. */
export async function sqlBetween(
  url: string,
  from: string | null,
  to: string,
): Promise<string | null> {
  const target = (content: string) => ({
    tag: 'schemaDatamodel' as const,
    files: [{ path: 'schema.prisma', content }],
  });
  const engine = await openSchemaEngine(url);
  try {
    const { stdout } = await engine.diff({
      from: from === null ? { tag: 'empty' } : target(from),
      to: target(to),
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    const sql = stdout?.trim() ?? '';
    return sql === '' || sql === '-- This is an empty migration.' ? null : `${sql}\n`;
  } finally {
    engine.free();
  }
}

/** The SQL that leads from the migrations to the schema; null when they agree. */
async function pendingSql(): Promise<string | null> {
  const known = lastSchema();
  const schema = readSchema();
  if (known === schema) return null;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-migrate-'));
  const server = await openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
  try {
    return await sqlBetween(server.url, known, schema);
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === import.meta.filename) {
  const [command, name] = process.argv.slice(2);
  const sql = await pendingSql();
  if (sql === null) {
    process.stdout.write('The migrations amount to the schema.\n');
  } else if (command === 'create' && name && /^[a-z0-9_]+$/.test(name)) {
    const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const target = path.join(folder, `${stamp}_${name}`);
    mkdirSync(target, { recursive: true });
    writeFileSync(path.join(target, 'migration.sql'), sql);
    writeFileSync(path.join(target, SNAPSHOT), readSchema());
    process.stdout.write(`Wrote ${path.relative(root, target)}/migration.sql\n`);
  } else {
    process.stdout.write(
      `Not in any migration yet:\n${sql}\nRun: node scripts/migrate.ts create NAME\n`,
    );
    process.exitCode = command === 'check' ? 1 : 2;
  }
}
