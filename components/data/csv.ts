import type { RowData } from '@tanstack/react-table';
import type { Column } from './columns.ts';

/** A cell that a spreadsheet would take for a formula gets a quote before it. */
function escapeCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 4180. */
export function toCsv<T extends RowData>(
  columns: readonly Column<T>[],
  rows: readonly T[],
): string {
  const taken = columns.flatMap(({ header, csv }) => (csv ? [{ header, csv }] : []));
  const lines = [
    taken.map(({ header }) => escapeCell(header)),
    ...rows.map((row) => taken.map(({ csv }) => escapeCell(csv(row)))),
  ];
  return `${lines.map((cells) => cells.join(',')).join('\r\n')}\r\n`;
}

export function downloadCsv<T extends RowData>(
  name: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
): void {
  download(name, 'csv', toCsv(columns, rows), 'text/csv;charset=utf-8');
}

/** Hands a text to the browser as a file. */
export function download(name: string, ending: string, text: string, type: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = `${name.toLowerCase().replaceAll(/\W+/g, '-')}.${ending}`;
  link.click();
  URL.revokeObjectURL(link.href);
}
