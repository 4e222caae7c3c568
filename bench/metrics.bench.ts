/**
 * The metric store beside Prometheus and VictoriaMetrics (Debian packages; a peer that is not installed is left out):
 * the same samples by remote write, the same question, one run. Samples lie 10 s apart; of each four series one is a
 * counter, one a percentage with two digits, one a duration, one hardly changes.
 * Targets: ≥ 200 000 samples/s and ≥ half of Prometheus; ≤ 2 bytes a sample and ≤ 1.5 × Prometheus; 24 h of 100
 * series (864 000 samples) grouped with p50, p95, p99: p95 < 150 ms and no slower than Prometheus; 13 months by the
 * hour < 200 ms.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { startConsole } from '../e2e/support/console.ts';
import { freePort } from '../e2e/support/program.ts';
import { createTemplate, type WriteSeries, writeHeaders } from '../e2e/support/remote-write.ts';
import { loadConfig } from '../server/config.ts';
import { encodeRollup, encodeSketches, rollUp } from '../server/metrics/rollup.ts';
import { silentLog } from '../server/platform/log.ts';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';
import { createRuntime } from '../server/runtime.ts';
import { cpuSeconds, ms, print, quantile, rssMegabytes } from './measure.ts';

const STEP_MS = 10_000;
const DAY_STEPS = 8_640;
const LOAD_SERIES = 10_000;
const PER_REQUEST = 2_000;
const LANES = 4;
const LOAD_SECONDS = 30;
const ROUNDS = 25;

type Target = { name: string; write: string; headers: Record<string, string>; pid: number };

const agent = new Agent({ connections: LANES, keepAliveTimeout: 60_000 });
const noise = (seed: number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};
/** Values of each series, one step after the other. */
function walk(count: number, seed: number): () => (index: number) => number {
  const random = noise(seed);
  const values = new Float64Array(count).fill(100);
  return () => (i) => {
    const before = values[i] ?? 0;
    const kind = i % 4;
    const next =
      kind === 0
        ? before + Math.floor(random() * 50)
        : kind === 1
          ? Math.round(Math.min(100, Math.max(0, before + (random() - 0.5) * 4)) * 100) / 100
          : kind === 2
            ? Math.round(random() ** 4 * 2e6) / 1e6
            : random() < 0.01
              ? Math.floor(random() * 10)
              : before;
    values[i] = next;
    return next;
  };
}
async function send(target: Target, body: Buffer): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = await request(target.write, {
      method: 'POST',
      dispatcher: agent,
      headers: target.headers,
      body,
    });
    const text = await answer.body.text();
    if (answer.statusCode < 300) return;
    if (answer.statusCode !== 429 && answer.statusCode !== 503) {
      throw new Error(`${target.name} ${answer.statusCode} ${text.slice(0, 300)}`);
    }
    await sleep(100);
  }
  throw new Error(`${target.name} never had room`);
}

const scratch = mkdtempSync(path.join(tmpdir(), 'wheelhouse-bench-'));
const children: ChildProcess[] = [];
async function peer(
  name: string,
  binary: string,
  args: (port: number) => string[],
  ready: string,
  write: string,
) {
  if (!existsSync(binary)) return null;
  const port = await freePort();
  const child = spawn(binary, args(port), { stdio: 'ignore' });
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 100; i++) {
    const up = await fetch(url + ready).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return { name, url, write: url + write, headers: writeHeaders(), pid: child.pid ?? 0 };
    await sleep(200);
  }
  throw new Error(`${name} did not start`);
}

/** Prometheus and VictoriaMetrics with empty stores. */
async function openPeers(folder: string) {
  const configFile = path.join(scratch, 'prometheus.yml');
  writeFileSync(configFile, 'global: { scrape_interval: 1h }\n');
  const prometheus = await peer(
    'prometheus',
    '/usr/bin/prometheus',
    (port) => [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${path.join(scratch, folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--web.enable-admin-api',
      '--log.level=error',
    ],
    '/-/ready',
    '/api/v1/write',
  );
  const victoria = await peer(
    'victoriametrics',
    '/usr/bin/victoria-metrics',
    (port) => [
      `-storageDataPath=${path.join(scratch, folder, 'victoria')}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=1y',
      '-loggerLevel=ERROR',
    ],
    '/health',
    '/api/v1/write',
  );
  return [prometheus, victoria].flatMap((one) => (one ? [one] : []));
}

/** 100 series over the last 24 hours. */
async function fillDay(targets: readonly Target[], end: number): Promise<void> {
  const series: WriteSeries[] = Array.from({ length: 100 }, (_, i) => ({
    labels: {
      __name__: 'day_seconds',
      host: `host-${String(i).padStart(3, '0')}`,
      zone: `zone-${i % 10}`,
      job: 'bench',
    },
  }));
  const template = createTemplate(series);
  const values = walk(100, 7);
  for (let step = DAY_STEPS - 1; step >= 0; step--) {
    const body = template(end - step * STEP_MS, values());
    for (const target of targets) await send(target, body);
  }
}

/** Sends as fast as it is taken for some seconds; answers samples a second and CPU seconds a million samples. */
async function ingest(
  target: Target,
  start: number,
): Promise<{ perSecond: number; cpu: number; samples: number }> {
  const lanes = Array.from({ length: LANES }, (_, lane) => {
    const size = LOAD_SERIES / LANES;
    const blocks = Math.ceil(size / PER_REQUEST);
    return Array.from({ length: blocks }, (_, b) => {
      const count = Math.min(PER_REQUEST, size - b * PER_REQUEST);
      const series = Array.from({ length: count }, (_, i) => {
        const n = lane * size + b * PER_REQUEST + i;
        return {
          labels: {
            __name__: `load_metric_${n % 20}_total`,
            instance: `10.0.${Math.floor(n / 20) % 250}.${Math.floor(n / 5_000)}:9100`,
            job: 'bench',
            path: `/api/v1/resource/${n % 20}`,
            region: 'eu-central-1',
          },
        };
      });
      return { template: createTemplate(series), values: walk(count, lane * 31 + b), count };
    });
  });
  const cpu = cpuSeconds(target.pid);
  const began = performance.now();
  let samples = 0;
  await Promise.all(
    lanes.map(async (blocks) => {
      for (let step = 0; performance.now() - began < LOAD_SECONDS * 1000; step++) {
        for (const { template, values, count } of blocks) {
          await send(target, template(start + step * STEP_MS, values()));
          samples += count;
        }
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  return {
    perSecond: samples / seconds,
    cpu: (cpuSeconds(target.pid) - cpu) / (samples / 1e6),
    samples,
  };
}

async function timed(
  rounds: number,
  ask: () => Promise<unknown>,
): Promise<{ p50: number; p95: number }> {
  for (let i = 0; i < 3; i++) await ask();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    await ask();
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5), p95: quantile(times, 0.95) };
}
async function getJson(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await request(url, { dispatcher: agent, headers });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${text.slice(0, 500)}`);
  return JSON.parse(text);
}

const system = await startConsole();
const postgres = await openEmbeddedPostgres({
  dataDir: system.dataDir,
  role: 'cli',
  progress: () => undefined,
});
const config = loadConfig({
  WHEELHOUSE_DATA_DIR: system.dataDir,
  WHEELHOUSE_SECRET: 'x'.repeat(40),
});
const beside = await createRuntime({
  config,
  databaseUrl: postgres.url,
  database: 'embedded',
  log: silentLog(),
  publicUrl: () => system.url,
  member: false,
});
try {
  const create = async (...args: string[]): Promise<string> =>
    JSON.parse(await system.cli('keys', 'create', ...args, '--json')).key;
  const [writer, viewer] = [
    await create('--name', 'w', '--scopes', 'ingest'),
    await create('--name', 'v', '--role', 'viewer'),
  ];
  const own: Target = {
    name: 'wheelhouse',
    write: `${system.url}/api/v1/write`,
    headers: writeHeaders(writer),
    pid: system.pid,
  };
  const peers = await openPeers('day');
  const [prometheus, victoria] = ['prometheus', 'victoriametrics'].map((name) =>
    peers.find((one) => one.name === name),
  );

  // What a day takes and how fast it answers.
  const end = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  await fillDay([own, ...peers], end);
  const now = new Date(Date.now() + 7_200_000 + 3_600_000);
  const sizeOf = async () => {
    const { rows } = await beside.db.pool.query<{ bytes: string; samples: string }>(
      `SELECT (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.relkind = 'r' AND c.relname LIKE 'metric\\_chunks\\_%') AS bytes,
              (SELECT sum(samples) FROM metric_chunks) AS samples`,
    );
    return { bytes: Number(rows[0]?.bytes), samples: Number(rows[0]?.samples) };
  };
  const input = (query: object) => `?input=${encodeURIComponent(JSON.stringify(query))}`;
  const day = {
    metric: 'day_seconds',
    timeRange: {
      from: new Date(end - DAY_STEPS * STEP_MS + 1).toISOString(),
      to: new Date(end + 1).toISOString(),
    },
    groupBy: ['zone'],
    aggregations: ['p50', 'p95', 'p99'],
  };
  const headers = { authorization: `Bearer ${viewer}` };
  const mine = (query: object) =>
    getJson(`${system.url}/api/trpc/metrics.query${input(query)}`, headers);
  const first = (await mine(day)) as { result: { data: { scanned: number } } };
  if (first.result.data.scanned !== DAY_STEPS * 100)
    throw new Error(`scanned ${first.result.data.scanned}`);
  const recent = await timed(ROUNDS, () => mine(day));
  // The console packs by itself each hour, and settles each five minutes; here both are asked for now.
  const waitFlush = async () => {
    await beside.metricStore.wal.open();
    await system.stop();
    await beside.metricStore.wal.adopt();
    await beside.metricStore.compaction.flush();
    await beside.metricStore.compaction.settle(now, new AbortController().signal);
    await beside.db.pool.query('VACUUM ANALYZE metric_fresh, metric_chunks');
  };
  await waitFlush();
  const size = await sizeOf();
  const again = await startConsole({ dataDir: system.dataDir });
  own.write = `${again.url}/api/v1/write`;
  own.pid = again.pid;
  const mineAgain = (query: object) =>
    getJson(`${again.url}/api/trpc/metrics.query${input(query)}`, headers);
  const settled = await timed(ROUNDS, () => mineAgain(day));
  const stepped = await timed(ROUNDS, () => mineAgain({ ...day, step: '5m' }));
  const rows: Record<string, string>[] = [
    {
      'wheelhouse, 24 h × 100 series, p50+p95+p99 by zone': `recent p50 ${ms(recent.p50)} p95 ${ms(recent.p95)}`,
      settled: `p50 ${ms(settled.p50)} p95 ${ms(settled.p95)}`,
      'by 5 min': `p50 ${ms(stepped.p50)} p95 ${ms(stepped.p95)}`,
    },
    {
      'wheelhouse bytes a sample (chunks and index)': (size.bytes / size.samples).toFixed(2),
      samples: String(size.samples),
    },
  ];
  for (const one of peers) {
    const instant = (q: number) =>
      getJson(
        `${one.url}/api/v1/query?time=${end / 1000}&query=${encodeURIComponent(`avg by (zone) (quantile_over_time(${q}, day_seconds[24h]))`)}`,
      );
    const range = (q: number) =>
      getJson(
        `${one.url}/api/v1/query_range?start=${end / 1000 - 86_400 + 300}&end=${end / 1000}&step=300&query=${encodeURIComponent(`avg by (zone) (quantile_over_time(${q}, day_seconds[5m]))`)}${one.name === 'victoriametrics' ? '&nocache=1' : ''}`,
      );
    const single = await timed(ROUNDS, () => instant(0.95));
    const three = await timed(ROUNDS, async () => {
      for (const q of [0.5, 0.95, 0.99]) await instant(q);
    });
    const ranged = await timed(ROUNDS, async () => {
      for (const q of [0.5, 0.95, 0.99]) await range(q);
    });
    rows.push({
      [`${one.name}, quantile_over_time`]: `one p95 ${ms(single.p95)}, three p95 ${ms(three.p95)}, by 5 min p95 ${ms(ranged.p95)}`,
      ratio: `${(settled.p95 / three.p95).toFixed(2)} of three, ${(settled.p95 / single.p95).toFixed(2)} of one, by 5 min ${(stepped.p95 / ranged.p95).toFixed(2)}`,
    });
  }
  if (prometheus) {
    const answer = await fetch(`${prometheus.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' });
    const { data } = (await answer.json()) as { data: { name: string } };
    const bytes = Number(
      execFileSync('du', ['-sb', path.join(scratch, 'day/prometheus/snapshots', data.name)], {
        encoding: 'utf8',
      }).split('\t')[0],
    );
    rows.push({
      'prometheus bytes a sample (snapshot)': (bytes / (DAY_STEPS * 100)).toFixed(2),
      ratio: (size.bytes / size.samples / (bytes / (DAY_STEPS * 100))).toFixed(2),
    });
  }
  if (victoria) {
    await fetch(`${victoria.url}/internal/force_flush`);
    await fetch(`${victoria.url}/internal/force_merge`);
    await sleep(3_000);
    const bytes = Number(
      execFileSync('du', ['-sb', path.join(scratch, 'day/victoria/data')], {
        encoding: 'utf8',
      }).split('\t')[0],
    );
    rows.push({ 'victoriametrics bytes a sample': (bytes / (DAY_STEPS * 100)).toFixed(2) });
  }
  print(rows);

  // 13 months by the hour, one series of ten hosts.
  await fillMonths(10);
  const months = {
    metric: 'months_seconds',
    timeRange: '390d',
    step: '1h',
    aggregations: ['avg', 'max', 'p95'],
  };
  const plainYear = await timed(ROUNDS, () =>
    mineAgain({ ...months, aggregations: ['avg', 'max'] }),
  );
  print([
    {
      '13 months by the hour, 10 series, avg max': `p50 ${ms(plainYear.p50)} p95 ${ms(plainYear.p95)}`,
    },
  ]);
  const year = await timed(ROUNDS, () => mineAgain(months));
  print([
    { '13 months by the hour, 10 series, avg max p95': `p50 ${ms(year.p50)} p95 ${ms(year.p95)}` },
  ]);

  // How much can be sent.
  const speeds: { name: string; perSecond: number; cpu: number; samples: number }[] = [];
  const start = end - 86_400_000 * 2;
  for (const one of peers) process.kill(one.pid, 'SIGTERM');
  for (const target of [own, ...(await openPeers('load'))]) {
    speeds.push({ name: target.name, ...(await ingest(target, start)) });
    await sleep(3_000);
  }
  print(
    speeds.map(({ name, perSecond, cpu, samples }) => ({
      [`${name} takes`]: `${Math.round(perSecond)} samples/s (${samples} in ${LOAD_SECONDS} s)`,
      'CPU of its process': `${cpu.toFixed(2)} s a million`,
      ratio: ((speeds[0]?.perSecond ?? 0) / perSecond).toFixed(2),
    })),
  );
  print([{ 'wheelhouse memory after it': `${rssMegabytes(again.pid).toFixed(0)} MB` }]);
  const counted = (await getJson(
    `${again.url}/api/trpc/metrics.query${input({ metric: 'load_metric_0_total', timeRange: { from: new Date(start).toISOString(), to: new Date(end).toISOString() }, aggregations: ['count'] })}`,
    headers,
  )) as { result: { data: { series: { points: { values: { count: number } }[] }[] } } };
  print([
    {
      'of it found again, of one metric in twenty': String(
        counted.result.data.series[0]?.points[0]?.values.count ?? 0,
      ),
      sent: String((speeds[0]?.samples ?? 0) / 20),
    },
  ]);
  await again.stop();
} finally {
  await beside.close();
  await postgres.stop();
  for (const child of children) child.kill('SIGKILL');
  await agent.close();
  await system.remove();
  rmSync(scratch, { recursive: true, force: true });
}

/** Hour roll-ups of 13 months as the console would have made them by now. */
async function fillMonths(hosts: number): Promise<void> {
  const { pool } = beside.db;
  const random = noise(3);
  await pool.query(`INSERT INTO metric_names (name, created_at) VALUES ('months_seconds', now())`);
  for (let host = 0; host < hosts; host++) {
    const { rows } = await pool.query<{ id: number }>(
      `INSERT INTO metric_series (metric_id, digest, labels, created_at)
       SELECT id, decode(md5($1), 'hex'), jsonb_build_object('host', $1::text), now() FROM metric_names WHERE name = 'months_seconds' RETURNING id`,
      [`h${host}`],
    );
    const today = Math.floor(Date.now() / 86_400_000);
    for (let day = today - 390; day < today; day++) {
      const month = Math.floor(day / 31);
      await pool.query(
        `CREATE TABLE IF NOT EXISTS metric_hours_${month} PARTITION OF metric_hours FOR VALUES FROM (${month * 31}) TO (${month * 31 + 31})`,
      );
      const n = 1_440;
      const { rollup, sketches } = rollUp(
        {
          times: Float64Array.from({ length: n }, (_, i) => day * 86_400_000 + i * 60_000),
          values: Float64Array.from({ length: n }, () => Math.round(random() ** 3 * 1e6) / 1e6),
        },
        3_600_000,
        { delta: false, before: null },
      );
      await pool.query(
        'INSERT INTO metric_hours (series_id, day, data, sketch) VALUES ($1, $2, $3, $4)',
        [
          rows[0]?.id,
          day,
          Buffer.from(encodeRollup(rollup)),
          Buffer.from(encodeSketches(sketches)),
        ],
      );
    }
  }
}
