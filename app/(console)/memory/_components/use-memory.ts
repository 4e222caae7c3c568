'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsString, parseAsStringLiteral, useQueryState } from 'nuqs';
import { useMemo } from 'react';
import { useNow } from '../../../../components/live/use-now.ts';
import { api, recoveryInterval, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import type { ProcessItem } from '../../../../server/memory/contract.ts';

export const ranges = ['15m', '2h', '24h', '7d'] as const;
type Range = (typeof ranges)[number];
const rangeMs: Record<Range, number> = {
  '15m': 900_000,
  '2h': 7_200_000,
  '24h': 86_400_000,
  '7d': 7 * 86_400_000,
};
const REFRESH_MS = 5_000;

/** Every process and every leak; the process that the URL names, else the one that needs a look most. */
export function useMemory() {
  const [chosen, setChosen] = useQueryState(
    'process',
    parseAsString.withOptions({ history: 'push' }),
  );
  const status = useQuery(
    trpc.memory.status.queryOptions(
      { limit: 200 },
      { refetchInterval: ({ state }) => recoveryInterval(state) ?? REFRESH_MS },
    ),
  );
  const input = { limit: 50 };
  const { query: findingList, items: findings } = usePages({
    pathKey: trpc.memory.findings.pathKey(),
    input,
    fetchPage: (cursor, signal) => api.memory.findings.query({ ...input, cursor }, { signal }),
  });
  const processes = status.data?.items;
  const process = processes?.find(({ id }) => id === chosen) ?? worst(processes ?? []);
  return { status, processes, process, setChosen, findingList, findings };
}

function worst(processes: readonly ProcessItem[]): ProcessItem | undefined {
  const weight = { leak: 3, suspected: 2, steady: 1, learning: 0 };
  return [...processes].sort((a, b) => weight[b.verdict] - weight[a.verdict])[0];
}

/** The heap of one process over the range that the URL names. */
export function useCourse(process: ProcessItem) {
  const short = process.policy.windowSeconds <= 600;
  const [chosen, setRange] = useQueryState('span', parseAsStringLiteral(ranges));
  const range = chosen ?? (short ? '15m' : '2h');
  const now = useNow();
  const step = range === '15m' ? 5_000 : 15_000;
  const end = now === null ? null : Math.ceil(now / step) * step;
  const input = useMemo(
    () => ({
      process: process.id,
      from: new Date((end ?? 0) - rangeMs[range]).toISOString(),
      to: new Date(end ?? 1).toISOString(),
    }),
    [process.id, end, range],
  );
  const query = useQuery(trpc.memory.history.queryOptions(input, { enabled: end !== null }));
  return { range, rangeMs: rangeMs[range], setRange, query, end };
}
