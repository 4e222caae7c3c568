'use client';

import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

export function useDatabases() {
  return usePages({
    pathKey: trpc.queries.databases.list.pathKey(),
    input: {},
    refetchMs: 15_000,
    fetchPage: (cursor, signal) =>
      api.queries.databases.list.query({ limit: 200, cursor }, { signal }),
  });
}

export const refreshDatabases = () =>
  queryClient.invalidateQueries({ queryKey: trpc.queries.databases.pathKey() });
