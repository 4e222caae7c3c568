'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

const shows = ['all', 'anomalous', 'attention', 'paused'] as const;
const kinds = ['target', 'service', 'saved'] as const;

/** What the URL asks for. */
export function useForecastFilters() {
  return useQueryStates({
    q: parseAsString.withDefault(''),
    show: parseAsStringLiteral(shows).withDefault('all'),
    kind: parseAsStringLiteral(kinds),
  });
}

export function useForecasts(filters: ReturnType<typeof useForecastFilters>[0]) {
  const search = useDebounced(filters.q.trim());
  const { show, kind } = filters;
  const input = {
    limit: 50,
    show,
    ...(search === '' ? {} : { search }),
    ...(kind ? { kind } : {}),
  };
  return usePages({
    pathKey: trpc.forecasts.list.pathKey(),
    input,
    refetchMs: 60_000,
    fetchPage: (cursor, signal) => api.forecasts.list.query({ ...input, cursor }, { signal }),
  });
}

export const refreshForecasts = () =>
  queryClient.invalidateQueries({ queryKey: trpc.forecasts.pathKey() });
