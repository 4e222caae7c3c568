'use client';

import { useMemo } from 'react';
import { ChartCard } from '../../../../../components/charts/chart-card.tsx';
import type { Series } from '../../../../../components/charts/series.ts';
import type { Column } from '../../../../../components/data/columns.ts';
import { LazyTable } from '../../../../../components/data/lazy-table.tsx';
import { Stat } from '../../../../../components/data/stat.tsx';
import { formatNumber } from '../../../../../components/format/number.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { ScrollRegion } from '../../../../../components/ui/scroll-region.tsx';
import type {
  Calibration,
  Classification,
  Estimate,
  Figures,
  ModelPerformance,
} from '../../../../../server/models/contract.ts';

export const figure = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toFixed(3);
const between = ({ lower, upper }: Estimate, show: (value: number) => string): string =>
  `95 %: ${show(lower)} to ${show(upper)}`;
const plain = (value: number): string => formatNumber(Number(value.toPrecision(4)));

/** What became of the predictions of the range, and how good they were. */
export function Summary({ performance }: { performance: ModelPerformance }) {
  const { counts, overall, sampled } = performance;
  const { predictions, labelled, pending, unlabelled } = counts;
  const became = [
    `${formatPercent(labelled / Math.max(1, predictions))} labelled`,
    ...(pending > 0 ? [`${formatNumber(pending)} pending`] : []),
    ...(unlabelled > 0 ? [`${formatNumber(unlabelled)} never`] : []),
  ];
  return (
    <div className="mb-4 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Stat
        label="Predictions"
        value={formatNumber(predictions)}
        note={predictions === 0 ? 'none in this range' : became.join(', ')}
      />
      {overall?.kind === 'regression' ? (
        <>
          <Stat
            label="Mean absolute error"
            value={plain(overall.mae.value)}
            note={between(overall.mae, plain)}
          />
          <Stat label="Root mean square error" value={plain(overall.rmse)} note=" " />
          <Stat
            label="Bias"
            value={plain(overall.bias.value)}
            note={between(overall.bias, plain)}
          />
        </>
      ) : (
        <>
          <Stat
            label="Right answers"
            value={overall ? formatPercent(overall.accuracy.value) : '–'}
            note={overall ? between(overall.accuracy, formatPercent) : 'no labels in this range'}
          />
          <Stat
            label={overall?.precision ? 'F1 of the positive class' : 'F1, mean over classes'}
            value={figure(overall?.f1)}
            note={
              overall?.precision && overall.recall
                ? `precision ${figure(overall.precision.value)}, recall ${figure(overall.recall.value)}`
                : ' '
            }
          />
          <Stat
            label="Area under the ROC curve"
            value={figure(overall?.rocAuc?.value)}
            note={
              overall?.rocAuc
                ? between(overall.rocAuc, figure)
                : overall?.scored === 0
                  ? 'predictions have no score'
                  : ' '
            }
          />
        </>
      )}
      {sampled < 1 ? (
        <p className="col-span-full text-12 text-muted">
          Figures are made of a fair sample of {formatPercent(sampled)} of the labelled predictions.
        </p>
      ) : null}
    </div>
  );
}

const accuracy: Series[] = [
  { name: 'value', label: 'Right answers', color: 1 },
  { name: 'lower', label: '95 %, lower', color: 8, dashed: true },
  { name: 'upper', label: '95 %, upper', color: 8, dashed: true },
];
const error: Series[] = [
  { name: 'value', label: 'Mean absolute error', color: 1 },
  { name: 'lower', label: '95 %, lower', color: 8, dashed: true },
  { name: 'upper', label: '95 %, upper', color: 8, dashed: true },
];
const volume: Series[] = [
  { name: 'predictions', label: 'Predictions', color: 2 },
  { name: 'labelled', label: 'Labelled', color: 1 },
  { name: 'pending', label: 'Pending', color: 3 },
];
const mainOf = (figures: Figures): Estimate =>
  figures.kind === 'classification' ? figures.accuracy : figures.mae;

export function OverTime({ performance }: { performance: ModelPerformance }) {
  const { points, stepSeconds, from, to, task } = performance;
  const { quality, counts } = useMemo(
    () => ({
      quality: points.flatMap(({ at, figures }) => {
        if (!figures) return [];
        const { value, lower, upper } = mainOf(figures);
        return [{ at: Date.parse(at), metrics: { value, lower, upper } }];
      }),
      counts: points.map(({ at, counts: each }) => ({ at: Date.parse(at), metrics: { ...each } })),
    }),
    [points],
  );
  const given = {
    rangeMs: Date.parse(to) - Date.parse(from),
    end: Date.parse(to),
    gapMs: stepSeconds * 2_500,
  };
  return (
    <div className="mb-4 grid gap-3 lg:grid-cols-2">
      <ChartCard
        title={task === 'regression' ? 'Mean absolute error' : 'Right answers'}
        series={task === 'regression' ? error : accuracy}
        format={task === 'regression' ? plain : formatPercent}
        points={quality}
        {...given}
      />
      <ChartCard
        title="Predictions and labels"
        series={volume}
        format={formatNumber}
        points={counts}
        {...given}
      />
    </div>
  );
}

/** Rows: what was true; columns: what was predicted. */
export function Confusion({ figures }: { figures: Classification }) {
  const { labels, confusion, classes } = figures;
  const shown = labels.slice(0, 12);
  return (
    <section aria-labelledby="confusion" className="min-w-0">
      <h2 id="confusion" className="mb-2 font-medium text-14">
        What was true, and what was said
      </h2>
      <ScrollRegion
        aria-label="Confusion matrix, scrolls"
        className="overflow-x-auto rounded-card border bg-surface"
      >
        <table className="w-full text-13 tabular-nums">
          <thead className="bg-raised text-12 text-muted">
            <tr className="h-9">
              <th scope="col" className="px-3 text-left font-medium">
                True
              </th>
              {shown.map((label) => (
                <th
                  key={label}
                  scope="col"
                  className="max-w-32 truncate px-3 text-right font-medium"
                >
                  said {label}
                </th>
              ))}
              <th scope="col" className="px-3 text-right font-medium">
                Recall
              </th>
              <th scope="col" className="px-3 text-right font-medium">
                Precision
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((label, row) => (
              <tr key={label} className="h-9 border-t">
                <th scope="row" className="max-w-40 truncate px-3 text-left font-medium">
                  {label}
                </th>
                {shown.map((said, column) => (
                  <td
                    key={said}
                    className={row === column ? 'px-3 text-right font-medium' : 'px-3 text-right'}
                  >
                    {formatNumber(confusion[row]?.[column] ?? 0)}
                  </td>
                ))}
                <td className="px-3 text-right">{figure(classes[row]?.recall)}</td>
                <td className="px-3 text-right">{figure(classes[row]?.precision)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollRegion>
      {labels.length > shown.length ? (
        <p className="mt-1 text-12 text-muted">
          {labels.length - shown.length} more classes are not shown.
        </p>
      ) : null}
    </section>
  );
}

const SIZE = 180;
const EDGE = 28;
const x = (share: number): number => EDGE + share * SIZE;
const y = (share: number): number => 8 + (1 - share) * SIZE;

/** Scores beside how often they were right; on the diagonal they mean what they say. */
export function Reliability({
  calibration,
  brier,
}: {
  calibration: Calibration;
  brier: number | null;
}) {
  const { bins, ece } = calibration;
  const most = Math.max(...bins.map(({ count }) => count));
  const summary = bins
    .map((bin) => `scores near ${bin.meanScore.toFixed(2)} came true ${formatPercent(bin.rate)}`)
    .join('; ');
  return (
    <section aria-labelledby="reliability" className="min-w-0">
      <h2 id="reliability" className="mb-2 font-medium text-14">
        Whether scores mean what they say
      </h2>
      <div className="flex flex-wrap items-start gap-6 rounded-card border bg-surface p-3.5">
        <svg
          viewBox={`0 0 ${SIZE + EDGE + 12} ${SIZE + 32}`}
          width={SIZE + EDGE + 12}
          height={SIZE + 32}
          role="img"
          aria-label={`Reliability: ${summary}.`}
          className="shrink-0 text-muted"
        >
          <rect x={EDGE} y={8} width={SIZE} height={SIZE} fill="none" stroke="var(--color-line)" />
          <line
            x1={x(0)}
            y1={y(0)}
            x2={x(1)}
            y2={y(1)}
            stroke="var(--color-line-strong)"
            strokeDasharray="4 4"
          />
          {bins.map((bin) => (
            <circle
              key={bin.from}
              cx={x(bin.meanScore)}
              cy={y(bin.rate)}
              r={3 + 5 * Math.sqrt(bin.count / most)}
              fill="var(--chart-1)"
              fillOpacity={0.75}
            />
          ))}
          {[0, 0.5, 1].map((tick) => (
            <g key={tick} fontSize={11} fill="currentColor">
              <text x={x(tick)} y={SIZE + 24} textAnchor="middle">
                {tick}
              </text>
              <text x={EDGE - 6} y={y(tick) + 4} textAnchor="end">
                {tick}
              </text>
            </g>
          ))}
        </svg>
        <div className="min-w-48 flex-1 text-13">
          <p className="mb-2 text-muted">
            Across: the score. Up: how often it came true. A dot below the line is too sure; a
            larger dot stands for more predictions.
          </p>
          <dl className="grid grid-cols-[auto_1fr] gap-x-4 tabular-nums">
            <dt className="text-muted">Expected calibration error</dt>
            <dd className="text-right">{figure(ece)}</dd>
            <dt className="text-muted">Brier score</dt>
            <dd className="text-right">{figure(brier)}</dd>
          </dl>
          <details className="mt-2">
            <summary className="cursor-pointer text-12 text-muted">As a table</summary>
            <table className="mt-1 w-full text-12 tabular-nums">
              <thead className="text-muted">
                <tr>
                  {['Score', 'Came true', 'Predictions'].map((head) => (
                    <th key={head} scope="col" className="text-right font-normal">
                      {head}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {bins.map((bin) => (
                  <tr key={bin.from}>
                    <td className="text-right">{bin.meanScore.toFixed(3)}</td>
                    <td className="text-right">{formatPercent(bin.rate)}</td>
                    <td className="text-right">{formatNumber(bin.count)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </details>
        </div>
      </div>
    </section>
  );
}

type SegmentRow = ModelPerformance['segments'][number];
const segmentColumns: readonly Column<SegmentRow>[] = [
  {
    id: 'value',
    header: 'Segment',
    csv: ({ value }) => value,
    cell: ({ value }) => <span title={value}>{value}</span>,
  },
  {
    id: 'labelled',
    header: 'Labelled',
    width: '100px',
    align: 'right',
    csv: ({ labelled }) => labelled,
    cell: ({ labelled }) => formatNumber(labelled),
  },
  {
    id: 'main',
    header: 'Right, or error',
    width: '120px',
    align: 'right',
    csv: ({ figures }) => (figures ? mainOf(figures).value : null),
    cell: ({ figures }) =>
      figures
        ? figures.kind === 'classification'
          ? formatPercent(figures.accuracy.value)
          : plain(figures.mae.value)
        : '–',
  },
  {
    id: 'interval',
    header: '95 %',
    width: '170px',
    csv: ({ figures }) => (figures ? `${mainOf(figures).lower}–${mainOf(figures).upper}` : null),
    cell: ({ figures }) => {
      if (!figures) return '–';
      const { lower, upper } = mainOf(figures);
      const show = figures.kind === 'classification' ? formatPercent : plain;
      return `${show(lower)} to ${show(upper)}`;
    },
  },
  {
    id: 'f1',
    header: 'F1',
    width: '80px',
    align: 'right',
    csv: ({ figures }) => (figures?.kind === 'classification' ? figures.f1 : null),
    cell: ({ figures }) => (figures?.kind === 'classification' ? figure(figures.f1) : '–'),
  },
  {
    id: 'auc',
    header: 'AUC',
    width: '80px',
    align: 'right',
    csv: ({ figures }) =>
      figures?.kind === 'classification' ? (figures.rocAuc?.value ?? null) : null,
    cell: ({ figures }) =>
      figures?.kind === 'classification' ? figure(figures.rocAuc?.value) : '–',
  },
];

export function SegmentTable({ performance }: { performance: ModelPerformance }) {
  if (performance.segments.length === 0) {
    return <p className="text-13 text-muted">No labelled predictions in this range.</p>;
  }
  return (
    <LazyTable
      label="By segment"
      columns={segmentColumns}
      rows={performance.segments}
      rowId={({ value }) => value}
    />
  );
}
