'use client';

import { keepPreviousData, QueryClient } from '@tanstack/react-query';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import type { inferRouterOutputs } from '@trpc/server';
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query';
import type { AppRouter } from '../../server/api/router.ts';
import { isTransient, refusalOf } from './errors.ts';

/** Leaves for the sign-in page, which comes back here. */
export function goToSignIn(): void {
  const here = location.pathname + location.search;
  location.assign(here === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(here)}`);
}

/** Latest id of a request, for those who report a problem. */
let lastRequestId: string | null = null;
export const latestRequestId = () => lastRequestId;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 15 * 60_000,
      placeholderData: keepPreviousData,
      // A console that is restarting comes back by itself: transient failures are retried until they end.
      retry: (failures, error) => isTransient(error) && failures < 3,
      retryDelay: (failures) => Math.min(1000 * 2 ** failures, 15_000) * (0.7 + 0.6 * Math.random()),
      refetchInterval: (query) =>
        query.state.status === 'error' && isTransient(query.state.error) ? 10_000 : false,
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});

export const api = createTRPCClient<AppRouter>({
  links: [
    httpBatchLink({
      url: '/api/trpc',
      maxURLLength: 2000,
      maxItems: 20,
      fetch: async (url, init) => {
        const response = await fetch(url, { ...init, credentials: 'same-origin' } as RequestInit);
        lastRequestId = response.headers.get('x-request-id') ?? lastRequestId;
        if (response.status === 401) goToSignIn();
        if (!response.ok) {
          const refusal = await refusalOf(response);
          if (refusal) throw refusal;
        }
        return response;
      },
    }),
  ],
});

/** Options for `useQuery` and `useMutation`, e.g. `trpc.users.me.queryOptions()`. */
export const trpc = createTRPCOptionsProxy<AppRouter>({ client: api, queryClient });

/** What procedures answer, as it arrives: the DTOs of the contracts after JSON. */
export type Outputs = inferRouterOutputs<AppRouter>;
