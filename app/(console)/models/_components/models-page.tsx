'use client';

import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
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
import { count, formatNumber } from '../../../../components/format/number.ts';
import { HowToSend } from '../../../../components/models/send.tsx';
import { modelState, taskWords } from '../../../../components/models/words.ts';
import { useAllowed } from '../../../../components/shell/use-me.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { ModelItem } from '../../../../server/models/contract.ts';
import { useModels } from './use-models.ts';

const ModelDialog = dynamic(() => import('../../../../components/models/model-dialog.tsx'), {
  ssr: false,
});

const columns: readonly Column<ModelItem>[] = [
  {
    id: 'state',
    header: 'State',
    width: '150px',
    csv: (model) => modelState(model).word,
    cell: (model) => (
      <span title={model.verdictDetail ?? undefined}>
        <StatusBadge {...modelState(model)} />
      </span>
    ),
  },
  {
    id: 'name',
    header: 'Name',
    csv: ({ name }) => name,
    cell: ({ name, description }) => (
      <span title={description || name} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'task',
    header: 'Predicts',
    width: '140px',
    csv: ({ task }) => task,
    cell: ({ task }) => taskWords[task],
  },
  {
    id: 'features',
    header: 'Features',
    width: '90px',
    align: 'right',
    csv: ({ features }) => features,
    cell: ({ features }) => formatNumber(features),
  },
  {
    id: 'predictions',
    header: 'Last 24 hours',
    width: '120px',
    align: 'right',
    csv: ({ predictions24h }) => predictions24h,
    cell: ({ predictions24h }) => formatNumber(predictions24h),
  },
  {
    id: 'last',
    header: 'Last prediction',
    width: '130px',
    csv: ({ lastAt }) => lastAt,
    cell: ({ lastAt }) => (lastAt ? <RelativeTime at={lastAt} /> : 'never'),
  },
];

const example = [
  { name: 'amount', kind: 'numeric' },
  { name: 'plan', kind: 'categorical' },
] as const;

function State({ models }: { models: readonly ModelItem[] | undefined }) {
  if (!models) return <Skeleton className="h-4 w-64" />;
  const worse = models.filter(({ verdict }) => verdict === 'fallen').length;
  if (models.length === 0) return 'What models answer, and whether it was right.';
  return `${count(models.length, 'model')}; ${worse === 0 ? 'none became worse' : `${worse} became worse`}.`;
}

/** Models, and how good each is. */
export function ModelsPage() {
  const { query, items } = useModels();
  const operator = useAllowed('operator');
  const router = useRouter();
  const [adding, setAdding] = useState(false);
  const add = operator ? (
    <Button look="primary" onClick={() => setAdding(true)}>
      <Plus aria-hidden className="size-4" />
      Register model
    </Button>
  ) : undefined;
  return (
    <>
      <PageHeader
        title="Models"
        state={query.isError && !items ? '' : <State models={items} />}
        action={add}
      />
      {query.isError && !items ? (
        <ErrorPanel what="The models" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : items.length === 0 ? (
        <>
          <EmptyState
            title="No model is registered"
            why="Register a model with its features. Then send what it predicts, and later what was true: this page shows how often it was right, over time and by segment, and says when it became worse."
            action={
              operator ? (
                <Button onClick={() => setAdding(true)}>Register the first model</Button>
              ) : (
                <span className="text-13 text-muted">Registering needs the role operator.</span>
              )
            }
          />
          <section aria-label="How to send" className="mt-5">
            <h2 className="mb-2 font-medium text-14">How it is sent</h2>
            <HowToSend model="my model" features={example} />
          </section>
        </>
      ) : (
        <>
          {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
          <LazyTable
            label="Models"
            columns={columns}
            rows={items}
            rowId={({ id }) => id}
            stamp={({ verdict }) => verdict}
            onOpen={({ id }) => router.push(`/models/model?id=${id}`)}
            more={
              query.hasNextPage
                ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
                : null
            }
          />
        </>
      )}
      {adding ? <ModelDialog model={null} onClose={() => setAdding(false)} /> : null}
    </>
  );
}
