'use client';

import { useMutation } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import { useMemo, useState } from 'react';
import type { Column } from '../../../../../components/data/columns.ts';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../../components/data/lazy-table.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { formatNumber } from '../../../../../components/format/number.ts';
import { api, queryClient, trpc } from '../../../../../components/trpc/client.ts';
import { usePages } from '../../../../../components/trpc/use-pages.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { ReferenceItem } from '../../../../../server/drift/contract.ts';
import type { ModelDetail } from '../../../../../server/models/contract.ts';

const UploadDialog = dynamic(() => import('../../../../../components/drift/upload-dialog.tsx'), {
  ssr: false,
});
const Confirm = dynamic(
  () => import('../../../../../components/ui/confirm.tsx').then((m) => ({ default: m.Confirm })),
  { ssr: false },
);

const sources = { upload: 'A file', range: 'Predictions', rows: 'Rows' } as const;

function columnsOf(remove: ((reference: ReferenceItem) => void) | null): Column<ReferenceItem>[] {
  const plain: Column<ReferenceItem>[] = [
    {
      id: 'name',
      header: 'Reference',
      csv: ({ name }) => name,
      cell: ({ name, detail }) => (
        <span title={detail} className="font-medium">
          {name}
        </span>
      ),
    },
    {
      id: 'source',
      header: 'Made of',
      width: '120px',
      csv: ({ source }) => source,
      cell: ({ source }) => sources[source],
    },
    {
      id: 'rows',
      header: 'Rows',
      width: '110px',
      align: 'right',
      csv: ({ rows }) => rows,
      cell: ({ rows, sampled }) => (
        <span title={`${formatNumber(sampled)} of them are kept and compared`}>
          {formatNumber(rows)}
        </span>
      ),
    },
    {
      id: 'features',
      header: 'Features',
      width: '90px',
      align: 'right',
      csv: ({ features }) => features.length,
      cell: ({ features }) => formatNumber(features.length),
    },
    {
      id: 'monitors',
      header: 'Monitors',
      width: '90px',
      align: 'right',
      csv: ({ monitors }) => monitors,
      cell: ({ monitors }) => formatNumber(monitors),
    },
    {
      id: 'made',
      header: 'Made',
      width: '120px',
      csv: ({ createdAt }) => createdAt,
      cell: ({ createdAt }) => <RelativeTime at={createdAt} />,
    },
  ];
  if (!remove) return plain;
  return [
    ...plain,
    {
      id: 'actions',
      header: '',
      width: '136px',
      cell: (reference) => (
        <Button look="ghost" className="h-7" onClick={() => remove(reference)}>
          Remove<span className="sr-only"> {reference.name}</span>
        </Button>
      ),
    },
  ];
}

/** What the inputs of the model are compared with. */
export function References({ model, operator }: { model: ModelDetail; operator: boolean }) {
  const { query, items } = usePages({
    pathKey: trpc.drift.references.list.pathKey(),
    input: { modelId: model.id },
    fetchPage: (cursor, signal) =>
      api.drift.references.list.query({ modelId: model.id, limit: 50, cursor }, { signal }),
  });
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<ReferenceItem | null>(null);
  const columns = useMemo(() => columnsOf(operator ? setRemoving : null), [operator]);
  const remove = useMutation({
    mutationFn: (id: string) => api.drift.references.remove.mutate({ id }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: trpc.drift.references.pathKey() });
      toast('ok', 'The reference is removed.');
      setRemoving(null);
    },
  });
  return (
    <section aria-labelledby="references" className="mb-4">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h2 id="references" className="font-medium text-14">
          References
        </h2>
        {operator ? <Button onClick={() => setAdding(true)}>Upload reference</Button> : null}
      </div>
      {query.isError && !items ? (
        <ErrorPanel what="The references" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? null : items.length === 0 ? (
        <p className="text-13 text-muted">
          None yet. A reference is what the inputs looked like when the model was well: its training
          table, for example. A drift monitor compares predictions with it.
        </p>
      ) : (
        <LazyTable label="References" columns={columns} rows={items} rowId={({ id }) => id} />
      )}
      {adding ? (
        <UploadDialog
          model={model}
          onClose={() => setAdding(false)}
          onMade={() => setAdding(false)}
        />
      ) : null}
      {removing ? (
        <Confirm
          title={`Remove ${removing.name}`}
          consequence={
            removing.monitors > 0
              ? 'Monitors that compare with it fail until another is chosen. Their runs stay.'
              : 'No monitor compares with it.'
          }
          verb="Remove reference"
          danger
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate(removing.id)}
          onClose={() => setRemoving(null)}
        />
      ) : null}
    </section>
  );
}
