'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
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
import { count } from '../../../../components/format/number.ts';
import { useAllowed } from '../../../../components/shell/use-me.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { LimitCaller, LimitItem, LimitStatus } from '../../../../server/limits/contract.ts';
import { callerColumns, limitColumns } from './limit-columns.tsx';

const LimitDialog = dynamic(() => import('./limit-dialog.tsx'), { ssr: false });
const EVERY_MS = 2_000;

function State({ status }: { status: LimitStatus | undefined }) {
  if (!status) return <Skeleton className="h-4 w-64" />;
  const { refusedLastHour, counting, replicas } = status;
  const counted =
    counting === 'shared'
      ? 'Counted for all replicas together'
      : replicas > 1
        ? `Each of ${replicas} replicas counts its part`
        : 'Counted in this process';
  return (
    <>
      {refusedLastHour > 0
        ? `${count(refusedLastHour, 'request was', 'requests were')} refused in the last hour`
        : 'Nothing was refused in the last hour'}
      . {counted}.
    </>
  );
}

function Notice({ status }: { status: LimitStatus }) {
  const away = status.redis === 'down';
  if (!away && status.errors === 0) return null;
  return (
    <div
      role="status"
      className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-card border bg-surface px-3.5 py-2.5 text-13"
    >
      {away ? (
        <>
          <StatusBadge kind="warn" word="Redis is away" />
          <span>
            {status.replicas > 1
              ? `Each replica allows one part in ${status.replicas} of every limit, and counts together with the others again by itself.`
              : 'This replica counts by itself, from where it was, and goes back to Redis by itself.'}
          </span>
        </>
      ) : null}
      {status.errors > 0 ? (
        <>
          <StatusBadge kind="bad" word="Failed open" />
          <span>
            {count(status.errors, 'request')} passed without a limit because the limiter itself
            failed; the log says why.
          </span>
        </>
      ) : null}
    </div>
  );
}

function Callers({ callers }: { callers: readonly LimitCaller[] }) {
  if (callers.length === 0) {
    return (
      <EmptyState
        title="Nobody is near a limit"
        why="Who has used up half of what may come at once, or was refused within the last hour, stands here."
      />
    );
  }
  return (
    <LazyTable
      label="Busiest callers"
      columns={callerColumns}
      rows={callers}
      rowId={({ limit, kind, id }) => `${limit}|${kind}:${id}`}
    />
  );
}

export function LimitsPage() {
  const status = useQuery(
    trpc.limits.status.queryOptions(undefined, { refetchInterval: EVERY_MS }),
  );
  const list = useQuery(
    trpc.limits.list.queryOptions({ limit: 200 }, { refetchInterval: 2 * EVERY_MS }),
  );
  const top = useQuery(trpc.limits.top.queryOptions({ limit: 100 }, { refetchInterval: EVERY_MS }));
  const operator = useAllowed('operator') ?? false;
  const [sort, setSort] = useQueryState('sort', parseAsString);
  const [open, setOpen] = useState<LimitItem | 'new' | null>(null);
  const failed = [status, list, top].find(({ isError, data }) => isError && !data)?.error;
  const retry = () => {
    for (const query of [status, list, top]) void query.refetch();
  };
  const rows = list.data?.items;
  return (
    <>
      <PageHeader
        title="Limits"
        state={failed ? '' : <State status={status.data} />}
        action={
          operator ? (
            <Button look="primary" onClick={() => setOpen('new')}>
              <Plus aria-hidden className="size-4" />
              Limit a procedure
            </Button>
          ) : undefined
        }
      />
      {failed ? (
        <ErrorPanel what="The limits" error={failed} onRetry={retry} />
      ) : (
        <>
          {list.isError ? <StaleNote at={list.dataUpdatedAt} /> : null}
          {status.data ? <Notice status={status.data} /> : null}
          {rows ? (
            <LazyTable
              label="Limits"
              columns={limitColumns}
              rows={rows}
              rowId={({ name }) => name}
              stamp={({ perMinute, burst, source }) => `${perMinute} ${burst} ${source}`}
              {...(operator ? { onOpen: (limit: LimitItem) => setOpen(limit) } : {})}
              sort={sort}
              onSort={(next) => void setSort(next)}
            />
          ) : (
            <TableSkeleton />
          )}
          {rows ? (
            // Not before what stands above it has its height.
            <>
              <h2 className="mt-8 mb-2 font-medium text-14">Busiest callers</h2>
              {top.data ? <Callers callers={top.data.items} /> : <TableSkeleton />}
            </>
          ) : null}
        </>
      )}
      {open ? (
        <LimitDialog limit={open === 'new' ? null : open} onClose={() => setOpen(null)} />
      ) : null}
    </>
  );
}
