'use client';

import { ChartLine, Table2 } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useMemo, useState } from 'react';
import { ChartTable } from '../../../../../components/charts/chart-table.tsx';
import type { ChartRow } from '../../../../../components/charts/rows.ts';
import type { EventMark, Series } from '../../../../../components/charts/series.ts';
import { useZoom } from '../../../../../components/charts/zoom.tsx';
import { formatOf } from '../../../../../components/forecasts/units.ts';
import { formatInstant, zoneName } from '../../../../../components/format/time.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../../components/ui/skeleton.tsx';
import type { ForecastDetail } from '../../../../../server/forecasts/contract.ts';

const TimeChart = dynamic(() => import('../../../../../components/charts/time-chart.tsx'), {
  ssr: false,
  loading: () => <Skeleton className="h-full" />,
});

const agoWords = { day: 'Forecast of a day ago', week: 'Forecast of a week ago' } as const;

/** What was, what was expected, and what is expected, on one line of time. */
function rowsOf(forecast: ForecastDetail): ChartRow[] {
  const rows = new Map<
    number,
    { values: Record<string, number | null>; band?: [number, number]; flags?: string[] }
  >();
  const at = (moment: string) => {
    const key = Date.parse(moment);
    const row = rows.get(key) ?? { values: { actual: null, mean: null, day: null, week: null } };
    rows.set(key, row);
    return row;
  };
  for (const { at: moment, value } of forecast.history) at(moment).values.actual = value;
  for (const { ago, points } of forecast.past)
    for (const point of points) at(point.at).values[ago] = point.mean;
  for (const { at: moment, outside } of forecast.truths) if (outside) at(moment).flags = ['actual'];
  for (const point of forecast.newest?.points ?? []) {
    const row = at(point.at);
    row.values.mean = point.mean;
    row.band = [point.lower, point.upper];
  }
  return [...rows].sort(([a], [b]) => a - b).map(([moment, row]) => ({ at: moment, ...row }));
}

export function ForecastChart({ forecast }: { forecast: ForecastDetail }) {
  const { span } = useZoom();
  const [asTable, setAsTable] = useState(false);
  const all = useMemo(() => rowsOf(forecast), [forecast]);
  const series = useMemo(
    (): Series[] => [
      { name: 'actual', label: 'Measured', color: 1 },
      ...(forecast.newest
        ? [{ name: 'mean', label: 'Expected', color: 1, dashed: true } as const]
        : []),
      ...forecast.past.map(
        ({ ago }): Series => ({
          name: ago,
          label: agoWords[ago],
          color: ago === 'day' ? 3 : 5,
          dashed: true,
        }),
      ),
    ],
    [forecast.newest, forecast.past],
  );
  const rows = span ? all.filter(({ at }) => at >= span.from && at <= span.to) : all;
  const from = span?.from ?? all[0]?.at ?? 0;
  const to = span?.to ?? all.at(-1)?.at ?? 0;
  const format = formatOf(forecast.unit);
  const begin = forecast.newest?.points[0];
  const end = forecast.newest?.points.at(-1);
  const marks: EventMark[] = begin
    ? [{ at: Date.parse(begin.at), label: 'Forecast begins', tone: 'info' }]
    : [];
  const Toggle = asTable ? ChartLine : Table2;
  const words =
    begin && end
      ? `Expected at first ${format(begin.mean)}, at the end ${format(end.mean)}, between ${format(end.lower)} and ${format(end.upper)}.`
      : 'No forecast yet.';
  return (
    <figure aria-labelledby="chart" className="mb-4 rounded-card border bg-surface p-3.5">
      <div className="mb-1 flex min-h-8 items-center justify-between gap-2">
        <figcaption id="chart" className="font-medium text-13">
          Measured and expected
        </figcaption>
        <Button
          look="ghost"
          size="icon"
          aria-pressed={asTable}
          aria-label="Show the forecast as a table"
          title="Show as a table"
          onClick={() => setAsTable(!asTable)}
        >
          <Toggle aria-hidden className="size-4" />
        </Button>
      </div>
      <div className="h-72">
        {asTable ? (
          <ChartTable title="Measured and expected" rows={rows} series={series} format={format} />
        ) : (
          <div role="img" aria-label={`${forecast.name}. ${words}`} className="h-full select-none">
            <TimeChart
              rows={rows}
              series={series}
              format={format}
              from={from}
              to={to}
              base={forecast.unit === 'bytes' ? 'binary' : 'decimal'}
              marks={marks.filter(({ at }) => at >= from && at <= to)}
            />
          </div>
        )}
      </div>
      <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-12 text-muted">
        {series.map(({ name, label, color, dashed }) => (
          <li key={name} className="flex items-center gap-1.5">
            <span
              aria-hidden
              className="h-0 w-4 border-t-2"
              style={{
                borderColor: `var(--chart-${color})`,
                borderTopStyle: dashed ? 'dashed' : 'solid',
              }}
            />
            {label}
          </li>
        ))}
        {forecast.newest ? (
          <>
            <li className="flex items-center gap-1.5">
              <span aria-hidden className="size-3 bg-[var(--color-mark)] opacity-20" />
              Interval of 95 %
            </li>
            <li className="flex items-center gap-1.5">
              <span aria-hidden className="size-2.5 rounded-full border-2 border-bad" />
              Outside what was expected
            </li>
          </>
        ) : null}
        <li>
          {zoneName()}
          {begin ? `; the forecast begins ${formatInstant(begin.at)}` : ''}. Drag to zoom, Escape to
          go back.
        </li>
      </ul>
    </figure>
  );
}
