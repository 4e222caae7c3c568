'use client';

import { useMemo } from 'react';
import { ChartCard } from '../../../../../components/charts/chart-card.tsx';
import type { Series } from '../../../../../components/charts/series.ts';
import { formatNumber } from '../../../../../components/format/number.ts';
import { ms } from '../../../../../components/queries/words.ts';
import type { QueryRange, StatementDetail } from '../../../../../server/queries/contract.ts';

const MINUTE_MS = 60_000;
const rangeMs: Readonly<Record<QueryRange, number>> = {
  '15m': 15 * MINUTE_MS,
  '1h': 60 * MINUTE_MS,
  '6h': 360 * MINUTE_MS,
  '24h': 1_440 * MINUTE_MS,
  '7d': 7 * 1_440 * MINUTE_MS,
  '30d': 30 * 1_440 * MINUTE_MS,
};
const mean: Series[] = [{ name: 'mean', label: 'Mean time of a call', color: 1 }];
const calls: Series[] = [{ name: 'calls', label: 'Calls', color: 2 }];
const total: Series[] = [{ name: 'total', label: 'Time in all', color: 3 }];

/** How often it ran and how long it took, over the range. */
export function History({ statement, range }: { statement: StatementDetail; range: QueryRange }) {
  const points = useMemo(
    () =>
      statement.points.map((point) => ({
        at: Date.parse(point.at),
        metrics: {
          calls: point.calls,
          total: point.totalMs,
          ...(point.meanMs === null ? {} : { mean: point.meanMs }),
        },
      })),
    [statement.points],
  );
  const first = points[0]?.at ?? 0;
  const last = points.at(-1)?.at ?? 0;
  const step = points.length > 1 ? (last - first) / (points.length - 1) : MINUTE_MS;
  const given = { points, rangeMs: rangeMs[range], gapMs: step * 2.5 };
  return (
    <div className="mb-4 grid gap-3 lg:grid-cols-3">
      <ChartCard title="Mean time of a call" series={mean} format={ms} {...given} />
      <ChartCard
        title={`Calls a ${statement.per}`}
        series={calls}
        format={formatNumber}
        {...given}
      />
      <ChartCard title={`Time a ${statement.per}`} series={total} format={ms} {...given} />
    </div>
  );
}
