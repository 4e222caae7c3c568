'use client';

import { useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import { parseAsString, useQueryState } from 'nuqs';
import { useState } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { count } from '../../../../components/format/number.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import { useAllowed } from '../../../../components/shell/use-me.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type {
  CacheKeyItem,
  CacheStatus,
  EvictInput,
  NamespaceItem,
  WarmKeyItem,
} from '../../../../server/cache/contract.ts';
import { keyColumns, namespaceColumns, warmColumns } from './cache-columns.tsx';

const EvictDialog = dynamic(() => import('./evict-dialog.tsx'), { ssr: false });
const EVERY_MS = 2_000;

function State({ status }: { status: CacheStatus | undefined }) {
  if (!status) return <Skeleton className="h-4 w-64" />;
  const { hitRate, entries, bytes, bytesMax, kept } = status;
  return (
    <>
      {hitRate === null
        ? 'Nobody has asked for anything yet'
        : `${formatPercent(hitRate)} of the looks found what they wanted`}
      . {count(entries, 'value')}, {formatBytes(bytes)} of {formatBytes(bytesMax)} in this process
      {kept === 'shared' ? ', with Redis behind it' : ''}.
    </>
  );
}

function Away() {
  return (
    <div
      role="status"
      className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-card border bg-surface px-3.5 py-2.5 text-13"
    >
      <StatusBadge kind="warn" word="Redis is away" />
      <span>
        This replica works from its own memory, believes it for a second at most when there are
        others, and goes back by itself.
      </span>
    </div>
  );
}

function Keys(props: {
  keys: readonly CacheKeyItem[];
  onOpen: ((key: CacheKeyItem) => void) | null;
}) {
  if (props.keys.length === 0) {
    return (
      <EmptyState
        title="Nothing is held yet"
        why="Open a dashboard, or a page that lists saved queries: what they load is kept here."
      />
    );
  }
  return (
    <LazyTable
      label="Hot keys"
      columns={keyColumns}
      rows={props.keys}
      rowId={({ key }) => key}
      {...(props.onOpen ? { onOpen: props.onOpen } : {})}
    />
  );
}

function WarmUp({ keys }: { keys: readonly WarmKeyItem[] }) {
  if (keys.length === 0) {
    return (
      <EmptyState
        title="Nothing is expected to be hot"
        why="Looks are counted by hour. Keys that were asked for at the same hour of the days and weeks before are loaded two minutes ahead of it."
      />
    );
  }
  return <LazyTable label="Warm-up" columns={warmColumns} rows={keys} rowId={({ key }) => key} />;
}

export function CachePage() {
  const status = useQuery(trpc.cache.status.queryOptions(undefined, { refetchInterval: EVERY_MS }));
  const top = useQuery(
    trpc.cache.top.queryOptions({ limit: 100 }, { refetchInterval: 2 * EVERY_MS }),
  );
  const warm = useQuery(
    trpc.cache.warmup.queryOptions({ limit: 100 }, { refetchInterval: 30 * EVERY_MS }),
  );
  const operator = useAllowed('operator') ?? false;
  const [sort, setSort] = useQueryState('sort', parseAsString);
  const [evicting, setEvicting] = useState<{ by: EvictInput['by']; value: string } | null>(null);
  const failed = [status, top, warm].find(({ isError, data }) => isError && !data)?.error;
  const retry = () => {
    for (const query of [status, top, warm]) void query.refetch();
  };
  return (
    <>
      <PageHeader
        title="Cache"
        state={failed ? '' : <State status={status.data} />}
        action={
          operator ? (
            <Button onClick={() => setEvicting({ by: 'namespace', value: 'dashboards' })}>
              Evict
            </Button>
          ) : undefined
        }
      />
      {failed ? (
        <ErrorPanel what="The cache" error={failed} onRetry={retry} />
      ) : (
        <>
          {status.isError ? <StaleNote at={status.dataUpdatedAt} /> : null}
          {status.data?.redis === 'down' ? <Away /> : null}
          {status.data ? (
            <LazyTable
              label="Kinds"
              columns={namespaceColumns}
              rows={status.data.namespaces}
              rowId={({ name }) => name}
              {...(operator
                ? {
                    onOpen: ({ name }: NamespaceItem) =>
                      setEvicting({ by: 'namespace', value: name }),
                  }
                : {})}
              sort={sort}
              onSort={(next) => void setSort(next)}
            />
          ) : (
            <TableSkeleton />
          )}
          <h2 className="mt-8 mb-2 font-medium text-14">Hot keys of this process</h2>
          {top.data ? (
            <Keys
              keys={top.data.items}
              onOpen={operator ? ({ key }) => setEvicting({ by: 'key', value: key }) : null}
            />
          ) : (
            <TableSkeleton />
          )}
          <h2 className="mt-8 mb-2 font-medium text-14">Expected within the next hour</h2>
          {warm.data ? <WarmUp keys={warm.data.items} /> : <TableSkeleton />}
        </>
      )}
      {evicting ? <EvictDialog {...evicting} onClose={() => setEvicting(null)} /> : null}
    </>
  );
}
