import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import {
  chown,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PlainError } from '../plain-error.ts';
import { type Binaries, own, passable, type Runner, spawnAs } from './runner.ts';

/**
 * One PostgreSQL data folder on disk: making it, starting and stopping its postmaster, and telling a living postmaster from what a
 * dead one left behind. Knows nothing of who uses it; that is `embedded.ts`.
 */
export type Cluster = {
  dataDir: string;
  folder: string;
  logs: string;
  password: string;
  binaries: Binaries;
  runner: Runner;
  settings: Record<string, string>;
};

export type Postmaster = { pid: number; port: number; ready: boolean };

export const superuser = 'wheelhouse';
const majorVersion = '18';

const settings: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '64MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  effective_cache_size: '512MB',
  max_wal_size: '512MB',
  wal_compression: 'on',
  jit: 'off',
  fsync: 'on',
  synchronous_commit: 'on',
  shared_preload_libraries: 'pg_stat_statements,auto_explain',
  compute_query_id: 'on',
  track_io_timing: 'on',
  'pg_stat_statements.max': '5000',
  'pg_stat_statements.track': 'top',
  'auto_explain.log_min_duration': '-1',
  timezone: 'UTC',
  log_timezone: 'UTC',
  logging_collector: 'on',
  log_filename: 'postgres-%a.log',
  log_rotation_age: '1d',
  log_rotation_size: '0',
  log_truncate_on_rotation: 'on',
  log_line_prefix: '%m [%p] %q%a ',
  log_checkpoints: 'off',
};

/** Makes the data folder when there is none. A killed attempt leaves only a temporary folder, which the next one removes. */
export async function ensureInitialised(
  cluster: Cluster,
  progress: (line: string) => void,
): Promise<void> {
  const version = await readFile(join(cluster.folder, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version === undefined) {
    progress('creating the database…');
    await initialise(cluster);
    return;
  }
  if (version.trim() !== majorVersion) {
    throw new PlainError(
      `The database in ${cluster.folder} was made by PostgreSQL ${version.trim()}, and this program brings PostgreSQL ${majorVersion}.`,
    );
  }
}

async function initialise(cluster: Cluster): Promise<void> {
  for (const name of await readdir(cluster.dataDir)) {
    const pid = /^postgres\.new-(\d+)-/.exec(name)?.[1];
    if (pid && !exists(Number(pid)))
      await rm(join(cluster.dataDir, name), { recursive: true, force: true });
  }
  const temporary = join(
    cluster.dataDir,
    `postgres.new-${process.pid}-${randomBytes(4).toString('hex')}`,
  );
  await mkdir(join(temporary, 'data'), { recursive: true, mode: 0o700 });
  const passwordFile = join(temporary, 'password');
  await writeFile(passwordFile, cluster.password, { mode: 0o600 });
  await own(cluster.runner, temporary);
  const args = [
    '-D',
    join(temporary, 'data'),
    '-U',
    superuser,
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
  ];
  args.push(
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--data-checksums',
  );
  const child = spawnAs(cluster.runner, cluster.binaries.initdb, args, {
    output: 'pipe',
    detached: true,
    cwd: cluster.dataDir,
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) {
    await rm(temporary, { recursive: true, force: true });
    throw new PlainError(
      `The database could not be created in ${cluster.dataDir}: ${lastLine(output)}`,
    );
  }
  try {
    await rename(join(temporary, 'data'), cluster.folder);
  } catch (error) {
    // Another program of ours was quicker; its folder is as good.
    if (!(await stat(join(cluster.folder, 'PG_VERSION')).catch(() => undefined))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The living postmaster of this data folder, or nothing. Never fooled by a process id that something else has by now. */
export async function findPostmaster(cluster: Cluster): Promise<Postmaster | undefined> {
  const text = await readFile(join(cluster.folder, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !(await isPostmaster(pid, cluster.folder)))
    return undefined;
  return { pid, port: Number(lines[3]) || 0, ready: lines[7]?.trim() === 'ready' };
}

/**
 * Starts a postmaster, detached, so that a terminal's Ctrl-C does not reach it before its users have finished. Answers false when it
 * ended early for a reason that trying again can cure (a port taken meanwhile, another program starting it at the same time).
 */
export async function startPostmaster(cluster: Cluster, port: number): Promise<boolean> {
  await removeForeignPidFile(cluster);
  await configure(cluster, port);
  // What it says before its own log is open; several programs may be starting it at once.
  const startLog = join(cluster.logs, `start-${randomBytes(4).toString('hex')}.log`);
  const output = openSync(startLog, 'wx', 0o600);
  const child = spawnAs(cluster.runner, cluster.binaries.postgres, ['-D', cluster.folder], {
    output,
    detached: true,
    cwd: cluster.dataDir,
  });
  closeSync(output);
  child.unref();
  let ended: string | undefined;
  child.on('error', (error) => (ended = error.message));
  child.on('exit', (code, signal) => (ended = `it ended with ${signal ?? code}`));
  try {
    while (ended === undefined) {
      await delay(20);
      if ((await findPostmaster(cluster))?.pid === child.pid) return true;
    }
    const said = await readFile(startLog, 'utf8');
    if (/lock file|already in use|still in use|could not bind|could not create any TCP/i.test(said))
      return false;
    throw new PlainError(
      `The embedded PostgreSQL did not start: ${lastLine(said) || ended} (see ${cluster.logs}).`,
    );
  } finally {
    await rm(startLog, { force: true });
  }
}

/** Fast shutdown; then harder ones. Returns when the process is gone. */
export async function stopPostmaster(cluster: Cluster, pid: number): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', 30_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (let waited = 0; waited < waitMs; waited += 20) {
      if (!(await isPostmaster(pid, cluster.folder))) {
        // On its way out; an orphan's entry may stay until whoever adopted it looks.
        for (let left = 0; left < 1_000 && exists(pid); left += 20) await delay(20);
        return;
      }
      await delay(20);
    }
  }
}

/** The port given when it is free, else any free one. */
export async function freePort(wanted: number): Promise<number> {
  for (const port of wanted ? [wanted, 0] : [0]) {
    const server = createServer();
    const got = await new Promise<number>((resolve) => {
      server.once('error', () => resolve(0));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
    await new Promise((resolve) => server.close(resolve));
    if (got) return got;
  }
  throw new PlainError('There is no free port on 127.0.0.1 for the embedded PostgreSQL.');
}

/** The port of the last start, so that it stays the same when it can. */
export async function lastPort(cluster: Cluster): Promise<number> {
  const text = await readFile(join(cluster.folder, 'wheelhouse.conf'), 'utf8').catch(() => '');
  return Number(/^port = '(\d+)'/m.exec(text)?.[1] ?? 0);
}

/** All settings stand in a file, so that `pg_ctl start` by hand gives the same server. */
async function configure(cluster: Cluster, port: number): Promise<void> {
  await mkdir(cluster.logs, { recursive: true, mode: 0o755 });
  await passable(cluster.runner, join(cluster.logs, '..'));
  const all = { ...settings, log_directory: cluster.logs, ...cluster.settings, port: String(port) };
  const lines = Object.entries(all).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`,
  );
  const file = join(cluster.folder, 'wheelhouse.conf');
  const temporary = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(temporary, `# Written at each start.\n${lines.join('\n')}\n`, { mode: 0o600 });
  if (cluster.runner.owner)
    await chown(temporary, cluster.runner.owner.uid, cluster.runner.owner.gid);
  await rename(temporary, file);
  const main = join(cluster.folder, 'postgresql.conf');
  const text = await readFile(main, 'utf8');
  if (!text.includes("include 'wheelhouse.conf'"))
    await writeFile(main, `${text}\ninclude 'wheelhouse.conf'\n`);
  await own(cluster.runner, cluster.folder);
  await own(cluster.runner, cluster.logs);
}

/**
 * PostgreSQL itself overwrites the pid file of a dead postmaster, but refuses when the number now belongs to any living process.
 * `findPostmaster` has looked closer; such a file is removed.
 */
async function removeForeignPidFile(cluster: Cluster): Promise<void> {
  const file = join(cluster.folder, 'postmaster.pid');
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0]);
  if (pid > 0 && exists(pid) && !(await isPostmaster(pid, cluster.folder)))
    await rm(file, { force: true });
}

async function isPostmaster(pid: number, folder: string): Promise<boolean> {
  if (!exists(pid)) return false;
  if (process.platform === 'linux') {
    // World-readable even where /proc/PID/cwd is not, and empty for a zombie.
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    // Between fork and exec the child still carries our own command line or that of unshare.
    const program = basename(args[0] ?? '');
    if (!program.startsWith('postgres')) return false;
    const at = args.indexOf('-D');
    const named = at >= 0 ? (args[at + 1] ?? '') : '';
    return (
      named === folder ||
      (await realpath(named).catch(() => '')) === (await realpath(folder).catch(() => folder))
    );
  }
  if (process.platform === 'win32') return true;
  const child = spawn('ps', ['-p', String(pid), '-o', 'command='], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let command = '';
  child.stdout.on('data', (chunk) => (command += chunk));
  await once(child, 'close');
  return command.includes('postgres') && command.includes(folder);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.find((line) => /FATAL|PANIC|error:/i.test(line)) ?? lines.at(-1) ?? '';
  return telling.replace(/^.*?(FATAL|PANIC|error):\s*/i, '').trim();
}
