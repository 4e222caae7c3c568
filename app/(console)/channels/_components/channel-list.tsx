'use client';

import { parseAsString, useQueryState } from 'nuqs';
import { useMemo } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import type { ChannelItem } from '../../../../server/notify/contract.ts';
import { type ChannelAction, columnsOf } from './channel-columns.tsx';
import type { useChannels } from './use-channels.ts';
import { stateOf } from './words.ts';

type ChannelListProps = {
  list: ReturnType<typeof useChannels>;
  admin: boolean;
  onAdd(): void;
  act(action: ChannelAction, channel: ChannelItem): void;
};

export function ChannelList({ list, admin, onAdd, act }: ChannelListProps) {
  const { query, channels } = list;
  const [sort, setSort] = useQueryState('sort', parseAsString);
  const columns = useMemo(() => columnsOf(admin ? act : null), [admin, act]);
  if (query.isError && !channels) {
    return <ErrorPanel what="The channels" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!channels) return <TableSkeleton />;
  if (channels.length === 0) {
    return (
      <EmptyState
        title="No channel yet"
        why={
          admin
            ? 'A channel is where people are told of incidents: Slack, e-mail, PagerDuty or a webhook of your own.'
            : 'A channel is where people are told of incidents. An admin can add one.'
        }
        action={admin ? <Button onClick={onAdd}>Add channel</Button> : undefined}
      />
    );
  }
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Channels"
        columns={columns}
        rows={channels}
        rowId={({ id }) => id}
        stamp={(channel) => `${stateOf(channel).word}${channel.pendingCount}${channel.deadCount}`}
        {...(admin ? { onOpen: (channel: ChannelItem) => act('edit', channel) } : {})}
        sort={sort}
        onSort={(next) => void setSort(next)}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
      />
    </>
  );
}
