/** A query as a person builds it: without its range, which is the page's. Pure. */
import type { Aggregation, Filter, ParsedQuery, Query } from '../../server/metrics/contract.ts';
import { autoStep, type Range, type WireRange, wireRange } from './range.ts';

export type Draft = {
  metric: string;
  aggregations: readonly Aggregation[];
  groupBy: readonly string[];
  filters: readonly Filter[];
  /** `auto`, or a duration. */
  step: string;
  sourceId: string | null;
};

export const emptyDraft: Draft = {
  metric: '',
  aggregations: ['avg'],
  groupBy: [],
  filters: [],
  step: 'auto',
  sourceId: null,
};

/** A filter that is being written says nothing yet. */
const isWhole = ({ field, op, value }: Filter): boolean =>
  field !== '' &&
  (op === 'exists' ||
    (value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)));

export function queryOf(draft: Draft, range: Range): Query & { timeRange: WireRange } {
  return {
    metric: draft.metric,
    timeRange: wireRange(range),
    step: draft.step === 'auto' ? autoStep(range) : draft.step,
    groupBy: [...draft.groupBy],
    filters: draft.filters.filter(isWhole),
    aggregations: [...draft.aggregations],
    ...(draft.sourceId ? { sourceId: draft.sourceId } : {}),
  };
}

/** The draft and the range that a stored query stands for. */
export function draftOf(query: ParsedQuery | Query): { draft: Draft; range: Range } {
  const { timeRange, step } = query;
  const range: Range =
    typeof timeRange === 'string'
      ? { relative: timeRange }
      : { from: Date.parse(timeRange.from), to: Date.parse(timeRange.to) };
  const given = typeof step === 'number' ? `${Math.max(1, Math.round(step))}s` : step;
  return {
    range,
    draft: {
      metric: query.metric,
      aggregations: query.aggregations,
      groupBy: query.groupBy ?? [],
      filters: query.filters ?? [],
      step: given === undefined || given === autoStep(range) ? 'auto' : given,
      sourceId: query.sourceId ?? null,
    },
  };
}
