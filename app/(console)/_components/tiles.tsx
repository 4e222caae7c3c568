'use client';

import { Sparkline } from '../../../components/charts/sparkline.tsx';
import { Stat } from '../../../components/data/stat.tsx';
import { formatBytes } from '../../../components/format/bytes.ts';
import { formatDuration } from '../../../components/format/duration.ts';
import { formatNumber } from '../../../components/format/number.ts';
import { formatPercent } from '../../../components/format/percent.ts';
import { formatRate } from '../../../components/format/rate.ts';
import { useLiveMetric, useLivePoints, useLiveStatus } from '../../../components/live/hooks.ts';
import { cx } from '../../../components/ui/cx.ts';

/** The event loop of a healthy console stays below this. */
const LOOP_DELAY_WARN_SECONDS = 0.05;
const MEMORY_WARN_RATIO = 0.9;

const shown = (value: number | undefined, format: (value: number) => string) =>
  value === undefined ? undefined : format(value);

function Traffic() {
  const rate = useLiveMetric('http_requests_per_second');
  const inFlight = useLiveMetric('http_in_flight');
  return (
    <Stat
      label="Requests"
      value={shown(rate, formatRate)}
      note={inFlight === undefined ? '' : `${formatNumber(inFlight)} in flight`}
    />
  );
}

function Errors() {
  const errors = useLiveMetric('http_errors_per_second');
  const rate = useLiveMetric('http_requests_per_second');
  const share = errors !== undefined && rate ? errors / rate : 0;
  return (
    <Stat
      label="Errors"
      value={shown(errors, formatRate)}
      note={errors === undefined ? '' : `${formatPercent(share)} of requests`}
      tone={errors && errors > 0 ? 'bad' : 'plain'}
    />
  );
}

function Latency() {
  const p50 = useLiveMetric('http_latency_p50_seconds');
  const p95 = useLiveMetric('http_latency_p95_seconds');
  const p99 = useLiveMetric('http_latency_p99_seconds');
  return (
    <Stat
      label="Latency p95"
      value={shown(p95, formatDuration)}
      note={
        p50 === undefined || p99 === undefined
          ? 'no requests yet'
          : `p50 ${formatDuration(p50)}, p99 ${formatDuration(p99)}`
      }
    />
  );
}

function Loop() {
  const delay = useLiveMetric('process_event_loop_delay_p99_seconds');
  const cpu = useLiveMetric('process_cpu_ratio');
  return (
    <Stat
      label="Event-loop delay p99"
      value={shown(delay, formatDuration)}
      note={cpu === undefined ? '' : `CPU ${formatPercent(cpu)}`}
      tone={delay !== undefined && delay > LOOP_DELAY_WARN_SECONDS ? 'warn' : 'plain'}
    />
  );
}

function Memory() {
  const heap = useLiveMetric('process_heap_used_bytes');
  const limit = useLiveMetric('process_heap_limit_bytes');
  const ratio = heap !== undefined && limit ? heap / limit : 0;
  return (
    <Stat
      label="Heap"
      value={shown(heap, formatBytes)}
      note={limit ? `${formatPercent(ratio)} of ${formatBytes(limit)}` : ''}
      tone={ratio > MEMORY_WARN_RATIO ? 'warn' : 'plain'}
    />
  );
}

function Resident() {
  const rss = useLiveMetric('process_rss_bytes');
  return (
    <Stat label="Resident memory" value={shown(rss, formatBytes)} note="of the console process" />
  );
}

function Database() {
  const up = useLiveMetric('database_up');
  const latency = useLiveMetric('database_latency_seconds');
  return (
    <Stat
      label="PostgreSQL"
      value={up === 0 ? 'Unreachable' : shown(latency, formatDuration)}
      note="to answer a query"
      tone={up === 0 ? 'bad' : 'plain'}
    />
  );
}

function Pool() {
  const total = useLiveMetric('database_pool_total');
  const idle = useLiveMetric('database_pool_idle');
  const waiting = useLiveMetric('database_pool_waiting');
  const max = useLiveMetric('database_pool_max');
  const known = total !== undefined && idle !== undefined && max !== undefined;
  return (
    <Stat
      label="Connections in use"
      value={known ? `${total - idle} of ${max}` : undefined}
      note={waiting === undefined ? '' : `${formatNumber(waiting)} waiting, ${idle ?? 0} idle`}
      tone={waiting && waiting > 0 ? 'warn' : 'plain'}
    />
  );
}

function Redis() {
  const configured = useLiveMetric('redis_configured');
  const up = useLiveMetric('redis_up');
  const latency = useLiveMetric('redis_latency_seconds');
  if (configured === 0) {
    return <Stat label="Redis" value="Off" note="state is kept in this process" />;
  }
  return (
    <Stat
      label="Redis"
      value={up === 0 ? 'Unreachable' : shown(latency, formatDuration)}
      note={up === 0 ? 'state is kept in this process' : 'to answer'}
      tone={up === 0 ? 'bad' : 'plain'}
    />
  );
}

const QUEUE_RANGE_MS = 5 * 60_000;

/** The queue has no chart; its course is what tells a burst from a jam. */
function QueueCourse() {
  const points = useLivePoints(QUEUE_RANGE_MS);
  const step = Math.max(1, Math.ceil(points.length / 60));
  const values = points
    .filter((_, index) => index % step === 0)
    .map(({ metrics }) => metrics.jobs_queued ?? null);
  return <Sparkline values={values} label="Jobs queued over the last 5 minutes" />;
}

function Jobs() {
  const queued = useLiveMetric('jobs_queued');
  const active = useLiveMetric('jobs_active');
  const failed = useLiveMetric('jobs_failed');
  return (
    <Stat
      label="Jobs queued"
      value={shown(queued, formatNumber)}
      note={
        active === undefined
          ? ''
          : `${formatNumber(active)} running, ${formatNumber(failed ?? 0)} failed`
      }
      tone={failed && failed > 0 ? 'warn' : 'plain'}
      aside={<QueueCourse />}
    />
  );
}

/** The newest figures, at most half a second old; dimmed when they are not. */
export function Tiles() {
  const { state } = useLiveStatus();
  return (
    <section
      aria-label="Figures"
      className={cx(
        'mb-6 grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-5',
        state === 'stale' && 'opacity-60',
      )}
    >
      <Traffic />
      <Errors />
      <Latency />
      <Loop />
      <Memory />
      <Resident />
      <Database />
      <Pool />
      <Redis />
      <Jobs />
    </section>
  );
}
