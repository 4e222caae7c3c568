'use client';

import { useQuery } from '@tanstack/react-query';
import { Details } from '../../../../components/data/details.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { count, formatNumber } from '../../../../components/format/number.ts';
import { formatSpanOf } from '../../../../components/format/time.ts';
import { Snippet } from '../../../../components/metrics/snippet.tsx';
import { trpc } from '../../../../components/trpc/client.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { ExplainResult, Query } from '../../../../server/metrics/contract.ts';

const ms = (value: number) => `${value < 10 ? value.toFixed(1) : formatNumber(value)} ms`;

function rowsOf({ result, plan }: ExplainResult) {
  const { timingsMs } = plan;
  // Another server was asked; what it did to answer is its own.
  if (plan.promql.length > 0) {
    return [
      ['Took', ms(result.tookMs)],
      ['Series', count(plan.groups, 'group')],
      ['Points', formatNumber(result.points)],
    ] as const;
  }
  return [
    ['Took', ms(result.tookMs)],
    [
      'Series',
      `${formatNumber(plan.seriesMatched)} of ${count(plan.seriesOfMetric, 'series', 'series')} of the metric`,
    ],
    ['Groups', `${count(plan.groups, 'group')}, ${count(result.points, 'point')}`],
    [
      'Read',
      `${count(result.scanned, 'sample')}, ${count(plan.chunks, 'chunk')} of ${formatBytes(plan.chunkBytes)}`,
    ],
    ['Roll-ups', count(plan.rollupRows, 'row')],
    [
      'In memory',
      `${count(plan.recentSamples, 'sample')} here, ${formatNumber(plan.otherReplicasSamples)} of other replicas`,
    ],
    ['Finding series', ms(timingsMs.resolve)],
    ['Reading', ms(timingsMs.read)],
    [
      'Calculating',
      `${ms(timingsMs.compute)}, ${plan.thread === 'worker' ? 'in a worker thread' : 'in the main thread'}`,
    ],
  ] as const;
}

/** How the store answered, and the query as scripts send it. */
export default function ExplainSheet({ query, onClose }: { query: Query; onClose(): void }) {
  const answer = useQuery(trpc.metrics.explain.queryOptions(query, { staleTime: 0 }));
  const data = answer.isPlaceholderData ? undefined : answer.data;
  return (
    <Dialog
      open
      as="sheet"
      title="How this was answered"
      description="What was read for the query, and where the time went."
      onOpenChange={onClose}
    >
      {answer.isError ? (
        <ErrorPanel what="The explanation" error={answer.error} onRetry={() => answer.refetch()} />
      ) : !data ? (
        <Skeleton className="h-64" />
      ) : (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-5">
          <Details rows={rowsOf(data)} />
          {data.plan.segments.length > 0 ? (
            <section>
              <h3 className="mb-1 font-medium text-14">Parts of the range</h3>
              <ul className="text-13">
                {data.plan.segments.map(({ resolution, from, to }) => (
                  <li key={`${resolution}${from}`} className="tabular-nums">
                    {formatSpanOf(Date.parse(from), Date.parse(to))}:{' '}
                    {resolution === 'raw' ? 'samples' : `${resolution} roll-ups`}
                  </li>
                ))}
              </ul>
            </section>
          ) : null}
          {data.plan.promql.length > 0 ? (
            <section>
              <h3 className="mb-1 font-medium text-14">PromQL that was sent</h3>
              <Snippet text={data.plan.promql.join('\n')} what="PromQL" />
            </section>
          ) : null}
          <section>
            <h3 className="mb-1 font-medium text-14">For scripts</h3>
            <Snippet
              text={`curl -G ${location.origin}/api/trpc/metrics.query \\\n  -H "Authorization: Bearer $WHEELHOUSE_KEY" \\\n  --data-urlencode 'input=${JSON.stringify(query).replaceAll("'", "'\\''")}'`}
              what="the command"
            />
          </section>
        </div>
      )}
    </Dialog>
  );
}
