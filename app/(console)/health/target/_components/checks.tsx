'use client';

import { CircleAlert, CircleCheck } from 'lucide-react';
import type { Column } from '../../../../../components/data/columns.ts';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../../components/data/lazy-table.tsx';
import { TableSkeleton } from '../../../../../components/data/table-skeleton.tsx';
import { formatDuration } from '../../../../../components/format/duration.ts';
import { formatInstant } from '../../../../../components/format/time.ts';
import { api, trpc } from '../../../../../components/trpc/client.ts';
import { usePages } from '../../../../../components/trpc/use-pages.ts';
import type { CheckItem } from '../../../../../server/health/contract.ts';

const columns: readonly Column<CheckItem>[] = [
  {
    id: 'at',
    header: 'At',
    width: '230px',
    csv: (check) => check.at,
    cell: (check) => <time dateTime={check.at}>{formatInstant(check.at)}</time>,
  },
  {
    id: 'result',
    header: 'Result',
    width: '120px',
    csv: (check) => (check.ok ? 'good' : 'failed'),
    cell: (check) =>
      check.ok ? (
        <span className="flex items-center gap-1.5">
          <CircleCheck aria-hidden className="size-3.5 text-ok-text" /> Good
        </span>
      ) : (
        <span className="flex items-center gap-1.5 text-bad-text">
          <CircleAlert aria-hidden className="size-3.5" /> Failed
        </span>
      ),
  },
  {
    id: 'latency',
    header: 'Latency',
    width: '110px',
    align: 'right',
    csv: (check) => check.latencyMs,
    cell: (check) => (check.latencyMs === null ? '–' : formatDuration(check.latencyMs / 1000)),
  },
  {
    id: 'detail',
    header: 'Detail',
    csv: (check) => check.detail,
    cell: (check) => (
      <span title={check.detail ?? undefined} className="text-muted">
        {check.excluded ? 'Not counted. ' : ''}
        {check.detail ?? ''}
      </span>
    ),
  },
];

/** Every check of the last seven days, newest first. */
export function Checks({ id }: { id: string }) {
  const { query, items } = usePages({
    pathKey: trpc.health.targets.checks.pathKey(),
    input: { id },
    fetchPage: (cursor, signal) =>
      api.health.targets.checks.query({ id, limit: 50, cursor }, { signal }),
  });
  return (
    <section aria-labelledby="checks" className="mt-6">
      <h2 id="checks" className="mb-2 font-medium text-14">
        Checks
      </h2>
      {query.isError && !items ? (
        <ErrorPanel what="The checks" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : items.length === 0 ? (
        <p className="text-13 text-muted">It has not been checked yet.</p>
      ) : (
        <LazyTable
          label="Checks"
          columns={columns}
          rows={items}
          rowId={(check) => check.at}
          more={
            query.hasNextPage
              ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
              : null
          }
        />
      )}
    </section>
  );
}
