'use client';

import { useQuery } from '@tanstack/react-query';
import { api, recoveryInterval, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

/** The fleet tells nobody when something changes, so it is asked. */
const REFRESH_MS = 2_000;

export function useGameDays() {
  const services = useQuery(
    trpc.gamedays.services.queryOptions(undefined, {
      refetchInterval: ({ state }) => recoveryInterval(state) ?? REFRESH_MS,
    }),
  );
  const input = { limit: 100 };
  const { query: list, items: days } = usePages({
    pathKey: trpc.gamedays.list.pathKey(),
    input,
    fetchPage: (cursor, signal) => api.gamedays.list.query({ ...input, cursor }, { signal }),
  });
  return { services, list, days };
}
