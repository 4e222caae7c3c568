'use client';

import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';

/** All channels. */
export function useChannels() {
  const { query, items: channels } = usePages({
    pathKey: trpc.notify.channels.list.pathKey(),
    input: { limit: 200 },
    fetchPage: (cursor, signal) =>
      api.notify.channels.list.query({ limit: 200, cursor }, { signal }),
  });
  return { query, channels };
}

export const statuses = ['pending', 'sending', 'delivered', 'dead', 'folded', 'cancelled'] as const;

/** The deliveries that the filters of the URL ask for, newest first. */
export function useDeliveries() {
  const [filters, setFilters] = useQueryStates({
    status: parseAsStringLiteral(statuses),
    channel: parseAsString,
  });
  const input = {
    limit: 100,
    ...(filters.status ? { status: filters.status } : {}),
    ...(filters.channel ? { channelId: filters.channel } : {}),
  };
  const { query, items: deliveries } = usePages({
    pathKey: trpc.notify.deliveries.pathKey(),
    input,
    fetchPage: (cursor, signal) => api.notify.deliveries.query({ ...input, cursor }, { signal }),
  });
  return { filters, setFilters, query, deliveries };
}
