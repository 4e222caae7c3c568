'use client';

import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { RunStrip } from '../../../../components/drift/strip.tsx';
import { monitorState, windowWords } from '../../../../components/drift/words.ts';
import { count } from '../../../../components/format/number.ts';
import { HowToSend } from '../../../../components/models/send.tsx';
import { useAllowed } from '../../../../components/shell/use-me.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { Button, buttonClass } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { MonitorItem } from '../../../../server/drift/contract.ts';

const MonitorDialog = dynamic(() => import('../../../../components/drift/monitor-dialog.tsx'), {
  ssr: false,
});

const columns: readonly Column<MonitorItem>[] = [
  {
    id: 'state',
    header: 'State',
    width: '132px',
    csv: (monitor) => monitorState(monitor).word,
    cell: (monitor) => (
      <span title={monitor.detail ?? undefined}>
        <StatusBadge {...monitorState(monitor)} />
      </span>
    ),
  },
  {
    id: 'name',
    header: 'Monitor',
    csv: ({ name }) => name,
    cell: ({ name }) => (
      <span title={name} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'model',
    header: 'Model',
    width: '130px',
    csv: ({ modelName }) => modelName,
    cell: ({ modelName }) => <span title={modelName}>{modelName}</span>,
  },
  {
    id: 'window',
    header: 'Window',
    width: '160px',
    csv: ({ window }) => windowWords(window),
    cell: ({ window }) => <span title={windowWords(window)}>{windowWords(window)}</span>,
  },
  {
    id: 'strip',
    header: 'Last runs',
    width: '190px',
    cell: ({ strip }) => <RunStrip strip={strip} />,
  },
  {
    id: 'last',
    header: 'Last run',
    width: '100px',
    csv: ({ lastRunAt }) => lastRunAt,
    cell: ({ lastRunAt }) => (lastRunAt ? <RelativeTime at={lastRunAt} /> : 'never'),
  },
];

const example = [
  { name: 'amount', kind: 'numeric' },
  { name: 'plan', kind: 'categorical' },
] as const;

function State({ monitors }: { monitors: readonly MonitorItem[] | undefined }) {
  if (!monitors) return <Skeleton className="h-4 w-64" />;
  if (monitors.length === 0) return 'Whether what models see now is still what they learned from.';
  const those = (wanted: MonitorItem['state']) =>
    monitors.filter(({ state, paused }) => state === wanted && !paused).length;
  const [drifting, failing] = [those('drifting'), those('failing')];
  const found =
    drifting === 0
      ? `No drift in ${count(monitors.length, 'monitor')}`
      : `${drifting} of ${count(monitors.length, 'monitor')} ${drifting === 1 ? 'sees' : 'see'} drift`;
  return `${found}${failing === 0 ? '' : `; ${failing} ${failing === 1 ? 'fails' : 'fail'}`}.`;
}

/** Monitors with their states over time. */
export function DriftPage() {
  const { query, items } = usePages({
    pathKey: trpc.drift.monitors.list.pathKey(),
    input: {},
    fetchPage: (cursor, signal) =>
      api.drift.monitors.list.query({ limit: 100, cursor }, { signal }),
    refetchMs: 30_000,
  });
  const operator = useAllowed('operator');
  const router = useRouter();
  const [adding, setAdding] = useState(false);
  return (
    <>
      <PageHeader
        title="Drift"
        state={query.isError && !items ? '' : <State monitors={items} />}
        action={
          operator ? (
            <Button look="primary" onClick={() => setAdding(true)}>
              <Plus aria-hidden className="size-4" />
              Add monitor
            </Button>
          ) : undefined
        }
      />
      {query.isError && !items ? (
        <ErrorPanel what="The monitors" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : items.length === 0 ? (
        <>
          <EmptyState
            title="Nothing is watched yet"
            why="A monitor compares the predictions of each hour or day with a reference: what the inputs looked like when the model was well. It says which feature changed, by how much, and whether chance explains it."
            action={
              operator ? (
                <div className="flex flex-wrap justify-center gap-2">
                  <Button onClick={() => setAdding(true)}>Add the first monitor</Button>
                  <Link href="/models" className={buttonClass('secondary')}>
                    Register a model
                  </Link>
                </div>
              ) : (
                <span className="text-13 text-muted">Adding one needs the role operator.</span>
              )
            }
          />
          <section aria-label="How to send" className="mt-5">
            <h2 className="mb-2 font-medium text-14">How predictions come in</h2>
            <HowToSend model="my model" features={example} />
          </section>
        </>
      ) : (
        <>
          {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
          <LazyTable
            label="Monitors"
            columns={columns}
            rows={items}
            rowId={({ id }) => id}
            stamp={({ state }) => state}
            onOpen={({ id }) => router.push(`/drift/monitor?id=${id}`)}
            more={
              query.hasNextPage
                ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
                : null
            }
          />
        </>
      )}
      {adding ? (
        <MonitorDialog
          monitor={null}
          onClose={() => setAdding(false)}
          onMade={(id) => router.push(`/drift/monitor?id=${id}`)}
        />
      ) : null}
    </>
  );
}
