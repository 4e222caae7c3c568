/** Opens what a command needs: configuration, the database (started when it does not run), a quiet log. */
import path from 'node:path';
import { type Config, configFromProcess, ensureDataDir } from '../config.ts';
import type { Authority } from '../platform/audit.ts';
import { migrate } from '../platform/db/migrate.ts';
import { silentLog } from '../platform/log.ts';
import { openEmbeddedPostgres } from '../platform/postgres/embedded.ts';
import { createRuntime, type Runtime } from '../runtime.ts';

export const cliAuthority: Authority = {
  actor: { kind: 'system', id: null, name: 'command line' },
  rule: 'command-line',
  requestId: null,
};

export function openConfig(): Config {
  return configFromProcess();
}

/** Runs `work` with a runtime that serves nothing, and closes everything after it. */
export async function withRuntime<T>(work: (runtime: Runtime) => Promise<T>): Promise<T> {
  const config = openConfig();
  ensureDataDir(config.dataDir);
  const embedded = config.DATABASE_URL
    ? null
    : await openEmbeddedPostgres({
        dataDir: config.dataDir,
        role: 'cli',
        progress: () => undefined,
      });
  const databaseUrl = config.DATABASE_URL ?? embedded?.url ?? '';
  try {
    await migrate({
      url: databaseUrl,
      folder: path.resolve(import.meta.dirname, '../../prisma/migrations'),
    });
    const runtime = await createRuntime({
      config,
      databaseUrl,
      database: config.DATABASE_URL ? 'external' : 'embedded',
      log: silentLog(),
      member: false,
      publicUrl: () => config.WHEELHOUSE_PUBLIC_URL ?? `http://${config.HOST}:${config.PORT}`,
    });
    try {
      return await work(runtime);
    } finally {
      await runtime.close();
    }
  } finally {
    await embedded?.stop();
  }
}
