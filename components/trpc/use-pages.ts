'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Page } from '../../server/api/contract.ts';

type PagesOptions<T> = {
  /** `trpc.x.list.pathKey()`, so that events which make lists old reach this one too. */
  pathKey: readonly unknown[];
  /** What else the answer depends on. */
  input: object;
  fetchPage(cursor: string | null, signal: AbortSignal): Promise<Page<T>>;
  /** Asks again this often, for what changes without an event. */
  refetchMs?: number;
};

/** A list that is read page by page. The server takes a cursor and nothing else of the query's own. */
export function usePages<T>({ pathKey, input, fetchPage, refetchMs }: PagesOptions<T>) {
  const query = useInfiniteQuery({
    queryKey: [...pathKey, { pages: input }],
    queryFn: ({ pageParam, signal }) => fetchPage(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    ...(refetchMs === undefined ? {} : { refetchInterval: refetchMs }),
  });
  const items = useMemo(() => query.data?.pages.flatMap((page) => page.items), [query.data]);
  return { query, items };
}
