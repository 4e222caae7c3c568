'use client';

import type { RowData } from '@tanstack/react-table';
import { lazy, Suspense } from 'react';
import type { DataTableProps } from './columns.ts';
import { TableSkeleton } from './table-skeleton.tsx';

const Loaded = lazy(() => import('./data-table.tsx').then((m) => ({ default: m.DataTable })));

/** The table's code comes while its rows do. */
export function LazyTable<T extends RowData>(props: DataTableProps<T>) {
  // `lazy` forgets that `DataTable` is generic; the props are checked against it here.
  const Table = Loaded as unknown as (props: DataTableProps<T>) => React.ReactNode;
  return (
    <Suspense fallback={<TableSkeleton />}>
      <Table {...props} />
    </Suspense>
  );
}
