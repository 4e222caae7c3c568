'use client';

import { ChartCard } from '../../../components/charts/chart-card.tsx';
import type { Series } from '../../../components/charts/series.ts';
import { useZoom } from '../../../components/charts/zoom.tsx';
import { formatBytes } from '../../../components/format/bytes.ts';
import { formatDuration } from '../../../components/format/duration.ts';
import { formatNumber } from '../../../components/format/number.ts';
import { formatRate } from '../../../components/format/rate.ts';
import { formatClock, zoneName } from '../../../components/format/time.ts';
import { useLivePoints } from '../../../components/live/hooks.ts';
import { useNow } from '../../../components/live/use-now.ts';
import { useTimeRange } from '../../../components/shell/time-range.tsx';
import { Button } from '../../../components/ui/button.tsx';

const traffic: readonly Series[] = [
  { name: 'http_requests_per_second', label: 'Requests', color: 1 },
  { name: 'http_errors_per_second', label: 'Errors', color: 4 },
];
const latency: readonly Series[] = [
  { name: 'http_latency_p50_seconds', label: 'p50', color: 2 },
  { name: 'http_latency_p95_seconds', label: 'p95', color: 1 },
  { name: 'http_latency_p99_seconds', label: 'p99', color: 3 },
];
const loop: readonly Series[] = [
  { name: 'process_event_loop_delay_p99_seconds', label: 'Delay p99', color: 1 },
];
const memory: readonly Series[] = [
  { name: 'process_heap_used_bytes', label: 'Heap in use', color: 1 },
  { name: 'process_rss_bytes', label: 'Resident', color: 2 },
];
const database: readonly Series[] = [
  { name: 'database_latency_seconds', label: 'Answer', color: 1 },
];
const pool: readonly Series[] = [
  { name: 'database_pool_total', label: 'Open', color: 1 },
  { name: 'database_pool_idle', label: 'Idle', color: 2 },
  { name: 'database_pool_waiting', label: 'Waiting', color: 4 },
];
const loopThreshold = { value: 0.05, label: 'Expected to stay below 50 ms' };

function Zone() {
  const now = useNow();
  const { span, setSpan } = useZoom();
  return (
    <div className="mb-2 flex min-h-8 flex-wrap items-center justify-between gap-2">
      <h2 className="font-medium text-14">Over time</h2>
      <div className="flex items-center gap-3 text-12 text-muted">
        {span ? (
          <>
            <span className="tabular-nums">
              {formatClock(span.from)} to {formatClock(span.to)}
            </span>
            <Button onClick={() => setSpan(null)}>Reset zoom</Button>
          </>
        ) : null}
        <span>{now === null ? '' : `Times in ${zoneName()}`}</span>
      </div>
    </div>
  );
}

/** The last minutes as lines; drag over a chart to zoom all of them. */
export function Charts() {
  const { rangeMs } = useTimeRange();
  const points = useLivePoints(rangeMs);
  const common = { points, rangeMs };
  return (
    <section aria-label="Over time">
      <Zone />
      <div className="grid gap-3 lg:grid-cols-2">
        <ChartCard title="Requests per second" series={traffic} format={formatRate} {...common} />
        <ChartCard title="Time to answer" series={latency} format={formatDuration} {...common} />
        <ChartCard
          title="Event-loop delay"
          series={loop}
          format={formatDuration}
          threshold={loopThreshold}
          {...common}
        />
        <ChartCard title="Memory" series={memory} format={formatBytes} base="binary" {...common} />
        <ChartCard
          title="PostgreSQL latency"
          series={database}
          format={formatDuration}
          {...common}
        />
        <ChartCard title="PostgreSQL connections" series={pool} format={formatNumber} {...common} />
      </div>
    </section>
  );
}
