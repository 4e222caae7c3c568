'use client';

import {
  type ColumnDef,
  columnVisibilityFeature,
  createSortedRowModel,
  type ReactTable,
  type Row,
  type RowData,
  rowSelectionFeature,
  rowSortingFeature,
  type SortingState,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useMemo } from 'react';
import type { Column, DataTableProps } from './columns.ts';

const features = tableFeatures({
  rowSortingFeature,
  rowSelectionFeature,
  columnVisibilityFeature,
  sortedRowModel: createSortedRowModel(),
});
export type TableRow<T extends RowData> = Row<typeof features, T>;
export type Table<T extends RowData> = ReactTable<typeof features, T>;

/** Nothing sorts last; text as people order it. */
function compare(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function defineColumn<T extends RowData>(column: Column<T>): ColumnDef<typeof features, T> {
  const { id, sort } = column;
  return {
    id,
    header: column.header,
    accessorFn: (row: T) => sort?.(row) ?? null,
    enableSorting: sort !== undefined,
    sortDescFirst: false,
    sortFn: (a, b) => compare(sort?.(a.original) ?? null, sort?.(b.original) ?? null),
  };
}

export function parseSort(sort: string | null | undefined): SortingState {
  if (!sort) return [];
  const [id = '', direction] = sort.split('.');
  return [{ id, desc: direction === 'desc' }];
}

/** TanStack Table over our own column description: sorting from the URL, selection, chosen columns. */
export function useTableModel<T extends RowData>(
  props: DataTableProps<T>,
  rows: readonly T[],
): Table<T> {
  const { columns, rowId, sort, onSort, bulk } = props;
  const definitions = useMemo(() => columns.map((column) => defineColumn(column)), [columns]);
  const data = useMemo(() => [...rows], [rows]);
  const sorting = useMemo(() => {
    const known = parseSort(sort).filter(({ id }) => columns.some((c) => c.id === id && c.sort));
    return known;
  }, [sort, columns]);
  return useTable({
    features,
    columns: definitions,
    data,
    getRowId: rowId,
    enableRowSelection: bulk !== undefined,
    enableMultiSort: false,
    initialState: {
      columnVisibility: Object.fromEntries(columns.map(({ id, hidden }) => [id, !hidden])),
    },
    state: { sorting },
    onSortingChange: (update) => {
      const [next] = typeof update === 'function' ? update(sorting) : update;
      onSort?.(next ? `${next.id}${next.desc ? '.desc' : ''}` : null);
    },
  });
}
