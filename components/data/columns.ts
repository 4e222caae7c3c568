import type { RowData } from '@tanstack/react-table';
import type { ReactNode } from 'react';

/** One column of a `DataTable`. */
export type Column<T extends RowData> = {
  id: string;
  header: string;
  cell(row: T): ReactNode;
  /** What it is sorted by; without it the column cannot be sorted. */
  sort?: (row: T) => string | number | null;
  /** What goes into the CSV file; without it the column is left out. */
  csv?: (row: T) => string | number | null;
  /** Numbers are set right. */
  align?: 'right';
  /** CSS width; the rest is shared. */
  width?: string;
  /** Not shown until chosen. */
  hidden?: true;
};

export type DataTableProps<T extends RowData> = {
  /** Names the table for those who cannot see it, and its CSV file. */
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowId(row: T): string;
  /** A row that changes its stamp tints for a moment. */
  stamp?: (row: T) => string;
  onOpen?: (row: T) => void;
  /** Row that is open elsewhere on the page. */
  openId?: string | null;
  /** With it rows can be selected; gets what is selected, and the way to clear it. */
  bulk?: (rows: readonly T[], clear: () => void) => ReactNode;
  /** `column` or `column.desc`, from the URL. */
  sort?: string | null;
  onSort?: (sort: string | null) => void;
  /** There is more than what is loaded. */
  more?: { load(): void; busy: boolean } | null;
  /** For sheets: as narrow as its place, instead of scrolling sideways. */
  narrow?: true;
  toolbar?: ReactNode;
};
