/**
 * From the console's query language to PromQL: one expression for each aggregation. Pure.
 *
 * A bucket `[start, start + step)` is asked for as a range selector at the bucket's last millisecond: PromQL's ranges are
 * open on the left and closed on the right, so that this is exactly the same samples (times are whole milliseconds
 * there). Prometheus before 3.0 closes both ends; there the range is one millisecond shorter.
 */
import type { Aggregation, Filter, ParsedQuery } from '../metrics/contract.ts';

export type PromQuery = { aggregation: Aggregation; promql: string };
export type Compiled = { queries: PromQuery[]; notes: string[] };
export type QueryFault = { path: string; message: string };

const LEGACY_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const quantiles: Partial<Record<Aggregation, number>> = {
  p50: 0.5,
  p75: 0.75,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
};
/** Made by the console of the points of the others. */
const derived: ReadonlySet<Aggregation> = new Set(['movingAverage', 'trend', 'anomaly']);

/** A PromQL string literal. Go reads every escape that JSON writes. */
export const literal = (text: string): string => JSON.stringify(text);
export const escapeRegex = (text: string): string => text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&');

function matcher({ field, op, value }: Filter, index: number): string | QueryFault {
  const fault = (part: string, message: string) => ({ path: `filters.${index}.${part}`, message });
  if (field === 'value') {
    return fault('field', 'Prometheus cannot filter samples by their value before aggregating');
  }
  if (!LEGACY_LABEL.test(field)) {
    return fault('field', 'Labels of Prometheus have letters, digits and _ alone');
  }
  const list = (Array.isArray(value) ? value : [value]).map(String);
  const first = list[0] ?? '';
  const any = list.map(escapeRegex).join('|');
  switch (op) {
    case 'eq':
      return `${field}=${literal(first)}`;
    case 'ne':
      return `${field}!=${literal(first)}`;
    case 'in':
      // Nothing equals none of nothing.
      return list.length === 0 ? `${field}=~${literal('[^\\s\\S]')}` : `${field}=~${literal(any)}`;
    case 'nin':
      return list.length === 0 ? `${field}=~${literal('(?s:.*)')}` : `${field}!~${literal(any)}`;
    case 'contains':
      return `${field}=~${literal(`(?s:.*)${escapeRegex(first)}(?s:.*)`)}`;
    case 'regex':
      return `${field}=~${literal(`(?s:.*)(?:${first})(?s:.*)`)}`;
    case 'exists':
      return `${field}${value === false ? '=' : '!='}""`;
    default:
      return fault('op', 'Prometheus cannot compare labels as numbers');
  }
}

/** `aggregations` are written out (no `percentiles`); `rangeMs` is what one point covers. */
export function compile(
  query: Pick<ParsedQuery, 'metric' | 'filters' | 'groupBy'>,
  aggregations: readonly Aggregation[],
  rangeMs: number,
): Compiled | QueryFault {
  const matchers = [`__name__=${literal(query.metric)}`];
  for (const [index, filter] of query.filters.entries()) {
    const one = matcher(filter, index);
    if (typeof one !== 'string') return one;
    matchers.push(one);
  }
  const each = query.groupBy.includes('*');
  const strange = query.groupBy.findIndex((name) => name !== '*' && !LEGACY_LABEL.test(name));
  if (strange >= 0) {
    return {
      path: `groupBy.${strange}`,
      message: 'Labels of Prometheus have letters, digits and _ alone',
    };
  }
  const range = `{${matchers.join(',')}}[${rangeMs}ms]`;
  const by = `by (${query.groupBy.join(', ')})`;
  const over = (name: string) => `${name}_over_time(${range})`;
  /** Over the series of a group; every series is its own group with `*`. */
  const pooled = (operator: string, of: string) => (each ? of : `${operator} ${by} (${of})`);
  const count = pooled('sum', over('count'));
  const mean = each ? over('avg') : `${pooled('sum', over('sum'))} / ${count}`;
  const notes = new Set<string>();
  const queries: PromQuery[] = [];
  for (const [index, aggregation] of aggregations.entries()) {
    if (derived.has(aggregation)) continue;
    const add = (promql: string) => queries.push({ aggregation, promql });
    const q = quantiles[aggregation];
    if (q !== undefined) {
      add(
        each
          ? `quantile_over_time(${q}, ${range})`
          : `quantile ${by} (${q}, quantile_over_time(${q}, ${range}))`,
      );
      if (!each)
        notes.add(
          'Prometheus cannot pool the samples of several series for percentiles: these are the percentile of the series’ percentiles. Group by * for exact ones.',
        );
      continue;
    }
    switch (aggregation) {
      case 'count':
        add(count);
        break;
      case 'sum':
        add(pooled('sum', over('sum')));
        break;
      case 'avg':
        add(mean);
        break;
      case 'min':
      case 'max':
        add(pooled(aggregation, over(aggregation)));
        break;
      case 'stddev':
        // Of the pool: E[x²] − E[x]², each from the series' own figures.
        add(
          each
            ? over('stddev')
            : `sqrt(clamp_min(sum ${by} ((${over('stddev')} ^ 2 + ${over('avg')} ^ 2) * ${over('count')}) / ${count} - (${mean}) ^ 2, 0))`,
        );
        break;
      case 'last':
        add(pooled('max', over('last')));
        if (!each)
          notes.add('The last value of several series is the largest of their last values.');
        break;
      case 'rate':
      case 'increase':
        add(pooled('sum', `${aggregation}(${range})`));
        notes.add(
          'Prometheus extrapolates rate and increase to the ends of each step; the console’s own store does not.',
        );
        break;
      default:
        return {
          path: `aggregations.${index}`,
          message: `${aggregation} cannot be asked of a Prometheus-compatible server`,
        };
    }
  }
  return { queries, notes: [...notes] };
}
