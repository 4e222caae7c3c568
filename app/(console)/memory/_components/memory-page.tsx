'use client';

import dynamic from 'next/dynamic';
import { parseAsString, useQueryState } from 'nuqs';
import { useMemo, useState } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { useAllowed } from '../../../../components/shell/use-me.ts';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { ProcessItem } from '../../../../server/memory/contract.ts';
import { Course } from './course.tsx';
import { findingColumns } from './finding-columns.tsx';
import { columnsOf, type MemoryAction } from './process-columns.tsx';
import { useMemory } from './use-memory.ts';

const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });
const FindingSheet = dynamic(() => import('./finding-sheet.tsx'), { ssr: false });
const ProcessLooks = dynamic(() => import('./process-looks.tsx'), { ssr: false });

function State({ processes }: { processes: readonly ProcessItem[] | undefined }) {
  if (!processes) return <Skeleton className="h-4 w-56" />;
  const leaks = processes.filter(({ verdict }) => verdict === 'leak').length;
  const suspected = processes.filter(({ verdict }) => verdict === 'suspected').length;
  return (
    <>
      {count(processes.length, 'process', 'processes')} watched,{' '}
      {leaks > 0 ? `${leaks} leaking` : 'none leaking'}
      {suspected > 0 ? `, ${suspected} suspected` : ''}.
    </>
  );
}

function Findings({
  list,
  findings,
}: {
  list: ReturnType<typeof useMemory>['findingList'];
  findings: ReturnType<typeof useMemory>['findings'];
}) {
  const [open, setOpen] = useQueryState('finding', parseAsString.withOptions({ history: 'push' }));
  const [sort, setSort] = useQueryState('found', parseAsString);
  return (
    <section aria-labelledby="memory-findings" className="mb-8">
      <h2 id="memory-findings" className="mb-2 font-medium text-14">
        Leaks
      </h2>
      {list.isError && !findings ? (
        <ErrorPanel what="The leaks" error={list.error} onRetry={() => list.refetch()} />
      ) : !findings ? (
        <TableSkeleton />
      ) : findings.length === 0 ? (
        <EmptyState
          title="No leak was found"
          why="A leak is named here with its class, the function that allocates it, and what was done about it. Growth that comes to rest, as a cache's does, is none."
        />
      ) : (
        <LazyTable
          label="Leaks"
          columns={findingColumns}
          rows={findings}
          rowId={({ id }) => id}
          stamp={({ status, classes }) => `${status}${classes.length}`}
          onOpen={({ id }) => void setOpen(id)}
          openId={open}
          sort={sort}
          onSort={(next) => void setSort(next)}
          more={
            list.hasNextPage
              ? { load: () => list.fetchNextPage(), busy: list.isFetchingNextPage }
              : null
          }
        />
      )}
      {open ? <FindingSheet id={open} onClose={() => void setOpen(null)} /> : null}
    </section>
  );
}

export function MemoryPage() {
  const { status, processes, process, setChosen, findingList, findings } = useMemory();
  const mayAct = useAllowed('operator') ?? false;
  const [sort, setSort] = useQueryState('sort', parseAsString);
  const [pending, setPending] = useState<{ action: MemoryAction; process: ProcessItem } | null>(
    null,
  );
  const columns = useMemo(
    () => columnsOf((action, about) => setPending({ action, process: about }), mayAct),
    [mayAct],
  );
  if (status.isError && !processes) {
    return (
      <>
        <PageHeader title="Memory" state="" />
        <ErrorPanel
          what="The processes"
          error={status.error}
          onRetry={() => Promise.all([status.refetch(), findingList.refetch()])}
        />
      </>
    );
  }
  return (
    <>
      <PageHeader title="Memory" state={<State processes={processes} />} />
      {status.isError ? <StaleNote at={status.dataUpdatedAt} /> : null}
      <div className="mb-8">
        {!processes ? (
          <TableSkeleton />
        ) : processes.length === 0 ? (
          <EmptyState
            title="No process has reported yet"
            why="The console reports on itself within a quarter of a minute of its start. Other programs embed server/client/memory.ts; the documentation shows the five lines."
          />
        ) : (
          <LazyTable
            label="Processes"
            columns={columns}
            rows={processes}
            rowId={({ id }) => id}
            stamp={({ verdict }) => verdict}
            onOpen={({ id }) => void setChosen(id)}
            openId={process?.id ?? null}
            sort={sort}
            onSort={(next) => void setSort(next)}
          />
        )}
      </div>
      {process ? <Course process={process} /> : null}
      {/* Not before what stands above it has its height. */}
      {processes ? <Findings list={findingList} findings={findings} /> : null}
      {process ? <ProcessLooks process={process.id} /> : null}
      {pending ? <ActionDialog {...pending} onClose={() => setPending(null)} /> : null}
    </>
  );
}
