'use client';

import { type InfiniteData, useQuery } from '@tanstack/react-query';
import { parseAsArrayOf, parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useEffect, useRef } from 'react';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { useLiveEvents } from '../../../../components/live/hooks.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import type { Page } from '../../../../server/api/contract.ts';
import type { TargetItem } from '../../../../server/health/contract.ts';
import { onRows } from './trends.ts';

export const stateOrder = ['down', 'degraded', 'unknown', 'maintenance', 'healthy'] as const;
export const kindOptions = ['http', 'tcp', 'postgres', 'redis', 'heartbeat'] as const;
const PATCH_MS = 150;
const AT_ONCE = 200;

type Pages = InfiniteData<Page<TargetItem>, string | null>;

/** Puts rows that were read again in the place of the old ones; nothing else is touched. */
function patchRows(items: readonly TargetItem[]): void {
  if (items.length === 0) return;
  const fresh = new Map(items.map((item) => [item.id, item]));
  queryClient.setQueriesData<Pages>({ queryKey: trpc.health.targets.list.pathKey() }, (data) => {
    if (!data?.pages) return data;
    let changed = false;
    const pages = data.pages.map((page) => {
      if (!page.items.some(({ id }) => fresh.has(id))) return page;
      changed = true;
      return { ...page, items: page.items.map((item) => fresh.get(item.id) ?? item) };
    });
    return changed ? { ...data, pages } : data;
  });
}

/** Rows whose targets changed are read again, row by row; lists only when something came or went. */
function useLiveRows(): void {
  const pending = useRef(new Set<string>());
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => onRows(patchRows), []);
  useEffect(() => () => clearTimeout(timer.current), []);
  useLiveEvents((events) => {
    let whole = false;
    for (const { topic, type, id } of events) {
      if (topic !== 'health') continue;
      if (type === 'state' && id) pending.current.add(id);
      if (type === 'target' || type === 'removed' || type === 'overflow') whole = true;
    }
    if (whole) {
      void queryClient.invalidateQueries({ queryKey: trpc.health.targets.list.pathKey() });
    }
    if (pending.current.size === 0 || timer.current) return;
    timer.current = setTimeout(async () => {
      timer.current = undefined;
      const ids = [...pending.current];
      pending.current.clear();
      for (let i = 0; i < ids.length; i += AT_ONCE) {
        const part = ids.slice(i, i + AT_ONCE);
        await api.health.targets.byIds.query({ ids: part }).then(
          ({ items }) => patchRows(items),
          () => undefined,
        );
      }
    }, PATCH_MS);
  });
}

/** The targets that the filters of the URL ask for, all of them: the first page shows, the rest follows. */
export function useTargets() {
  const [filters, setFilters] = useQueryStates({
    q: parseAsString.withDefault(''),
    state: parseAsArrayOf(parseAsStringLiteral(stateOrder)).withDefault([]),
    kind: parseAsStringLiteral(kindOptions),
    tag: parseAsString.withDefault(''),
    sort: parseAsString,
  });
  const search = useDebounced(filters.q);
  const input = {
    limit: 200,
    sort: 'state' as const,
    ...(search ? { search } : {}),
    ...(filters.state.length > 0 ? { state: filters.state } : {}),
    ...(filters.kind ? { kind: filters.kind } : {}),
    ...(filters.tag ? { tag: filters.tag } : {}),
  };
  const { query, items } = usePages({
    pathKey: trpc.health.targets.list.pathKey(),
    input,
    fetchPage: (cursor, signal) => api.health.targets.list.query({ ...input, cursor }, { signal }),
  });
  const { hasNextPage, isFetching, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  useLiveRows();
  const counts = useQuery(trpc.health.counts.queryOptions()).data;
  return { filters, setFilters, query, targets: items, counts };
}
