'use client';

import { useRouter } from 'next/navigation';
import type { ReactNode } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { queryHref } from '../../../../components/queries/words.ts';
import type { DatabaseItem } from '../../../../server/queries/contract.ts';
import { callColumns } from './call-columns.tsx';
import { statementColumns } from './statement-columns.tsx';
import { type QueryFilters, useSlowCalls, useStatements } from './use-queries.ts';

type Props = { filters: QueryFilters; database: DatabaseItem; setUp: ReactNode };

function why(database: DatabaseItem): string {
  if (database.paused) return 'This database is paused, so nothing new is counted.';
  if (database.state === 'failed') return `It cannot be looked at: ${database.detail ?? ''}`;
  if (database.state === 'new')
    return 'The first look shows where counting starts; figures come with the second, some ten seconds later.';
  if (database.problem !== null && database.detail) return database.detail;
  return 'Statements appear within a minute after they ran. A longer range may hold some.';
}

export function Statements({ filters, database, setUp }: Props) {
  const router = useRouter();
  const { query, items } = useStatements(filters, database.id);
  if (query.isError && !items)
    return <ErrorPanel what="The statements" error={query.error} onRetry={() => query.refetch()} />;
  if (!items) return <TableSkeleton />;
  if (items.length === 0) {
    return filters.q !== '' || filters.kind ? (
      <EmptyState
        title="No such statement in this range"
        why="Look for a part of the text, such as the name of a table, or choose another kind or a longer range."
      />
    ) : (
      <EmptyState title="Nothing was counted yet" why={why(database)} action={setUp} />
    );
  }
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Statements"
        columns={statementColumns}
        rows={items}
        rowId={({ id }) => id}
        onOpen={({ id }) => router.push(queryHref(id, filters.range))}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
      />
    </>
  );
}

export function SlowCalls({ filters, database }: Omit<Props, 'setUp'>) {
  const router = useRouter();
  const { query, items } = useSlowCalls(filters, database.id);
  if (query.isError && !items)
    return <ErrorPanel what="The slow calls" error={query.error} onRetry={() => query.refetch()} />;
  if (!items) return <TableSkeleton />;
  if (items.length === 0) {
    return (
      <EmptyState
        title={filters.q === '' ? 'No slow call' : 'No such slow call'}
        why={
          database.kind === 'own'
            ? `Calls of this console that take more than ${database.slowMs} ms are written here, with the request and the procedure that made them.`
            : `Calls of more than ${database.slowMs} ms are written here when programs send database spans over OpenTelemetry, or when the server logs plans with auto_explain and the role may read its log.`
        }
      />
    );
  }
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Slow calls"
        columns={callColumns}
        rows={items}
        rowId={({ id }) => id}
        onOpen={({ statementId }) => router.push(queryHref(statementId, filters.range))}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
      />
    </>
  );
}
