'use client';

import { keepPreviousData, skipToken, useQuery } from '@tanstack/react-query';
import type { Query, QueryResult } from '../../server/metrics/contract.ts';
import { recoveryInterval, trpc } from '../trpc/client.ts';

export const REFRESH_MS = 10_000;

/** What a metric is, and its labels. */
export function useMetricDetail(metric: string) {
  return useQuery(
    trpc.metrics.describe.queryOptions(metric ? { metric } : skipToken, { staleTime: 60_000 }),
  );
}

/** Asks the store; a range that moves with the clock is asked again while the page is seen. */
export function useMetricQuery(query: Query | null, options: { follow: boolean }) {
  return useQuery(
    trpc.metrics.query.queryOptions(query ?? skipToken, {
      staleTime: 5_000,
      refetchInterval: ({ state }) =>
        recoveryInterval(state) ?? (options.follow ? REFRESH_MS : false),
      placeholderData: keepPreviousData,
      // A question that nobody waits for any more is given up on the server too.
      trpc: { abortOnUnmount: true },
    }),
  );
}

/** Where a stretch of time that was asked for lies. */
export const spanOf = (result: QueryResult) => ({
  from: Date.parse(result.from),
  to: Date.parse(result.to),
});
