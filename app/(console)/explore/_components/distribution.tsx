'use client';

import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { formatNumber } from '../../../../components/format/number.ts';
import { labelText } from '../../../../components/metrics/lines.ts';
import { formatOf, unitOf } from '../../../../components/metrics/units.ts';
import { useMetricQuery } from '../../../../components/metrics/use-metric.ts';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { HistogramBin, Query } from '../../../../server/metrics/contract.ts';

const MAX_SHOWN = 6;

function Bins(props: {
  title: string;
  bins: readonly HistogramBin[];
  format(value: number): string;
}) {
  const { title, bins, format } = props;
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  return (
    <figure className="min-w-0 rounded-card border bg-surface p-3.5">
      <figcaption className="mb-2 truncate font-medium text-13">{title}</figcaption>
      <table className="w-full text-12 tabular-nums">
        <caption className="sr-only">{`Distribution of ${title}, ${formatNumber(total)} samples`}</caption>
        <thead className="sr-only">
          <tr>
            <th scope="col">Values</th>
            <th scope="col">Share</th>
            <th scope="col">Samples</th>
          </tr>
        </thead>
        <tbody>
          {bins.map(({ from, to, count }) => (
            <tr key={from} className="h-5">
              <th
                scope="row"
                className="w-px whitespace-nowrap pr-3 text-right font-normal text-muted"
              >
                {format(from)} – {format(to)}
              </th>
              <td>
                <div
                  aria-hidden
                  className="h-3 rounded-[2px] bg-(--chart-1)"
                  style={{ width: `${(count / most) * 100}%`, minWidth: count > 0 ? 2 : 0 }}
                />
              </td>
              <td className="w-px pl-3 text-right">{formatNumber(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

/** How the values of the whole range are spread, a figure for each of the first groups. */
export default function Distribution({ query, unit }: { query: Query; unit: string }) {
  const { step: _whole, ...rest } = query;
  const answer = useMetricQuery({ ...rest, aggregations: ['histogram'] }, { follow: false });
  const format = formatOf(unitOf(query.metric, unit, 'last'));
  if (answer.isError && !answer.data)
    return (
      <ErrorPanel what="The distribution" error={answer.error} onRetry={() => answer.refetch()} />
    );
  if (!answer.data) return <Skeleton className="mt-3 h-48" />;
  const shown = answer.data.series.slice(0, MAX_SHOWN);
  return (
    <section aria-label="Distribution" className="mt-4">
      <h2 className="mb-2 font-medium text-14">Distribution over the whole range</h2>
      <div className="grid gap-3 lg:grid-cols-2">
        {shown.map(({ labels, points }) => (
          <Bins
            key={labelText(labels)}
            title={labelText(labels) || query.metric}
            bins={points[0]?.histogram ?? []}
            format={format}
          />
        ))}
      </div>
      {answer.data.series.length > shown.length ? (
        <p className="mt-2 text-12 text-muted">
          {formatNumber(answer.data.series.length - shown.length)} more groups are not shown.
        </p>
      ) : null}
    </section>
  );
}
