/**
 * Questions about a histogram by its base name: Prometheus' and OpenTelemetry's classic histograms are the series
 * `NAME_bucket` (cumulative counts by upper bound `le`), `NAME_sum` and `NAME_count`. Pure.
 */
import type { Aggregation, ParsedQuery, Point, QueryResult, ResultSeries } from './contract.ts';
import { derive, derived } from './execute.ts';

/** Aggregations that a histogram can answer besides percentiles, by the series and the aggregation that answers them. */
const sources: Partial<
  Record<Aggregation, { suffix: '_sum' | '_count'; of: 'increase' | 'rate' }[]>
> = {
  count: [{ suffix: '_count', of: 'increase' }],
  increase: [{ suffix: '_count', of: 'increase' }],
  rate: [{ suffix: '_count', of: 'rate' }],
  sum: [{ suffix: '_sum', of: 'increase' }],
  avg: [
    { suffix: '_sum', of: 'increase' },
    { suffix: '_count', of: 'increase' },
  ],
};
const quantileOf = /^p(\d\d)$/;
export const histogramAggregations =
  'count, sum, avg, rate, increase, p50, p75, p90, p95, p99, movingAverage, trend, anomaly';

/** Place of the first aggregation that a histogram cannot answer; −1 when there is none. */
export const unanswerable = (asked: readonly Aggregation[]): number =>
  asked.findIndex((name) => !(name in sources) && !quantileOf.test(name) && !derived.has(name));

/** The queries of plain series that together answer one of a histogram. */
export function partsOf(
  query: ParsedQuery,
  asked: readonly Aggregation[],
): Partial<Record<'_bucket' | '_sum' | '_count', ParsedQuery>> {
  const out: Partial<Record<'_bucket' | '_sum' | '_count', ParsedQuery>> = {};
  const every = query.groupBy.includes('*');
  for (const suffix of ['_sum', '_count'] as const) {
    const wanted = asked
      .flatMap((name) => sources[name] ?? [])
      .filter((one) => one.suffix === suffix);
    if (wanted.length === 0) continue;
    const aggregations = [...new Set(wanted.map(({ of }) => of))];
    out[suffix] = { ...query, metric: query.metric + suffix, aggregations };
  }
  if (asked.some((name) => quantileOf.test(name))) {
    out._bucket = {
      ...query,
      metric: `${query.metric}_bucket`,
      groupBy: every ? ['*'] : [...query.groupBy, 'le'],
      aggregations: ['increase'],
    };
  }
  return out;
}

/**
 * The quantile of observations counted in buckets, by linear interpolation within the bucket that holds its rank, as
 * Prometheus' `histogram_quantile` does (promql/quantile.go): the lowest bucket begins at 0 when its bound is above 0,
 * and a rank in the last, unbounded one answers the highest bound. Null without observations or bounds.
 */
export function bucketQuantile(
  buckets: readonly { le: number; count: number }[],
  q: number,
): number | null {
  const sorted = [...buckets].sort((a, b) => a.le - b.le);
  const total = sorted.at(-1)?.count ?? 0;
  if (sorted.length < 2 || sorted.at(-1)?.le !== Infinity || !(total > 0)) return null;
  const rank = q * total;
  // Counts that are read at slightly different times need not be monotonic.
  let highest = 0;
  const counts = sorted.map(({ count }) => {
    highest = Math.max(highest, count);
    return highest;
  });
  const index = counts.findIndex((count) => count >= rank);
  const bound = (i: number) => sorted[i]?.le ?? 0;
  if (index === sorted.length - 1) return bound(sorted.length - 2);
  if (index === 0 && bound(0) <= 0) return bound(0);
  const start = index === 0 ? 0 : bound(index - 1);
  const below = index === 0 ? 0 : (counts[index - 1] ?? 0);
  const inside = (counts[index] ?? 0) - below;
  return inside <= 0 ? start : start + (bound(index) - start) * ((rank - below) / inside);
}

/** Puts the answers of the parts together. */
export function assemble(
  asked: readonly Aggregation[],
  parts: Partial<Record<'_bucket' | '_sum' | '_count', QueryResult>>,
): ResultSeries[] {
  const cells = new Map<string, { labels: Record<string, string>; at: Map<string, Cell> }>();
  type Cell = {
    increase: Partial<Record<string, number | null>>;
    rate: number | null;
    buckets: { le: number; count: number }[];
  };
  const cellOf = (labels: Record<string, string>, at: string): Cell => {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = cells.get(key) ?? { labels, at: new Map<string, Cell>() };
    cells.set(key, group);
    const cell = group.at.get(at) ?? { increase: {}, rate: null, buckets: [] };
    group.at.set(at, cell);
    return cell;
  };
  for (const suffix of ['_sum', '_count'] as const) {
    for (const { labels, points } of parts[suffix]?.series ?? []) {
      for (const { at, values } of points) {
        const cell = cellOf(labels, at);
        cell.increase[suffix] = values.increase ?? null;
        if (suffix === '_count') cell.rate = values.rate ?? null;
      }
    }
  }
  for (const { labels: all, points } of parts._bucket?.series ?? []) {
    const { le = '', ...labels } = all;
    const bound = le === '+Inf' ? Infinity : Number(le);
    if (le === '' || Number.isNaN(bound)) continue;
    for (const { at, values } of points) {
      if (values.increase !== null)
        cellOf(labels, at).buckets.push({ le: bound, count: values.increase ?? 0 });
    }
  }
  const plain = asked.filter((name) => !derived.has(name));
  return [...cells.values()].map(({ labels, at }) => {
    const points = [...at]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([time, cell]): Point => ({
          at: time,
          values: Object.fromEntries(plain.map((name) => [name, figure(name, cell)])),
        }),
      );
    derive(points, asked, plain);
    return { labels, points };
  });

  function figure(name: Aggregation, { increase, rate, buckets }: Cell): number | null {
    const quantile = quantileOf.exec(name)?.[1];
    if (quantile) return bucketQuantile(buckets, Number(quantile) / 100);
    const [count, sum] = [increase._count ?? null, increase._sum ?? null];
    if (name === 'rate') return rate;
    if (name === 'sum') return sum;
    if (name === 'avg') return count && sum !== null ? sum / count : null;
    return count;
  }
}
