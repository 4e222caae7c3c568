'use client';

import dynamic from 'next/dynamic';
import { useEffect, useMemo, useState } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { RowActions } from '../../../../components/data/row-actions.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import { formatNumber } from '../../../../components/format/number.ts';
import { Button } from '../../../../components/ui/button.tsx';
import type { SourceItem } from '../../../../server/sources/contract.ts';
import type { RowMenuProps, SourceAction } from './row-menu.tsx';
import { refreshSources, useSources } from './use-sources.ts';
import { kindWords, stateOf } from './words.ts';

const SourceDialog = dynamic(() => import('./source-dialog.tsx'), { ssr: false });
const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });
const loadMenu = () => import('./row-menu.tsx');
const REFRESH_MS = 10_000;

function columnsOf(act: RowMenuProps['act'] | null): Column<SourceItem>[] {
  const plain: Column<SourceItem>[] = [
    {
      id: 'status',
      header: 'Status',
      width: '140px',
      csv: (source) => stateOf(source).word,
      cell: (source) => (
        <span title={source.lastError ?? undefined}>
          <StatusBadge {...stateOf(source)} />
        </span>
      ),
    },
    {
      id: 'name',
      header: 'Name',
      width: '170px',
      csv: ({ name }) => name,
      cell: ({ name }) => (
        <span title={name} className="font-medium">
          {name}
        </span>
      ),
    },
    {
      id: 'kind',
      header: 'Kind',
      width: '150px',
      csv: ({ kind }) => kindWords[kind],
      cell: ({ kind }) => kindWords[kind],
    },
    {
      id: 'url',
      header: 'Address',
      csv: ({ url }) => url,
      cell: ({ url, lastError }) => (
        <span title={lastError ? `${url}: ${lastError}` : url}>{url}</span>
      ),
    },
    {
      id: 'interval',
      header: 'Every',
      width: '80px',
      align: 'right',
      csv: ({ intervalSeconds }) => intervalSeconds,
      cell: ({ kind, intervalSeconds }) =>
        kind === 'scrape' ? formatDuration(intervalSeconds) : '–',
    },
    {
      id: 'samples',
      header: 'Samples',
      width: '90px',
      align: 'right',
      csv: ({ lastSamples }) => lastSamples,
      cell: ({ lastSamples }) => (lastSamples === null ? '–' : formatNumber(lastSamples)),
    },
    {
      id: 'last',
      header: 'Last',
      width: '110px',
      csv: ({ lastAt }) => lastAt,
      cell: ({ kind, lastAt }) =>
        lastAt ? <RelativeTime at={lastAt} /> : kind === 'scrape' ? 'never' : '–',
    },
  ];
  if (!act) return plain;
  return [
    ...plain,
    {
      id: 'actions',
      header: '',
      width: '56px',
      cell: (source) => <RowActions name={source.name} load={loadMenu} menu={{ source, act }} />,
    },
  ];
}

/** Endpoints that are read, and servers that are asked. */
export function SourceList(props: {
  operator: boolean;
  adding: boolean;
  onAdding(on: boolean): void;
}) {
  const { operator, adding, onAdding } = props;
  const { query, items } = useSources();
  const [pending, setPending] = useState<{ action: SourceAction; source: SourceItem } | null>(null);
  const columns = useMemo(
    () => columnsOf(operator ? (action, source) => setPending({ action, source }) : null),
    [operator],
  );
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) void refreshSources();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const close = () => {
    setPending(null);
    onAdding(false);
  };
  return (
    <section aria-label="Scraped endpoints and servers" className="mb-5">
      <h2 className="mb-2 font-medium text-14">Scraped endpoints and other servers</h2>
      {query.isError && !items ? (
        <ErrorPanel what="The sources" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : items.length === 0 ? (
        <EmptyState
          title="Nothing is read or asked yet"
          why="Add an endpoint with Prometheus metrics, which is read every few seconds, or a Prometheus-compatible server, which Explore and dashboards can ask without copying its samples."
          action={operator ? <Button onClick={() => onAdding(true)}>Add source</Button> : undefined}
        />
      ) : (
        <>
          {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
          <LazyTable
            label="Sources"
            columns={columns}
            rows={items}
            rowId={({ id }) => id}
            stamp={(source) => stateOf(source).word}
            {...(operator
              ? { onOpen: (source: SourceItem) => setPending({ action: 'edit', source }) }
              : {})}
            more={
              query.hasNextPage
                ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
                : null
            }
          />
        </>
      )}
      {adding || pending?.action === 'edit' ? (
        <SourceDialog source={pending?.source ?? null} onClose={close} />
      ) : pending ? (
        <ActionDialog action={pending.action} source={pending.source} onClose={close} />
      ) : null}
    </section>
  );
}
