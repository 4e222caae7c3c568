/** Streams the rows of a file, in bounded memory: CSV by csv-parse, JSON lists and lines by a scanner. */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import type { Dialect } from './sniff.ts';

const CHUNK = 256 * 1024;
export const MAX_RECORD_BYTES = 1024 * 1024;

/** The file cannot be read any further; the message is for people. */
export class Unreadable extends Error {}

export type RowSink = {
  /** The names, once, before the first row; of a file without names `column 1` and so on. */
  columns(names: string[]): void;
  /** Cells in the order of the columns; of JSON whatever stands there. `line` is where the row ends, or its number in JSON. */
  row(cells: readonly unknown[], line: number): void;
  /** Bytes of the file that were read so far. */
  progress(bytes: number): void;
};

/** UTF-8 as it is on disk, other encodings made into it. */
async function* utf8(
  file: string,
  dialect: Dialect,
  end: number,
  sink: RowSink,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  const decoder =
    dialect.encoding === 'utf-8' ? null : new TextDecoder(dialect.encoding, { fatal: false });
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK, end: end - 1 })) {
    const buffer: Buffer = chunk;
    bytes += buffer.length;
    yield decoder ? Buffer.from(decoder.decode(buffer, { stream: true })) : buffer;
    sink.progress(bytes);
  }
  const rest = decoder?.decode();
  if (rest) yield Buffer.from(rest);
}

/** Reads the first `end` bytes of the file, or all. */
export async function readRecords(
  file: string,
  dialect: Dialect,
  end: number,
  sink: RowSink,
): Promise<void> {
  if (end === 0) return;
  const source = utf8(file, dialect, end, sink);
  if (dialect.format === 'csv') await readCsv(source, dialect, sink);
  else await readJson(source, dialect, sink);
}

async function readCsv(
  source: AsyncIterable<Buffer>,
  dialect: Dialect,
  sink: RowSink,
): Promise<void> {
  let named = false;
  const parser = parse({
    delimiter: dialect.delimiter,
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_BYTES,
    on_record(record: string[], { lines }: { lines: number }) {
      if (!named) {
        named = true;
        sink.columns(
          dialect.header ? namesOf(record) : record.map((_, place) => `column ${place + 1}`),
        );
        if (dialect.header) return null;
      }
      sink.row(record, lines);
      // Nothing is handed on: the parser would keep it.
      return null;
    },
  });
  const failed = new Promise<never>((_, reject) => parser.once('error', reject));
  // Heard below; it may also come when nobody waits any more.
  failed.catch(() => undefined);
  const ended = new Promise<void>((resolve) => parser.once('end', resolve));
  parser.resume();
  try {
    for await (const chunk of source) {
      if (parser.write(chunk)) continue;
      await Promise.race([new Promise<void>((resolve) => parser.once('drain', resolve)), failed]);
    }
    parser.end();
    await Promise.race([ended, failed]);
  } catch (error) {
    throw csvFault(error);
  }
}

function csvFault(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  const at = error instanceof Error ? (/at line (\d+)/.exec(error.message)?.[1] ?? '') : '';
  if (code === 'CSV_QUOTE_NOT_CLOSED') {
    return new Unreadable(`A quote is opened in line ${at} and never closed.`);
  }
  if (code === 'CSV_MAX_RECORD_SIZE') {
    return new Unreadable(
      `A row is longer than ${MAX_RECORD_BYTES} bytes${at ? ` (line ${at})` : ''}; perhaps a quote is not closed, or this is no table.`,
    );
  }
  if (typeof code === 'string' && code.startsWith('CSV_') && error instanceof Error) {
    return new Unreadable(`The file is no CSV: ${error.message}`);
  }
  return error;
}

/** Empty and repeated names are told apart. */
export function namesOf(header: readonly string[]): string[] {
  const used = new Map<string, number>();
  return header.map((cell, place) => {
    const name = cell.trim().slice(0, 200) || `column ${place + 1}`;
    const before = used.get(name) ?? 0;
    used.set(name, before + 1);
    return before === 0 ? name : `${name} (${before + 1})`;
  });
}

async function readJson(
  source: AsyncIterable<Buffer>,
  dialect: Dialect,
  sink: RowSink,
): Promise<void> {
  const decoder = new TextDecoder('utf-8');
  let names: string[] = [];
  let places = new Map<string, number>();
  let count = 0;
  const take = (text: string) => {
    count++;
    const record = parseObject(text, count);
    if (count === 1) {
      names = Object.keys(record).slice(0, 1_000);
      places = new Map(names.map((name, place) => [name, place]));
      sink.columns(names);
    }
    const cells = new Array<unknown>(names.length).fill(null);
    for (const [name, value] of Object.entries(record)) {
      const place = places.get(name);
      if (place !== undefined) cells[place] = value;
      else if (names.length < 1_000) {
        // A later object may have names that the first has not.
        places.set(name, names.length);
        names.push(name);
        cells.push(value);
        sink.columns(names);
      }
    }
    sink.row(cells, count);
  };
  let rest = '';
  const scan = dialect.format === 'jsonl' ? byLines : byObjects;
  for await (const chunk of source) {
    rest = scan(rest + decoder.decode(chunk, { stream: true }), take);
    if (rest.length > MAX_RECORD_BYTES) {
      throw new Unreadable(`Object ${count + 1} is longer than ${MAX_RECORD_BYTES} bytes.`);
    }
  }
  rest += decoder.decode();
  if (dialect.format === 'jsonl') {
    if (rest.trim() !== '') take(rest);
  } else if (rest.trim() !== '' && rest.trim() !== '[]') {
    throw new Unreadable(`The list is not closed after object ${count}.`);
  }
}

function parseObject(text: string, count: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Unreadable(`Object ${count} is no valid JSON: ${text.trim().slice(0, 60)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Unreadable(
      `Entry ${count} is no object of values by name: ${text.trim().slice(0, 60)}`,
    );
  }
  // Of `JSON.parse`: an object whose keys are texts.
  return value as Record<string, unknown>;
}

/** Answers the line that is not complete yet. */
function byLines(text: string, take: (line: string) => void): string {
  let from = 0;
  for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
    const line = text.slice(from, to);
    if (line.trim() !== '') take(line);
    from = to + 1;
  }
  return text.slice(from);
}

/** Objects of a list; answers what is not complete yet: nothing once the list is closed. */
function byObjects(text: string, take: (object: string) => void): string {
  let depth = 0;
  let begun = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const sign = text.charCodeAt(i);
    if (quoted) {
      if (sign === 0x5c) i++;
      else if (sign === 0x22) quoted = false;
      continue;
    }
    if (sign === 0x22) quoted = true;
    else if (sign === 0x7b) {
      if (depth === 0) begun = i;
      depth++;
    } else if (sign === 0x7d) {
      depth--;
      if (depth === 0) {
        take(text.slice(begun, i + 1));
        begun = i + 1;
      }
    } else if (depth === 0) {
      if (sign === 0x5d) return '';
      // Brackets, commas and space between objects; anything else is no object.
      if (sign === 0x5b || sign === 0x2c || sign <= 0x20 || sign === 0xfeff) begun = i + 1;
      else {
        const end = /[,\]]/.exec(text.slice(i));
        if (!end) return text.slice(i);
        take(text.slice(i, i + end.index));
      }
    }
  }
  return text.slice(begun);
}
