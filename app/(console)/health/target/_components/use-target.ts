'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsString, parseAsStringLiteral, useQueryState } from 'nuqs';
import { useMemo } from 'react';
import { useLiveEvents } from '../../../../../components/live/hooks.ts';
import { useNow } from '../../../../../components/live/use-now.ts';
import { queryClient, trpc } from '../../../../../components/trpc/client.ts';

export const ranges = ['1h', '24h', '7d', '30d'] as const;
export type Range = (typeof ranges)[number];
export const rangeMs: Record<Range, number> = {
  '1h': 3_600_000,
  '24h': 86_400_000,
  '7d': 7 * 86_400_000,
  '30d': 30 * 86_400_000,
};
const REFRESH_MS = 5_000;

/** One target, everything about it, live. */
export function useTarget() {
  const [id] = useQueryState('id', parseAsString.withDefault(''));
  const enabled = id !== '';
  const target = useQuery(
    trpc.health.targets.get.queryOptions({ id }, { enabled, refetchInterval: REFRESH_MS }),
  );
  const healing = useQuery(
    trpc.health.targets.healing.queryOptions({ id }, { enabled, refetchInterval: REFRESH_MS }),
  );
  const runs = useQuery(
    trpc.health.remedies.list.queryOptions({ targetId: id, limit: 20 }, { enabled }),
  );
  useLiveEvents((events) => {
    const mine = events.some(
      ({ topic, id: about, type }) =>
        (topic === 'health' && (about === id || type === 'control' || type === 'maintenance')) ||
        topic === 'incidents',
    );
    if (!mine) return;
    for (const each of [
      trpc.health.targets.get,
      trpc.health.targets.healing,
      trpc.health.remedies.list,
      trpc.health.targets.history,
      trpc.health.targets.checks,
    ]) {
      void queryClient.invalidateQueries({ queryKey: each.pathKey() });
    }
  });
  return { id, target, healing, runs };
}

/** What happened in the range that the URL names; the end moves on in steps. */
export function useHistory(id: string) {
  const [range, setRange] = useQueryState('span', parseAsStringLiteral(ranges).withDefault('1h'));
  const now = useNow();
  const step = range === '1h' ? 15_000 : 60_000;
  const end = now === null ? null : Math.ceil(now / step) * step;
  const input = useMemo(
    () => ({
      id,
      from: new Date((end ?? 0) - rangeMs[range]).toISOString(),
      to: new Date(end ?? 1).toISOString(),
    }),
    [id, end, range],
  );
  const query = useQuery(
    trpc.health.targets.history.queryOptions(input, { enabled: id !== '' && end !== null }),
  );
  return { range, setRange, query, end };
}
