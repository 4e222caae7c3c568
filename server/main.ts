/**
 * Starts the process: config → database → migrations → runtime → http → jobs; closes in reverse.
 * Mistakes that the operator can mend are printed as one plain sentence, exit code 1.
 */
import path from 'node:path';
import { configFromProcess, ensureDataDir } from './config.ts';
import { createHost } from './http/host.ts';
import { migrate } from './platform/db/migrate.ts';
import { RESTART_EXIT_CODE } from './platform/lifecycle.ts';
import { createLog, scrub } from './platform/log.ts';
import { PlainError } from './platform/plain-error.ts';
import { openEmbeddedPostgres } from './platform/postgres/embedded.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import type { AuthBridge } from './sessions/contract.ts';

declare global {
  // The one bridge from the server to the bundled next-auth route.
  var __wheelhouseAuth: AuthBridge | undefined;
}

const say = (line: string) => process.stdout.write(`${line}\n`);

type Closable = { name: string; close(): Promise<void> };

async function start(closables: Closable[]): Promise<Runtime> {
  const config = configFromProcess({ dev: process.argv.includes('--dev') });
  ensureDataDir(config.dataDir);
  const logging = await createLog({
    level: config.LOG_LEVEL,
    output: config.LOG_OUTPUT,
    dataDir: config.dataDir,
  });
  const { log } = logging;
  closables.push({ name: 'log', close: logging.close });

  let databaseUrl = config.DATABASE_URL;
  if (!databaseUrl) {
    const embedded = await openEmbeddedPostgres({
      dataDir: config.dataDir,
      role: 'console',
      progress: say,
    });
    closables.push({ name: 'database', close: embedded.stop });
    databaseUrl = embedded.url;
  }
  const { applied } = await migrate({
    url: databaseUrl,
    folder: path.resolve(import.meta.dirname, '../prisma/migrations'),
  });
  if (applied.length > 0) say(`applied ${applied.length} database migrations`);

  let port = config.PORT;
  const publicUrl = () => config.WHEELHOUSE_PUBLIC_URL ?? `http://${urlHost(config.HOST)}:${port}`;
  const runtime = await createRuntime({
    config,
    databaseUrl,
    database: config.DATABASE_URL ? 'external' : 'embedded',
    log,
    publicUrl,
  });
  closables.push({ name: 'runtime', close: runtime.close });

  const authSecret = runtime.secrets.derive('next-auth').toString('base64url');
  const secureCookies = config.WHEELHOUSE_PUBLIC_URL?.startsWith('https:') ?? false;
  globalThis.__wheelhouseAuth = authBridge(runtime, authSecret, secureCookies);
  if (config.WHEELHOUSE_INIT_ADMIN_EMAIL && config.WHEELHOUSE_INIT_ADMIN_PASSWORD) {
    await runtime.users.createAdmin(
      {
        actor: { kind: 'system', id: null, name: 'environment' },
        rule: 'environment',
        requestId: null,
      },
      {
        email: config.WHEELHOUSE_INIT_ADMIN_EMAIL.toLowerCase(),
        name: 'Administrator',
        password: config.WHEELHOUSE_INIT_ADMIN_PASSWORD,
        onlyFirst: true,
      },
    );
  }

  const host = await createHost(runtime, { authSecret, secureCookies });
  closables.push({ name: 'http', close: host.close });
  port = host.port;
  await runtime.jobs.start(runtime.jobDefinitions);
  runtime.metricStore.start();
  runtime.memory.start();
  runtime.queries.listen();
  if (config.ROLE !== 'web') await runtime.start();
  log.info({ port, role: config.ROLE }, 'ready');
  if (await runtime.users.setupNeeded()) {
    say(`set up the first admin: ${publicUrl()}${runtime.users.setupPath()}`);
  }
  say(`ready http://${urlHost(config.HOST)}:${port}`);
  return runtime;
}

function authBridge(runtime: Runtime, secret: string, secureCookies: boolean): AuthBridge {
  const { config, signIn, sessions } = runtime;
  const issuer = config.WHEELHOUSE_OIDC_ISSUER;
  const clientId = config.WHEELHOUSE_OIDC_CLIENT_ID;
  const clientSecret = config.WHEELHOUSE_OIDC_CLIENT_SECRET;
  return {
    secret,
    secureCookies,
    sessionMaxAgeSeconds: config.WHEELHOUSE_SESSION_DAYS * 86_400,
    oidc:
      issuer && clientId && clientSecret
        ? { issuer, clientId, clientSecret, name: config.WHEELHOUSE_OIDC_NAME }
        : null,
    signInWithPassword: signIn.signInWithPassword,
    signInWithOidc: signIn.signInWithOidc,
    signOut: sessions.signOut,
  };
}

/** An address that a browser can open. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

async function closeAll(closables: Closable[]): Promise<void> {
  for (const { name, close } of closables.reverse()) {
    try {
      await close();
    } catch (error) {
      process.stderr.write(`${name} did not close cleanly: ${scrub(String(error))}\n`);
    }
  }
}

async function main(): Promise<void> {
  const closables: Closable[] = [];
  let stopping = false;
  let started: Runtime | null = null;
  let starting: Promise<Runtime> = Promise.reject(new Error('not started'));
  starting.catch(() => undefined);
  const stop = async (exitCode: number) => {
    if (stopping) return;
    stopping = true;
    const drainMs = (started?.config.WHEELHOUSE_DRAIN_SECONDS ?? 0) * 1000;
    // Whatever hangs, the process ends; the embedded database recovers by itself.
    setTimeout(() => process.exit(exitCode || 1), drainMs + 20_000).unref();
    // A start that is under way opens what would then stay open.
    await starting.catch(() => undefined);
    await closeAll(closables);
    process.exit(exitCode);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(0));
  // The start script is gone without a word (kill -9): nobody would stop us later.
  process.on('disconnect', () => stop(0));
  process.on('unhandledRejection', (error) => fail(error));
  process.on('uncaughtException', (error) => fail(error));
  const fail = (error: unknown) => {
    const text =
      error instanceof PlainError
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error);
    process.stderr.write(`${scrub(text)}\n`);
    started?.log.fatal({ err: error }, 'stopping after an error');
    stop(1);
  };
  starting = start(closables);
  await starting.then((runtime) => {
    started = runtime;
    runtime.lifecycle.onRestart((reason) => {
      runtime.log.warn({ reason }, 'restarting');
      stop(RESTART_EXIT_CODE);
    });
  }, fail);
}

await main();
