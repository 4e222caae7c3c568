/** Pure: what the console's own figures mean, and what needs a person. */
import type { AttentionItem, ComponentStatus } from './contract.ts';

export type Figures = {
  database: { up: boolean; latencyMs: number | null; since: Date; detail: string };
  pool: { total: number; idle: number; waiting: number; max: number };
  redis: { state: 'off' | 'up' | 'down'; latencyMs: number | null; since: Date };
  jobs: { queued: number; active: number; failed: number; running: boolean };
  heapUsedBytes: number;
  heapLimitBytes: number;
  eventLoopP99Seconds: number;
  /** Free share of the data folder's disk, 0–1; null when unknown. */
  diskFree: number | null;
  replicas: number;
};

const MEMORY_LIMIT = 0.9;
const LOOP_LIMIT_SECONDS = 0.25;
const DISK_LIMIT = 0.1;
const percent = (ratio: number) => `${Math.round(ratio * 100)} %`;

export function components(f: Figures): ComponentStatus[] {
  const heap = f.heapUsedBytes / f.heapLimitBytes;
  const list: ComponentStatus[] = [
    {
      name: 'PostgreSQL',
      status: f.database.up ? (f.pool.waiting > 0 ? 'warn' : 'ok') : 'bad',
      latencyMs: f.database.latencyMs,
      detail: f.database.up
        ? `${f.pool.total - f.pool.idle} of ${f.pool.max} connections in use, ${f.pool.waiting} waiting`
        : `unreachable since ${f.database.since.toISOString()}`,
    },
    {
      name: 'Redis',
      status: f.redis.state === 'off' ? 'off' : f.redis.state === 'up' ? 'ok' : 'warn',
      latencyMs: f.redis.latencyMs,
      detail:
        f.redis.state === 'off'
          ? 'not configured; state is kept in this process'
          : f.redis.state === 'up'
            ? 'state is shared between replicas'
            : `unreachable since ${f.redis.since.toISOString()}; state is kept in this process`,
    },
    {
      name: 'Jobs',
      status: !f.jobs.running ? 'bad' : f.jobs.failed > 0 ? 'warn' : 'ok',
      latencyMs: null,
      detail: f.jobs.running
        ? `${f.jobs.active} active, ${f.jobs.queued} queued, ${f.jobs.failed} failed in the last hour`
        : 'not started',
    },
    {
      name: 'Event loop',
      status: f.eventLoopP99Seconds > LOOP_LIMIT_SECONDS ? 'warn' : 'ok',
      latencyMs: f.eventLoopP99Seconds * 1000,
      detail: 'p99 delay over the last 5 s',
    },
    {
      name: 'Memory',
      status: heap > MEMORY_LIMIT ? 'warn' : 'ok',
      latencyMs: null,
      detail: `${percent(heap)} of the heap limit in use`,
    },
  ];
  if (f.diskFree !== null) {
    list.push({
      name: 'Disk',
      status: f.diskFree < DISK_LIMIT ? 'warn' : 'ok',
      latencyMs: null,
      detail: `${percent(f.diskFree)} free below the data folder`,
    });
  }
  return list;
}

/** Worst first. Each says what is wrong and what follows. */
export function attention(f: Figures): AttentionItem[] {
  const list: AttentionItem[] = [];
  const add = (severity: 'warn' | 'bad', id: string, title: string, detail: string) =>
    list.push({ id, severity, title, detail, href: null });
  if (!f.database.up) {
    add(
      'bad',
      'database',
      'PostgreSQL is unreachable',
      'Nothing can be changed; the console reconnects by itself.',
    );
  }
  if (f.replicas > 1 && f.redis.state === 'off') {
    add(
      'bad',
      'replicas',
      `${f.replicas} replicas share a database without Redis`,
      'Limits and live events are not shared. Set REDIS_URL on every replica.',
    );
  }
  if (f.redis.state === 'down') {
    add(
      'warn',
      'redis',
      'Redis is unreachable',
      'This replica works from its own memory and goes back by itself.',
    );
  }
  if (f.jobs.failed > 0) {
    add(
      'warn',
      'jobs',
      `${f.jobs.failed} jobs failed in the last hour`,
      'They are retried with backoff; the log holds the cause.',
    );
  }
  if (f.pool.waiting > 0) {
    add(
      'warn',
      'pool',
      `${f.pool.waiting} queries wait for a connection`,
      `All ${f.pool.max} connections are in use.`,
    );
  }
  if (f.heapUsedBytes / f.heapLimitBytes > MEMORY_LIMIT) {
    add(
      'warn',
      'memory',
      'Memory is nearly exhausted',
      'Readiness fails above 90 % of the heap limit.',
    );
  }
  if (f.diskFree !== null && f.diskFree < DISK_LIMIT) {
    add(
      'warn',
      'disk',
      `Only ${percent(f.diskFree)} of the disk is free`,
      'PostgreSQL stops when the disk is full.',
    );
  }
  return list.sort((a, b) => (a.severity === b.severity ? 0 : a.severity === 'bad' ? -1 : 1));
}
