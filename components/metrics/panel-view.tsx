'use client';

import { useMemo } from 'react';
import type { Panel } from '../../server/dashboards/contract.ts';
import { colorOf, shapes } from '../charts/series.ts';
import { Sparkline } from '../charts/sparkline.tsx';
import { failureOf } from '../trpc/errors.ts';
import { Button } from '../ui/button.tsx';
import { cx } from '../ui/cx.ts';
import { ScrollRegion } from '../ui/scroll-region.tsx';
import { Skeleton } from '../ui/skeleton.tsx';
import { type Draft, draftOf, queryOf } from './draft.ts';
import { LegendTable } from './legend-table.tsx';
import { type Drawn, draw, type Line } from './lines.ts';
import { MetricChart } from './metric-chart.tsx';
import { autoStep, durationMs, type Range } from './range.ts';
import { formatOf } from './units.ts';
import { spanOf, useMetricQuery } from './use-metric.ts';

const MAX_STATS = 6;
const MAX_NAMED = 6;
/** High enough for a chart with its legend table. */
const LEGEND_FROM_ROWS = 5;

/** The panel's query for the page's range; its step as long as that gives no more points than a chart shows. */
export function panelDraft(panel: Panel, range: Range): Draft {
  const { draft } = draftOf(panel.query);
  const finest = durationMs(autoStep(range)) ?? 0;
  const own = durationMs(draft.step) ?? 0;
  return { ...draft, step: own > finest ? draft.step : 'auto' };
}

function Stats({ drawn, panel }: { drawn: Drawn; panel: Panel }) {
  const format = formatOf(panel.unit);
  const shown = drawn.lines.slice(0, MAX_STATS);
  const single = shown.length === 1;
  return (
    <dl className="grid h-full content-center gap-2 overflow-hidden">
      {shown.map((line) => (
        <div
          key={line.name}
          className={cx('flex min-w-0 items-center gap-3', single && 'flex-wrap justify-center')}
        >
          <dt
            className={single ? 'sr-only' : 'min-w-0 flex-1 truncate text-13 text-muted'}
            title={line.label}
          >
            {line.label}
          </dt>
          <dd className={cx('font-semibold tabular-nums', single ? 'text-28' : 'text-16')}>
            {line.stats ? format(line.stats.last) : '–'}
          </dd>
          <Sparkline
            label={`${line.label} over time`}
            values={drawn.rows.map(({ values }) => values[line.name] ?? null)}
          />
        </div>
      ))}
    </dl>
  );
}

/** Names beside their colours, where there is no room for figures. */
function Names({ lines }: { lines: readonly Line[] }) {
  if (lines.length < 2) return null;
  const more = lines.length - MAX_NAMED;
  return (
    <ul className="mt-1 flex shrink-0 flex-wrap gap-x-3 overflow-hidden text-12 text-muted">
      {lines.slice(0, MAX_NAMED).map((line) => (
        <li key={line.name} title={line.label} className="flex min-w-0 items-center gap-1.5">
          <span aria-hidden className="h-0.5 w-3 shrink-0" style={{ background: colorOf(line) }} />
          <span className="max-w-40 truncate">{line.label}</span>
        </li>
      ))}
      {more > 0 ? <li>and {more} more</li> : null}
    </ul>
  );
}

function Shown({
  panel,
  drawn,
  span,
}: {
  panel: Panel;
  drawn: Drawn;
  span: { from: number; to: number };
}) {
  if (panel.visual === 'stat') return <Stats drawn={drawn} panel={panel} />;
  if (panel.visual === 'table') {
    return (
      <ScrollRegion aria-label={`${panel.title}, figures`} className="h-full overflow-auto">
        <LegendTable lines={drawn.lines} hidden={[]} whole />
      </ScrollRegion>
    );
  }
  const legend = panel.height >= LEGEND_FROM_ROWS;
  return (
    <>
      <div className="min-h-0 flex-1">
        <MetricChart
          title={panel.title}
          drawn={drawn}
          span={span}
          shape={shapes.find((each) => each === panel.visual) ?? 'line'}
          hidden={[]}
          legend={legend}
        />
      </div>
      {legend ? null : <Names lines={drawn.lines} />}
    </>
  );
}

/** What a panel shows: its query over the page's range. It asks nothing while `seen` is false. */
export function PanelView(props: { panel: Panel; range: Range; seen: boolean }) {
  const { panel, range, seen } = props;
  const query = useMemo(() => queryOf(panelDraft(panel, range), range), [panel, range]);
  const answer = useMetricQuery(seen ? query : null, { follow: 'relative' in range });
  const { data } = answer;
  const drawn = useMemo(() => {
    if (!data) return null;
    const made = draw({ result: data, metric: query.metric, unit: '' });
    const format = formatOf(panel.unit);
    return {
      ...made,
      lines: made.lines.map((line) => ({ ...line, unit: panel.unit, format })),
    };
  }, [data, query.metric, panel.unit]);
  if (answer.isError && !data) {
    const failure = failureOf(answer.error);
    return (
      <div
        role="alert"
        className="grid h-full place-content-center justify-items-center gap-2 text-center"
      >
        <p className="text-13 text-muted">{failure.fields[0]?.message ?? failure.message}</p>
        <Button onClick={() => answer.refetch()}>Retry</Button>
      </div>
    );
  }
  if (!data || !drawn) return <Skeleton className="h-full" />;
  if (drawn.lines.length === 0) {
    return (
      <p className="grid h-full place-items-center text-center text-12 text-muted">
        No samples of {query.metric} in this range
      </p>
    );
  }
  return (
    <div className={cx('flex h-full min-h-0 flex-col', answer.isError && 'opacity-60')}>
      <Shown panel={panel} drawn={drawn} span={spanOf(data)} />
    </div>
  );
}
