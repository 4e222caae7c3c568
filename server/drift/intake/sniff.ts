/** What kind of file this is, judged by its first bytes: encoding, format, delimiter, header, decimal sign. Pure. */
import { readNumber } from '../statistics/cells.ts';

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
export type FileFormat = 'csv' | 'json' | 'jsonl';
export const delimiters = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof delimiters)[number];
export type Dialect = {
  encoding: Encoding;
  bom: boolean;
  format: FileFormat;
  delimiter: Delimiter;
  decimal: '.' | ',';
  header: boolean;
};
export type DialectHints = Partial<Pick<Dialect, 'delimiter' | 'decimal' | 'header'>>;

export function encodingOf(
  head: Uint8Array,
): { encoding: Encoding; bom: boolean } | { fault: string } {
  const [a, b, c] = head;
  if (a === 0xef && b === 0xbb && c === 0xbf) return { encoding: 'utf-8', bom: true };
  if (a === 0xff && b === 0xfe) return { encoding: 'utf-16le', bom: true };
  if (a === 0xfe && b === 0xff) return { encoding: 'utf-16be', bom: true };
  if (a === 0x1f && b === 0x8b) return { fault: 'The file is compressed (gzip); unpack it first.' };
  if (a === 0x50 && b === 0x4b) {
    return { fault: 'The file is a ZIP or Excel file; save the table as CSV first.' };
  }
  if (a === 0x50 && head[1] === 0x41 && head[2] === 0x52 && head[3] === 0x31) {
    return { fault: 'The file is Parquet; export it as CSV or JSON lines first.' };
  }
  let even = 0;
  let odd = 0;
  const looked = Math.min(head.length, 4_096);
  for (let i = 0; i < looked; i++) if (head[i] === 0) i % 2 === 0 ? even++ : odd++;
  if (odd > looked / 5 && even === 0) return { encoding: 'utf-16le', bom: false };
  if (even > looked / 5 && odd === 0) return { encoding: 'utf-16be', bom: false };
  if (even + odd > 0) return { fault: 'The file is no text: it holds zero bytes.' };
  try {
    // The last character may be cut.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return { encoding: 'utf-8', bom: false };
  } catch {
    return { encoding: 'windows-1252', bom: false };
  }
}

/** Rows of a text as CSV has them, by a plain reading of quotes; the last one may be cut. */
export function splitRows(text: string, delimiter: string, max: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length && rows.length < max; i++) {
    const sign = text[i];
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (text[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (sign === '"' && cell === '') quoted = true;
    else if (sign === delimiter) {
      row.push(cell);
      cell = '';
    } else if (sign === '\n' || sign === '\r') {
      if (sign === '\r' && text[i + 1] === '\n') i++;
      if (row.length > 0 || cell !== '') rows.push([...row, cell]);
      row = [];
      cell = '';
    } else cell += sign;
  }
  if (rows.length < max && (row.length > 0 || cell !== '')) rows.push([...row, cell]);
  return rows;
}

/** The one that gives most rows the same number of columns, more than one where any does. */
function delimiterOf(text: string): Delimiter {
  let best: { delimiter: Delimiter; score: number } = { delimiter: ',', score: 0 };
  for (const delimiter of delimiters) {
    const rows = splitRows(text, delimiter, 50);
    const widths = new Map<number, number>();
    for (const { length } of rows) widths.set(length, (widths.get(length) ?? 0) + 1);
    const [width = 1, count = 0] = [...widths].sort((a, b) => b[1] - a[1])[0] ?? [];
    const score = width > 1 ? (count / rows.length) * (1 + Math.min(width, 50) / 100) : 0;
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

export function dialectOf(
  head: string,
  given: { encoding: Encoding; bom: boolean },
  hints: DialectHints,
  known: readonly string[],
): Dialect {
  const start = head.trimStart()[0];
  const format: FileFormat = start === '[' ? 'json' : start === '{' ? 'jsonl' : 'csv';
  const delimiter = hints.delimiter ?? (format === 'csv' ? delimiterOf(head) : ',');
  const rows = format === 'csv' ? splitRows(head, delimiter, 200) : [];
  const cells = rows.slice(1).flat();
  const commas = cells.filter((cell) => /^\s*-?\d{1,3}(\.?\d{3})*,\d+\s*$/.test(cell)).length;
  const points = cells.filter((cell) => /^\s*-?\d+\.\d+\s*$/.test(cell)).length;
  const decimal = hints.decimal ?? (delimiter !== ',' && commas > points ? ',' : '.');
  return {
    ...given,
    format,
    delimiter,
    decimal,
    header: hints.header ?? (format !== 'csv' || hasHeader(rows, known)),
  };
}

function hasHeader(rows: readonly (readonly string[])[], known: readonly string[]): boolean {
  const [first, ...rest] = rows;
  if (!first) return true;
  const names = new Set(known.map((name) => name.toLowerCase()));
  if (first.some((cell) => names.has(cell.trim().toLowerCase()))) return true;
  if (first.some((cell) => typeof numberOf(cell, '.') === 'number' && cell.trim() !== ''))
    return false;
  // Nobody names two columns alike; and a name that stands in its own column is a value.
  if (new Set(first).size < first.length) return false;
  return !first.some((cell, column) => rest.some((row) => row[column] === cell));
}

/** A cell as number: NaN for missing, null for a text. With a decimal comma, points and spaces group thousands. */
export function numberOf(cell: string, decimal: '.' | ','): number | null {
  if (decimal === '.') return readNumber(cell);
  const text = cell.trim();
  return readNumber(
    /^[-+]?[\d. \u00a0]*(,\d*)?(e[-+]?\d+)?$/i.test(text)
      ? text.replace(/[. \u00a0]/g, '').replace(',', '.')
      : text,
  );
}

const ISO_DATE = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/;
/** Milliseconds since 1970; null for no time. Without a zone it is UTC; numbers are seconds, or milliseconds when they are that large. */
export function timeOf(cell: unknown): number | null {
  if (
    typeof cell === 'number' ||
    (typeof cell === 'string' && /^\d{9,14}(\.\d+)?$/.test(cell.trim()))
  ) {
    const number = Number(cell);
    const ms = number > 1e11 ? number : number * 1_000;
    return number > 1e8 && ms < 4e12 ? ms : null;
  }
  if (typeof cell !== 'string') return null;
  const text = cell.trim();
  if (!ISO_DATE.test(text)) return null;
  const zoned =
    /(Z|[+-]\d\d:?\d\d)$/.test(text.slice(10)) || text.length === 10 ? text : `${text}Z`;
  const at = Date.parse(zoned.replace(' ', 'T'));
  return Number.isNaN(at) ? null : at;
}
