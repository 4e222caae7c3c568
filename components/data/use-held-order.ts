'use client';

import type { RowData } from '@tanstack/react-table';
import { useRef } from 'react';

/**
 * Rows never jump under the pointer: while `held`, those on screen keep their places and only their content is
 * renewed; what is new waits.
 */
export function useHeldOrder<T extends RowData>(
  rows: readonly T[],
  rowId: (row: T) => string,
  held: boolean,
): readonly T[] {
  const shown = useRef<readonly T[]>(rows);
  const before = shown.current;
  // More was asked for at the end, or the list is another one: nothing to hold.
  const continues =
    held && before.length > 0 && rows.length > 0 && rows.length - before.length < 10;
  if (!continues) {
    shown.current = rows;
    return rows;
  }
  const now = new Map(rows.map((row) => [rowId(row), row]));
  const kept = before.flatMap((row) => now.get(rowId(row)) ?? []);
  // Less than half is still there: a filter changed.
  if (kept.length < before.length / 2) {
    shown.current = rows;
    return rows;
  }
  return kept;
}
