'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { resourceKinds } from './words.ts';

const shows = ['all', 'notice', 'paused'] as const;

/** What the URL asks for; `id` is the resource that is open. */
export function useCapacityFilters() {
  return useQueryStates({
    q: parseAsString.withDefault(''),
    show: parseAsStringLiteral(shows).withDefault('all'),
    kind: parseAsStringLiteral(resourceKinds),
    id: parseAsString.withOptions({ history: 'push' }),
  });
}
type Filters = ReturnType<typeof useCapacityFilters>[0];

export function useResources({ q, show, kind }: Filters) {
  const search = useDebounced(q.trim());
  const input = {
    limit: 50,
    show,
    ...(search === '' ? {} : { search }),
    ...(kind ? { kind } : {}),
  };
  return usePages({
    pathKey: trpc.capacity.list.pathKey(),
    input,
    refetchMs: 60_000,
    fetchPage: (cursor, signal) => api.capacity.list.query({ ...input, cursor }, { signal }),
  });
}

export const refreshCapacity = () =>
  queryClient.invalidateQueries({ queryKey: trpc.capacity.pathKey() });
