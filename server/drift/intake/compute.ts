/** Entry of the worker threads: looks at a file, profiles one, profiles columns that are there already. */
import { open, stat } from 'node:fs/promises';
import { deflateSync } from 'node:zlib';
import type { FeatureKind } from '../contract.ts';
import { type ColumnLook, createLook } from './look.ts';
import {
  createProfiler,
  type FeatureProfile,
  type Profile,
  type ProfiledFeature,
} from './profile.ts';
import { readRecords, Unreadable } from './records.ts';
import { type Dialect, type DialectHints, dialectOf, encodingOf } from './sniff.ts';

const HEAD_BYTES = 1024 * 1024;
/** Shown as they stand. */
const SAMPLE_ROWS = 8;
const MAX_COLUMNS = 5_000;

export type PreviewTask = { file: string; hints: DialectHints; features: ProfiledFeature[] };
export type FileLook =
  | { fault: string }
  | {
      dialect: Dialect;
      quoted: boolean;
      /** Counted when the whole file was looked at. */
      rows: number;
      rowsExact: boolean;
      columns: ColumnLook[];
      sample: string[][];
      /** Rows with another number of cells than the first. */
      ragged: number;
    };

async function headOf(file: string): Promise<{ head: Buffer; size: number }> {
  const { size } = await stat(file);
  const handle = await open(file);
  try {
    const head = Buffer.alloc(Math.min(HEAD_BYTES, size));
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return { head: head.subarray(0, bytesRead), size };
  } finally {
    await handle.close();
  }
}

async function dialectOfFile(
  file: string,
  hints: DialectHints,
  features: readonly ProfiledFeature[],
): Promise<{ dialect: Dialect; text: string; size: number; looked: number } | { fault: string }> {
  const { head, size } = await headOf(file);
  if (size === 0) return { fault: 'The file is empty.' };
  const encoding = encodingOf(head);
  if ('fault' in encoding) return encoding;
  const text = new TextDecoder(encoding.encoding).decode(head, { stream: true });
  if (text.trim() === '') return { fault: 'The file holds nothing but space.' };
  const names = features.map(({ name }) => name);
  // A row that is cut is not looked at.
  const whole = head.length === size ? size : head.lastIndexOf(0x0a) + 1;
  const wide = encoding.encoding === 'utf-16le' ? 1 : 0;
  return {
    dialect: dialectOf(text, encoding, hints, names),
    text,
    size,
    looked: whole === size ? size : whole > 0 ? whole + wide : head.length,
  };
}

export async function previewTask({ file, hints, features }: PreviewTask): Promise<FileLook> {
  const found = await dialectOfFile(file, hints, features);
  if ('fault' in found) return found;
  const { dialect, text, size, looked } = found;
  const look = createLook(dialect.decimal);
  const sample: string[][] = [];
  let ragged = 0;
  let width = 0;
  // Where a longer file is cut may be within quotes: that is a fault of the look, not of the file.
  const whole = looked >= size;
  try {
    await readRecords(file, dialect, looked, {
      columns(names) {
        width = names.length;
        look.columns(names);
      },
      row(cells) {
        if (dialect.format === 'csv' && cells.length !== width) ragged++;
        look.row(cells);
        if (sample.length < SAMPLE_ROWS) {
          sample.push(
            cells.map((cell) =>
              (typeof cell === 'string' ? cell : JSON.stringify(cell)).slice(0, 100),
            ),
          );
        }
      },
      progress: () => undefined,
    });
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    if (whole || look.rows() === 0) return { fault: error.message };
  }
  const rows = look.rows();
  if (rows === 0) return { fault: 'The file has a header but no rows.' };
  const columns = look.finish();
  if (columns.length > MAX_COLUMNS) {
    return { fault: `The file has ${columns.length} columns; at most ${MAX_COLUMNS} are taken.` };
  }
  return {
    dialect,
    quoted: dialect.format === 'csv' && text.includes('"'),
    rows: whole ? rows : Math.round((rows * size) / looked),
    rowsExact: whole,
    columns,
    sample,
    ragged,
  };
}

export type ProfileTask = {
  file: string;
  hints: DialectHints;
  features: (ProfiledFeature & { column: string })[];
  timeColumn: string | null;
  size: number;
  seed: number;
  /** Two numbers: share of the bytes in parts of a million, and rows. Shared, so that it can be read meanwhile. */
  progress: Int32Array;
};
export type PackedColumn = {
  name: string;
  kind: FeatureKind | 'time';
  dictionary: string[];
  data: Uint8Array;
};
export type ProfileResult =
  | { fault: string }
  | (Omit<Profile, 'columns' | 'features'> & {
      features: FeatureProfile[];
      columns: PackedColumn[];
      ragged: number;
      raggedLines: number[];
    });

const packed = ({ columns, ...profile }: Profile) => ({
  ...profile,
  columns: columns.map(
    ({ values, ...column }): PackedColumn => ({
      ...column,
      data: new Uint8Array(
        deflateSync(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
      ),
    }),
  ),
});

export async function profileTask(task: ProfileTask): Promise<ProfileResult> {
  const found = await dialectOfFile(task.file, task.hints, task.features);
  if ('fault' in found) return found;
  const { dialect, size } = found;
  const profiler = createProfiler({
    ...task,
    decimal: dialect.decimal,
    timed: task.timeColumn !== null,
  });
  let places: number[] = [];
  let timePlace = -1;
  let width = 0;
  let ragged = 0;
  const raggedLines: number[] = [];
  const cells = new Array<unknown>(task.features.length);
  try {
    await readRecords(task.file, dialect, size, {
      columns(names) {
        width = names.length;
        places = task.features.map(({ column }) => names.indexOf(column));
        timePlace = task.timeColumn === null ? -1 : names.indexOf(task.timeColumn);
      },
      row(row, line) {
        if (dialect.format === 'csv' && row.length !== width) {
          ragged++;
          if (raggedLines.length < 5) raggedLines.push(line);
        }
        for (let i = 0; i < places.length; i++) cells[i] = row[places[i] as number];
        profiler.add(cells, line, timePlace < 0 ? null : row[timePlace]);
      },
      progress(bytes) {
        Atomics.store(task.progress, 0, Math.floor((1e6 * bytes) / size));
        Atomics.store(task.progress, 1, profiler.rows());
      },
    });
  } catch (error) {
    if (error instanceof Unreadable) return { fault: error.message };
    throw error;
  }
  const absent = task.features.find((_, i) => (places[i] ?? -1) < 0);
  if (profiler.rows() === 0) return { fault: 'The file has no rows.' };
  if (absent) return { fault: `The file has no column ${absent.column}.` };
  if (task.timeColumn !== null && timePlace < 0) {
    return { fault: `The file has no column ${task.timeColumn}.` };
  }
  const profile = profiler.finish();
  if (profile.sampled === 0)
    return { fault: `No row has a time that can be read in ${task.timeColumn}.` };
  return { ...packed(profile), ragged, raggedLines };
}

export type ColumnsTask = {
  features: ProfiledFeature[];
  /** Cells of each feature. */
  columns: ArrayLike<unknown>[];
  /** As they come; what is no time keeps its row out of the sample. */
  times: ArrayLike<unknown> | null;
  size: number;
  seed: number;
};
export function profileColumnsTask(task: ColumnsTask): ProfileResult {
  const profiler = createProfiler({ ...task, decimal: '.', timed: task.times !== null });
  const rows = task.times?.length ?? task.columns[0]?.length ?? 0;
  for (let row = 0; row < rows; row++) {
    profiler.add(
      task.columns.map((column) => column[row]),
      row + 1,
      task.times?.[row] ?? null,
    );
  }
  return { ...packed(profiler.finish()), ragged: 0, raggedLines: [] };
}
