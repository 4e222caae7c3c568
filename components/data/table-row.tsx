'use client';

import type { RowData } from '@tanstack/react-table';
import { type KeyboardEvent, type MouseEvent, useEffect, useRef } from 'react';
import { cx } from '../ui/cx.ts';
import type { Column } from './columns.ts';
import type { TableRow } from './use-table-model.ts';

type TableRowViewProps<T extends RowData> = {
  row: TableRow<T>;
  byId: ReadonlyMap<string, Column<T>>;
  index: number;
  stamp: string | undefined;
  atCursor: boolean;
  isOpen: boolean;
  selectable: boolean;
  onOpen: ((row: T) => void) | undefined;
};

/** Plays the tint when the stamp changes, not when the row first appears. */
function useTint(stamp: string | undefined) {
  const element = useRef<HTMLTableRowElement>(null);
  const before = useRef(stamp);
  useEffect(() => {
    if (before.current === stamp) return;
    before.current = stamp;
    const { current } = element;
    current?.classList.remove('animate-tint');
    // Reading a size makes the browser take the removal in, so that the animation starts again.
    void current?.offsetWidth;
    current?.classList.add('animate-tint');
  }, [stamp]);
  return element;
}

export function TableRowView<T extends RowData>(props: TableRowViewProps<T>) {
  const { row, byId, index, stamp, atCursor, isOpen, selectable, onOpen } = props;
  const element = useTint(stamp);
  const open = (event: MouseEvent | KeyboardEvent) => {
    const { target } = event;
    if (target instanceof Element && target.closest('button, a, input, [role="menuitem"]')) return;
    if (window.getSelection()?.toString()) return;
    onOpen?.(row.original);
  };
  return (
    <tr
      ref={element}
      aria-rowindex={index + 2}
      aria-selected={selectable ? row.getIsSelected() : undefined}
      onClick={onOpen ? open : undefined}
      className={cx(
        'group h-9 hover:bg-hover',
        onOpen && 'cursor-pointer',
        (isOpen || row.getIsSelected()) && 'bg-accent-soft',
        atCursor && 'outline-2 outline-accent-text -outline-offset-2',
      )}
    >
      {selectable ? (
        <td className="border-b pl-3">
          <input
            type="checkbox"
            aria-label="Select row"
            checked={row.getIsSelected()}
            onChange={row.getToggleSelectedHandler()}
            className="size-4 accent-accent align-middle"
          />
        </td>
      ) : null}
      {row.getVisibleCells().map((cell) => {
        const column = byId.get(cell.column.id);
        return (
          <td
            key={cell.id}
            className={cx(
              'h-9 max-w-0 truncate border-b px-3 text-13',
              column?.align === 'right' && 'text-right tabular-nums',
            )}
          >
            {column?.cell(row.original)}
          </td>
        );
      })}
    </tr>
  );
}
