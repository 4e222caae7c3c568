import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Jobs } from '../platform/jobs.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import { type LiveTopic, liveMetrics, type MetricPoint } from './contract.ts';

const STEP_MS = 5_000;
const KEEP = 180; // 15 min
const RESOLUTION_MS = 10;
const LOOP_WINDOW_MS = 5_000;

export type Live = {
  /** The newest figures of the given topics; sampled at most every 250 ms however many ask. */
  sample(): Record<string, number>;
  history(): { stepMs: number; points: MetricPoint[] };
  topicOf(metric: string): LiveTopic | undefined;
  eventLoopP99Seconds(): number;
  close(): void;
};

const topics = new Map<string, LiveTopic>(
  Object.entries(liveMetrics).flatMap(([topic, names]) =>
    // Keys of `liveMetrics` are `LiveTopic` by definition.
    names.map((name) => [name, topic as LiveTopic] as const),
  ),
);

export function createLive(deps: {
  clock: Clock;
  db: Db;
  store: SharedStore;
  jobs: Jobs;
  metrics: Metrics;
  /** Figures of modules. */
  more: () => Record<string, number>;
}): Live {
  const { clock, db, store, jobs, metrics } = deps;
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  loop.enable();
  let lastWindowP99 = 0;
  // The histogram holds the timer's own interval too; what is left is the delay.
  const delay = () => Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION_MS - 0.5) / 1000;
  const eventLoopP99Seconds = () => Math.max(lastWindowP99, loop.count > 50 ? delay() : 0);
  const loopTimer = setInterval(() => {
    lastWindowP99 = loop.count > 0 ? delay() : 0;
    loop.reset();
  }, LOOP_WINDOW_MS);
  loopTimer.unref();

  let cpu = process.cpuUsage();
  let cpuAt = clock.monotonicMs();
  let cpuRatio = 0;
  const readCpu = () => {
    const now = clock.monotonicMs();
    if (now - cpuAt < 1_000) return cpuRatio;
    const used = process.cpuUsage(cpu);
    cpuRatio = (used.user + used.system) / 1000 / (now - cpuAt);
    cpu = process.cpuUsage();
    cpuAt = now;
    return cpuRatio;
  };

  let sampledAt = Number.NEGATIVE_INFINITY;
  let figures: Record<string, number> = {};
  const sample = () => {
    const now = clock.monotonicMs();
    if (now - sampledAt < 250) return figures;
    sampledAt = now;
    const http = metrics.recent();
    const memory = process.memoryUsage();
    const database = db.status();
    const pool = db.poolGauges();
    const redis = store.status();
    const queue = jobs.stats();
    figures = {
      http_requests_per_second: http.requestsPerSecond,
      http_errors_per_second: http.errorsPerSecond,
      http_latency_p50_seconds: http.p50Seconds,
      http_latency_p95_seconds: http.p95Seconds,
      http_latency_p99_seconds: http.p99Seconds,
      http_in_flight: http.inFlight,
      process_event_loop_delay_p99_seconds: eventLoopP99Seconds(),
      process_heap_used_bytes: memory.heapUsed,
      process_heap_limit_bytes: heapLimit,
      process_rss_bytes: memory.rss,
      process_cpu_ratio: readCpu(),
      database_up: database.up ? 1 : 0,
      ...(database.latencyMs === null
        ? {}
        : { database_latency_seconds: database.latencyMs / 1000 }),
      database_pool_total: pool.total,
      database_pool_idle: pool.idle,
      database_pool_waiting: pool.waiting,
      database_pool_max: pool.max,
      redis_configured: redis.state === 'off' ? 0 : 1,
      redis_up: redis.state === 'up' ? 1 : 0,
      ...(redis.latencyMs === null ? {} : { redis_latency_seconds: redis.latencyMs / 1000 }),
      jobs_queued: queue.queued,
      jobs_active: queue.active,
      jobs_failed: queue.failed,
      stream_clients: metrics.streamClients(),
      ...deps.more(),
    };
    return figures;
  };
  const heapLimit = getHeapStatistics().heap_size_limit;

  const points: MetricPoint[] = [];
  const historyTimer = setInterval(() => {
    points.push({ at: clock.now().toISOString(), metrics: round(sample()) });
    if (points.length > KEEP) points.shift();
  }, STEP_MS);
  historyTimer.unref();

  return {
    sample,
    history: () => ({ stepMs: STEP_MS, points }),
    topicOf: (metric) => topics.get(metric),
    eventLoopP99Seconds,
    close() {
      clearInterval(loopTimer);
      clearInterval(historyTimer);
      loop.disable();
    },
  };
}

/** Six significant digits are more than a chart shows and keep frames small. */
export function round(metrics: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [
      name,
      Number.isInteger(value) ? value : Number(value.toPrecision(6)),
    ]),
  );
}
