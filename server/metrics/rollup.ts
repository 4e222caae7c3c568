/**
 * Minutes and hours of a series: what is left of the samples of a day. Everything that a query asks of a bucket can be
 * made by merging them: count, sum, extremes, first and last with their times, spread (Chan, Golub and LeVeque 1979),
 * increase, and a quantile sketch. Pure; runs in worker threads.
 */
import { chunkCount, decodeInto, encodeChunk } from './codec.ts';
import type { Run } from './head.ts';
import { add, keyOf, type Sketch } from './sketch.ts';

/** Columns of a roll-up, in the order in which they are stored. */
export const columns = [
  'count',
  'sum',
  'min',
  'max',
  'first',
  'last',
  'firstAt',
  'lastAt',
  'm2',
  'increase',
] as const;
export type Column = (typeof columns)[number];
export type Rollup = { starts: Float64Array } & Partial<Record<Column, Float64Array>>;

/** Two samples that are further apart say nothing about what happened between them. */
export const MAX_STEP_MS = 3_600_000;

/**
 * What a counter grew by from one sample to the next: the difference, or the new value when it fell (a reset). The
 * increase belongs to the time of the later sample.
 */
export function growth(beforeAt: number, before: number, at: number, value: number): number {
  if (at - beforeAt > MAX_STEP_MS || Number.isNaN(before) || Number.isNaN(value)) return 0;
  return value >= before ? value - before : value;
}

/**
 * Buckets of `stepMs` of one series. `before` is the last sample before the first one, if any. NaN samples are no
 * readings and are left out.
 */
export function rollUp(
  { times, values }: Run,
  stepMs: number,
  options: { delta: boolean; before: { at: number; value: number } | null },
): { rollup: Rollup & Record<Column, Float64Array>; sketches: Sketch[] } {
  const rows: number[][] = [];
  const starts: number[] = [];
  const sketches: Sketch[] = [];
  let beforeAt = options.before?.at ?? Number.NEGATIVE_INFINITY;
  let before = options.before?.value ?? Number.NaN;
  let row: number[] | undefined;
  let sketch: Sketch = new Map();
  for (let i = 0; i < times.length; i++) {
    const at = times[i] ?? 0;
    const value = values[i] ?? 0;
    if (Number.isNaN(value)) continue;
    const start = Math.floor(at / stepMs) * stepMs;
    if (!row || starts[starts.length - 1] !== start) {
      row = [0, 0, value, value, value, value, at - start, at - start, 0, 0];
      sketch = new Map();
      starts.push(start);
      rows.push(row);
      sketches.push(sketch);
    }
    const [count = 0, sum = 0, min = value, max = value] = row;
    // Welford's update.
    const mean = count > 0 ? sum / count : 0;
    const next = count + 1;
    row[8] = (row[8] ?? 0) + (count > 0 ? ((value - mean) ** 2 * count) / next : 0);
    row[0] = next;
    row[1] = sum + value;
    row[2] = Math.min(min, value);
    row[3] = Math.max(max, value);
    row[5] = value;
    row[7] = at - start;
    row[9] = (row[9] ?? 0) + (options.delta ? value : growth(beforeAt, before, at, value));
    add(sketch, keyOf(value), 1);
    beforeAt = at;
    before = value;
  }
  const column = (index: number) => Float64Array.from(rows, (values) => values[index] ?? 0);
  const out = { starts: Float64Array.from(starts) } as Rollup & Record<Column, Float64Array>;
  columns.forEach((name, index) => {
    out[name] = column(index);
  });
  return { rollup: out, sketches };
}

/** Each column is a chunk of its own, so that a query decodes those that it needs. */
export function encodeRollup(rollup: Rollup & Record<Column, Float64Array>): Uint8Array {
  const parts = columns.map((name) => encodeChunk(rollup.starts, rollup[name]));
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(columns.length * 4 + total);
  const view = new DataView(bytes.buffer);
  let at = columns.length * 4;
  parts.forEach((part, i) => {
    view.setUint32(i * 4, part.length);
    bytes.set(part, at);
    at += part.length;
  });
  return bytes;
}

/** Reads the roll-up at `offset`; `bytes` must have `PADDING` bytes behind it. */
export function decodeRollup(bytes: Uint8Array, wanted: readonly Column[], offset = 0): Rollup {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const out: Rollup = { starts: new Float64Array(0) };
  let at = offset + columns.length * 4;
  let first = true;
  columns.forEach((name, i) => {
    if (first || wanted.includes(name)) {
      const count = chunkCount(bytes, at);
      const starts = new Float64Array(count);
      const values = new Float64Array(count);
      decodeInto(bytes, at, starts, values, 0);
      if (first) out.starts = starts;
      if (wanted.includes(name)) out[name] = values;
      first = false;
    }
    at += view.getUint32(offset + i * 4);
  });
  return out;
}

/** For each bucket: number of bins, then keys (differences, zigzag) and counts, all varints. */
export function encodeSketches(sketches: readonly Sketch[]): Uint8Array {
  const out: number[] = [];
  const varint = (value: number) => {
    let rest = value;
    while (rest >= 0x80) {
      out.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    out.push(rest);
  };
  varint(sketches.length);
  for (const sketch of sketches) {
    varint(sketch.size);
    let before = 0;
    for (const [key, count] of [...sketch].sort(([a], [b]) => a - b)) {
      const step = key - before;
      varint(step >= 0 ? step * 2 : -step * 2 - 1);
      varint(count);
      before = key;
    }
  }
  return Uint8Array.from(out);
}

/** Reads what `encodeSketches` wrote, bucket by bucket, without making maps. */
export class SketchReader {
  readonly buckets: number;
  /** The bucket that comes next. */
  bucket = 0;
  private at = 0;
  private readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.buckets = this.varint();
  }
  /** The bins of the next bucket. */
  next(take: (key: number, count: number) => void): void {
    const { bytes } = this;
    const bins = this.varint();
    let key = 0;
    for (let i = 0; i < bins; i++) {
      // Nearly always one byte each: the neighbour bin, and a small count.
      let step = bytes[this.at] as number;
      if (step < 0x80) this.at++;
      else step = this.varint();
      key += (step >>> 1) ^ -(step & 1);
      let count = bytes[this.at] as number;
      if (count < 0x80) this.at++;
      else count = this.varint();
      take(key, count);
    }
    this.bucket++;
  }
  private varint(): number {
    let byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error('a sketch ends too early');
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let factor = 0x80;
    for (;;) {
      byte = this.bytes[this.at++];
      if (byte === undefined) throw new Error('a sketch ends too early');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
  }
}
