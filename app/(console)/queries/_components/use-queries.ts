'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useDebounced } from '../../../../components/data/use-debounced.ts';
import { queryRanges, statementKinds } from '../../../../components/queries/words.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

export const tabs = ['statements', 'calls'] as const;
export const sorts = ['total', 'mean', 'calls', 'rows'] as const;

/** What the URL asks for. */
export function useQueryFilters() {
  return useQueryStates({
    tab: parseAsStringLiteral(tabs).withDefault('statements').withOptions({ history: 'push' }),
    database: parseAsString.withDefault(''),
    range: parseAsStringLiteral(queryRanges).withDefault('24h'),
    q: parseAsString.withDefault(''),
    kind: parseAsStringLiteral(statementKinds),
    sort: parseAsStringLiteral(sorts).withDefault('total'),
  });
}
export type QueryFilters = ReturnType<typeof useQueryFilters>[0];

/** At most fifty: all at once. */
export function useDatabases() {
  return usePages({
    pathKey: trpc.queries.databases.list.pathKey(),
    input: {},
    refetchMs: 30_000,
    fetchPage: (cursor, signal) =>
      api.queries.databases.list.query({ limit: 200, cursor }, { signal }),
  });
}

/** Statements of one database by what they cost. */
export function useStatements(filters: QueryFilters, databaseId: string) {
  const search = useDebounced(filters.q.trim());
  const { range, kind, sort } = filters;
  const input = { limit: 50, databaseId, range, sort, search, ...(kind ? { kind } : {}) };
  return usePages({
    pathKey: trpc.queries.slow.pathKey(),
    input,
    refetchMs: 30_000,
    fetchPage: (cursor, signal) => api.queries.slow.query({ ...input, cursor }, { signal }),
  });
}

/** Single calls that took long, newest first. */
export function useSlowCalls(filters: QueryFilters, databaseId: string) {
  const search = useDebounced(filters.q.trim());
  const input = { limit: 50, databaseId, search };
  return usePages({
    pathKey: trpc.queries.slowLog.pathKey(),
    input,
    refetchMs: 15_000,
    fetchPage: (cursor, signal) => api.queries.slowLog.query({ ...input, cursor }, { signal }),
  });
}
