/**
 * The embedded PostgreSQL 18: data in `<dataDir>/postgres`, password in `<dataDir>/postgres.password`, log in `<dataDir>/logs/postgres`.
 *
 * One postmaster serves every program of ours that uses the data folder: the console, and the CLI beside it. Who may use it and who
 * stops it is settled by PostgreSQL itself, with session advisory locks held on one connection ("anchor") for a program's lifetime:
 * - (0x7768, 1), exclusive: the console. A second console on the same folder is refused.
 * - (0x7768, 2), shared: everybody. On `stop()` a program lets go of it and asks for it exclusively: granted means nobody else is
 *   there, and it stops the server. "The last one out turns off the light", whoever started it. A newcomer that arrives in this
 *   moment waits for the shared lock, loses its connection with the server, and starts the server anew.
 * Locks die with their connection, so `kill -9` of a program leaves nothing behind but, perhaps, a living postmaster: the next
 * program uses it, and a console that finds itself alone with it restarts it first (its binaries may have been replaced since).
 *
 * A postmaster that crashes is started again at once, on the same port; one that was shut down by hand, after `graceMs`.
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { makeFolder } from '../make-folder.ts';
import { PlainError } from '../plain-error.ts';
import {
  type Cluster,
  ensureInitialised,
  findPostmaster,
  freePort,
  lastPort,
  startPostmaster,
  stopPostmaster,
  superuser,
} from './cluster.ts';
import { chooseRunner, findBinaries, own } from './runner.ts';

export type EmbeddedPostgres = { url: string; stop(): Promise<void> };

export type EmbeddedPostgresOptions = {
  dataDir: string;
  role: 'console' | 'cli';
  progress: (line: string) => void;
  /** Settings of postgresql.conf on top of ours. */
  settings?: Record<string, string>;
  /** How long a server that was shut down by hand is left alone before it is started again. */
  graceMs?: number;
};

type Held = { anchor: pg.Client; pid: number; port: number };

const database = 'wheelhouse';
const startTimeoutMs = 60_000;
const takeOverMs = 3_000;

export async function openEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const cluster = await prepareCluster(options);
  await ensureInitialised(cluster, options.progress);
  let held = await acquire(cluster, options, await lastPort(cluster), false);
  await prepareDatabase(cluster, held.port);
  let stopping = false;
  const aborted = new AbortController();
  const watch = () => {
    held.anchor.once('end', () => {
      if (!stopping) supervising = supervise().catch((error) => options.progress(String(error)));
    });
  };
  let supervising: Promise<void> = Promise.resolve();
  const supervise = async () => {
    const byHand = !(await leftPidFile(cluster)) && !(await findPostmaster(cluster));
    options.progress('the embedded PostgreSQL has stopped');
    if (byHand) await delayOrPostmaster(cluster, options.graceMs ?? 10_000, aborted.signal);
    for (let attempt = 0; !stopping; attempt++) {
      try {
        held = await acquire(cluster, options, held.port, true);
        watch();
        options.progress('the embedded PostgreSQL runs again');
        return;
      } catch (error) {
        if (attempt === 0) options.progress(error instanceof Error ? error.message : String(error));
        await delay(Math.min(30_000, 500 * 2 ** attempt), undefined, {
          signal: aborted.signal,
        }).catch(() => {});
      }
    }
  };
  watch();

  return {
    url: urlOf(cluster, held.port),
    async stop() {
      if (stopping) return;
      stopping = true;
      aborted.abort();
      await supervising;
      const last = await isLastOut(held.anchor).catch(async () => {
        // The anchor is broken; look again, if there is anything to look at.
        const again = await connect(cluster, held.port).catch(() => undefined);
        if (!again) return undefined;
        held.anchor = again;
        return isLastOut(again).catch(() => undefined);
      });
      if (last === false) {
        await held.anchor.end().catch(() => {});
        return;
      }
      const running = await findPostmaster(cluster);
      if (running) await stopPostmaster(cluster, running.pid);
      await held.anchor.end().catch(() => {});
    },
  };
}

async function prepareCluster(options: EmbeddedPostgresOptions): Promise<Cluster> {
  const wanted = resolve(options.dataDir);
  let dataDir: string;
  let password: string;
  try {
    makeFolder(wanted, 0o711);
    dataDir = await realpath(wanted);
    password = await readOrCreatePassword(dataDir);
  } catch (error) {
    throw unwritable(wanted, error);
  }
  const binaries = await findBinaries();
  const runner = await chooseRunner(binaries, dataDir);
  return {
    dataDir,
    folder: join(dataDir, 'postgres'),
    logs: join(dataDir, 'logs', 'postgres'),
    password,
    binaries,
    runner,
    settings: options.settings ?? {},
  };
}

function unwritable(folder: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const why =
    code === 'EROFS'
      ? 'it is on a read-only file system'
      : code === 'ENOTDIR' || code === 'EEXIST'
        ? 'a file stands in its way'
        : code === 'ENOSPC'
          ? 'the disk is full'
          : code === 'EACCES' || code === 'EPERM'
            ? 'permission is denied'
            : code === 'ENOENT'
              ? 'it cannot be created there'
              : undefined;
  if (!why) return error instanceof Error ? error : new Error(String(error));
  return new PlainError(`The data folder ${folder} cannot be written: ${why}.`, { cause: error });
}

/** Two programs that start at once agree on one password: whoever links the file first. */
async function readOrCreatePassword(dataDir: string): Promise<string> {
  const file = join(dataDir, 'postgres.password');
  // Proves on every start that the folder can be written.
  const temporary = `${file}.new-${randomBytes(6).toString('hex')}`;
  await writeFile(temporary, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true });
  try {
    await link(temporary, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return (await readFile(file, 'utf8')).trim();
}

/** Finds the server or starts it, and takes this program's locks. */
async function acquire(
  cluster: Cluster,
  options: EmbeddedPostgresOptions,
  wantedPort: number,
  samePort: boolean,
): Promise<Held> {
  const deadline = performance.now() + startTimeoutMs;
  let announced = false;
  let started = false;
  const giveUp = async (error: unknown): Promise<never> => {
    const running = started ? await findPostmaster(cluster) : undefined;
    if (running) await stopPostmaster(cluster, running.pid);
    throw error;
  };
  let mayRestart = options.role === 'console' && !samePort;
  while (performance.now() < deadline) {
    const running = await findPostmaster(cluster);
    if (!running) {
      mayRestart = false;
      await own(cluster.runner, cluster.folder);
      const port = samePort ? wantedPort : await freePort(wantedPort);
      if (await startPostmaster(cluster, port)) started = true;
      else await delay(200);
      continue;
    }
    const anchor = running.port
      ? await connect(cluster, running.port).catch(refusal).catch(giveUp)
      : undefined;
    if (!anchor) {
      if (!announced && deadline - performance.now() < startTimeoutMs - 2_000) {
        announced = true;
        options.progress('waiting for PostgreSQL to recover…');
      }
      await delay(30);
      continue;
    }
    const taken = await takeLocks(anchor, cluster, options.role).catch(refusal).catch(giveUp);
    if (!taken) {
      await anchor.end().catch(() => {});
      continue;
    }
    if (mayRestart && (await isAlone(anchor).catch(() => false))) {
      mayRestart = false;
      await stopPostmaster(cluster, running.pid);
      await anchor.end().catch(() => {});
      continue;
    }
    return { anchor, pid: running.pid, port: running.port };
  }
  const seconds = startTimeoutMs / 1000;
  return giveUp(
    new PlainError(
      `The embedded PostgreSQL was not ready within ${seconds} s (see ${cluster.logs}).`,
    ),
  );
}

/** Nothing for what passes by itself (starting, stopping, gone); a plain sentence for what does not. */
function refusal(error: unknown): undefined {
  if (error instanceof PlainError) throw error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === '28P01' || code === '28000') {
    throw new PlainError(
      'The password in postgres.password is not the one of the database in the data folder.',
      { cause: error },
    );
  }
  if (code === '53300')
    throw new PlainError('The embedded PostgreSQL has no free connection left.', { cause: error });
  return undefined;
}

async function takeLocks(
  anchor: pg.Client,
  cluster: Cluster,
  role: 'console' | 'cli',
): Promise<true> {
  if (role === 'console') {
    const until = performance.now() + takeOverMs;
    for (;;) {
      const { rows } = await anchor.query("SELECT pg_try_advisory_lock(x'7768'::int, 1) AS got");
      if (rows[0].got) break;
      if (performance.now() > until) {
        await anchor.end().catch(() => {});
        throw new PlainError(
          `Another console is already using the data folder ${cluster.dataDir}.`,
        );
      }
      await delay(100);
    }
  }
  await anchor.query("SELECT pg_advisory_lock_shared(x'7768'::int, 2)");
  return true;
}

async function isAlone(anchor: pg.Client): Promise<boolean> {
  const { rows } = await anchor.query("SELECT pg_try_advisory_lock(x'7768'::int, 2) AS got");
  return rows[0].got;
}

/**
 * Lets go of the shared lock before it asks: of two that leave at the same moment each would otherwise see the other, and
 * nobody would stop the server. Like this the one that asks last is told that it is.
 */
async function isLastOut(anchor: pg.Client): Promise<boolean> {
  await anchor.query("SELECT pg_advisory_unlock_shared(x'7768'::int, 2)");
  return isAlone(anchor);
}

async function connect(cluster: Cluster, port: number, name = 'postgres'): Promise<pg.Client> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: superuser,
    password: cluster.password,
    database: name,
    application_name: 'wheelhouse anchor',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  return client;
}

async function prepareDatabase(cluster: Cluster, port: number): Promise<void> {
  const server = await connect(cluster, port);
  try {
    const { rowCount } = await server.query('SELECT FROM pg_database WHERE datname = $1', [
      database,
    ]);
    if (!rowCount) {
      await server.query(`CREATE DATABASE ${database}`).catch((error) => {
        if (error.code !== '42P04' && error.code !== '23505') throw error;
      });
    }
  } finally {
    await server.end();
  }
  const client = await connect(cluster, port, database);
  try {
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements').catch((error) => {
      if (error.code !== '23505') throw error;
    });
  } finally {
    await client.end();
  }
}

function urlOf(cluster: Cluster, port: number): string {
  return `postgresql://${superuser}:${cluster.password}@127.0.0.1:${port}/${database}`;
}

async function leftPidFile(cluster: Cluster): Promise<boolean> {
  return readFile(join(cluster.folder, 'postmaster.pid')).then(
    () => true,
    () => false,
  );
}

async function delayOrPostmaster(cluster: Cluster, ms: number, signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < ms && !signal.aborted; waited += 200) {
    if (await findPostmaster(cluster)) return;
    await delay(200, undefined, { signal }).catch(() => {});
  }
}
