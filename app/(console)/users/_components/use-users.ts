'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useMemo } from 'react';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { trpc } from '../../../../components/trpc/client.ts';

const statuses = ['active', 'invited', 'disabled'] as const;

/** The people that the filters of the URL ask for. */
export function useUsers() {
  const [filters, setFilters] = useQueryStates({
    q: parseAsString.withDefault(''),
    status: parseAsStringLiteral(statuses),
    sort: parseAsString,
  });
  const q = useDebounced(filters.q);
  const query = useInfiniteQuery(
    trpc.users.list.infiniteQueryOptions(
      { limit: 200, ...(q ? { q } : {}), ...(filters.status ? { status: filters.status } : {}) },
      { getNextPageParam: (page) => page.nextCursor ?? undefined },
    ),
  );
  const users = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data]);
  return { filters, setFilters, query, users };
}
