/**
 * A query over what was gathered for it. Pure: runs in a worker thread when there is much, on the spot otherwise.
 */
import { bins, cellValues, finite, mergeSketches, type Sketched, scatter } from './cell-values.ts';
import type { Aggregation, Point, ResultSeries } from './contract.ts';
import { anomalyScores, movingAverage, trend } from './derive.ts';
import { passes, type ValueTest } from './filters.ts';
import type { Run } from './head.ts';
import { type Column, decodeRollup, growth, MAX_STEP_MS, type Rollup } from './rollup.ts';
import { type ChunkList, decodeList, joined } from './samples.ts';

export type Span = { from: number; to: number };
export type Gathered = {
  fromMs: number;
  toMs: number;
  /** Null: one bucket for the whole range. */
  stepMs: number | null;
  aggregations: Aggregation[];
  valueTests: ValueTest[];
  groups: Record<string, string>[];
  /** Group and temporality of each series; what follows refers to series by their place in these lists. */
  groupOf: number[];
  delta: boolean[];
  /** Places of series in `chunks`, which is sorted by series and age. */
  chunkSeries: number[];
  chunks: ChunkList;
  recent: { series: number; run: Run }[];
  /** Times that raw samples answer for; the rest is answered by roll-ups. */
  raw: Span[];
  rollups: RollupList;
};
/** Rows of roll-ups in two buffers: one message to a worker thread instead of thousands. */
export type RollupList = {
  series: Int32Array;
  data: Uint8Array;
  /** Start of each row in `data`; one more than there are rows. */
  dataAt: Int32Array;
  /** Empty when no sketches were read. */
  sketch: Uint8Array;
  sketchAt: Int32Array;
};
export type Executed = {
  series: ResultSeries[];
  scanned: number;
  /** Quantiles came from sketches somewhere. */
  approximate: boolean;
};

const DAY_MS = 86_400_000;
const MOVING_WINDOW = 5;
const percentileOf: Partial<Record<Aggregation, number>> = {
  p50: 0.5,
  p75: 0.75,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
};
const allPercentiles = ['p50', 'p75', 'p90', 'p95', 'p99'] as const;
/** Made from the finished points. */
export const derived: ReadonlySet<Aggregation> = new Set<Aggregation>([
  'movingAverage',
  'trend',
  'anomaly',
]);

/** `percentiles` written out, and `avg` where something is derived from nothing. */
export function expand(aggregations: readonly Aggregation[]): Aggregation[] {
  const list = aggregations.flatMap((name) => (name === 'percentiles' ? allPercentiles : [name]));
  const plain = list.some((name) => !derived.has(name) && name !== 'histogram');
  const wanted =
    plain || !list.some((name) => derived.has(name)) ? list : ['avg' as const, ...list];
  return [...new Set(wanted)];
}
/** Whether all values of a bucket are needed at once. */
export const needsValues = (aggregations: readonly Aggregation[]): boolean =>
  aggregations.some((name) => name in percentileOf || name === 'distinct' || name === 'histogram');

/** Columns of roll-ups that these aggregations read. */
export function columnsFor(aggregations: readonly Aggregation[]): Column[] {
  const out = new Set<Column>(['count']);
  const need: Partial<Record<Aggregation, Column[]>> = {
    sum: ['sum'],
    avg: ['sum'],
    stddev: ['sum', 'm2'],
    min: ['min'],
    max: ['max'],
    first: ['first', 'firstAt'],
    last: ['last', 'lastAt'],
    rate: ['increase', 'sum'],
    increase: ['increase', 'sum'],
  };
  for (const name of aggregations) for (const column of need[name] ?? []) out.add(column);
  return [...out];
}

export function bucketsOf({ fromMs, toMs, stepMs }: Pick<Gathered, 'fromMs' | 'toMs' | 'stepMs'>): {
  start: number;
  step: number;
  count: number;
} {
  if (stepMs === null) return { start: fromMs, step: toMs - fromMs, count: 1 };
  const start = Math.floor(fromMs / stepMs) * stepMs;
  return { start, step: stepMs, count: Math.max(1, Math.ceil((toMs - start) / stepMs)) };
}

/** Running figures of each cell: a cell is one bucket of one group. */
class Cells {
  count: Float64Array;
  sum: Float64Array;
  min: Float64Array;
  max: Float64Array;
  first: Float64Array;
  firstAt: Float64Array;
  last: Float64Array;
  lastAt: Float64Array;
  mean: Float64Array;
  m2: Float64Array;
  increase: Float64Array;
  /** Differences that `increase` is made of. */
  steps: Float64Array;
  constructor(size: number) {
    const make = (value = 0) =>
      value === 0 ? new Float64Array(size) : new Float64Array(size).fill(value);
    this.count = make();
    this.sum = make();
    this.min = make(Infinity);
    this.max = make(-Infinity);
    this.first = make();
    this.firstAt = make(Infinity);
    this.last = make();
    this.lastAt = make(-Infinity);
    this.mean = make();
    this.m2 = make();
    this.increase = make();
    this.steps = make();
  }
  /** Adds the figures of `count` samples with this sum and spread (Chan, Golub and LeVeque 1979). */
  spread(cell: number, count: number, sum: number, m2: number): void {
    const own = this.count[cell] ?? 0;
    const total = own + count;
    const difference = sum / count - (this.mean[cell] ?? 0);
    this.m2[cell] = (this.m2[cell] ?? 0) + m2 + (difference ** 2 * own * count) / total;
    this.mean[cell] = (this.mean[cell] ?? 0) + (difference * count) / total;
  }
}

export function execute(input: Gathered): Executed {
  const { fromMs, toMs, groups } = input;
  const aggregations = expand(input.aggregations);
  const buckets = bucketsOf(input);
  const cells = new Cells(groups.length * buckets.count);
  const withSpread = aggregations.includes('stddev');
  const withIncrease = aggregations.includes('rate') || aggregations.includes('increase');
  const withValues = needsValues(aggregations);
  let scanned = 0;

  const cellAt = (group: number, at: number): number =>
    group * buckets.count +
    Math.min(buckets.count - 1, Math.floor((at - buckets.start) / buckets.step));

  // Roll-ups.
  const sketched: Sketched[] = [];
  const wanted = columnsFor(aggregations);
  const { rollups } = input;
  for (let row = 0; row < rollups.series.length; row++) {
    const series = rollups.series[row] ?? 0;
    const rollup: Rollup = decodeRollup(rollups.data, wanted, rollups.dataAt[row]);
    const group = input.groupOf[series] ?? 0;
    const inside = rollup.starts.map((start) => (start >= fromMs && start < toMs ? 1 : 0));
    const read = (column: Column, i: number) => rollup[column]?.[i] ?? 0;
    for (let i = 0; i < rollup.starts.length; i++) {
      if (!inside[i]) continue;
      const start = rollup.starts[i] ?? 0;
      const cell = cellAt(group, start);
      const count = read('count', i);
      scanned++;
      if (withSpread) cells.spread(cell, count, read('sum', i), read('m2', i));
      cells.count[cell] = (cells.count[cell] ?? 0) + count;
      cells.sum[cell] = (cells.sum[cell] ?? 0) + read('sum', i);
      if (rollup.min) cells.min[cell] = Math.min(cells.min[cell] ?? 0, read('min', i));
      if (rollup.max) cells.max[cell] = Math.max(cells.max[cell] ?? 0, read('max', i));
      if (rollup.first && start + read('firstAt', i) < (cells.firstAt[cell] ?? 0)) {
        cells.firstAt[cell] = start + read('firstAt', i);
        cells.first[cell] = read('first', i);
      }
      if (rollup.last && start + read('lastAt', i) >= (cells.lastAt[cell] ?? 0)) {
        cells.lastAt[cell] = start + read('lastAt', i);
        cells.last[cell] = read('last', i);
      }
      if (withIncrease) {
        cells.increase[cell] =
          (cells.increase[cell] ?? 0) +
          (input.delta[series] ? read('sum', i) : read('increase', i));
        cells.steps[cell] = (cells.steps[cell] ?? 0) + 1;
      }
    }
    if (withValues && rollups.sketch.length > 0) {
      const sketch = rollups.sketch.subarray(rollups.sketchAt[row], rollups.sketchAt[row + 1]);
      const cellOf = Int32Array.from(rollup.starts, (start, i) =>
        inside[i] ? cellAt(group, start) : -1,
      );
      const day = Math.floor((rollup.starts[0] ?? 0) / DAY_MS) * DAY_MS;
      sketched.push({ first: cellAt(group, Math.max(day, fromMs)), cellOf, bytes: sketch });
    }
  }

  // Raw samples, series by series.
  const runs = runsOf(input);
  const kept: { group: number; run: Run; from: number; to: number }[] = [];
  for (const { series, run } of runs) {
    const group = input.groupOf[series] ?? 0;
    for (const span of input.raw) {
      const from = lowerBound(run.times, Math.max(span.from, fromMs));
      const to = lowerBound(run.times, Math.min(span.to, toMs));
      if (from >= to) continue;
      scanned += to - from;
      accumulate({ cells, run, from, to, group, buckets, input, series, withSpread, withIncrease });
      if (withValues) kept.push({ group, run, from, to });
    }
  }

  const plain = aggregations.filter((name) => !derived.has(name) && name !== 'histogram');
  const asked = plain.flatMap((name) => {
    const q = percentileOf[name];
    return q === undefined ? [] : [{ name, q }];
  });
  asked.sort((a, b) => a.q - b.q);
  const values = withValues
    ? scatter(
        kept,
        input.valueTests,
        { ...buckets, cells: cells.count.length },
        { asked, sortAll: aggregations.includes('distinct') },
      )
    : null;
  const merged =
    values && sketched.length > 0
      ? mergeSketches(sketched, values, aggregations.includes('histogram'), asked)
      : null;
  const histogram = aggregations.includes('histogram') ? bins(values, merged) : null;

  const series: ResultSeries[] = [];
  groups.forEach((labels, group) => {
    const points: Point[] = [];
    for (let bucket = 0; bucket < buckets.count; bucket++) {
      const cell = group * buckets.count + bucket;
      if ((cells.count[cell] ?? 0) === 0) continue;
      const start = buckets.start + bucket * buckets.step;
      const covered = Math.min(start + buckets.step, toMs) - Math.max(start, fromMs);
      const point: Point = {
        at: new Date(start).toISOString(),
        values: figures(cells, cell, plain, covered / 1000),
      };
      if (values) cellValues(point, { values, merged, cell, asked, plain });
      if (histogram && values) point.histogram = histogram(cell);
      points.push(point);
    }
    if (points.length === 0) return;
    derive(points, aggregations, plain);
    series.push({ labels, points });
  });
  return { series, scanned, approximate: merged !== null };
}

function lowerBound(times: Float64Array, at: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Chunks and recent samples of each series as one run in order. */
function runsOf(input: Gathered): { series: number; run: Run }[] {
  const decoded = decodeList(input.chunks);
  const parts = new Map<number, Run[]>();
  const put = (series: number, run: Run) => {
    const list = parts.get(series);
    if (list) list.push(run);
    else parts.set(series, [run]);
  };
  decoded.forEach((run, i) => {
    put(input.chunkSeries[i] ?? 0, run);
  });
  for (const { series, run } of input.recent) put(series, run);
  return [...parts].map(([series, list]) => ({ series, run: joined(list) }));
}

function accumulate(work: {
  cells: Cells;
  run: Run;
  from: number;
  to: number;
  group: number;
  buckets: { start: number; step: number; count: number };
  input: Gathered;
  series: number;
  withSpread: boolean;
  withIncrease: boolean;
}): void {
  const { cells, run, from, to, group, buckets, input, series, withSpread, withIncrease } = work;
  const { times, values } = run;
  const delta = input.delta[series] ?? false;
  const { valueTests } = input;
  let before = from - 1;
  while (before >= 0 && Number.isNaN(values[before] ?? 0)) before--;
  let beforeAt = before >= 0 ? (times[before] ?? 0) : Number.NEGATIVE_INFINITY;
  let beforeValue = before >= 0 ? (values[before] ?? 0) : Number.NaN;
  let bucket = -1;
  let limit = Number.NEGATIVE_INFINITY;
  let cell = 0;
  for (let i = from; i < to; i++) {
    const at = times[i] as number;
    const value = values[i] as number;
    // NaN is no reading.
    if (Number.isNaN(value)) continue;
    if (at >= limit) {
      bucket = Math.min(buckets.count - 1, Math.floor((at - buckets.start) / buckets.step));
      limit = buckets.start + (bucket + 1) * buckets.step;
      cell = group * buckets.count + bucket;
    }
    if (withIncrease) {
      if (delta) {
        cells.increase[cell] = (cells.increase[cell] as number) + value;
        cells.steps[cell] = (cells.steps[cell] as number) + 1;
      } else if (at - beforeAt <= MAX_STEP_MS) {
        cells.increase[cell] =
          (cells.increase[cell] as number) + growth(beforeAt, beforeValue, at, value);
        cells.steps[cell] = (cells.steps[cell] as number) + 1;
      }
      beforeAt = at;
      beforeValue = value;
    }
    if (valueTests.length > 0 && !passes(value, valueTests)) continue;
    if (withSpread) cells.spread(cell, 1, value, 0);
    cells.count[cell] = (cells.count[cell] as number) + 1;
    cells.sum[cell] = (cells.sum[cell] as number) + value;
    if (value < (cells.min[cell] as number)) cells.min[cell] = value;
    if (value > (cells.max[cell] as number)) cells.max[cell] = value;
    if (at < (cells.firstAt[cell] as number)) {
      cells.firstAt[cell] = at;
      cells.first[cell] = value;
    }
    if (at >= (cells.lastAt[cell] as number)) {
      cells.lastAt[cell] = at;
      cells.last[cell] = value;
    }
  }
}

function figures(
  cells: Cells,
  cell: number,
  plain: readonly Aggregation[],
  seconds: number,
): Record<string, number | null> {
  const count = cells.count[cell] ?? 0;
  const out: Record<string, number | null> = {};
  const steps = cells.steps[cell] ?? 0;
  for (const name of plain) {
    switch (name) {
      case 'count':
        out.count = count;
        break;
      case 'sum':
        out.sum = finite(cells.sum[cell] ?? 0);
        break;
      case 'avg':
        out.avg = finite((cells.sum[cell] ?? 0) / count);
        break;
      case 'min':
        out.min = finite(cells.min[cell] ?? 0);
        break;
      case 'max':
        out.max = finite(cells.max[cell] ?? 0);
        break;
      case 'first':
        out.first = finite(cells.first[cell] ?? 0);
        break;
      case 'last':
        out.last = finite(cells.last[cell] ?? 0);
        break;
      case 'stddev':
        out.stddev = finite(Math.sqrt(Math.max(0, cells.m2[cell] ?? 0) / count));
        break;
      case 'increase':
        out.increase = steps > 0 ? finite(cells.increase[cell] ?? 0) : null;
        break;
      case 'rate':
        out.rate = steps > 0 && seconds > 0 ? finite((cells.increase[cell] ?? 0) / seconds) : null;
        break;
    }
  }
  return out;
}

/** What is made of the finished points. */
export function derive(
  points: Point[],
  aggregations: readonly Aggregation[],
  plain: readonly Aggregation[],
): void {
  const base = plain[0];
  if (!base) return;
  const timed = points.map((point) => ({
    at: Date.parse(point.at),
    value: point.values[base] ?? null,
  }));
  if (aggregations.includes('movingAverage')) {
    const means = movingAverage(
      timed.map(({ value }) => value),
      MOVING_WINDOW,
    );
    points.forEach((point, i) => {
      point.values.movingAverage = means[i] ?? null;
    });
  }
  if (aggregations.includes('trend')) {
    const line = trend(timed);
    points.forEach((point, i) => {
      point.values.trend = line.values[i] ?? null;
    });
  }
  if (aggregations.includes('anomaly')) {
    anomalyScores(timed).forEach(({ score, lower, upper }, i) => {
      const point = points[i];
      if (!point) return;
      point.values.anomaly = score;
      point.expected = lower === null || upper === null ? null : { lower, upper };
    });
  }
}
