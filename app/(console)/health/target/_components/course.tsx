'use client';

import { useMemo } from 'react';
import { ChartCard } from '../../../../../components/charts/chart-card.tsx';
import type { EventMark, Series } from '../../../../../components/charts/series.ts';
import { ZoomProvider } from '../../../../../components/charts/zoom.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { Stat } from '../../../../../components/data/stat.tsx';
import { formatDuration } from '../../../../../components/format/duration.ts';
import { count } from '../../../../../components/format/number.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { formatInstant } from '../../../../../components/format/time.ts';
import { RangeButtons } from '../../../../../components/ui/range-buttons.tsx';
import type { TargetDetail } from '../../../../../server/health/contract.ts';
import { rangeMs, ranges, useHistory } from './use-target.ts';

const latency: readonly Series[] = [{ name: 'latency', label: 'Latency', color: 1 }];
const summed: readonly Series[] = [
  { name: 'latency', label: 'Mean', color: 1 },
  { name: 'max', label: 'Slowest', color: 3 },
];
const seconds = (ms: number) => formatDuration(ms / 1000);

/** Figures and the chart of a stretch of time. */
export function Course({ target }: { target: TargetDetail }) {
  const { range, setRange, query, end } = useHistory(target.id);
  const { data } = query;
  const points = useMemo(
    () =>
      (data?.points ?? []).map((point) => {
        const metrics: Record<string, number> = {};
        if (point.latencyMs !== null) metrics.latency = point.latencyMs;
        if (point.maxLatencyMs !== null) metrics.max = point.maxLatencyMs;
        return { at: Date.parse(point.at), metrics };
      }),
    [data],
  );
  const marks = useMemo<EventMark[]>(
    () => [
      ...(data?.transitions ?? []).flatMap((flip): EventMark[] => {
        if (flip.to === 'down') return [{ at: Date.parse(flip.at), label: 'Down', tone: 'bad' }];
        return flip.from === 'down' ? [{ at: Date.parse(flip.at), label: 'Back', tone: 'ok' }] : [];
      }),
      ...(data?.remedies ?? []).map(
        (run): EventMark => ({ at: Date.parse(run.at), label: 'Remedy', tone: 'info' }),
      ),
    ],
    [data],
  );
  const failures = (data?.points ?? []).reduce((sum, point) => sum + point.failures, 0);
  const checks = (data?.points ?? []).reduce((sum, point) => sum + point.checks, 0);
  const interval = target.intervalSeconds * 1000;
  const heartbeat = target.kind === 'heartbeat';
  return (
    <section aria-label="Course">
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <h2 className="font-medium text-14">Course</h2>
        <RangeButtons ranges={ranges} value={range} onChange={(value) => void setRange(value)} />
      </div>
      <div className="mb-3 grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Stat
          label={`Uptime, ${range}`}
          value={data ? (data.uptime === null ? '–' : formatPercent(data.uptime)) : undefined}
          note={
            data && data.downMs > 0 ? `down for ${seconds(data.downMs)}` : 'without maintenance'
          }
        />
        <Stat
          label={heartbeat ? 'Last heartbeat' : 'Latency now'}
          value={
            heartbeat
              ? target.lastBeatAt
                ? formatInstant(target.lastBeatAt).split(', ')[1]
                : 'never'
              : target.latencyMs === null
                ? '–'
                : seconds(target.latencyMs)
          }
          note={
            heartbeat ? `expected every ${seconds(interval)}` : `checked every ${seconds(interval)}`
          }
        />
        <Stat
          label={`Checks, ${range}`}
          value={data ? count(checks, 'check') : undefined}
          note={data ? `${failures} failed` : ''}
          tone={failures > 0 ? 'warn' : 'plain'}
        />
        <Stat
          label={target.tlsExpiresAt ? 'Certificate ends' : 'In a row'}
          value={
            target.tlsExpiresAt
              ? target.tlsExpiresAt.slice(0, 10)
              : target.failures > 0
                ? `${target.failures} failed`
                : `${target.successes} good`
          }
          note={`down after ${target.failAfter}, back after ${target.recoverAfter}`}
          tone={target.failures > 0 ? 'bad' : 'plain'}
        />
      </div>
      {query.isError && !data ? (
        <ErrorPanel what="The history" error={query.error} onRetry={() => query.refetch()} />
      ) : heartbeat ? null : (
        <ZoomProvider>
          <ChartCard
            title={`Latency, ${range}`}
            series={data && data.resolution !== 'check' ? summed : latency}
            format={seconds}
            points={points}
            rangeMs={rangeMs[range]}
            gapMs={Math.max(3 * interval, 3 * (data?.stepMs ?? 0))}
            marks={marks}
            {...(end === null ? {} : { end })}
          />
        </ZoomProvider>
      )}
    </section>
  );
}
