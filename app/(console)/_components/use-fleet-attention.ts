'use client';

import { useQuery } from '@tanstack/react-query';
import { count } from '../../../components/format/number.ts';
import { trpc } from '../../../components/trpc/client.ts';
import type { AttentionItem } from '../../../server/system/contract.ts';

const REFRESH_MS = 30_000;

/** What of the fleet needs a person, or is being dealt with. Renewed by events, and now and then by itself. */
export function useFleetAttention(): AttentionItem[] {
  const options = { refetchInterval: REFRESH_MS, retry: false } as const;
  const counts = useQuery(trpc.health.counts.queryOptions(undefined, options)).data;
  const open = useQuery(trpc.incidents.list.queryOptions({ status: 'open', limit: 3 }, options))
    .data?.items;
  const untaken = useQuery(trpc.incidents.figures.queryOptions({ days: 30 }, options)).data
    ?.untaken;
  const items: AttentionItem[] = [];
  if (counts && counts.down > 0) {
    items.push({
      id: 'targets-down',
      severity: 'bad',
      title: `${counts.down} of ${count(counts.total, 'target')} down`,
      detail: counts.healing > 0 ? `${counts.healing} being healed.` : 'No remedy runs now.',
      href: '/health?state=down',
    });
  }
  if (open && open.length > 0) {
    items.push({
      id: 'incidents-open',
      severity: 'bad',
      title: `${count(untaken ?? open.length, 'incident')} nobody has taken`,
      detail: open.map(({ title }) => title).join(', '),
      href: '/incidents?status=open',
    });
  }
  if (counts && counts.waiting > 0) {
    items.push({
      id: 'remedies-waiting',
      severity: 'warn',
      title: `${count(counts.waiting, 'remedy', 'remedies')} to approve`,
      detail: 'They expire after an hour.',
      href: '/health?state=down',
    });
  }
  if (counts && counts.degraded > 0) {
    items.push({
      id: 'targets-degraded',
      severity: 'warn',
      title: `${count(counts.degraded, 'target')} degraded`,
      detail: 'Slow, failing now and then, or with a certificate about to end.',
      href: '/health?state=degraded',
    });
  }
  return items;
}
