'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

export const statuses = ['unresolved', 'open', 'acknowledged', 'resolved', 'all'] as const;

/** The incidents that the filters of the URL ask for. */
export function useIncidents() {
  const [filters, setFilters] = useQueryStates({
    q: parseAsString.withDefault(''),
    status: parseAsStringLiteral(statuses).withDefault('all'),
    sort: parseAsString,
  });
  const search = useDebounced(filters.q);
  const { status } = filters;
  const input = {
    limit: 50,
    ...(search ? { search } : {}),
    ...(status === 'unresolved' ? { unresolved: true } : {}),
    ...(status === 'open' || status === 'acknowledged' || status === 'resolved' ? { status } : {}),
  };
  const { query, items } = usePages({
    pathKey: trpc.incidents.list.pathKey(),
    input,
    fetchPage: (cursor, signal) => api.incidents.list.query({ ...input, cursor }, { signal }),
  });
  const figures = useQuery(trpc.incidents.figures.queryOptions({ days: 30 })).data;
  return { filters, setFilters, query, incidents: items, figures };
}
