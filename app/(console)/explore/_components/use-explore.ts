'use client';

import {
  parseAsArrayOf,
  parseAsBoolean,
  parseAsJson,
  parseAsString,
  parseAsStringLiteral,
  useQueryStates,
} from 'nuqs';
import { useCallback, useMemo } from 'react';
import { shapes } from '../../../../components/charts/series.ts';
import type { Draft } from '../../../../components/metrics/draft.ts';
import { aggregationWords } from '../../../../components/metrics/units.ts';
import type { Aggregation, Filter } from '../../../../server/metrics/contract.ts';

// `Record<Aggregation, …>` has each of them as a key.
const aggregations = Object.keys(aggregationWords) as Aggregation[];

/** What a link holds is checked for its shape here, and by the server for what it means. */
function readFilters(value: unknown): Filter[] | null {
  if (!Array.isArray(value) || value.length > 20) return null;
  const whole = value.every(
    (each: unknown) =>
      typeof each === 'object' &&
      each !== null &&
      'field' in each &&
      typeof each.field === 'string' &&
      'op' in each &&
      typeof each.op === 'string',
  );
  return whole ? (value as Filter[]) : null;
}

const parsers = {
  metric: parseAsString.withDefault(''),
  show: parseAsArrayOf(parseAsStringLiteral(aggregations)).withDefault(['avg']),
  by: parseAsArrayOf(parseAsString).withDefault([]),
  filters: parseAsJson(readFilters).withDefault([]),
  step: parseAsString.withDefault('auto'),
  source: parseAsString,
  compare: parseAsBoolean.withDefault(false),
  view: parseAsStringLiteral(['chart', 'table'] as const).withDefault('chart'),
  shape: parseAsStringLiteral(shapes).withDefault('line'),
  hide: parseAsArrayOf(parseAsString, '|').withDefault([]),
};

/** All of the page's state but the range of time, in the URL: a link shows what was seen. */
export function useExplore() {
  const [state, set] = useQueryStates(parsers);
  const { metric, show, by, filters, step, source } = state;
  const draft = useMemo<Draft>(
    () => ({ metric, aggregations: show, groupBy: by, filters, step, sourceId: source }),
    [metric, show, by, filters, step, source],
  );
  const setDraft = useCallback(
    (next: Draft) =>
      void set(
        {
          metric: next.metric || null,
          show: [...next.aggregations],
          by: [...next.groupBy],
          filters: [...next.filters],
          step: next.step,
          source: next.sourceId,
          hide: null,
        },
        // Another metric is another place to come back to; what is typed is not.
        { history: next.metric === metric ? 'replace' : 'push' },
      ),
    [set, metric],
  );
  return { draft, setDraft, view: state, set };
}
export type Explore = ReturnType<typeof useExplore>;
