'use client';

import dynamic from 'next/dynamic';
import { parseAsString, useQueryState } from 'nuqs';
import type { Column } from '../../../../components/data/columns.ts';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import type { ChannelItem, DeliveryItem } from '../../../../server/notify/contract.ts';
import { statuses, useDeliveries } from './use-channels.ts';
import { deliveryWords, messageWords } from './words.ts';

const DeliverySheet = dynamic(() => import('./delivery-sheet.tsx'), { ssr: false });

const columns: readonly Column<DeliveryItem>[] = [
  {
    id: 'status',
    header: 'Status',
    width: '130px',
    csv: ({ status }) => status,
    cell: ({ status }) => <StatusBadge {...deliveryWords[status]} />,
  },
  {
    id: 'kind',
    header: 'Kind',
    width: '120px',
    csv: ({ kind }) => kind,
    cell: ({ kind }) => messageWords[kind],
  },
  {
    id: 'title',
    header: 'Message',
    csv: ({ title }) => title,
    cell: ({ title }) => (
      <span title={title} className="font-medium">
        {title}
      </span>
    ),
  },
  {
    id: 'channel',
    header: 'Channel',
    width: '160px',
    csv: ({ channelName }) => channelName,
    cell: ({ channelName }) => <span title={channelName}>{channelName}</span>,
  },
  {
    id: 'attempts',
    header: 'Attempts',
    width: '90px',
    align: 'right',
    csv: ({ attempts }) => attempts,
    cell: ({ attempts }) => attempts,
  },
  {
    id: 'error',
    header: 'Last error',
    csv: ({ lastError }) => lastError,
    cell: ({ lastError }) => (lastError ? <span title={lastError}>{lastError}</span> : '–'),
  },
  {
    id: 'created',
    header: 'Queued',
    width: '110px',
    csv: ({ createdAt }) => createdAt,
    cell: ({ createdAt }) => <RelativeTime at={createdAt} />,
  },
];
const statusOptions = [
  { value: '', label: 'Any status' },
  ...statuses.map((value) => ({ value, label: deliveryWords[value].word })),
];

export function DeliveryList(props: {
  channels: readonly ChannelItem[] | undefined;
  /** May send again and let go. */
  operator: boolean;
}) {
  const { filters, setFilters, query, deliveries } = useDeliveries();
  const [openId, setOpenId] = useQueryState('delivery', parseAsString);
  const open = deliveries?.find(({ id }) => id === openId);
  if (query.isError && !deliveries) {
    return <ErrorPanel what="The deliveries" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!deliveries) return <TableSkeleton />;
  const filtered = filters.status !== null || filters.channel !== null;
  const channelOptions = [
    { value: '', label: 'Any channel' },
    ...(props.channels ?? []).map(({ id, name }) => ({ value: id, label: name })),
  ];
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Deliveries"
        columns={columns}
        rows={deliveries}
        rowId={({ id }) => id}
        stamp={({ status, attempts }) => `${status}${attempts}`}
        onOpen={({ id }) => void setOpenId(id)}
        openId={openId}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
        toolbar={
          <>
            <FilterSelect
              label="Status"
              value={filters.status ?? ''}
              options={statusOptions}
              onChange={(value) =>
                void setFilters({ status: statuses.find((each) => each === value) ?? null })
              }
            />
            <FilterSelect
              label="Channel"
              value={filters.channel ?? ''}
              options={channelOptions}
              onChange={(value) => void setFilters({ channel: value || null })}
            />
          </>
        }
      />
      {deliveries.length === 0 ? (
        <div className="mt-3">
          <EmptyState
            title={filtered ? 'No message fits these filters' : 'Nothing was sent yet'}
            why={
              filtered
                ? 'Take a filter away to see more.'
                : 'Every message to every channel is kept here for 90 days, with how it went. Send a channel a test to see one.'
            }
            action={
              filtered ? (
                <Button onClick={() => void setFilters(null)}>Clear filters</Button>
              ) : undefined
            }
          />
        </div>
      ) : null}
      {open ? (
        <DeliverySheet
          delivery={open}
          operator={props.operator}
          onClose={() => void setOpenId(null)}
        />
      ) : null}
    </>
  );
}
