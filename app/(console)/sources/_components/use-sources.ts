'use client';

import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

export function useSources() {
  return usePages({
    pathKey: trpc.sources.list.pathKey(),
    input: {},
    fetchPage: (cursor, signal) => api.sources.list.query({ limit: 100, cursor }, { signal }),
  });
}

export const refreshSources = () =>
  queryClient.invalidateQueries({ queryKey: trpc.sources.pathKey() });
