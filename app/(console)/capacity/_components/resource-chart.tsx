'use client';

import dynamic from 'next/dynamic';
import { useMemo } from 'react';
import type { ChartRow } from '../../../../components/charts/rows.ts';
import type { EventMark, Series } from '../../../../components/charts/series.ts';
import { formatOf } from '../../../../components/forecasts/units.ts';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { ResourceDetail } from '../../../../server/capacity/contract.ts';

const TimeChart = dynamic(() => import('../../../../components/charts/time-chart.tsx'), {
  ssr: false,
  loading: () => <Skeleton className="h-full" />,
});
const DAY_MS = 86_400_000;
/** The past shrinks to nothing when a date is far: at most so many times the past is drawn ahead. */
const AHEAD = 2;
const STEPS = 40;
const series: Series[] = [
  { name: 'value', label: 'Measured', color: 1 },
  { name: 'line', label: 'Expected', color: 1, dashed: true },
];

/** The past, and the line to the limit with its interval of rates. */
function rowsOf(resource: ResourceDetail): { rows: ChartRow[]; to: number } {
  const past = resource.history.map(
    ({ at, value }): ChartRow => ({ at: Date.parse(at), values: { value, line: null } }),
  );
  const first = past[0]?.at ?? 0;
  const last = past.at(-1);
  const { assessment, direction, value } = resource;
  const rate = assessment?.perDay;
  if (!last || !rate || value === null || resource.state !== 'crossing') {
    return { rows: past, to: last?.at ?? 0 };
  }
  const sign = direction === 'upper' ? 1 : -1;
  const span = last.at - first;
  const mean = assessment.at.mean ? Date.parse(assessment.at.mean) : last.at + span;
  const to = Math.min(last.at + AHEAD * span, last.at + (mean - last.at) * 1.3 + DAY_MS / 4);
  const rows = Array.from({ length: STEPS }, (_, i): ChartRow => {
    const at = last.at + ((i + 1) / STEPS) * (to - last.at);
    const days = (at - last.at) / DAY_MS;
    const risen = ((assessment.quickening ?? 0) / 2) * days ** 2;
    const ahead = (perDay: number) => value + sign * (perDay * days + risen);
    const band = [ahead(rate.lower), ahead(rate.upper)].toSorted((a, b) => a - b);
    return {
      at,
      values: { value: null, line: ahead(rate.mean) },
      band: [band[0] ?? value, band[1] ?? value],
    };
  });
  return { rows: [...past, { at: last.at + 1, values: { value, line: value } }, ...rows], to };
}

export function ResourceChart({ resource }: { resource: ResourceDetail }) {
  const { rows, to } = useMemo(() => rowsOf(resource), [resource]);
  const from = rows[0]?.at ?? 0;
  const format = formatOf(resource.unit);
  if (rows.length < 2) return <p className="text-13 text-muted">No values yet.</p>;
  const { at } = resource.assessment ?? {};
  const mark = (moment: string | null | undefined, label: string, tone: EventMark['tone']) =>
    moment && Date.parse(moment) <= to ? [{ at: Date.parse(moment), label, tone }] : [];
  const { limit } = resource;
  return (
    <div
      role="img"
      aria-label={`${resource.name} over time${limit === null ? '' : `, with its limit of ${format(limit)}`}. ${resource.detail ?? ''}`}
      className="h-56 select-none"
    >
      <TimeChart
        rows={rows}
        series={series}
        format={format}
        from={from}
        to={to}
        base={resource.unit === 'bytes' ? 'binary' : 'decimal'}
        {...(limit === null ? {} : { threshold: { value: limit, label: 'Limit' } })}
        marks={[
          ...mark(at?.earliest, 'At the earliest', 'bad'),
          ...mark(at?.latest, 'At the latest', 'info'),
        ]}
      />
    </div>
  );
}
