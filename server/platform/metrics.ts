/**
 * The process's own Prometheus registry, with the console's metrics in base units. Domain modules register
 * theirs here too. `recent` keeps the last ten seconds of requests for the live stream.
 */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from './clock.ts';
import { createExposition } from './exposition.ts';

export const PREFIX = 'wheelhouse_';
const SLOTS = 10;
// Quantiles of the live tiles: buckets grow by 10 %, so a read-out is at most 5 % off.
const BASE = 1.1;
const FIRST_SECONDS = 0.0001;
const BUCKETS = 140;

export type HttpRecent = {
  requestsPerSecond: number;
  errorsPerSecond: number;
  p50Seconds: number;
  p95Seconds: number;
  p99Seconds: number;
  inFlight: number;
};
export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics(options: { version: string; clock: Clock }) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 10 });
  // Gauges that carry the suffix of counters; the same numbers stand under their names without it.
  for (const kind of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  }
  const http = new Histogram({
    name: `${PREFIX}http_request_duration_seconds`,
    help: 'Duration of HTTP requests by method, route and status.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const jobs = new Histogram({
    name: `${PREFIX}job_duration_seconds`,
    help: 'Duration of background jobs by name and outcome.',
    labelNames: ['job', 'outcome'] as const,
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900],
    registers,
  });
  new Gauge({
    name: `${PREFIX}build_info`,
    help: 'Always 1; the version is in the label.',
    labelNames: ['version'] as const,
    registers,
  }).set({ version: options.version }, 1);
  const caches = new Counter({
    name: `${PREFIX}cache_requests_total`,
    help: 'Looks into caches of this process by cache and outcome (hit or miss).',
    labelNames: ['cache', 'outcome'] as const,
    registers,
  });
  new Gauge({
    name: `${PREFIX}heap_limit_bytes`,
    help: 'Largest heap that the process may have.',
    registers,
  }).set(getHeapStatistics().heap_size_limit);
  new Gauge({
    name: `${PREFIX}memory_limit_bytes`,
    help: 'Memory that the process may use: the limit of its control group, or what the machine has.',
    registers,
  }).set(Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem()));
  const recent = createRecent(options.clock);
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: PREFIX + name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge(
    'http_p95_seconds',
    'Within this time 95 of 100 requests of the last ten seconds were answered.',
    () => recent.read().p95Seconds,
  );
  gauge('http_error_ratio', 'Share of requests of the last ten seconds that failed (5xx).', () => {
    const { requestsPerSecond, errorsPerSecond } = recent.read();
    return requestsPerSecond > 0 ? errorsPerSecond / requestsPerSecond : 0;
  });
  let streamClients = 0;
  gauge('stream_clients', 'Open live streams.', () => streamClients);

  return {
    registry,
    /** The registry in the Prometheus text format, without holding up the event loop. */
    exposition: createExposition(registry),
    recent: recent.read,
    streamClients: () => streamClients,
    streamOpened: () => {
      streamClients++;
    },
    streamClosed: () => {
      streamClients--;
    },
    requestStarted: recent.started,
    requestEnded(labels: { method: string; route: string; status: number }, seconds: number) {
      http.observe({ ...labels, status: String(labels.status) }, seconds);
      recent.ended(seconds, labels.status >= 500);
    },
    jobEnded(job: string, outcome: string, seconds: number) {
      jobs.observe({ job, outcome }, seconds);
    },
    /** Counts the looks into one cache. */
    cache(name: string) {
      const by = {
        hit: caches.labels(name, 'hit'),
        miss: caches.labels(name, 'miss'),
      };
      return (outcome: 'hit' | 'miss', times = 1) => by[outcome].inc(times);
    },
    /** A gauge that is read when it is asked for. */
    gauge(name: string, help: string, read: () => number) {
      gauge(name, help, read);
    },
    /** A gauge with one label, read when it is asked for. */
    gauges(name: string, help: string, label: string, read: () => Record<string, number>) {
      new Gauge({
        name: PREFIX + name,
        help,
        labelNames: [label],
        registers,
        collect() {
          for (const [value, number] of Object.entries(read()))
            this.set({ [label]: value }, number);
        },
      });
    },
    histogram<L extends string>(
      name: string,
      help: string,
      options: { labelNames: readonly L[]; buckets: number[] },
    ) {
      return new Histogram({ name: PREFIX + name, help, registers, ...options });
    },
    counter<L extends string>(name: string, help: string, labelNames: readonly L[]) {
      return new Counter({ name: PREFIX + name, help, labelNames, registers });
    },
  };
}

function createRecent(clock: Clock) {
  const slots = Array.from({ length: SLOTS }, () => ({
    second: -1,
    count: 0,
    errors: 0,
    buckets: new Uint32Array(BUCKETS),
  }));
  let inFlight = 0;
  const second = () => Math.floor(clock.monotonicMs() / 1000);
  return {
    started: () => {
      inFlight++;
    },
    ended(seconds: number, failed: boolean) {
      inFlight--;
      const now = second();
      const slot = slots[now % SLOTS];
      if (!slot) return;
      if (slot.second !== now) {
        slot.second = now;
        slot.count = 0;
        slot.errors = 0;
        slot.buckets.fill(0);
      }
      slot.count++;
      if (failed) slot.errors++;
      const index = Math.ceil(
        Math.log(Math.max(seconds, FIRST_SECONDS) / FIRST_SECONDS) / Math.log(BASE),
      );
      const at = Math.min(BUCKETS - 1, index);
      slot.buckets[at] = (slot.buckets[at] ?? 0) + 1;
    },
    read(): HttpRecent {
      const now = second();
      const live = slots.filter((slot) => slot.second > now - SLOTS && slot.second >= 0);
      // The running second is not over; rates are over the whole ones and quantiles over all.
      const whole = live.filter((slot) => slot.second < now);
      const total = live.reduce((sum, slot) => sum + slot.count, 0);
      const quantile = (q: number) => {
        if (total === 0) return 0;
        let seen = 0;
        for (let bucket = 0; bucket < BUCKETS; bucket++) {
          for (const slot of live) seen += slot.buckets[bucket] ?? 0;
          if (seen >= q * total) return FIRST_SECONDS * BASE ** (bucket - 0.5);
        }
        return 0;
      };
      const rate = (pick: (slot: { count: number; errors: number }) => number) =>
        whole.reduce((sum, slot) => sum + pick(slot), 0) / (SLOTS - 1);
      return {
        requestsPerSecond: rate((slot) => slot.count),
        errorsPerSecond: rate((slot) => slot.errors),
        p50Seconds: quantile(0.5),
        p95Seconds: quantile(0.95),
        p99Seconds: quantile(0.99),
        inFlight,
      };
    },
  };
}
