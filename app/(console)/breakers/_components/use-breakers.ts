'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

export const REFRESH_MS = 1_000;

/** The breakers that the URL asks for, with live state. */
export function useBreakers() {
  const [filters, setFilters] = useQueryStates({
    show: parseAsStringLiteral(['', 'unwell'] as const).withDefault(''),
    q: parseAsString.withDefault(''),
    sort: parseAsString,
  });
  const search = useDebounced(filters.q.trim());
  const input = {
    limit: 100,
    ...(search === '' ? {} : { search }),
    ...(filters.show === 'unwell' ? { unwell: true } : {}),
  };
  const { query, items } = usePages({
    pathKey: trpc.breakers.list.pathKey(),
    input,
    refetchMs: REFRESH_MS,
    fetchPage: (cursor, signal) => api.breakers.list.query({ ...input, cursor }, { signal }),
  });
  return { filters, setFilters, query, items };
}
