'use client';

import dynamic from 'next/dynamic';
import { useCallback, useMemo } from 'react';
import type { Shape } from '../charts/series.ts';
import { cx } from '../ui/cx.ts';
import { Skeleton } from '../ui/skeleton.tsx';
import { LegendTable } from './legend-table.tsx';
import type { Drawn, Line } from './lines.ts';
import { formatOf } from './units.ts';

const TimeChart = dynamic(() => import('../charts/time-chart.tsx'), {
  ssr: false,
  loading: () => <Skeleton className="h-full" />,
});

const SPOKEN = 5;

/** In words, for those who cannot see it. */
function summaryOf(lines: readonly Line[]): string {
  const said = lines.slice(0, SPOKEN).map(({ label, stats, unit }) => {
    const format = formatOf(unit);
    return stats
      ? `${label}: last ${format(stats.last)}, between ${format(stats.min)} and ${format(stats.max)}.`
      : `${label}: no figures.`;
  });
  const more = lines.length - said.length;
  return [...said, ...(more > 0 ? [`And ${more} more lines.`] : [])].join(' ');
}

/** Lines of a query with their legend. */
export function MetricChart(props: {
  title: string;
  drawn: Drawn;
  span: { from: number; to: number };
  shape: Shape;
  /** Labels of lines that are not drawn. */
  hidden: readonly string[];
  onHidden?: (hidden: string[]) => void;
  onPick?: (at: number, line: Line) => void;
  /** High enough to work in; else as high as its place. */
  tall?: boolean;
  legend?: boolean;
}) {
  const { title, drawn, span, shape, hidden, onHidden, onPick, tall, legend = true } = props;
  const { lines, rows, partialAt } = drawn;
  const seen = useMemo(
    () => lines.filter(({ label }) => !hidden.includes(label.replace(/ before$/, ''))),
    [lines, hidden],
  );
  const own = lines.filter(({ dashed }) => !dashed);
  const unit = (seen[0] ?? own[0])?.unit ?? 'number';
  const pick = useCallback(
    (at: number, name: string) => {
      const line = lines.find((each) => each.name === name);
      if (line) onPick?.(at, line);
    },
    [lines, onPick],
  );
  return (
    <div className={cx('flex min-h-0 flex-col', !tall && 'h-full')}>
      <div
        role="img"
        aria-label={`${title}. ${summaryOf(seen.filter(({ dashed }) => !dashed))}`}
        className={cx('select-none', tall ? 'h-80' : 'min-h-0 flex-1')}
      >
        <TimeChart
          rows={rows}
          series={seen}
          format={formatOf(unit)}
          from={span.from}
          to={span.to}
          base={unit === 'bytes' ? 'binary' : 'decimal'}
          shape={shape}
          partialAt={partialAt}
          onPick={onPick ? pick : undefined}
        />
      </div>
      {legend ? <LegendTable lines={own} hidden={hidden} onHidden={onHidden} /> : null}
    </div>
  );
}
