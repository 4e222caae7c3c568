/** `npm run demo` as a person sees it: it heals what is killed, and leaves no process however it ends. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { prepare, root } from '../prepare.mjs';
import { createClient } from './register.ts';

const made = mkdtempSync(path.join(tmpdir(), 'wheelhouse-demo-'));
const dataDir = path.join(made, 'data');
let demo: { child: ChildProcess; output: () => string } | undefined;
beforeAll(() => prepare({ pages: true, say: () => undefined }));
afterAll(async () => {
  if (demo) await end(demo.child, 'SIGTERM');
  rmSync(made, { recursive: true, force: true });
});

async function start(): Promise<NonNullable<typeof demo>> {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(WHEELHOUSE_|DATABASE_URL|REDIS_URL|ROLE|VITEST|NODE_ENV)/.test(name),
  );
  const child = spawn('node', [path.join(root, 'scripts/demo.mjs')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...Object.fromEntries(clean),
      NODE_ENV: 'production',
      PORT: '0',
      WHEELHOUSE_DATA_DIR: dataDir,
      WHEELHOUSE_DRAIN_SECONDS: '1',
    },
  });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.stderr.on('data', (chunk) => (text += chunk));
  const started = { child, output: () => text };
  demo = started;
  await vi.waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${text}`);
      expect(text).toMatch(/^demo ready http/m);
    },
    { timeout: 90_000, interval: 50 },
  );
  return started;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

/** Process ids of `pid` and all below it, and of all that work on the data folder. */
function processes(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, id, parent, state, args = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return id && !state?.startsWith('Z')
        ? [{ id: Number(id), parent: Number(parent), args }]
        : [];
    });
  const below = (parent: number): number[] =>
    rows.filter((row) => row.parent === parent).flatMap(({ id }) => [id, ...below(id)]);
  const own = rows.filter(({ id, args }) => id === pid || args.includes(dataDir));
  return [...new Set([...own.map(({ id }) => id), ...below(pid)])];
}

const running = (pids: number[]) => {
  const all = execFileSync('ps', ['-eo', 'pid=,stat='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => /^\s*(\d+)\s+[^Z]/.exec(line)?.[1] ?? []);
  return pids.filter((pid) => all.includes(String(pid)));
};

const filled = [['late orders'], ['late orders: inputs'], ['Orders waiting']];
/** Models, monitors and forecasts that people made. */
const shownOf = (client: ReturnType<typeof createClient>) =>
  Promise.all(
    [
      ['models.list', {}] as const,
      ['drift.monitors.list', {}] as const,
      ['forecasts.list', { kind: 'saved' }] as const,
    ].map(async ([procedure, filter]) =>
      (await client.list<{ name: string }>(procedure, filter)).map(({ name }) => name),
    ),
  );

test('heals what is killed, leaves no process, and finds everything again', async () => {
  const first = await start();
  const url = /^demo ready (\S+)$/m.exec(first.output())?.[1] ?? '';
  expect(first.output()).toMatch(/^sign in as demo@example\.com with the password \S{16} /m);
  const key = readFileSync(path.join(dataDir, 'demo-key'), 'utf8').trim();
  const client = createClient(url, key);
  type Target = { id: string; name: string; state: string };
  const targets = () => client.list<Target>('health.targets.list', {});
  const stateOf = async (name: string) =>
    (await targets()).find((target) => target.name === name)?.state;
  await vi.waitFor(
    async () => {
      const unwell = (await targets()).filter(({ state }) => state !== 'healthy');
      expect(unwell.map(({ name }) => name)).toEqual([]);
    },
    { timeout: 30_000, interval: 200 },
  );

  const shown = () => shownOf(client);
  await vi.waitFor(async () => expect(await shown()).toEqual(filled), {
    timeout: 30_000,
    interval: 100,
  });

  const [, origin = '', token = ''] =
    /(http:\S+)\/faults .*Bearer (\S+?)'/.exec(first.output()) ?? [];
  const begun = performance.now();
  const answer = await fetch(`${origin}/faults`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{"service":"payments","fault":"kill"}',
  });
  expect(answer.status).toBe(200);
  const within = { timeout: 60_000, interval: 200 };
  await vi.waitFor(async () => expect(await stateOf('payments')).toBe('down'), within);
  await vi.waitFor(async () => expect(await stateOf('payments')).toBe('healthy'), within);
  expect(performance.now() - begun).toBeLessThan(60_000);

  const before = (await targets()).map(({ id, name }) => [id, name]);
  const pids = processes(first.child.pid ?? 0);
  expect(pids.length).toBeGreaterThan(10);
  await end(first.child, 'SIGTERM');
  expect(running(pids)).toEqual([]);
  expect(first.child.exitCode).toBe(0);

  const second = await start();
  expect(second.output()).not.toContain('sign in as');
  expect(readFileSync(path.join(dataDir, 'demo-key'), 'utf8').trim()).toBe(key);
  const again = createClient(/^demo ready (\S+)$/m.exec(second.output())?.[1] ?? '', key);
  const after = await again.list<Target>('health.targets.list', {});
  expect(after.map(({ id, name }) => [id, name])).toEqual(before);
  expect(await shownOf(again)).toEqual(filled);

  const left = processes(second.child.pid ?? 0);
  await end(second.child, 'SIGKILL');
  await vi.waitFor(() => expect(running(left)).toEqual([]), { timeout: 30_000, interval: 100 });
});
