/** What `deploy/` offers to Prometheus, Alertmanager and Grafana, judged by their own tools and tried against a console. */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Console, startConsole } from '../e2e/support/console.ts';
import { endProgram as end, freePort } from '../e2e/support/program.ts';

const root = path.resolve(import.meta.dirname, '..');
const deploy = path.join(root, 'deploy');
const read = (file: string) => readFileSync(path.join(deploy, file), 'utf8');
const runs = (program: string) => spawnSync(program, ['--version']).error === undefined;
const promtool = runs('promtool');
const amtool = runs('amtool');
const prometheus = runs('prometheus');
const alertmanager = ['prometheus-alertmanager', 'alertmanager'].find(runs);
const run = promisify(execFile);
const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-monitoring-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tool = async (program: string, ...args: string[]) => {
  const { stdout, stderr } = await run(program, args, { cwd: deploy });
  return stdout + stderr;
};

type Panel = {
  id: number;
  title: string;
  targets: { expr: string }[];
  gridPos: Record<'x' | 'y' | 'w' | 'h', number>;
};
type Board = { uid: string; title: string; panels: Panel[] };
const boards = readdirSync(path.join(deploy, 'grafana/dashboards')).map(
  // Written by us; the test below looks at what matters.
  (file) => JSON.parse(read(`grafana/dashboards/${file}`)) as Board,
);
const queries = boards.flatMap(({ panels }) =>
  panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
);

describe('configuration', () => {
  test.runIf(promtool)('promtool accepts the configuration and the rules', async () => {
    const config = await tool(
      'promtool',
      'check',
      'config',
      '--syntax-only',
      'prometheus/prometheus.yml',
    );
    expect(config).toMatch(/SUCCESS/);
    expect(await tool('promtool', 'check', 'rules', 'prometheus/rules.yml')).toMatch(/SUCCESS/);
  });
  test.runIf(promtool)('each rule fires when it should, and only then', async () => {
    expect(await tool('promtool', 'test', 'rules', 'prometheus/rules.test.yml')).toMatch(/SUCCESS/);
  });
  test.runIf(amtool)(
    'amtool accepts the configuration, and alerts go where they should',
    async () => {
      const file = 'alertmanager/alertmanager.yml';
      expect(await tool('amtool', 'check-config', file)).toMatch(/SUCCESS/);
      const route = async (...labels: string[]) =>
        (await tool('amtool', 'config', 'routes', 'test', `--config.file=${file}`, ...labels))
          .split('\n')[0]
          ?.trim();
      expect(await route('alertname=HighLatency', 'severity=page')).toBe('wheelhouse');
      expect(await route('alertname=WheelhouseApiSlow')).toBe('wheelhouse');
      expect(await route('alertname=WheelhouseDown')).toBe('elsewhere');
      expect(await route('alertname=WheelhouseTargetsDown', 'origin=console')).toBe('elsewhere');
    },
  );
  test.runIf(promtool)('every query of the dashboards is PromQL', async () => {
    expect(queries.length).toBeGreaterThan(30);
    const rules = queries.map((expr, index) => ({
      record: `dashboard:query:${index}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.+'),
    }));
    const file = path.join(folder, 'queries.json');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboards', rules }] }));
    expect(await tool('promtool', 'check', 'rules', file)).toMatch(/SUCCESS/);
  });
  test('dashboards have names of their own and panels side by side', () => {
    expect(boards.map(({ uid }) => uid).sort()).toEqual(['wheelhouse-console', 'wheelhouse-fleet']);
    for (const { panels } of boards) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const cells = new Set<string>();
      for (const { title, gridPos } of panels) {
        expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect(cells.has(`${x},${y}`), `${title} lies on another panel`).toBe(false);
            cells.add(`${x},${y}`);
          }
        }
      }
    }
  });
});

describe('a running console', () => {
  let system: Console;
  let admin: Record<string, string>;
  beforeAll(async () => {
    system = await startConsole();
    const made = await system.cli('keys', 'create', '--name', 'a', '--role', 'admin', '--json');
    const { key } = JSON.parse(made);
    admin = { authorization: `Bearer ${key}` };
  });
  afterAll(() => system?.remove());

  test('exposes every metric that rules and dashboards name', async () => {
    const text = await (await fetch(`${system.url}/metrics`)).text();
    if (promtool) {
      expect(
        execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' }),
      ).toBe('');
    }
    const exposed = new Set<string>();
    for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      if (type === 'histogram') {
        for (const part of ['bucket', 'sum', 'count']) exposed.add(`${name}_${part}`);
      } else exposed.add(name);
    }
    const expressions = [
      ...queries,
      ...[...read('prometheus/rules.yml').matchAll(/expr: (?:\|\n((?: {10}.*\n)+)|(.*))/g)].map(
        ([, block, inline]) => block ?? inline ?? '',
      ),
    ];
    const named = new Set(
      expressions.flatMap((text) =>
        [...text.matchAll(/[a-zA-Z_:][a-zA-Z0-9_:]*/g)]
          .map(([word]) => word)
          .filter((word) => /^(wheelhouse|nodejs|process)_/.test(word)),
      ),
    );
    expect(named.size).toBeGreaterThan(25);
    expect([...named].filter((name) => !exposed.has(name))).toEqual([]);
    // The areas that operators look for.
    for (const area of ['http', 'cache', 'database', 'job', 'stream', 'health', 'notify']) {
      expect([...exposed].some((name) => name.startsWith(`wheelhouse_${area}`))).toBe(true);
    }
  });

  test.runIf(alertmanager)('a real Alertmanager opens and resolves its incidents', async () => {
    const { key } = JSON.parse(
      await system.cli('keys', 'create', '--name', 'am', '--scopes', 'webhook', '--json'),
    );
    const keyFile = path.join(folder, 'key');
    writeFileSync(keyFile, `${key}\n`);
    // The file as it is shipped; only the address, the key and the patience are this test's.
    const config = read('alertmanager/alertmanager.yml')
      .replace('http://wheelhouse:3000/', `${system.url}/`)
      .replace('/etc/alertmanager/wheelhouse-webhook-key', keyFile)
      .replace('group_wait: 5s', 'group_wait: 0s')
      .replace('group_interval: 1m', 'group_interval: 1s');
    expect(config).toContain(keyFile);
    expect(config).toContain('group_interval: 1s');
    const file = path.join(folder, 'alertmanager.yml');
    writeFileSync(file, config);
    const port = await freePort();
    const child = spawn(
      alertmanager ?? '',
      [
        `--config.file=${file}`,
        `--storage.path=${path.join(folder, 'alertmanager')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      { stdio: 'ignore' },
    );
    try {
      const url = `http://127.0.0.1:${port}`;
      const until = { timeout: 30_000, interval: 100 };
      await vi.waitFor(async () => expect((await fetch(`${url}/-/ready`)).status).toBe(200), until);
      const post = async (alerts: unknown[]) => {
        const answer = await fetch(`${url}/api/v2/alerts`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(alerts),
        });
        expect(answer.status).toBe(200);
      };
      const startsAt = new Date(Date.now() - 60_000).toISOString();
      const alert = (instance: string, more: object = {}) => ({
        labels: { alertname: 'DiskFull', severity: 'page', instance },
        annotations: { summary: `Disk of ${instance} is full` },
        startsAt,
        ...more,
      });
      const incidents = async () => {
        const input = encodeURIComponent(JSON.stringify({ search: 'Disk of' }));
        const answer = await fetch(`${system.url}/api/trpc/incidents.list?input=${input}`, {
          headers: admin,
        });
        const { items } = (await answer.json()).result.data;
        return items.map((item: { title: string; status: string; severity: string }) =>
          [item.title, item.status, item.severity].join(', '),
        );
      };
      const trpc = async (procedure: string, input: object, method = 'GET') => {
        const text = JSON.stringify(input);
        const query = method === 'GET' ? `?input=${encodeURIComponent(text)}` : '';
        const answer = await fetch(`${system.url}/api/trpc/${procedure}${query}`, {
          method,
          headers: { ...admin, 'content-type': 'application/json' },
          ...(method === 'GET' ? {} : { body: text }),
        });
        return (await answer.json()).result.data;
      };
      const breaker = async () => (await trpc('breakers.get', { name: 'disk of c' })).state;
      await trpc('breakers.upsert', { name: 'disk of c' }, 'POST');
      const labels = { alertname: 'DiskSlow', breaker: 'disk of c', severity: 'info' };
      const slow = { labels, annotations: { summary: 'c is slow' }, startsAt };
      const sent = performance.now();
      await post([slow]);
      await vi.waitFor(async () => expect(await breaker()).toBe('forced_open'), until);
      process.stdout.write(
        `breaker held ${Math.round(performance.now() - sent)} ms after the alert\n`,
      );
      await post([{ ...slow, endsAt: new Date().toISOString() }]);
      await vi.waitFor(async () => expect(await breaker()).toBe('half_open'), until);

      await post([alert('a'), alert('b')]);
      await vi.waitFor(
        async () =>
          expect((await incidents()).sort()).toEqual([
            'Disk of a is full, open, critical',
            'Disk of b is full, open, critical',
          ]),
        until,
      );
      await post([alert('a', { endsAt: new Date().toISOString() }), alert('b')]);
      await vi.waitFor(
        async () =>
          expect((await incidents()).sort()).toEqual([
            'Disk of a is full, resolved, critical',
            'Disk of b is full, open, critical',
          ]),
        until,
      );
    } finally {
      await end(child);
    }
  });
});

describe.runIf(prometheus)('a real Prometheus with the shipped configuration', () => {
  let system: Console;
  let child: ChildProcess | undefined;
  let url = '';
  let key = '';
  beforeAll(async () => {
    system = await startConsole();
    const { host } = new URL(system.url);
    key = JSON.parse(
      await system.cli(
        'keys',
        'create',
        '--name',
        'p',
        '--scopes',
        'ingest,metrics:read',
        '--json',
      ),
    ).key;
    const keyFile = path.join(folder, 'prometheus-key');
    writeFileSync(keyFile, `${key}\n`);
    // As shipped, with remote write switched on; only addresses, keys and the patience are this test's.
    const config = read('prometheus/prometheus.yml')
      .replaceAll(/^# (remote_write:| {2}- url:| {4}authorization:| {6}credentials_file:)/gm, '$1')
      .replace('https://wheelhouse.example.com', system.url)
      .replace('wheelhouse:3000', host)
      .replace('alertmanager:9093', '127.0.0.1:9')
      .replaceAll(/\/etc\/prometheus\/wheelhouse-\w+-key/g, keyFile)
      .replaceAll('15s', '1s')
      .replace('10s', '1s')
      .replace('- rules.yml', `- ${path.join(deploy, 'prometheus/rules.yml')}`);
    expect(config.match(new RegExp(keyFile, 'g'))).toHaveLength(2);
    expect(config).not.toMatch(/wheelhouse:3000|alertmanager:9093|15s/);
    const file = path.join(folder, 'prometheus.yml');
    writeFileSync(file, config);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    child = spawn(
      'prometheus',
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${path.join(folder, 'prometheus')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
  });
  afterAll(async () => {
    if (child) await end(child);
    await system?.remove();
  });
  const until = { timeout: 60_000, interval: 250 };
  const ask = async (query: string) => {
    const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
    return (await answer.json()).data.result;
  };

  test('reads the console, and its rules are healthy', async () => {
    await vi.waitFor(async () => {
      expect(await ask('up{job="wheelhouse"} == 1')).toHaveLength(1);
      expect(await ask('instance:wheelhouse_http_requests:rate5m')).toHaveLength(1);
    }, until);
    const { data } = await (await fetch(`${url}/api/v1/rules`)).json();
    const rules = data.groups.flatMap((group: { rules: object[] }) => group.rules);
    expect(rules.length).toBeGreaterThan(12);
    expect(rules.filter((rule: { health: string }) => rule.health !== 'ok')).toEqual([]);
    expect(rules.filter((rule: { state?: string }) => rule.state === 'firing')).toEqual([]);
  });

  test('writes to the console what it has', async () => {
    await vi.waitFor(async () => {
      const input = encodeURIComponent(
        JSON.stringify({
          metric: 'up',
          timeRange: '5m',
          groupBy: ['job', 'instance'],
          filters: [{ field: 'job', op: 'eq', value: 'wheelhouse' }],
          aggregations: ['count', 'last'],
        }),
      );
      const answer = await fetch(`${system.url}/api/trpc/metrics.query?input=${input}`, {
        headers: { authorization: `Bearer ${key}` },
      });
      const { series } = (await answer.json()).result.data;
      expect(series).toMatchObject([
        {
          labels: { job: 'wheelhouse', instance: new URL(system.url).host },
          points: [{ values: { last: 1 } }],
        },
      ]);
      expect(series[0].points[0].values.count).toBeGreaterThan(2);
    }, until);
  });
});
