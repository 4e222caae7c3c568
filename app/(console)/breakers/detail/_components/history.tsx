'use client';

import type { Column } from '../../../../../components/data/columns.ts';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../../components/data/lazy-table.tsx';
import { TableSkeleton } from '../../../../../components/data/table-skeleton.tsx';
import { formatInstant } from '../../../../../components/format/time.ts';
import { api, trpc } from '../../../../../components/trpc/client.ts';
import { usePages } from '../../../../../components/trpc/use-pages.ts';
import type { BreakerEventItem } from '../../../../../server/breakers/contract.ts';
import { BreakerState, causeWord, stateWords } from '../../_components/words.tsx';

const columns: readonly Column<BreakerEventItem>[] = [
  {
    id: 'at',
    header: 'At',
    width: '200px',
    csv: ({ at }) => at,
    cell: ({ at }) => <time dateTime={at}>{formatInstant(at)}</time>,
  },
  {
    id: 'to',
    header: 'Became',
    width: '130px',
    csv: ({ to }) => stateWords[to].word,
    cell: ({ to }) => <BreakerState state={to} />,
  },
  {
    id: 'cause',
    header: 'Because',
    csv: ({ cause, detail }) => (detail ? `${causeWord(cause)}: ${detail}` : causeWord(cause)),
    cell: ({ cause, detail }) => (
      <span title={detail ?? undefined}>
        {causeWord(cause)}
        {detail ? <span className="text-muted">: {detail}</span> : null}
      </span>
    ),
  },
  {
    id: 'actor',
    header: 'By',
    width: '160px',
    csv: ({ actor, replica }) => actor ?? replica,
    cell: ({ actor, replica }) => (
      <span title={replica ?? undefined}>
        {actor ?? <span className="text-muted">{replica}</span>}
      </span>
    ),
  },
];

/** Every change of state of the last 90 days, newest first. */
export function History({ name }: { name: string }) {
  const { query, items } = usePages({
    pathKey: trpc.breakers.events.pathKey(),
    input: { name },
    fetchPage: (cursor, signal) =>
      api.breakers.events.query({ name, limit: 50, cursor }, { signal }),
  });
  return (
    <section aria-labelledby="history" className="mt-6">
      <h2 id="history" className="mb-2 font-medium text-14">
        History
      </h2>
      {query.isError && !items ? (
        <ErrorPanel what="The history" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : items.length === 0 ? (
        <p className="text-13 text-muted">It has been closed since it was made.</p>
      ) : (
        <LazyTable
          label="History"
          columns={columns}
          rows={items}
          rowId={({ id }) => id}
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
