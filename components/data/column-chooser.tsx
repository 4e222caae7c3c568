'use client';

import type { RowData } from '@tanstack/react-table';
import { Columns3 } from 'lucide-react';
import type { Column } from './columns.ts';
import type { Table } from './use-table-model.ts';

/** Which columns are shown; offered where there are more than eight. */
export function ColumnChooser<T extends RowData>(props: {
  table: Table<T>;
  byId: ReadonlyMap<string, Column<T>>;
}) {
  return (
    <details className="relative">
      <summary className="flex h-8 list-none items-center gap-2 rounded-control border border-line-strong bg-surface px-3 font-medium text-13 hover:bg-hover">
        <Columns3 aria-hidden className="size-4" />
        Columns
      </summary>
      <fieldset className="absolute right-0 z-20 mt-1 grid min-w-48 gap-1 rounded-card border border-line-strong bg-surface p-2 shadow-float">
        <legend className="sr-only">Columns that are shown</legend>
        {props.table.getAllLeafColumns().map((column) => (
          <label key={column.id} className="flex h-7 items-center gap-2 px-1 text-13">
            <input
              type="checkbox"
              checked={column.getIsVisible()}
              onChange={column.getToggleVisibilityHandler()}
              className="size-4 accent-accent"
            />
            {props.byId.get(column.id)?.header}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
