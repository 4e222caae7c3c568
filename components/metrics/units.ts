/** What a metric's values are and how they are written. Pure. */
import type { Panel } from '../../server/dashboards/contract.ts';
import type { Aggregation } from '../../server/metrics/contract.ts';
import { formatBytes } from '../format/bytes.ts';
import { formatDuration } from '../format/duration.ts';
import { formatNumber, THIN } from '../format/number.ts';
import { formatPercent } from '../format/percent.ts';

export type Unit = Panel['unit'];

export const unitWords: Readonly<Record<Unit, string>> = {
  number: 'Number',
  seconds: 'Time',
  bytes: 'Bytes',
  ratio: 'Percent',
  perSecond: 'Per second',
};

/** Small figures keep three digits: 0.00042 is not 0. */
function formatSmall(value: number): string {
  const size = Math.abs(value);
  return size > 0 && size < 0.01 ? String(Number(value.toPrecision(3))) : formatNumber(value);
}
/** Thousands and millions by letter where room is short; exact below. */
function formatFigure(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(2);
  for (const [bound, letter] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
  ] as const) {
    if (size >= bound) return `${Number((value / bound).toPrecision(4))}${THIN}${letter}`;
  }
  return formatSmall(value);
}

const formats: Readonly<Record<Unit, (value: number) => string>> = {
  number: formatFigure,
  seconds: formatDuration,
  bytes: formatBytes,
  ratio: formatPercent,
  perSecond: (value) => `${formatFigure(value)}${THIN}/s`,
};
export const formatOf = (unit: Unit): ((value: number) => string) => formats[unit];

const counting: ReadonlySet<string> = new Set(['count', 'distinct']);

/** By the metric's unit, else by the end of its name as Prometheus has it; a rate is per second whatever is counted. */
export function unitOf(metric: string, unit: string, aggregation: string): Unit {
  if (aggregation === 'rate') return 'perSecond';
  if (counting.has(aggregation)) return 'number';
  if (/^(s|sec|seconds?)$/i.test(unit)) return 'seconds';
  if (/^(by|bytes?)$/i.test(unit)) return 'bytes';
  if (/^(1|ratio)$/i.test(unit) && /(_ratio|utili[sz]ation)$/.test(metric)) return 'ratio';
  const name = metric.replace(/_(total|sum|created|max|min)$/, '');
  if (/[_.]seconds$/.test(name)) return 'seconds';
  if (/[_.]bytes$/.test(name)) return 'bytes';
  if (/[_.]ratio$/.test(name)) return 'ratio';
  return 'number';
}

export const aggregationWords: Readonly<Record<Aggregation, string>> = {
  avg: 'Average',
  rate: 'Rate per second',
  increase: 'Increase',
  sum: 'Sum',
  min: 'Minimum',
  max: 'Maximum',
  last: 'Last',
  first: 'First',
  count: 'Samples',
  stddev: 'Standard deviation',
  distinct: 'Distinct values',
  p50: '50th percentile',
  p75: '75th percentile',
  p90: '90th percentile',
  p95: '95th percentile',
  p99: '99th percentile',
  percentiles: 'All percentiles',
  histogram: 'Distribution',
  movingAverage: 'Moving average',
  trend: 'Trend line',
  anomaly: 'Anomalies',
};

/** What a metric of this kind is asked for at first. */
export const firstAggregation = (metric: string, kind: string): Aggregation =>
  kind === 'counter' ||
  kind === 'histogram' ||
  (kind !== 'gauge' && /(_total|_count|_sum|_bucket)$/.test(metric))
    ? 'rate'
    : 'avg';
