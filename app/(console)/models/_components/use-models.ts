'use client';

import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

export function useModels() {
  return usePages({
    pathKey: trpc.models.list.pathKey(),
    input: {},
    fetchPage: (cursor, signal) => api.models.list.query({ limit: 100, cursor }, { signal }),
    refetchMs: 30_000,
  });
}
