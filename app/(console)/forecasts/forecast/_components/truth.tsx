'use client';

import dynamic from 'next/dynamic';
import { useMemo } from 'react';
import type { ChartRow } from '../../../../../components/charts/rows.ts';
import type { Series } from '../../../../../components/charts/series.ts';
import { useZoom } from '../../../../../components/charts/zoom.tsx';
import { formatOf } from '../../../../../components/forecasts/units.ts';
import { formatNumber } from '../../../../../components/format/number.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { ScrollRegion } from '../../../../../components/ui/scroll-region.tsx';
import { Skeleton } from '../../../../../components/ui/skeleton.tsx';
import type { AccuracyMeasures, ForecastDetail } from '../../../../../server/forecasts/contract.ts';

const TimeChart = dynamic(() => import('../../../../../components/charts/time-chart.tsx'), {
  ssr: false,
  loading: () => <Skeleton className="h-full" />,
});
const SHOWN_STEPS = { hour: 7 * 24, day: 30 } as const;
const series: Series[] = [
  { name: 'actual', label: 'Measured', color: 1 },
  { name: 'mean', label: 'Expected a day before', color: 3, dashed: true },
];

function Row({
  label,
  found,
  format,
}: {
  label: string;
  found: AccuracyMeasures;
  format(v: number): string;
}) {
  const cell = (value: number | null, write: (v: number) => string) =>
    value === null ? '–' : write(value);
  const percent = (value: number) => `${formatNumber(value)} %`;
  return (
    <tr className="h-9 border-b last:border-0">
      <th scope="row" className="px-3 text-left font-normal">
        {label}
      </th>
      <td className="px-2 text-right">{found.compared}</td>
      <td className="px-2 text-right">{cell(found.mae, format)}</td>
      <td className="px-2 text-right">{cell(found.mase, (v) => v.toFixed(2))}</td>
      <td className="px-2 text-right">{cell(found.wape, percent)}</td>
      <td className="px-2 text-right" title={found.mapeWhy ?? undefined}>
        {cell(found.mape, percent)}
      </td>
      <td className="px-3 text-right">{cell(found.inside, formatPercent)}</td>
    </tr>
  );
}

/** Yesterday's forecast beside today's truth, and what forecasts of 30 days were worth. */
export function Truth({ forecast }: { forecast: ForecastDetail }) {
  const { span } = useZoom();
  const { accuracy, truths, step, unit } = forecast;
  const format = formatOf(unit);
  const rows = useMemo(
    (): ChartRow[] =>
      truths.slice(-SHOWN_STEPS[step]).map(({ at, actual, mean, lower, upper }) => ({
        at: Date.parse(at),
        values: { actual, mean },
        ...(lower !== null && upper !== null ? { band: [lower, upper] as const } : {}),
        ...(lower !== null && upper !== null && (actual < lower || actual > upper)
          ? { flags: ['actual'] }
          : {}),
      })),
    [truths, step],
  );
  const first = rows[0]?.at ?? 0;
  const last = rows.at(-1)?.at ?? 0;
  const why = accuracy?.day.mapeWhy ?? accuracy?.near.mapeWhy;
  return (
    <section aria-labelledby="truth" className="mb-4 min-w-0">
      <h2 id="truth" className="mb-1 font-medium text-14">
        Yesterday’s forecast and what came
      </h2>
      {!accuracy || truths.length === 0 ? (
        <p className="text-13 text-muted">
          Nothing has been compared yet: each value that comes is joined with what was expected of
          it, the first {step === 'hour' ? 'an hour' : 'a day'} after the first forecast.
        </p>
      ) : (
        <div className="grid gap-3">
          {rows.length > 1 ? (
            <div
              role="img"
              aria-label={`Measured beside what was expected a day before, ${rows.length} values.`}
              className="h-44 select-none rounded-card border bg-surface p-3"
            >
              <TimeChart
                rows={rows}
                series={series}
                format={format}
                from={span && span.from < last ? Math.max(span.from, first) : first}
                to={span && span.from < last ? Math.min(span.to, last) : last}
                base={unit === 'bytes' ? 'binary' : 'decimal'}
              />
            </div>
          ) : null}
          <ScrollRegion
            aria-label="What forecasts were worth"
            className="overflow-x-auto rounded-card border bg-surface"
          >
            <table className="w-full min-w-[560px] text-13 tabular-nums">
              <thead className="text-12 text-muted">
                <tr className="h-8 border-b">
                  <th scope="col" className="px-3 text-left font-normal">
                    Over {accuracy.days} days
                  </th>
                  {['Compared', 'Mean error', 'MASE', 'WAPE', 'MAPE'].map((word) => (
                    <th key={word} scope="col" className="px-2 text-right font-normal">
                      {word}
                    </th>
                  ))}
                  <th scope="col" className="px-3 text-right font-normal">
                    Inside
                  </th>
                </tr>
              </thead>
              <tbody>
                <Row label="Made a day before" found={accuracy.day} format={format} />
                <Row
                  label={`Made ${step === 'hour' ? 'an hour' : 'a day'} before`}
                  found={accuracy.near}
                  format={format}
                />
              </tbody>
            </table>
          </ScrollRegion>
          {why ? <p className="text-13 text-muted">{why}</p> : null}
        </div>
      )}
    </section>
  );
}
