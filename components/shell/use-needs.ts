'use client';

import { useQuery } from '@tanstack/react-query';
import { trpc } from '../trpc/client.ts';
import type { NavEntry } from './nav.ts';

const REFRESH_MS = 60_000;

/** How much on a page needs a person: incidents that nobody has taken, remedies that wait for a yes. */
export function useNeeds(what: NavEntry['badge']): number {
  const options = { refetchInterval: REFRESH_MS, staleTime: REFRESH_MS, retry: false } as const;
  const incidents = useQuery(
    trpc.incidents.figures.queryOptions(
      { days: 30 },
      { ...options, enabled: what === 'incidents' },
    ),
  );
  const control = useQuery(
    trpc.health.control.queryOptions(undefined, { ...options, enabled: what === 'approvals' }),
  );
  if (what === 'incidents') return incidents.data?.untaken ?? 0;
  return what === 'approvals' ? (control.data?.waiting ?? 0) : 0;
}
