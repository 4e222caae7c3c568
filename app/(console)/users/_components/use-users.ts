'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

const statuses = ['active', 'invited', 'disabled'] as const;

/** The people that the filters of the URL ask for. */
export function useUsers() {
  const [filters, setFilters] = useQueryStates({
    q: parseAsString.withDefault(''),
    status: parseAsStringLiteral(statuses),
    sort: parseAsString,
  });
  const q = useDebounced(filters.q);
  const input = {
    limit: 200,
    ...(q ? { q } : {}),
    ...(filters.status ? { status: filters.status } : {}),
  };
  const { query, items: users } = usePages({
    pathKey: trpc.users.list.pathKey(),
    input,
    fetchPage: (cursor, signal) => api.users.list.query({ ...input, cursor }, { signal }),
  });
  return { filters, setFilters, query, users };
}
