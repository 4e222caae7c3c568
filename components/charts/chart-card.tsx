'use client';

import { ChartLine, Table2 } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useId, useMemo, useState } from 'react';
import type { LivePoint } from '../live/ring.ts';
import { Button } from '../ui/button.tsx';
import { Skeleton } from '../ui/skeleton.tsx';
import { ChartLegend } from './chart-legend.tsx';
import { ChartTable } from './chart-table.tsx';
import { summarise, toChartRows } from './rows.ts';
import type { EventMark, Series, Threshold } from './series.ts';
import { useZoom } from './zoom.tsx';

const TimeChart = dynamic(() => import('./time-chart.tsx'), {
  ssr: false,
  loading: () => <Skeleton className="h-full" />,
});

const MAX_ROWS = 240;

type ChartCardProps = {
  title: string;
  series: readonly Series[];
  format(value: number): string;
  points: readonly LivePoint[];
  rangeMs: number;
  /** Steps of the y axis; `binary` for bytes. */
  base?: 'decimal' | 'binary';
  threshold?: Threshold;
  marks?: readonly EventMark[];
  /** A longer pause between two points is a gap. */
  gapMs?: number;
  /** End of the range; the last point without it. */
  end?: number;
};

/** A chart with its legend, a summary in words, and the same figures as a table. */
export function ChartCard(props: ChartCardProps) {
  const {
    title,
    series,
    format,
    points,
    rangeMs,
    base = 'decimal',
    threshold,
    marks,
    gapMs,
  } = props;
  const id = useId();
  const { span } = useZoom();
  const [asTable, setAsTable] = useState(false);
  const rows = useMemo(() => {
    const within = span ? points.filter(({ at }) => at >= span.from && at <= span.to) : points;
    return toChartRows(
      within,
      series.map(({ name }) => name),
      MAX_ROWS,
      gapMs,
    );
  }, [points, span, series, gapMs]);
  const to = span?.to ?? props.end ?? points.at(-1)?.at ?? 0;
  const from = span?.from ?? to - rangeMs;
  const summary = series
    .map(({ name, label }) => {
      const figures = summarise(rows, name);
      return figures
        ? `${label}: last ${format(figures.last)}, between ${format(figures.min)} and ${format(figures.max)}.`
        : `${label}: no figures yet.`;
    })
    .join(' ');
  const Toggle = asTable ? ChartLine : Table2;
  const drawn = rows.length > 0;
  return (
    <figure className="min-w-0 rounded-card border bg-surface p-3.5" aria-labelledby={id}>
      <div className="mb-1 flex h-8 items-center justify-between gap-2">
        <figcaption id={id} className="truncate font-medium text-13">
          {title}
        </figcaption>
        <Button
          look="ghost"
          size="icon"
          aria-pressed={asTable}
          aria-label={`Show ${title} as a table`}
          title="Show as a table"
          onClick={() => setAsTable(!asTable)}
        >
          <Toggle aria-hidden className="size-4" />
        </Button>
      </div>
      <div className="h-44">
        {asTable ? (
          <ChartTable title={title} rows={rows} series={series} format={format} />
        ) : drawn ? (
          <div role="img" aria-label={`${title}. ${summary}`} className="h-full select-none">
            <TimeChart
              rows={rows}
              series={series}
              format={format}
              from={from}
              to={to}
              base={base}
              threshold={threshold}
              marks={marks?.filter(({ at }) => at >= from && at <= to)}
            />
          </div>
        ) : (
          <div className="grid h-full place-items-center text-12 text-muted">
            Waiting for the first figures
          </div>
        )}
      </div>
      <ChartLegend rows={rows} series={series} format={format} threshold={threshold} />
    </figure>
  );
}
