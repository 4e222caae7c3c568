/** `evaluate anomaly FILE`: the detector on a file, read and answered row by row. Needs no console and no database. */
import { createReadStream } from 'node:fs';
import { createDetector, type Detector } from '../metrics/index.ts';
import { PlainError } from '../platform/plain-error.ts';

const MAX_SERIES = 10_000;
const MAX_LINE = 1_000_000;
const PIECE_CHARS = 65_536;
const HEADERS = ['timestamp,value', 'series,timestamp,value'];
const VALUES = 'a number, or nothing or NaN for a gap';
const TIMES =
  'a time such as 2015-02-26 21:42:53 (UTC), 2015-02-26T21:42:53+01:00 or seconds since 1970';

type Row = { series: string | null; at: number; value: number | null };

/** The answer as text, in pieces: a JSON array with an entry for each row, in the order of the file. */
export async function* evaluateAnomaly(file: string): AsyncGenerator<string> {
  const detectors = new Map<string | null, Detector>();
  let piece = '[';
  let separator = '';
  for await (const { row, line } of rows(file)) {
    let detector = detectors.get(row.series);
    if (!detector) {
      if (detectors.size >= MAX_SERIES)
        throw new PlainError(`${file}, line ${line}: more than ${MAX_SERIES} series.`);
      detector = createDetector();
      detectors.set(row.series, detector);
    }
    const { score } = detector.push(row.at, row.value);
    const series = row.series === null ? {} : { series: row.series };
    const at = new Date(row.at).toISOString();
    piece += `${separator}${JSON.stringify({ ...series, at, score })}`;
    separator = ',\n';
    if (piece.length < PIECE_CHARS) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]\n`;
}

async function* rows(file: string): AsyncGenerator<{ row: Row; line: number }> {
  let line = 0;
  let named: boolean | null = null;
  for await (const text of linesOf(file)) {
    line++;
    if (named === null) named = readHeader(text.replace(/^\uFEFF/, ''), file);
    else if (text.trim() !== '') yield { row: readRow(text, named, `${file}, line ${line}`), line };
  }
  if (named === null)
    throw new PlainError(`${file} is empty; its first line must be ${HEADERS.join(' or ')}.`);
}

async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(file, 'utf8')) {
      const lines = `${rest}${chunk}`.split(/\r?\n/);
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) throw new PlainError(`${file}: a line is too long.`);
      yield* lines;
    }
  } catch (error) {
    if (error instanceof PlainError || !(error instanceof Error && 'code' in error)) throw error;
    throw new PlainError(`${file}: ${error.message}`);
  }
  if (rest !== '') yield rest;
}

/** Whether rows name their series. */
function readHeader(text: string, file: string): boolean {
  const header = text.toLowerCase().replace(/[\s"]/g, '');
  if (!HEADERS.includes(header)) {
    throw new PlainError(
      `${file}, line 1: "${text.slice(0, 100)}" is not accepted; the first line must be ${HEADERS.join(' or ')}.`,
    );
  }
  return header.startsWith('series');
}

function readRow(text: string, named: boolean, where: string): Row {
  const cells = splitCells(text);
  const wanted = named ? 3 : 2;
  const reject = (what: string, given: string, accepted: string) =>
    new PlainError(
      `${where}: ${what} "${given.slice(0, 100)}" is not accepted; it must be ${accepted}.`,
    );
  if (cells?.length !== wanted)
    throw reject('the row', text, `${wanted} cells: ${HEADERS[named ? 1 : 0]}`);
  const [time = '', value = ''] = named ? cells.slice(1) : cells;
  const at = readTime(time.trim());
  if (at === null) throw reject('the timestamp', time, TIMES);
  const number = readValue(value.trim());
  if (number === undefined) throw reject('the value', value, VALUES);
  return { series: named ? (cells[0] ?? '') : null, at, value: number };
}

/** Cells of one line; a cell in quotes may hold commas, and quotes that are doubled. Null when quotes do not match. */
function splitCells(text: string): string[] | null {
  if (!text.includes('"')) return text.split(',');
  const cells: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = cell.exec(text);
    if (!match) return null;
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return cells;
  }
}

const TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?$/i;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Epoch milliseconds. A time without a zone is UTC; a bare number counts seconds, or milliseconds from 1e11 on. */
function readTime(text: string): number | null {
  const match = TIME.exec(text);
  if (match) {
    const [, date, clock = '00:00', seconds = ':00', zone = 'Z'] = match;
    const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
    const at = Date.parse(`${date}T${clock}${seconds}${offset.toUpperCase()}`);
    return Number.isNaN(at) ? null : at;
  }
  if (!NUMBER.test(text)) return null;
  const at = Math.abs(Number(text)) < 1e11 ? Number(text) * 1000 : Number(text);
  return Math.abs(at) <= 8.64e15 ? at : null;
}

/** Null for a gap, undefined for what is neither. */
function readValue(text: string): number | null | undefined {
  if (text === '' || /^(nan|null|[+-]?inf(inity)?)$/i.test(text)) return null;
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
