'use client';

import { keepPreviousData, QueryClient } from '@tanstack/react-query';
import { createTRPCClient, httpBatchLink, httpLink, splitLink } from '@trpc/client';
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

const RECOVER_MAX_MS = 15_000;

/** How long until a query that failed for the moment is asked again; null when it did not. */
export function recoveryInterval(state: {
  status: string;
  error: unknown;
  errorUpdateCount: number;
}): number | null {
  if (state.status !== 'error' || !isTransient(state.error)) return null;
  const pause = Math.min(1_500 * 2 ** Math.min(state.errorUpdateCount, 5), RECOVER_MAX_MS);
  return pause * (0.7 + 0.6 * Math.random());
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 15 * 60_000,
      placeholderData: keepPreviousData,
      // One quick second try; then the failure is shown, and asked again until it ends.
      retry: (failures, error) => isTransient(error) && failures < 1,
      retryDelay: 700,
      refetchInterval: ({ state }) => recoveryInterval(state) ?? false,
      networkMode: 'always',
    },
    // An answer may be a key that is shown once: forgotten as soon as its dialog closes.
    mutations: { networkMode: 'always', gcTime: 0 },
  },
});

const send: typeof fetch = async (url, init) => {
  const response = await fetch(url, { ...init, credentials: 'same-origin' });
  lastRequestId = response.headers.get('x-request-id') ?? lastRequestId;
  if (response.status === 401) goToSignIn();
  if (!response.ok) {
    const refusal = await refusalOf(response);
    if (refusal) throw refusal;
  }
  return response;
};
const url = '/api/trpc';

export const api = createTRPCClient<AppRouter>({
  links: [
    splitLink({
      // Some take long, others not: none waits for its neighbours on a page, and each can be given up by itself.
      condition: ({ path }) => path === 'metrics.query' || path === 'metrics.explain',
      true: httpLink({ url, fetch: (to, init) => send(to, init as RequestInit) }),
      false: splitLink({
        // A statement may be longer than an address may be.
        condition: ({ path }) => path === 'queries.explain' || path === 'queries.advise',
        true: httpLink({
          url,
          methodOverride: 'POST',
          fetch: (to, init) => send(to, init as RequestInit),
        }),
        false: httpBatchLink({
          url,
          maxURLLength: 2000,
          maxItems: 20,
          fetch: (to, init) => send(to, init as RequestInit),
        }),
      }),
    }),
  ],
});

/** Options for `useQuery` and `useMutation`, e.g. `trpc.users.me.queryOptions()`. */
export const trpc = createTRPCOptionsProxy<AppRouter>({ client: api, queryClient });

/** What procedures answer, as it arrives: the DTOs of the contracts after JSON. */
export type Outputs = inferRouterOutputs<AppRouter>;
