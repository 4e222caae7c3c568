import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { PlainError } from '../plain-error.ts';
import { type EmbeddedPostgres, openEmbeddedPostgres } from './embedded.ts';

const folders: string[] = [];
const opened: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of opened.splice(0)) await server.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(mode: number): string {
  const made = mkdtempSync(path.join(tmpdir(), 'wheelhouse-postgres-'));
  chmodSync(made, mode);
  folders.push(made);
  return path.join(made, 'data');
}

async function open(
  dataDir: string,
  role: 'console' | 'cli' = 'console',
): Promise<EmbeddedPostgres> {
  const server = await openEmbeddedPostgres({
    dataDir,
    role,
    progress: () => undefined,
    graceMs: 100,
  });
  opened.push(server);
  return server;
}

/** Another program that uses the data folder, to be killed. */
async function openElsewhere(dataDir: string): Promise<ChildProcess> {
  const program = `
    const { openEmbeddedPostgres } = await import(${JSON.stringify(path.join(import.meta.dirname, 'embedded.ts'))});
    await openEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, role: 'console', progress: () => {} });
    console.log('open');`;
  const node = path.resolve(import.meta.dirname, '../../../node_modules/.bin/node');
  const child = spawn(node, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(createInterface(child.stdout), 'line');
  return child;
}

async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return Object.values((await client.query(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

const pidFile = (dataDir: string) => path.join(dataDir, 'postgres/postmaster.pid');
const postmaster = (dataDir: string) =>
  Number(readFileSync(pidFile(dataDir), 'utf8').split('\n')[0]);
const lives = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

// As root the two folders lead to the two ways of running it: as another user, and in a user namespace.
describe.each([
  ['an open folder', 0o755],
  ['a closed folder', 0o700],
])('in %s', { timeout: 60_000 }, (_name, mode) => {
  test('starts from nothing, keeps its data and leaves nothing running', async () => {
    const dataDir = folder(mode);
    const first = await open(dataDir);
    const pid = postmaster(dataDir);
    expect(new URL(first.url).hostname).toBe('127.0.0.1');
    expect(statSync(path.join(dataDir, 'postgres.password')).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(dataDir, 'postgres')).mode & 0o777).toBe(0o700);
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    expect(await query(first.url, 'SELECT count(*)::int FROM pg_stat_statements')).toBeGreaterThan(
      0,
    );
    expect(await query(first.url, 'SHOW fsync')).toBe('on');
    expect(await query(first.url, 'SHOW data_checksums')).toBe('on');
    await first.stop();
    expect([lives(pid), existsSync(pidFile(dataDir))]).toEqual([false, false]);
    expect(await query((await open(dataDir)).url, 'SELECT n FROM kept')).toBe(7);
  });

  test('recovers after everything was killed, also when the process id belongs to something else by then', async () => {
    const dataDir = folder(mode);
    const other = await openElsewhere(dataDir);
    process.kill(postmaster(dataDir), 'SIGKILL');
    await kill(other);
    const text = readFileSync(pidFile(dataDir), 'utf8');
    writeFileSync(pidFile(dataDir), text.replace(/^\d+/, String(process.pid)));
    expect(await query((await open(dataDir)).url, 'SELECT 1')).toBe(1);
  });

  test('takes over the server of a program that was killed', async () => {
    const dataDir = folder(mode);
    await kill(await openElsewhere(dataDir));
    const pid = postmaster(dataDir);
    expect(lives(pid)).toBe(true);
    const second = await open(dataDir, 'cli');
    expect(postmaster(dataDir)).toBe(pid);
    await second.stop();
    // Its parent is dead, so that whoever adopts orphans here removes its entry, in its own time.
    await vi.waitFor(() => expect(lives(pid)).toBe(false), { timeout: 10_000 });
  });

  test('starts again by itself, on the same address, when it is killed or shut down', async () => {
    const dataDir = folder(mode);
    const { url } = await open(dataDir);
    for (const signal of ['SIGKILL', 'SIGINT'] as const) {
      const before = postmaster(dataDir);
      process.kill(before, signal);
      await vi.waitFor(
        async () => {
          expect(postmaster(dataDir)).not.toBe(before);
          expect(await query(url, 'SELECT 1')).toBe(1);
        },
        { timeout: 20_000, interval: 50 },
      );
    }
  });
});

describe('several programs on one folder', { timeout: 60_000 }, () => {
  test('the last one out stops the server', async () => {
    const dataDir = folder(0o700);
    const cli = await open(dataDir, 'cli');
    const console = await open(dataDir);
    const pid = postmaster(dataDir);
    await cli.stop();
    expect(lives(pid)).toBe(true);
    const second = await open(dataDir, 'cli');
    await console.stop();
    expect(await query(second.url, 'SELECT 1')).toBe(1);
    await second.stop();
    expect(lives(pid)).toBe(false);
  });

  test('a second console is refused', async () => {
    const dataDir = folder(0o700);
    await open(dataDir);
    await expect(open(dataDir)).rejects.toThrow(
      /^Another console is already using the data folder .*data\.$/,
    );
  });

  test('two that leave at the same moment do not leave the server behind', async () => {
    const dataDir = folder(0o700);
    for (let round = 0; round < 3; round++) {
      const [one, two] = [await open(dataDir, 'cli'), await open(dataDir, 'cli')];
      const pid = postmaster(dataDir);
      await Promise.all([one.stop(), two.stop()]);
      expect(lives(pid)).toBe(false);
    }
  });

  test('all start at once on an empty folder, and come while others go', async () => {
    const dataDir = folder(0o700);
    const start = async (n: number) => {
      for (let round = 0; round < 4; round++) {
        const server = await open(dataDir, 'cli');
        expect(await query(server.url, `SELECT ${n}`)).toBe(n);
        await server.stop();
      }
    };
    await Promise.all([1, 2, 3, 4].map(start));
    expect(existsSync(pidFile(dataDir))).toBe(false);
  });
});

describe('what the operator has to mend is one plain sentence', () => {
  test('a data folder that cannot be made', async () => {
    const file = path.join(tmpdir(), `wheelhouse-file-${process.pid}`);
    writeFileSync(file, '');
    folders.push(file);
    for (const dataDir of [path.join(file, 'data'), file, '/proc/wheelhouse', '/sys/wheelhouse']) {
      const attempt = open(dataDir);
      await expect(attempt).rejects.toThrow(PlainError);
      await expect(attempt).rejects.toThrow(/^The data folder .* cannot be written: [^.]*\.$/);
    }
  });

  test('a password that was lost, a folder of another PostgreSQL', async () => {
    const dataDir = folder(0o700);
    await (await open(dataDir)).stop();
    writeFileSync(path.join(dataDir, 'postgres.password'), 'another');
    await expect(open(dataDir)).rejects.toThrow(
      /^The password in postgres\.password is not the one/,
    );
    writeFileSync(path.join(dataDir, 'postgres/PG_VERSION'), '17\n');
    await expect(open(dataDir)).rejects.toThrow(/was made by PostgreSQL 17/);
    writeFileSync(path.join(dataDir, 'postgres/PG_VERSION'), '18\n');
  }, 60_000);
});
