'use client';

import dynamic from 'next/dynamic';
import { useCallback, useMemo, useState } from 'react';
import { shapes } from '../../../../components/charts/series.ts';
import { ZoomTo } from '../../../../components/charts/zoom.tsx';
import { FilterSelect } from '../../../../components/data/filter-input.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { formatNumber } from '../../../../components/format/number.ts';
import { formatClock, zoneName } from '../../../../components/format/time.ts';
import { draw } from '../../../../components/metrics/lines.ts';
import { MetricChart } from '../../../../components/metrics/metric-chart.tsx';
import { durationMs, previousRange, type Range } from '../../../../components/metrics/range.ts';
import {
  spanOf,
  useMetricDetail,
  useMetricQuery,
} from '../../../../components/metrics/use-metric.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { cx } from '../../../../components/ui/cx.ts';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { Query, QueryResult } from '../../../../server/metrics/contract.ts';
import type { Picked } from './samples-sheet.tsx';
import type { Explore } from './use-explore.ts';

const AnswerTable = dynamic(() => import('./answer-table.tsx'), {
  ssr: false,
  loading: () => <Skeleton className="h-80" />,
});
const Distribution = dynamic(() => import('./distribution.tsx'), { ssr: false });
const SamplesSheet = dynamic(() => import('./samples-sheet.tsx'), { ssr: false });
const ExplainSheet = dynamic(() => import('./explain-sheet.tsx'), { ssr: false });
const ExportMenu = dynamic(() => import('./export-menu.tsx'), {
  ssr: false,
  loading: () => <Button disabled>Export</Button>,
});

const shapeWords = { line: 'Lines', area: 'Areas', bar: 'Bars' } as const;

/** The same query over the stretch before; null while it is not asked for. */
function useBefore(query: Query, result: QueryResult | undefined, wanted: boolean) {
  const stepMs = typeof query.step === 'string' ? (durationMs(query.step) ?? 0) : 0;
  const previous = wanted && result && stepMs > 0 ? previousRange(spanOf(result), stepMs) : null;
  const before = useMetricQuery(
    previous
      ? {
          ...query,
          aggregations: query.aggregations.filter((each) => each !== 'anomaly'),
          timeRange: {
            // Whole buckets, so that the key changes once a bucket and not with every refresh.
            from: new Date(Math.floor(previous.from / stepMs) * stepMs).toISOString(),
            to: new Date(Math.ceil(previous.to / stepMs) * stepMs).toISOString(),
          },
        }
      : null,
    { follow: false },
  );
  return previous && before.data ? { result: before.data, shiftMs: previous.shiftMs } : null;
}

function Toolbar(props: {
  explore: Explore;
  query: Query;
  result: QueryResult | undefined;
  onExplain(): void;
}) {
  const { explore, result } = props;
  const { view, shape, compare } = explore.view;
  return (
    <div className="mb-2 flex flex-wrap items-center gap-2">
      <fieldset className="flex items-center rounded-control border p-0.5">
        <legend className="sr-only">Show the answer as</legend>
        {(['chart', 'table'] as const).map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={each === view}
            onClick={() => void explore.set({ view: each })}
            className={cx(
              'h-7 rounded-[4px] px-2.5 font-medium text-13',
              each === view ? 'bg-active text-text' : 'text-muted hover:text-text',
            )}
          >
            {each === 'chart' ? 'Chart' : 'Table'}
          </button>
        ))}
      </fieldset>
      {view === 'chart' ? (
        <FilterSelect
          label="Drawn as"
          value={shape}
          options={shapes.map((value) => ({ value, label: shapeWords[value] }))}
          onChange={(value) =>
            void explore.set({ shape: shapes.find((each) => each === value) ?? 'line' })
          }
        />
      ) : null}
      <label className="flex h-8 items-center gap-2 px-1 text-13">
        <input
          type="checkbox"
          checked={compare}
          onChange={({ target }) => void explore.set({ compare: target.checked })}
          className="size-4 accent-(--color-accent)"
        />
        Compare with the time before
      </label>
      <span className="flex-1" />
      <Button onClick={props.onExplain}>Explain</Button>
      {result ? <ExportMenu query={props.query} result={result} /> : null}
    </div>
  );
}

function Facts({ result, left }: { result: QueryResult; left: number }) {
  const notes = [
    ...(left > 0
      ? [`${formatNumber(left)} more lines are not drawn. Filter or group to see them.`]
      : []),
    ...result.notes,
    ...(result.percentiles === 'approximate'
      ? ['Percentiles are within 1 %, because roll-ups took part.']
      : []),
  ];
  return (
    <div className="mt-2 grid gap-1 text-12 text-muted">
      {notes.map((note) => (
        <p key={note}>{note}</p>
      ))}
      <p className="tabular-nums">
        {formatNumber(result.scanned)} samples read in {formatNumber(result.tookMs)} ms, from{' '}
        {result.resolution === 'raw' ? 'raw samples' : `${result.resolution} roll-ups`}. Times in{' '}
        {zoneName()}.
      </p>
    </div>
  );
}

/** The answer of a query: chart or table, with what is behind each point. */
export function Result(props: {
  query: Query;
  answer: ReturnType<typeof useMetricQuery>;
  explore: Explore;
  range: Range;
  onRange(range: Range): void;
}) {
  const { query, answer, explore, range, onRange } = props;
  const { view, shape, compare, hide } = explore.view;
  const result = answer.data;
  const unit = useMetricDetail(query.sourceId ? '' : query.metric).data?.unit ?? '';
  const before = useBefore(query, result, compare);
  const [picked, setPicked] = useState<Picked | null>(null);
  const [explaining, setExplaining] = useState(false);
  const drawn = useMemo(
    () => (result ? draw({ result, metric: query.metric, unit, before }) : null),
    [result, query.metric, unit, before],
  );
  const stepMs = (result?.stepSeconds ?? 60) * 1000;
  const pick = useCallback(
    (at: number, labels: Readonly<Record<string, string>>) =>
      setPicked({ from: at, to: at + stepMs, labels }),
    [stepMs],
  );
  return (
    <section aria-label="Answer">
      <Toolbar
        explore={explore}
        query={query}
        result={result}
        onExplain={() => setExplaining(true)}
      />
      {answer.isError && result ? <StaleNote at={answer.dataUpdatedAt} /> : null}
      <div
        className={cx(
          'transition-opacity duration-150',
          view === 'chart' && 'rounded-card border bg-surface p-3.5',
          answer.isPlaceholderData && 'opacity-60',
        )}
      >
        {!result || !drawn ? (
          <Skeleton className="h-80" />
        ) : result.series.length === 0 ? (
          <Nothing range={range} onRange={onRange} />
        ) : view === 'table' ? (
          <AnswerTable result={result} metric={query.metric} unit={unit} onPick={pick} />
        ) : (
          <ZoomTo onSpan={onRange}>
            <MetricChart
              title={query.metric}
              drawn={drawn}
              span={spanOf(result)}
              shape={shape}
              hidden={hide}
              onHidden={(next) => void explore.set({ hide: next })}
              onPick={(at, line) => pick(at, line.labels)}
              tall
            />
          </ZoomTo>
        )}
      </div>
      {result && drawn ? <Facts result={result} left={drawn.left} /> : null}
      {query.aggregations.includes('histogram') ? <Distribution query={query} unit={unit} /> : null}
      <p className="sr-only" role="status">
        {result && !answer.isFetching ? `Answered at ${formatClock(answer.dataUpdatedAt)}.` : ''}
      </p>
      {picked ? (
        <SamplesSheet query={query} picked={picked} unit={unit} onClose={() => setPicked(null)} />
      ) : null}
      {explaining ? <ExplainSheet query={query} onClose={() => setExplaining(false)} /> : null}
    </section>
  );
}

function Nothing({ range, onRange }: { range: Range; onRange(range: Range): void }) {
  return (
    <div className="grid h-80 place-content-center justify-items-center gap-3 text-center">
      <p className="font-medium text-14">No samples in this range</p>
      <p className="max-w-[52ch] text-13 text-muted">
        The metric is known, but nothing of it fits these filters at this time.
      </p>
      {'relative' in range && range.relative === '30d' ? null : (
        <Button onClick={() => onRange({ relative: '30d' })}>Look at the last 30 days</Button>
      )}
    </div>
  );
}
