'use client';

import { useMemo } from 'react';
import { ChartCard } from '../../../../components/charts/chart-card.tsx';
import type { Series } from '../../../../components/charts/series.ts';
import { ZoomProvider } from '../../../../components/charts/zoom.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { Stat } from '../../../../components/data/stat.tsx';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import { RangeButtons } from '../../../../components/ui/range-buttons.tsx';
import type { ProcessItem } from '../../../../server/memory/contract.ts';
import { ranges, useCourse } from './use-memory.ts';
import { isDefaultWindow, paceOf, rulesOf } from './words.ts';

const heap: Series = { name: 'heap', label: 'After full collections', color: 1 };
const line: Series = { name: 'trend', label: 'Trend', color: 3, dashed: true };

function useLines({ data }: ReturnType<typeof useCourse>['query'], from: number) {
  return useMemo(() => {
    const points = (data?.points ?? []).map(({ at, bytes }) => ({
      at: Date.parse(at),
      metrics: { heap: bytes } as Record<string, number>,
    }));
    const { fromAt, toAt, fromBytes, toBytes } = data?.trend ?? {};
    if (!fromAt || !toAt || fromBytes == null || toBytes == null) return points;
    const [a, b] = [Date.parse(fromAt), Date.parse(toAt)];
    // The line has a value where the heap has a point, so that both are read at one time.
    for (const point of points) {
      if (point.at < Math.max(a, from) || point.at > b) continue;
      point.metrics.trend = fromBytes + ((point.at - a) / (b - a)) * (toBytes - fromBytes);
    }
    return points;
  }, [data, from]);
}

/** Figures and the heap of one process over time, with the line that is judged. */
export function Course({ process }: { process: ProcessItem }) {
  const { range, rangeMs, setRange, query, end } = useCourse(process);
  const { trend, policy, limitBytes, collectedBytes, heapBytes } = process;
  const points = useLines(query, (end ?? 0) - rangeMs);
  const hasLine = points.some(({ metrics }) => metrics.trend !== undefined);
  const threshold = query.data?.thresholdBytes;
  return (
    <section aria-labelledby="memory-course" className="mb-8">
      <div className="mb-1 flex flex-wrap items-center justify-between gap-2">
        <h2 id="memory-course" className="font-medium text-14">
          {process.name} <span className="text-muted">on {process.instance}</span>
        </h2>
        <RangeButtons ranges={ranges} value={range} onChange={(value) => void setRange(value)} />
      </div>
      <p className="mb-3 text-13 text-muted">
        {trend.why} {rulesOf(policy)}
        {isDefaultWindow(policy)
          ? ''
          : ' This process is judged over another time than the usual hour.'}
      </p>
      <div className="mb-3 grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Stat
          label="After the last full collection"
          value={collectedBytes === null ? undefined : formatBytes(collectedBytes)}
          note={`${formatBytes(heapBytes)} in use now`}
        />
        <Stat
          label="Pace"
          value={paceOf(trend.slopeBytesPerHour)}
          note={
            trend.growthRatio === null
              ? `${trend.points} points so far`
              : `${formatPercent(trend.growthRatio)} over the window`
          }
          tone={trend.sustained ? 'bad' : trend.growing ? 'warn' : 'plain'}
        />
        <Stat
          label="Chance"
          value={
            trend.pValue === null
              ? undefined
              : trend.pValue < 0.001
                ? '< 0.001'
                : trend.pValue.toFixed(3)
          }
          note="of such a rise without a trend"
        />
        <Stat
          label="Heap limit"
          value={formatBytes(limitBytes)}
          note={`${formatPercent(heapBytes / limitBytes)} in use`}
        />
      </div>
      {query.isError && !query.data ? (
        <ErrorPanel what="The course" error={query.error} onRetry={() => query.refetch()} />
      ) : (
        <ZoomProvider>
          <ChartCard
            title={`Heap after full collections, ${range}`}
            series={hasLine ? [heap, line] : [heap]}
            format={formatBytes}
            base="binary"
            points={points}
            rangeMs={rangeMs}
            gapMs={Math.max(policy.windowSeconds * 1000, rangeMs / 20)}
            {...(typeof threshold === 'number'
              ? { threshold: { value: threshold, label: 'Leak from here' } }
              : {})}
            {...(end === null ? {} : { end })}
          />
        </ZoomProvider>
      )}
    </section>
  );
}
