/**
 * A PostgreSQL 15 from Debian packages (`postgresql-15`, `postgresql-15-hypopg`) with a data folder of its own: the server of
 * somebody else, with HypoPG, which the embedded one does not bring. Ends with the test run, also when that is killed.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './redis.ts';

const run = promisify(execFile);
const BIN = '/usr/lib/postgresql/15/bin';
const EXTENSION = '/usr/share/postgresql/15/extension/hypopg.control';
const PASSWORD = 'the superuser of a test';

export type TestPostgres = {
  /** Of the superuser `postgres`, at the database `postgres`. */
  url: string;
  folder: string;
  /** Creates an empty database, with the extensions; answers its URL. */
  database(name: string, extensions?: readonly string[]): Promise<string>;
  /** Immediate shutdown and start, as after a crash; statistics of statements are lost or kept as PostgreSQL does. */
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
  stop(): Promise<void>;
};

// The shell ends the server when its standard input closes, so that no server outlives a killed test run.
const keeper =
  '"$@" >/dev/null 2>&1 & child=$!; echo $child; cat >/dev/null; kill -QUIT $child 2>/dev/null; wait $child 2>/dev/null';

async function userOf(name: string): Promise<{ uid: number; gid: number }> {
  const of = async (flag: string) => Number((await run('id', [flag, name])).stdout);
  return { uid: await of('-u'), gid: await of('-g') };
}

export async function startPostgres15(
  options: { settings?: Readonly<Record<string, string>> } = {},
): Promise<TestPostgres> {
  if (!existsSync(EXTENSION))
    throw new Error('There is no PostgreSQL 15 with HypoPG; install postgresql-15-hypopg.');
  const owner = process.getuid?.() === 0 ? await userOf('postgres') : undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-pg15-'));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const data = path.join(folder, 'data');
  const passwordFile = path.join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  if (owner) chownSync(passwordFile, owner.uid, owner.gid);
  const as = {
    cwd: folder,
    env: { NODE_ENV: 'test' as const, PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    ...owner,
  };
  await run(
    path.join(BIN, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-N',
      '-E',
      'UTF8',
    ],
    as,
  );
  const port = await freePort();
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
    shared_preload_libraries: 'pg_stat_statements,auto_explain',
    shared_buffers: '64MB',
    max_connections: '60',
    max_wal_size: '1GB',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    track_io_timing: 'on',
    'pg_stat_statements.max': '5000',
    log_destination: 'stderr',
    logging_collector: 'on',
    log_directory: path.join(folder, 'log'),
    ...options.settings,
  };
  const url = `postgresql://postgres:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres`;
  let running: ChildProcess | undefined;
  const ask = async (sql: string, at = url) => {
    const client = new pg.Client({ connectionString: at });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.query(sql);
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  let postmaster = 0;
  const start = async () => {
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const shell = spawn(
      '/bin/sh',
      ['-c', keeper, 'sh', path.join(BIN, 'postgres'), '-D', data, ...args],
      {
        ...as,
        stdio: ['pipe', 'pipe', 'inherit'],
        detached: true,
      },
    );
    const [line] = await once(createInterface(shell.stdout), 'line');
    postmaster = Number(line);
    running = shell;
    for (let attempt = 0; ; attempt++) {
      try {
        await ask('SELECT 1');
        return;
      } catch (error) {
        if (attempt > 300) throw error;
        await delay(50);
      }
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    const shell = running;
    running = undefined;
    if (!shell) return;
    const ended = once(shell, 'exit');
    if (alive(postmaster)) process.kill(postmaster, signal);
    // The shell sends QUIT when its input ends; what was asked for must be over before that.
    while (alive(postmaster)) await delay(20);
    shell.stdin?.end();
    await ended;
  };
  await start();
  return {
    url,
    folder,
    async database(name, extensions = ['pg_stat_statements', 'hypopg']) {
      await ask(`CREATE DATABASE ${name}`);
      const of = new URL(url);
      of.pathname = `/${name}`;
      for (const extension of extensions) await ask(`CREATE EXTENSION ${extension}`, of.href);
      return of.href;
    },
    async restart(mode = 'fast') {
      await end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await start();
    },
    async stop() {
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
