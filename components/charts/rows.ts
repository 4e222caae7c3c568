/** From points to what a chart draws: one row a time, no more rows than pixels, gaps kept as gaps. */
import type { LivePoint } from '../live/ring.ts';

export type ChartRow = {
  at: number;
  values: Readonly<Record<string, number | null>>;
  /** Where a value was expected. */
  band?: readonly [number, number] | null;
  /** Series whose value here is marked. */
  flags?: readonly string[];
  /** Where the line of a series passes that has no value here. */
  path?: Readonly<Record<string, number>>;
  /** Series whose value here has no neighbour to draw a line to. */
  alone?: readonly string[];
};

const GAP_MS = 12_000;

/** Of each bucket and series the value that differs most from the bucket's mean, so that peaks survive. */
function reduceBucket(points: readonly LivePoint[], names: readonly string[]): ChartRow {
  const values: Record<string, number | null> = {};
  for (const name of names) {
    const known = points.flatMap(({ metrics }) => metrics[name] ?? []);
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    let peak: number | null = null;
    for (const value of known) {
      if (peak === null || Math.abs(value - mean) > Math.abs(peak - mean)) peak = value;
    }
    values[name] = peak;
  }
  return { at: points[points.length - 1]?.at ?? 0, values };
}

export function toChartRows(
  points: readonly LivePoint[],
  names: readonly string[],
  maxRows: number,
  gapMs = GAP_MS,
): ChartRow[] {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return [];
  // Whole buckets of wall-clock time: what is drawn does not flicker as time goes on.
  const bucketMs = Math.max(1_000, Math.ceil((last.at - first.at) / maxRows / 1_000) * 1_000);
  const rows: ChartRow[] = [];
  let bucket: LivePoint[] = [];
  const flush = () => {
    const [head] = bucket;
    if (!head) return;
    const before = rows.at(-1);
    if (before && head.at - before.at > Math.max(gapMs, 3 * bucketMs)) {
      const nothing = Object.fromEntries(names.map((name) => [name, null]));
      rows.push({ at: before.at + 1, values: nothing });
    }
    rows.push(reduceBucket(bucket, names));
    bucket = [];
  };
  for (const point of points) {
    const [head] = bucket;
    if (head && Math.floor(head.at / bucketMs) !== Math.floor(point.at / bucketMs)) flush();
    bucket.push(point);
  }
  flush();
  return rows.map((row, place) => {
    const alone = names.filter(
      (name) =>
        row.values[name] != null &&
        rows[place - 1]?.values[name] == null &&
        rows[place + 1]?.values[name] == null,
    );
    return alone.length > 0 ? { ...row, alone } : row;
  });
}

export type SeriesSummary = { min: number; avg: number; max: number; last: number } | null;

export function summarise(rows: readonly ChartRow[], name: string): SeriesSummary {
  const known = rows.flatMap(({ values }) => values[name] ?? []);
  const last = known.at(-1);
  if (last === undefined) return null;
  return {
    min: Math.min(...known),
    max: Math.max(...known),
    avg: known.reduce((sum, value) => sum + value, 0) / known.length,
    last,
  };
}
