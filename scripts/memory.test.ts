/**
 * Leaks in whole processes: one that was put into the console from outside of its code, and one of the demo fleet. Both
 * must be reported with the class that grows; then the console restarts itself, and the start script starts it again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Console, startConsole } from '../e2e/support/console.ts';
import { startTestFleet, type TestFleet } from '../e2e/support/fleet.ts';
import type { FindingItem, ProcessItem } from '../server/memory/contract.ts';
import { createClient } from './demo/register.ts';
import { pinnedNode, root } from './prepare.mjs';

// Loaded before the console by a flag of Node: nothing in the console itself can leak on request.
const LEAK = `
class ForgottenRequest {
  constructor(id) { this.id = id; this.body = Buffer.alloc(600, 97).toString('latin1') + id; }
}
const held = [];
function rememberRequest(id) { held.push(new ForgottenRequest(id)); }
setInterval(() => { for (let i = 0; i < 200; i++) rememberRequest(held.length); }, 100).unref();
`;

/** So long does the fleet's leak grow, or shorter, when the service is restarted. */
const LEAKS_FOR_MS = 65_000;
const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-leak-'));
const leak = path.join(folder, 'leak.mjs');
writeFileSync(leak, LEAK);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a console that leaks, and a service of the demo fleet that does', () => {
  let system: Console;
  let fleet: TestFleet;
  let client: ReturnType<typeof createClient>;
  beforeAll(async () => {
    fleet = await startTestFleet();
    system = await startConsole({
      env: {
        ...fleet.env,
        NODE_OPTIONS: `--import ${leak}`,
        WHEELHOUSE_MEMORY_WINDOW_SECONDS: '20',
        WHEELHOUSE_MEMORY_GROWTH_MB: '5',
        WHEELHOUSE_MEMORY_RESTART: 'off',
      },
    });
    const made = await system.cli('keys', 'create', '--name', 't', '--role', 'admin', '--json');
    client = createClient(system.url, JSON.parse(made).key);
    await fleet.register(system);
  });
  afterAll(async () => {
    await system?.remove();
    await fleet?.close();
  });
  const findings = async () =>
    (await client.query<{ items: FindingItem[] }>('memory.findings', { limit: 100 })).items;

  test('are both found, with the class that grows and the function that makes it', async () => {
    // A busy machine may restart it, unwell as it gets, before it was looked into: then it leaks once more.
    let leaksUntil = 0;
    await vi.waitFor(
      async () => {
        if (performance.now() > leaksUntil) {
          await fleet.setFault('search', 'leak');
          leaksUntil = performance.now() + LEAKS_FOR_MS;
        }
        const found = await findings();
        const of = (name: string) => found.find((each) => each.name === name);
        const names = (name: string) => of(name)?.classes.map((each) => each.name) ?? [];
        const makers = (name: string) => of(name)?.functions.map((each) => each.name) ?? [];
        expect(names('search')[0]).toBe('SessionRecord');
        expect(makers('search').join()).toMatch(/leak|rememberSession|SessionRecord/);
        expect(names('console')[0]).toBe('ForgottenRequest');
        expect(makers('console').join()).toMatch(/anonymous|rememberRequest|ForgottenRequest/);
      },
      { timeout: 160_000, interval: 500 },
    );
    const { items } = await client.query<{ items: ProcessItem[] }>('memory.status', { limit: 100 });
    const leaking = items.filter(({ verdict }) => verdict === 'leak').map(({ name }) => name);
    expect(leaking.filter((name) => name !== 'console' && name !== 'search')).toEqual([]);
    expect(items.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['console', 'api', 'cache', 'payments', 'search', 'worker']),
    );
    const incidents = await client.query<{ items: { title: string }[] }>('incidents.list', {});
    expect(incidents.items.map(({ title }) => title)).toEqual(
      expect.arrayContaining(['console leaks memory', 'search leaks memory']),
    );
  });

  test('a snapshot on demand leaves readiness first, names the class, and leaves no file', async () => {
    const { items } = await client.query<{ items: ProcessItem[] }>('memory.status', { limit: 100 });
    const own = items.find(({ name }) => name === 'console');
    // The guard may have taken one by itself.
    type Looks = { items: { kind: string; status: string; largest: { name: string }[] }[] };
    const looks = () => client.query<Looks>('memory.examinations', { process: own?.id, limit: 50 });
    const taken = async () =>
      (await looks()).items.find(({ kind, status }) => kind === 'snapshot' && status === 'done');
    let aside = false;
    const watch = setInterval(async () => {
      const answer = await fetch(`${system.url}/readyz`).catch(() => null);
      if (answer?.status === 503) aside = aside || (await answer.text()).includes('heap snapshot');
    }, 200);
    await vi.waitFor(
      async () => {
        // Busy with a profile, it refuses; once there is one, it may be taken once a day.
        await client
          .mutate('memory.snapshot', { process: own?.id, reason: 'a test' })
          .catch((error) => expect(String(error)).toMatch(/once a day|busy|at a time/));
        expect(await taken()).toBeDefined();
      },
      { timeout: 120_000, interval: 1_000 },
    );
    clearInterval(watch);
    expect((await taken())?.largest.map(({ name }) => name)).toContain('ForgottenRequest');
    expect(readdirSync(system.dataDir).filter((name) => name.includes('heapsnapshot'))).toEqual([]);
    if (aside) expect((await fetch(`${system.url}/readyz`)).status).toBe(200);
  });
});

test('a restart that an admin asks for: the start script starts the console again', async () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-restart-'));
  const child: ChildProcess = spawn(pinnedNode, [path.join(root, 'scripts/start.mjs')], {
    cwd: root,
    env: {
      ...process.env,
      NODE_ENV: 'production',
      WHEELHOUSE_DATA_DIR: dataDir,
      WHEELHOUSE_DRAIN_SECONDS: '1',
      WHEELHOUSE_MEMORY_WINDOW_SECONDS: '20',
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const urls = () => [...output.matchAll(/^ready (\S+)$/gm)].map(([, url]) => url ?? '');
  try {
    await vi.waitFor(() => expect(urls()).toHaveLength(1), { timeout: 160_000, interval: 200 });
    const cli = spawn(
      pinnedNode,
      [
        path.join(root, 'server/cli/main.ts'),
        'keys',
        'create',
        '--name',
        't',
        '--role',
        'admin',
        '--json',
      ],
      {
        cwd: root,
        env: { ...process.env, NODE_ENV: 'production', WHEELHOUSE_DATA_DIR: dataDir },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let answer = '';
    cli.stdout.on('data', (text) => {
      answer += text;
    });
    await once(cli, 'close');
    const { key } = JSON.parse(answer);
    const client = createClient(urls()[0] ?? '', key);
    const own = async (at: ReturnType<typeof createClient>) =>
      (await at.query<{ items: ProcessItem[] }>('memory.status', {})).items.find(
        ({ kind }) => kind === 'console',
      );
    await vi.waitFor(async () => expect(await own(client)).toBeDefined(), {
      timeout: 60_000,
      interval: 500,
    });
    const before = await own(client);
    await client.mutate('memory.restart', { process: before?.id, reason: 'a test' });
    await vi.waitFor(() => expect(urls()).toHaveLength(2), { timeout: 90_000, interval: 200 });
    expect((await fetch(`${urls()[1]}/readyz`)).status).toBe(200);
    const again = createClient(urls()[1] ?? '', key);
    await expect(
      again.mutate('memory.restart', { process: before?.id, reason: 'again' }),
    ).rejects.toThrow('once an hour');
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  }
});
