/** `npm start` as a person and as a supervisor sees it: real processes, real signals, a data folder of their own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';
import { pinnedNode, prepare, root } from './prepare.mjs';

const folders: string[] = [];
const running: ChildProcess[] = [];
beforeAll(() => prepare({ pages: true, say: () => undefined }));
afterEach(async () => {
  for (const child of running.splice(0)) if (child.pid) await end(child);
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

type Run = { child: ChildProcess; output: () => string; url: () => string };

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'wheelhouse-start-'));
  folders.push(made);
  return path.join(made, 'data');
}

/** In a process group of its own, as a terminal would start it. */
function start(dataDir: string, env: Record<string, string> = {}): Run {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(WHEELHOUSE_|DATABASE_URL|REDIS_URL|ROLE|VITEST|NODE_ENV)/.test(name),
  );
  const child = spawn('node', [path.join(root, 'scripts/start.mjs')], {
    cwd: tmpdir(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...Object.fromEntries(clean),
      NODE_ENV: 'production',
      PORT: '0',
      WHEELHOUSE_DATA_DIR: dataDir,
      WHEELHOUSE_DRAIN_SECONDS: '1',
      ...env,
    },
  });
  running.push(child);
  let text = '';
  child.stdout?.on('data', (chunk) => (text += chunk));
  child.stderr?.on('data', (chunk) => (text += chunk));
  const url = () => /^ready (http\S+)$/m.exec(text)?.[1] ?? '';
  return { child, output: () => text, url };
}

async function ready(run: Run): Promise<Run> {
  await vi.waitFor(
    () => {
      if (run.child.exitCode !== null)
        throw new Error(`ended with ${run.child.exitCode}: ${run.output()}`);
      expect(run.output()).toMatch(/^ready http/m);
    },
    { timeout: 60_000, interval: 50 },
  );
  return run;
}

const patienceMs = 40_000;

async function exitOf(run: Run): Promise<number | null> {
  await endsWithin(run.child, patienceMs);
  return run.child.exitCode;
}

/** Kills the whole tree of a program that does not end, so that a failing test leaves nothing either. */
async function endsWithin(child: ChildProcess, ms: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => {
    for (const pid of tree(child.pid ?? 0).reverse()) process.kill(pid, 'SIGKILL');
  }, ms);
  await once(child, 'exit');
  clearTimeout(timer);
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await endsWithin(child, patienceMs);
}

/** Process id → parent, command line. */
function processes(): Map<number, { parent: number; command: string }> {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).split(
    '\n',
  );
  const found = new Map<number, { parent: number; command: string }>();
  for (const line of lines) {
    const [, pid, parent, state, command = ''] =
      /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (pid && !state?.startsWith('Z')) found.set(Number(pid), { parent: Number(parent), command });
  }
  return found;
}

function tree(pid: number): number[] {
  const all = processes();
  const below = (parent: number): number[] =>
    [...all]
      .filter(([, entry]) => entry.parent === parent)
      .flatMap(([child]) => [child, ...below(child)]);
  return [pid, ...below(pid)];
}

function mainOf(run: Run): number {
  const all = processes();
  const found = tree(run.child.pid ?? 0).find((pid) =>
    all.get(pid)?.command.includes('server/main.ts'),
  );
  if (!found) throw new Error('main.ts does not run');
  return found;
}

const usersOf = (dataDir: string) =>
  [...processes().values()].filter((entry) => entry.command.includes(dataDir));
const pidFile = (dataDir: string) => path.join(dataDir, 'postgres/postmaster.pid');

async function leavesNothing(dataDir: string, pids: number[]): Promise<void> {
  await vi.waitFor(
    () => {
      const all = processes();
      expect(pids.filter((pid) => all.has(pid))).toEqual([]);
      expect(usersOf(dataDir)).toEqual([]);
    },
    { timeout: 20_000, interval: 50 },
  );
  expect(existsSync(pidFile(dataDir))).toBe(false);
  expect(existsSync(path.join(root, '.prepare.lock'))).toBe(false);
  expect(readdirSync(dataDir).filter((name) => /\.(new|lock|pid)/.test(name))).toEqual([]);
}

const admin = {
  WHEELHOUSE_INIT_ADMIN_EMAIL: 'first@example.com',
  WHEELHOUSE_INIT_ADMIN_PASSWORD: 'correct horse battery staple',
};
const status = async (url: string) => (await fetch(url).catch(() => undefined))?.status;

describe('starts and stops', () => {
  test('from nothing to an address that serves, and away again on SIGTERM', async () => {
    const dataDir = folder();
    const run = await ready(start(dataDir));
    expect(run.output()).toMatch(/^set up the first admin: http:\S+\/setup\?token=\S+$/m);
    expect(await status(`${run.url()}/health/readiness`)).toBe(200);
    expect(await (await fetch(`${run.url()}/sign-in`)).text()).toContain('<html');
    const pids = tree(run.child.pid ?? 0);
    expect(pids.length).toBeGreaterThan(3);
    run.child.kill('SIGTERM');
    expect(await exitOf(run)).toBe(0);
    await leavesNothing(dataDir, pids);
  });

  test('Ctrl-C in a terminal reaches the whole group and is one orderly stop', async () => {
    const dataDir = folder();
    const run = await ready(start(dataDir));
    const pids = tree(run.child.pid ?? 0);
    process.kill(-(run.child.pid ?? 0), 'SIGINT');
    expect(await exitOf(run)).toBe(0);
    await leavesNothing(dataDir, pids);
  });

  test('SIGTERM in the middle of the first start leaves nothing, and the next start works', async () => {
    for (const afterMs of [150, 500, 900]) {
      const dataDir = folder();
      const early = start(dataDir);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      early.child.kill('SIGTERM');
      await exitOf(early);
      await vi.waitFor(() => expect(usersOf(dataDir)).toEqual([]), { timeout: 20_000 });
      await end((await ready(start(dataDir))).child);
    }
  });

  const promtool = spawnSync('promtool', ['--version']).status === 0;
  test.runIf(promtool)('its metrics are well formed', async () => {
    const run = await ready(start(folder()));
    const metrics = await (await fetch(`${run.url()}/metrics`)).text();
    const check = spawnSync('promtool', ['check', 'metrics'], { input: metrics, encoding: 'utf8' });
    expect(check.stderr + check.stdout).toBe('');
    expect(check.status).toBe(0);
  });
});

describe('after kill -9', () => {
  test('of the whole tree the next start has everything again', async () => {
    const dataDir = folder();
    const first = await ready(start(dataDir, admin));
    // PostgreSQL ends its own processes as soon as one of them is gone.
    for (const pid of tree(first.child.pid ?? 0).reverse()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    }
    await exitOf(first);
    const second = await ready(start(dataDir));
    expect(second.output()).not.toContain('set up the first admin');
  });

  test('of the console alone the start script says so by its exit code, and the next start works', async () => {
    const dataDir = folder();
    const first = await ready(start(dataDir, admin));
    process.kill(mainOf(first), 'SIGKILL');
    expect(await exitOf(first)).toBe(1);
    const second = await ready(start(dataDir));
    expect(second.output()).not.toContain('set up the first admin');
    const pids = tree(second.child.pid ?? 0);
    await end(second.child);
    await leavesNothing(dataDir, pids);
  });

  test('of the start script alone the console stops by itself', async () => {
    const dataDir = folder();
    const run = await ready(start(dataDir));
    const pids = tree(run.child.pid ?? 0);
    run.child.kill('SIGKILL');
    await leavesNothing(dataDir, pids);
  });

  test('of PostgreSQL alone the console stays alive, says that it is not ready, and heals', async () => {
    const dataDir = folder();
    const run = await ready(start(dataDir));
    const before = Number(readFileSync(pidFile(dataDir), 'utf8').split('\n')[0]);
    process.kill(before, 'SIGKILL');
    expect(await status(`${run.url()}/health/liveness`)).toBe(200);
    await vi.waitFor(
      async () => {
        expect(Number(readFileSync(pidFile(dataDir), 'utf8').split('\n')[0])).not.toBe(before);
        expect(await status(`${run.url()}/health/readiness`)).toBe(200);
      },
      { timeout: 30_000, interval: 100 },
    );
    expect(run.child.exitCode).toBe(null);
  });
});

describe('what the operator has to mend is one plain sentence and exit code 1', () => {
  async function refused(run: Run, sentence: RegExp): Promise<void> {
    expect(await exitOf(run)).toBe(1);
    const lines = run.output().trim().split('\n');
    expect(lines.at(-1)).toMatch(sentence);
    expect(run.output()).not.toMatch(/^\s+at /m);
    expect(
      lines.filter((line) => !/…$|: done in|^applied \d+ database migrations?$/.test(line)),
    ).toHaveLength(1);
  }

  test('the port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const dataDir = folder();
    const run = start(dataDir, { PORT: port });
    await refused(run, new RegExp(`\\b${port}\\b.*in use`));
    await leavesNothing(dataDir, []);
    server.close();
  });

  test('the database cannot be reached', async () => {
    await refused(
      start(folder(), { DATABASE_URL: 'postgresql://a:b@127.0.0.1:1/c' }),
      /127\.0\.0\.1:1 cannot be reached/,
    );
    await refused(
      start(folder(), { DATABASE_URL: 'postgresql://a:b@nowhere.invalid/c' }),
      /nowhere\.invalid cannot be found/,
    );
  });

  test('variables are wrong: all of them are named together', async () => {
    const run = start(folder(), { DATABASE_URL: 'mysql://a:secret@localhost/c', PORT: 'many' });
    expect(await exitOf(run)).toBe(1);
    expect(run.output()).toMatch(/DATABASE_URL/);
    expect(run.output()).toMatch(/PORT/);
    expect(run.output()).not.toMatch(/^\s+at |secret/m);
  });

  test('the database refuses the password, or is not there', async () => {
    const server = await openEmbeddedPostgres({
      dataDir: folder(),
      role: 'cli',
      progress: () => undefined,
    });
    try {
      const url = new URL(server.url);
      url.password = 'a-wrong-secret';
      const run = start(folder(), { DATABASE_URL: url.href });
      await refused(run, /refuses the user "wheelhouse"/);
      expect(run.output()).not.toContain('a-wrong-secret');
      const nowhere = new URL(server.url);
      nowhere.pathname = '/nowhere';
      await refused(start(folder(), { DATABASE_URL: nowhere.href }), /no database "nowhere"/);
    } finally {
      await server.stop();
    }
  });

  test('the data folder cannot be written', async () => {
    const made = mkdtempSync(path.join(tmpdir(), 'wheelhouse-start-'));
    folders.push(made);
    const file = path.join(made, 'file');
    writeFileSync(file, '');
    for (const dataDir of [file, path.join(file, 'data'), '/sys/wheelhouse', '/proc/wheelhouse']) {
      await refused(start(dataDir), /^The data folder .* cannot be written/);
    }
  });

  test('another console uses the data folder', async () => {
    const dataDir = folder();
    const first = await ready(start(dataDir));
    await refused(start(dataDir), /^Another console is already using the data folder /);
    expect(await status(`${first.url()}/health/readiness`)).toBe(200);
  });
});

describe('the command line', () => {
  const cli = (dataDir: string, ...args: string[]) =>
    spawnSync('npm', ['run', '-s', 'cli', '--', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, NODE_ENV: 'production', WHEELHOUSE_DATA_DIR: dataDir },
    });
  const createKey = (dataDir: string) => cli(dataDir, 'keys', 'create', '--name', 'test', '--json');

  test('prints nothing but its answer, beside a console and without one', async () => {
    const dataDir = folder();
    const alone = createKey(dataDir);
    expect(JSON.parse(alone.stdout)).toMatchObject({ key: expect.stringMatching(/^wh_/) });
    expect(usersOf(dataDir)).toEqual([]);
    const run = await ready(start(dataDir));
    const { key } = JSON.parse(createKey(dataDir).stdout);
    const answer = await fetch(`${run.url()}/api/trpc/system.info`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(answer.status).toBe(200);
    expect(await status(`${run.url()}/health/readiness`)).toBe(200);
  });
});

test('an external database serves as well as the embedded one', async () => {
  const server = await openEmbeddedPostgres({
    dataDir: folder(),
    role: 'cli',
    progress: () => undefined,
  });
  const dataDir = folder();
  try {
    const run = await ready(start(dataDir, { DATABASE_URL: server.url }));
    expect(existsSync(path.join(dataDir, 'postgres'))).toBe(false);
    await end(run.child);
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query('SELECT count(*)::int AS n FROM _prisma_migrations');
    await client.end();
    expect(rows[0].n).toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
});

test('run.mjs hands on arguments, output and exit code', () => {
  const made = mkdtempSync(path.join(tmpdir(), 'wheelhouse-start-'));
  folders.push(made);
  const file = path.join(made, 'program.ts');
  writeFileSync(
    file,
    'const code: number = 7; console.log(process.version, ...process.argv.slice(2)); process.exit(code);',
  );
  const args = [path.join(root, 'scripts/run.mjs'), path.relative(root, file), 'a b', '--json'];
  const { status: code, stdout } = spawnSync('node', args, { encoding: 'utf8' });
  const version = execFileSync(pinnedNode, ['--version'], { encoding: 'utf8' }).trim();
  expect([code, stdout]).toEqual([7, `${version} a b --json\n`]);
});
