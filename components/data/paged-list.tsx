'use client';

import type { RowData } from '@tanstack/react-table';
import type { ReactNode } from 'react';
import type { DataTableProps } from './columns.ts';
import { ErrorPanel } from './error-panel.tsx';
import { LazyTable } from './lazy-table.tsx';
import { StaleNote } from './stale-note.tsx';
import { TableSkeleton } from './table-skeleton.tsx';

type Pages = {
  isError: boolean;
  error: unknown;
  dataUpdatedAt: number;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  refetch(): unknown;
  fetchNextPage(): unknown;
};

/** A list that is read page by page, in each of its states: failing, coming, empty, old, there. */
export function PagedList<T extends RowData>(
  props: Omit<DataTableProps<T>, 'rows' | 'more'> & {
    query: Pages;
    items: readonly T[] | undefined;
    /** As in "The forecasts could not be loaded." */
    what: string;
    /** Shown instead of a table without rows. */
    empty: ReactNode;
  },
) {
  const { query, items, what, empty, ...table } = props;
  if (query.isError && !items)
    return <ErrorPanel what={what} error={query.error} onRetry={() => query.refetch()} />;
  if (!items) return <TableSkeleton />;
  if (items.length === 0) return empty;
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        {...table}
        rows={items}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
      />
    </>
  );
}
