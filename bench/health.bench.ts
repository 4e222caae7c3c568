/**
 * 5 000 HTTP targets, one check each 30 s, on one process: lag between due and begun, event-loop delay, memory and
 * CPU over a minute; then a browser on the Health page with all 5 000 rows: time until it can be used, and from a
 * failed service to the row that says so. Peer: the least that could work, a bare process that fetches the same
 * addresses with undici at the same rate and keeps nothing.
 * Targets: lag p95 < 1 s, event loop p99 < 50 ms, RSS < 512 MB, page < 1 s, change < 1 s after the check.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from '@playwright/test';
import { startConsole } from '../e2e/support/console.ts';
import { cpuSeconds, ms, print, rssMegabytes } from './measure.ts';

const TARGETS = 5_000;
const SETTLE_SECONDS = 45;
const SECONDS = 60;
const admin = { email: 'ada@example.com', password: 'correct horse battery' };
const FLEET = `import http from 'node:http';
let broken = '';
http.createServer((request, response) => {
  if (request.method === 'POST') { broken = request.url.slice(1); return response.end(); }
  response.writeHead(request.url === '/' + broken ? 500 : 200).end('{"status":"ok"}');
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });`;
const PEER = `import { Agent, request } from 'undici';
const agent = new Agent({ connections: 16, keepAliveTimeout: 65_000 });
const [url, targets] = [process.argv[1], Number(process.argv[2])];
let next = 0;
setInterval(async () => {
  for (let i = 0; i < targets / 300; i++) {
    const answer = await request(url + '/t' + (next++ % targets), { dispatcher: agent });
    await answer.body.text();
  }
}, 100);`;

const script = (text: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, ['--input-type=module', '-e', text, ...args], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });

const fleet = script(FLEET);
const [line] = await once(fleet.stdout ?? fleet, 'data');
const base = `http://127.0.0.1:${String(line).trim()}`;
const system = await startConsole({
  env: {
    WHEELHOUSE_INIT_ADMIN_EMAIL: admin.email,
    WHEELHOUSE_INIT_ADMIN_PASSWORD: admin.password,
  },
});
const peer = script(PEER, base, String(TARGETS));
try {
  const { key } = JSON.parse(
    await system.cli('keys', 'create', '--name', 'bench', '--role', 'operator', '--json'),
  );
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const call = async (procedure: string, input: object) => {
    const answer = await fetch(`${system.url}/api/trpc/${procedure}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(input),
    });
    if (!answer.ok) throw new Error(await answer.text());
  };
  const began = performance.now();
  const add = async (from: number) => {
    for (let i = from; i < TARGETS; i += 8) {
      await call('health.targets.create', {
        name: `service ${String(i).padStart(4, '0')}`,
        kind: 'http',
        url: `${base}/t${i}`,
        intervalSeconds: 30,
        expect: { bodyIncludes: 'ok' },
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, lane) => add(lane)));
  print([{ added: `${TARGETS} targets in ${((performance.now() - began) / 1000).toFixed(1)} s` }]);
  await sleep(SETTLE_SECONDS * 1000);

  const metrics = async () => (await fetch(`${system.url}/metrics`)).text();
  const buckets = (text: string) => {
    const sums = new Map<number, number>();
    for (const match of text.matchAll(
      /wheelhouse_health_check_lag_seconds_bucket\{le="([^"]+)"[^}]*\} (\d+)/g,
    )) {
      const le = match[1] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[1]);
      sums.set(le, (sums.get(le) ?? 0) + Number(match[2]));
    }
    return sums;
  };
  const before = buckets(await metrics());
  const cpu = [cpuSeconds(system.pid), cpuSeconds(peer.pid ?? 0)];
  const loop: number[] = [];
  let peak = 0;
  for (let second = 0; second < SECONDS; second++) {
    await sleep(1_000);
    const text = await metrics();
    loop.push(Number(/^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(text)?.[1]));
    peak = Math.max(peak, rssMegabytes(system.pid));
  }
  const last = await metrics();
  const after = buckets(last);
  const heap = (kind: string) =>
    (
      Number(new RegExp(`^nodejs_heap_size_${kind}_bytes (\\S+)`, 'm').exec(last)?.[1]) /
      1024 ** 2
    ).toFixed(0);
  const share = [system.pid, peer.pid ?? 0].map(
    (pid, i) => (cpuSeconds(pid) - (cpu[i] ?? 0)) / SECONDS,
  );
  const counted = [...after].map(([le, count]) => [le, count - (before.get(le) ?? 0)] as const);
  const total = Math.max(...counted.map(([, count]) => count));
  const lag = (q: number) =>
    counted.sort(([a], [b]) => a - b).find(([, count]) => count >= q * total)?.[0] ?? Number.NaN;
  loop.sort((a, b) => a - b);
  print([
    {
      checks: `${total} in ${SECONDS} s`,
      'lag p95': `≤ ${lag(0.95)} s`,
      'lag p99': `≤ ${lag(0.99)} s`,
      'event loop p99': ms((loop[Math.floor(loop.length * 0.99)] ?? 0) * 1000),
      rss: `${peak.toFixed(0)} MB`,
      heap: `${heap('used')} of ${heap('total')} MB`,
      cpu: `${((share[0] ?? 0) * 100).toFixed(1)} %`,
    },
    {
      'bare undici loop': `cpu ${((share[1] ?? 0) * 100).toFixed(1)} %, rss ${rssMegabytes(peer.pid ?? 0).toFixed(0)} MB`,
      ratio: `CPU ${((share[0] ?? 0) / (share[1] ?? 1)).toFixed(2)}×`,
    },
  ]);

  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  const browser = await chromium.launch({
    ...(executablePath ? { executablePath } : {}),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const page = await browser.newPage({
    baseURL: system.url,
    viewport: { width: 1440, height: 900 },
  });
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(admin.email);
  await page.getByLabel('Password', { exact: true }).fill(admin.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  const opened = performance.now();
  await page.goto('/health');
  await page.getByText('service 0000').waitFor();
  const usable = performance.now() - opened;
  await page.locator(`table[aria-rowcount="${TARGETS + 1}"]`).waitFor({ timeout: 60_000 });
  const whole = performance.now() - opened;
  await page.getByLabel('Filter by name or address').fill('service 4321');
  await page.locator('table[aria-rowcount="2"]').waitFor();
  await page.locator('tbody').getByText('Healthy').waitFor();
  await fetch(`${base}/t4321`, { method: 'POST' });
  await page.locator('tbody').getByText('Down').waitFor({ timeout: 60_000 });
  const seenAt = Date.now();
  const { result } = (await (
    await fetch(
      `${system.url}/api/trpc/health.targets.list?input=${encodeURIComponent('{"search":"service 4321"}')}`,
      { headers },
    )
  ).json()) as { result: { data: { items: { since: string }[] } } };
  const delay = seenAt - Date.parse(result.data.items[0]?.since ?? '');
  print([
    {
      'Health page': `usable after ${usable.toFixed(0)} ms`,
      [`all ${TARGETS} rows`]: `after ${whole.toFixed(0)} ms`,
      'change on screen': `${delay} ms after the check`,
    },
  ]);
  await browser.close();
} finally {
  fleet.kill();
  peer.kill();
  await system.remove();
}
