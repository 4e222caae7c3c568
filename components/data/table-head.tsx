'use client';

import type { RowData } from '@tanstack/react-table';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { cx } from '../ui/cx.ts';
import type { Column } from './columns.ts';
import type { Table } from './use-table-model.ts';

const ariaSort = { asc: 'ascending', desc: 'descending' } as const;

export function TableHead<T extends RowData>(props: {
  table: Table<T>;
  byId: ReadonlyMap<string, Column<T>>;
  selectable: boolean;
}) {
  const { table, byId, selectable } = props;
  return (
    <thead className="sticky top-0 z-10 bg-raised text-12 text-muted">
      <tr>
        {selectable ? (
          <th scope="col" className="h-9 w-10 border-b pl-3 text-left">
            <input
              type="checkbox"
              aria-label="Select all rows"
              checked={table.getIsAllRowsSelected()}
              onChange={table.getToggleAllRowsSelectedHandler()}
              className="size-4 accent-accent align-middle"
            />
          </th>
        ) : null}
        {table.getVisibleLeafColumns().map((column) => {
          const definition = byId.get(column.id);
          const sorted = column.getIsSorted();
          const Arrow = sorted === 'desc' ? ArrowDown : ArrowUp;
          return (
            <th
              key={column.id}
              scope="col"
              aria-sort={sorted ? ariaSort[sorted] : undefined}
              style={{ width: definition?.width }}
              className={cx(
                'h-9 whitespace-nowrap border-b px-3 font-medium',
                definition?.align === 'right' ? 'text-right' : 'text-left',
              )}
            >
              {column.getCanSort() ? (
                <button
                  type="button"
                  onClick={column.getToggleSortingHandler()}
                  className={cx(
                    'inline-flex h-6 items-center gap-1 rounded-control hover:text-text',
                    // The arrow stands before, so that header and numbers end at one line.
                    definition?.align === 'right' && 'flex-row-reverse',
                  )}
                >
                  {definition?.header}
                  <Arrow aria-hidden className={cx('size-3', !sorted && 'opacity-0')} />
                </button>
              ) : (
                definition?.header
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}
