'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { type Draft, draftOf } from '../../../../components/metrics/draft.ts';
import type { Range } from '../../../../components/metrics/range.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { SavedItem } from '../../../../server/metrics/contract.ts';
import SaveDialog from './save-dialog.tsx';

function Remove({ item, onClose }: { item: SavedItem; onClose(): void }) {
  const remove = useMutation({
    mutationFn: () => api.metrics.saved.remove.mutate({ id: item.id }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: trpc.metrics.saved.list.pathKey() });
      toast('ok', `${item.name} is deleted.`, {
        label: 'Undo',
        run: () =>
          void api.metrics.saved.create
            .mutate({ name: item.name, query: item.query })
            .then(() =>
              queryClient.invalidateQueries({ queryKey: trpc.metrics.saved.list.pathKey() }),
            ),
      });
      onClose();
    },
  });
  return (
    <Confirm
      title={`Delete ${item.name}`}
      consequence="Links to the query itself keep working; its name is gone for everybody."
      verb="Delete query"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}

/** Queries that were kept: open, rename, delete. */
export default function SavedSheet(props: {
  onOpen(next: { draft: Draft; range: Range }): void;
  onClose(): void;
}) {
  const { onOpen, onClose } = props;
  const me = useMe();
  const operator = me !== undefined && allows(me.role, 'operator');
  const saved = useQuery(trpc.metrics.saved.list.queryOptions());
  const [acting, setActing] = useState<{ action: 'rename' | 'remove'; item: SavedItem } | null>(
    null,
  );
  if (acting) {
    const back = () => setActing(null);
    return acting.action === 'remove' ? (
      <Remove item={acting.item} onClose={back} />
    ) : (
      <SaveDialog query={acting.item.query} rename={acting.item} onClose={back} />
    );
  }
  const items = saved.data?.items;
  return (
    <Dialog open as="sheet" title="Saved queries" onOpenChange={onClose}>
      {saved.isError && !items ? (
        <ErrorPanel what="The saved queries" error={saved.error} onRetry={() => saved.refetch()} />
      ) : !items ? (
        <Skeleton className="h-40" />
      ) : items.length === 0 ? (
        <EmptyState
          title="No query is saved yet"
          why="Build a query and save it: it is then here for everybody, and can be put on a dashboard."
        />
      ) : (
        <ul className="divide-y rounded-card border">
          {items.map((item) => (
            <li key={item.id} className="flex flex-wrap items-center gap-2 px-3 py-2">
              <button
                type="button"
                onClick={() => {
                  onOpen(draftOf(item.query));
                  onClose();
                }}
                className="min-w-40 flex-1 rounded-control text-left hover:underline"
              >
                <span className="block font-medium text-13">{item.name}</span>
                <span className="block break-all text-12 text-muted">{item.query.metric}</span>
              </button>
              {operator ? (
                <>
                  <Button look="ghost" onClick={() => setActing({ action: 'rename', item })}>
                    Rename<span className="sr-only"> {item.name}</span>
                  </Button>
                  <Button look="ghost" onClick={() => setActing({ action: 'remove', item })}>
                    Delete<span className="sr-only"> {item.name}</span>
                  </Button>
                </>
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
