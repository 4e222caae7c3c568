'use client';

import type { RowData } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Download } from 'lucide-react';
import { useCallback, useMemo, useRef, useState } from 'react';
import { count } from '../format/number.ts';
import { Button } from '../ui/button.tsx';
import { cx } from '../ui/cx.ts';
import { ScrollRegion } from '../ui/scroll-region.tsx';
import { ColumnChooser } from './column-chooser.tsx';
import type { DataTableProps } from './columns.ts';
import { TableHead } from './table-head.tsx';
import { TableRowView } from './table-row.tsx';
import { useHeldOrder } from './use-held-order.ts';
import { useRowKeys } from './use-row-keys.ts';
import { useTableModel } from './use-table-model.ts';

const ROW_PX = 36;
const VIRTUAL_PAST = 100;
const CHOOSER_PAST = 8;

/** Rows of 36 px under a header that stays, virtual past 100, worked with j, k, Enter and x. */
export function DataTable<T extends RowData>(props: DataTableProps<T>) {
  const { label, columns, rowId, stamp, onOpen, openId, bulk, more, toolbar, narrow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState(false);
  const held = useHeldOrder(props.rows, rowId, hovered);
  const table = useTableModel(props, held);
  const { rows } = table.getRowModel();
  const byId = useMemo(() => new Map(columns.map((column) => [column.id, column])), [columns]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    enabled: rows.length > VIRTUAL_PAST,
  });
  const cursor = useRowKeys({
    count: rows.length,
    open: useCallback(
      (index) => {
        const row = rows[index];
        if (row) onOpen?.(row.original);
      },
      [rows, onOpen],
    ),
    toggle: useCallback((index) => rows[index]?.toggleSelected(), [rows]),
    reveal: useCallback((index) => {
      const { current } = scroller;
      if (!current) return;
      const top = index * ROW_PX;
      const room = current.clientHeight - 2 * ROW_PX;
      if (top < current.scrollTop) current.scrollTop = top;
      else if (top > current.scrollTop + room) current.scrollTop = top - room;
    }, []),
  });
  const selected = bulk ? table.getSelectedRowModel().rows.map((row) => row.original) : [];
  const items = virtual.getVirtualItems();
  const isVirtual = rows.length > VIRTUAL_PAST;
  const shown = isVirtual ? items.map(({ index }) => index) : rows.map((_, index) => index);
  const above = isVirtual ? (items[0]?.start ?? 0) : 0;
  const below = isVirtual ? virtual.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  return (
    <section aria-label={label}>
      <div className="mb-2 flex min-h-8 flex-wrap items-center justify-end gap-2">
        {selected.length > 0 && bulk ? (
          <div className="flex flex-1 flex-wrap items-center gap-2" role="status">
            <span className="text-13">{count(selected.length, 'row')} selected</span>
            {bulk(selected, () => table.resetRowSelection(true))}
          </div>
        ) : (
          <div
            className={cx(
              'flex min-w-0 flex-1 flex-wrap items-center gap-2',
              // On a phone filters have a line of their own, above the buttons.
              toolbar ? 'basis-full sm:basis-0' : null,
            )}
          >
            {toolbar}
          </div>
        )}
        {columns.length > CHOOSER_PAST ? <ColumnChooser table={table} byId={byId} /> : null}
        <Button
          onClick={() => {
            import('./csv.ts')
              .then(({ downloadCsv }) =>
                downloadCsv(
                  label,
                  columns,
                  rows.map((r) => r.original),
                ),
              )
              .catch(() => undefined);
          }}
        >
          <Download aria-hidden className="size-4" />
          CSV
        </Button>
      </div>
      <ScrollRegion
        ref={scroller}
        aria-label={`${label}, scrolls`}
        onPointerEnter={() => setHovered(true)}
        onPointerLeave={() => setHovered(false)}
        className="max-h-[max(320px,calc(100dvh-220px))] overflow-auto rounded-card border bg-surface"
      >
        <table
          aria-rowcount={rows.length + 1}
          className={cx(
            'w-full table-fixed border-separate border-spacing-0',
            !narrow && 'min-w-[880px]',
          )}
        >
          <caption className="sr-only">{label}</caption>
          <TableHead table={table} byId={byId} selectable={bulk !== undefined} />
          <tbody>
            {above > 0 ? <tr aria-hidden style={{ height: above }} /> : null}
            {shown.map((index) => {
              const row = rows[index];
              return row ? (
                <TableRowView
                  key={row.id}
                  row={row}
                  byId={byId}
                  index={index}
                  stamp={stamp?.(row.original)}
                  atCursor={index === cursor}
                  isOpen={row.id === openId}
                  selectable={bulk !== undefined}
                  onOpen={onOpen}
                />
              ) : null;
            })}
            {below > 0 ? <tr aria-hidden style={{ height: below }} /> : null}
          </tbody>
        </table>
      </ScrollRegion>
      {more ? (
        <div className="mt-2 flex justify-center">
          <Button onClick={more.load} busy={more.busy}>
            Load more
          </Button>
        </div>
      ) : null}
    </section>
  );
}
