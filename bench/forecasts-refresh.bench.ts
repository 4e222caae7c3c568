/**
 * A thousand series that are all due at once, made again in the background by one process, while the event loop is watched.
 * Target: p99 of its delay < 50 ms. Peer: the same forecasts made on the main thread, in the same run, of the first series.
 * `SERIES` says how many (1000).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../server/config.ts';
import { forecastSeries } from '../server/forecasts/index.ts';
import { migrate } from '../server/platform/db/migrate.ts';
import { silentLog } from '../server/platform/log.ts';
import { openEmbeddedPostgres } from '../server/platform/postgres/embedded.ts';
import { createRuntime } from '../server/runtime.ts';
import { ms, print, quantile } from './measure.ts';

const SERIES = Number(process.env.SERIES ?? 1_000);
const ON_MAIN = 20;
const HOUR = 3_600_000;
/** As long as raw samples are kept. */
const HOURS = 160;
const authority = {
  actor: { kind: 'system' as const, id: null, name: 'bench' },
  rule: 'bench',
  requestId: null,
};

const dataDir = mkdtempSync(path.join(tmpdir(), 'wheelhouse-bench-'));
const server = await openEmbeddedPostgres({ dataDir, role: 'cli', progress: () => undefined });
await migrate({
  url: server.url,
  folder: path.resolve(import.meta.dirname, '../prisma/migrations'),
});
const runtime = await createRuntime({
  config: loadConfig({
    WHEELHOUSE_DATA_DIR: dataDir,
    WHEELHOUSE_SECRET: 'a secret for the bench, long enough',
  }),
  databaseUrl: server.url,
  database: 'external',
  log: silentLog(),
  publicUrl: () => 'http://localhost:3000',
});
const { metricStore, forecastKeeper } = runtime;
runtime.metricStore.start();

const now = Math.floor(Date.now() / HOUR) * HOUR;
const sampleOf = (series: number, back: number) =>
  100 +
  30 * Math.sin(((HOURS - back + series) / 24) * 2 * Math.PI) +
  10 * Math.sin(back * 12.9898 + series * 78.233) +
  (series % 3) * 0.05 * (HOURS - back);
for (let back = HOURS; back >= 1; back--) {
  await metricStore.write(
    Array.from({ length: SERIES }, (_, series) => ({
      metric: 'bench_load',
      labels: { series: String(series) },
      at: now - back * HOUR,
      value: sampleOf(series, back),
    })),
    'api',
  );
}
const { id: savedId } = await metricStore.saved.create(authority, {
  name: 'bench',
  query: {
    metric: 'bench_load',
    timeRange: '7d',
    filters: [],
    groupBy: ['series'],
    aggregations: ['avg'],
  },
});
// Each asks for its own series alone, as forecasts of targets do.
for (let series = 0; series < SERIES; series++) {
  await forecastKeeper.forecasts.create(authority, {
    name: `Series ${series}`,
    step: 'hour',
    subject: { kind: 'saved', savedId, labels: { series: String(series) } },
  });
}
const never = new AbortController().signal;
await runtime.db.pool.query('UPDATE forecasts SET due_at = $1', [new Date(0)]);
// What was written is packed first: it is not what is measured.
await sleep(5_000);

const quiet = monitorEventLoopDelay({ resolution: 1 });
quiet.enable();
await sleep(3_000);
quiet.disable();

const delay = monitorEventLoopDelay({ resolution: 1 });
const cpu = process.cpuUsage();
const begun = performance.now();
delay.enable();
const made = await forecastKeeper.refreshDue(never);
delay.disable();
const tookMs = performance.now() - begun;
const used = process.cpuUsage(cpu);
const { rows } = await runtime.db.pool.query<{ state: string; n: number }>(
  'SELECT state, count(*)::int AS n FROM forecasts GROUP BY 1',
);

const listed: Record<number, number> = {};
for (const limit of [50, 200]) {
  const from = performance.now();
  for (let n = 0; n < 10; n++) await forecastKeeper.forecasts.list({ limit, show: 'all' });
  listed[limit] = (performance.now() - from) / 10;
}

const times: number[] = [];
const main = monitorEventLoopDelay({ resolution: 1 });
main.enable();
for (let series = 0; series < ON_MAIN; series++) {
  const from = performance.now();
  forecastSeries(
    {
      series: Array.from({ length: HOURS }, (_, i) => ({
        at: now - (HOURS - i) * HOUR,
        value: sampleOf(series, HOURS - i),
      })),
      horizon: 168,
    },
    { elapsed: () => performance.now() - from },
  );
  times.push(performance.now() - from);
  await sleep(1);
}
main.disable();
times.sort((a, b) => a - b);

const nano = (value: number) => ms(value / 1e6);
const row = (name: string, of: typeof delay) => ({
  [name]: '',
  p50: nano(of.percentile(50)),
  p99: nano(of.percentile(99)),
  max: nano(of.max),
});
print([
  {
    made: `${made} of ${SERIES}`,
    states: rows.map(({ state, n }) => `${n} ${state}`).join(', '),
    'a series': ms(tookMs / Math.max(1, made)),
    'in all': `${(tookMs / 1_000).toFixed(1)} s`,
    CPU: `${(((used.user + used.system) / 1e6 / (tookMs / 1_000)) * 100).toFixed(0)} % of a core`,
    'of an hour': `${((tookMs / HOUR) * 100 * (1_000 / SERIES)).toFixed(1)} % for 1000`,
  },
  { 'a page of 50': ms(listed[50] ?? Number.NaN), 'of 200': ms(listed[200] ?? Number.NaN) },
  row('event loop, nothing to do', quiet),
  row('event loop, refreshing in worker threads', delay),
  row(`event loop, ${ON_MAIN} on the main thread`, main),
  {
    ratio: `p99 ${(delay.percentile(99) / main.percentile(99)).toFixed(2)}×; one forecast on the main thread ${ms(quantile(times, 0.5))}; target: p99 < 50 ms`,
  },
]);

await runtime.close();
await server.stop();
rmSync(dataDir, { recursive: true, force: true });
process.exit(0);
