'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

/** The keys that the URL asks for; use of them changes without an event. */
export function useKeys() {
  const [filters, setFilters] = useQueryStates({
    show: parseAsStringLiteral(['live', 'ended', 'all'] as const).withDefault('live'),
    q: parseAsString.withDefault(''),
    sort: parseAsString,
  });
  const filter = useDebounced(filters.q.trim());
  const input = {
    limit: 100,
    state: filters.show,
    ...(filter === '' ? {} : { filter }),
  };
  const { query, items } = usePages({
    pathKey: trpc.keys.list.pathKey(),
    input,
    refetchMs: 15_000,
    fetchPage: (cursor, signal) => api.keys.list.query({ ...input, cursor }, { signal }),
  });
  return { filters, setFilters, query, items };
}
