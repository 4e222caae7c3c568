/**
 * What needs all values of a cell at once: percentiles, histograms, the number of different values. A cell is one bucket
 * of one group. Pure.
 *
 * Percentiles of raw samples interpolate linearly between ranks (type 7 of Hyndman and Fan 1996, as Prometheus and
 * NumPy do); of roll-ups they come from merged sketches and are within 1 %.
 */

import { selectRanks } from '../platform/select.ts';
import type { Aggregation, HistogramBin, Point } from './contract.ts';
import { passes, type ValueTest } from './filters.ts';
import type { Run } from './head.ts';
import { SketchReader } from './rollup.ts';
import { centreOf, keyOf, MAX_KEY, quantiles } from './sketch.ts';

const HISTOGRAM_BINS = 20;

export type Values = { values: Float64Array; starts: Float64Array };

/**
 * All values by cell. Of each cell the values at the ranks that the quantiles `asked` (ascending) lie between stand where
 * sorting would put them; all of them do when `sortAll`.
 */
export function scatter(
  kept: readonly { group: number; run: Run; from: number; to: number }[],
  valueTests: readonly ValueTest[],
  grid: { start: number; step: number; count: number; cells: number },
  order: { asked: readonly { q: number }[]; sortAll: boolean },
): Values {
  const starts = new Float64Array(grid.cells + 1);
  eachStretch(kept, valueTests, grid, (cell, _run, from, to) => {
    starts[cell + 1] = (starts[cell + 1] as number) + to - from;
  });
  for (let cell = 0; cell < grid.cells; cell++) {
    starts[cell + 1] = (starts[cell + 1] as number) + (starts[cell] as number);
  }
  const values = new Float64Array(starts[grid.cells] ?? 0);
  const place = starts.slice();
  eachStretch(kept, valueTests, grid, (cell, run, from, to) => {
    let at = place[cell] as number;
    for (let i = from; i < to; i++) values[at++] = run[i] as number;
    place[cell] = at;
  });
  for (let cell = 0; cell < grid.cells; cell++) {
    const [from, to] = [starts[cell] as number, starts[cell + 1] as number];
    if (to - from < 2) continue;
    if (order.sortAll) values.subarray(from, to).sort();
    else {
      const ranks = order.asked.flatMap(({ q }) => {
        const rank = q * (to - from - 1);
        return [Math.floor(rank), Math.ceil(rank)];
      });
      selectRanks(values, from, to, ranks);
    }
  }
  return { values, starts };
}

function hasNaN(values: Float64Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (Number.isNaN(values[i] as number)) return true;
  return false;
}

/** Calls `take` for each stretch of values of one cell; NaN and what the tests refuse are left out before. */
function eachStretch(
  kept: readonly { group: number; run: Run; from: number; to: number }[],
  valueTests: readonly ValueTest[],
  { start, step, count }: { start: number; step: number; count: number },
  take: (cell: number, values: Float64Array, from: number, to: number) => void,
): void {
  for (const { group, run, from, to } of kept) {
    let begin = from;
    while (begin < to) {
      const bucket = Math.min(count - 1, Math.floor(((run.times[begin] as number) - start) / step));
      const limit = bucket === count - 1 ? Number.POSITIVE_INFINITY : start + (bucket + 1) * step;
      let end = begin + 1;
      while (end < to && (run.times[end] as number) < limit) end++;
      const cell = group * count + bucket;
      if (valueTests.length > 0 || hasNaN(run.values, begin, end)) {
        const clean = run.values
          .subarray(begin, end)
          .filter((value) => !Number.isNaN(value) && passes(value, valueTests));
        take(cell, clean, 0, clean.length);
      } else {
        take(cell, run.values, begin, end);
      }
      begin = end;
    }
  }
}

export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

export type Sketched = { first: number; cellOf: Int32Array; bytes: Uint8Array };
/** Of cells that roll-ups took part in: their percentiles, in the order asked for, and their bins if wanted. */
export type Merged = Map<number, { percentiles: (number | null)[]; bins: [number, number][] }>;

/**
 * Sketches are merged cell by cell, in the order of cells: one dense row of counts serves all of them. Raw samples of
 * the same cell are put into it.
 */
export function mergeSketches(
  sketched: Sketched[],
  values: Values,
  withBins: boolean,
  asked: readonly { q: number }[],
): Merged {
  const out: Merged = new Map();
  const counts = new Float64Array(2 * MAX_KEY + 1);
  const touched = new Int32Array(counts.length);
  let bins = 0;
  const put = (key: number, count: number) => {
    const place = key + MAX_KEY;
    const before = counts[place] as number;
    if (before === 0) touched[bins++] = key;
    counts[place] = before + count;
  };
  const countOf = (key: number) => counts[key + MAX_KEY] as number;
  const finish = (cell: number) => {
    const to = values.starts[cell + 1] ?? 0;
    for (let i = values.starts[cell] ?? 0; i < to; i++) put(keyOf(values.values[i] as number), 1);
    const keys = touched.subarray(0, bins).sort();
    out.set(cell, {
      percentiles: quantiles(
        keys,
        countOf,
        asked.map(({ q }) => q),
      ),
      bins: withBins ? Array.from(keys, (key): [number, number] => [key, countOf(key)]) : [],
    });
    for (const key of keys) counts[key + MAX_KEY] = 0;
    bins = 0;
  };
  sketched.sort((a, b) => a.first - b.first);
  let open = -1;
  const skip = () => undefined;
  // Rows whose days begin in the same cell: those of one day and group.
  for (let from = 0; from < sketched.length; ) {
    let to = from + 1;
    while (to < sketched.length && sketched[to]?.first === sketched[from]?.first) to++;
    const readers = sketched
      .slice(from, to)
      .map(({ cellOf, bytes }) => ({ cellOf, reader: new SketchReader(bytes) }));
    for (;;) {
      let cell = Number.POSITIVE_INFINITY;
      for (const { cellOf, reader } of readers) {
        while (reader.bucket < reader.buckets && (cellOf[reader.bucket] ?? -1) < 0)
          reader.next(skip);
        if (reader.bucket < reader.buckets) cell = Math.min(cell, cellOf[reader.bucket] ?? 0);
      }
      if (cell === Number.POSITIVE_INFINITY) break;
      if (cell !== open && open >= 0) finish(open);
      open = cell;
      for (const { cellOf, reader } of readers) {
        while (reader.bucket < reader.buckets && cellOf[reader.bucket] === cell) reader.next(put);
      }
    }
    from = to;
  }
  if (open >= 0) finish(open);
  return out;
}

/** Percentiles and the number of different values. */
export function cellValues(
  point: Point,
  from: {
    values: Values;
    merged: Merged | null;
    cell: number;
    asked: readonly { name: string; q: number }[];
    plain: readonly Aggregation[];
  },
): void {
  const { cell, asked } = from;
  const { values: sorted, starts } = from.values;
  const [begin, end] = [starts[cell] ?? 0, starts[cell + 1] ?? 0];
  const rolled = from.merged?.get(cell);
  asked.forEach(({ name, q }, i) => {
    if (rolled) {
      const value = rolled.percentiles[i] ?? null;
      point.values[name] = value === null ? null : finite(value);
      return;
    }
    const rank = begin + q * (end - begin - 1);
    const low = sorted[Math.floor(rank)] ?? 0;
    const high = sorted[Math.ceil(rank)] ?? low;
    point.values[name] =
      end > begin ? finite(low === high ? low : low + (high - low) * (rank % 1)) : null;
  });
  if (from.plain.includes('distinct')) {
    let distinct = end > begin ? 1 : 0;
    for (let i = begin + 1; i < end; i++) if (sorted[i] !== sorted[i - 1]) distinct++;
    point.values.distinct = rolled ? null : distinct;
  }
}

/** Equal bins over the whole answer, so that points can be laid side by side. */
export function bins(
  values: Values | null,
  merged: Merged | null,
): (cell: number) => HistogramBin[] {
  let [low, high] = [Infinity, -Infinity];
  const see = (value: number) => {
    if (!Number.isFinite(value)) return;
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  values?.values.forEach(see);
  for (const cell of merged?.values() ?? []) for (const [key] of cell.bins) see(centreOf(key));
  const width = high > low ? (high - low) / HISTOGRAM_BINS : 1;
  return (cell) => {
    const counts = new Array<number>(HISTOGRAM_BINS).fill(0);
    const put = (value: number, count: number) => {
      if (!Number.isFinite(value)) return;
      const bin = Math.min(HISTOGRAM_BINS - 1, Math.max(0, Math.floor((value - low) / width)));
      counts[bin] = (counts[bin] ?? 0) + count;
    };
    const rolled = merged?.get(cell);
    if (rolled) for (const [key, count] of rolled.bins) put(centreOf(key), count);
    else if (values) {
      const to = values.starts[cell + 1] ?? 0;
      for (let i = values.starts[cell] ?? 0; i < to; i++) put(values.values[i] ?? 0, 1);
    }
    return counts.flatMap((count, i) =>
      count > 0 ? [{ from: low + i * width, to: low + (i + 1) * width, count }] : [],
    );
  };
}
