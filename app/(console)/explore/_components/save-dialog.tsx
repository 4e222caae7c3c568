'use client';

import { NameDialog } from '../../../../components/data/name-dialog.tsx';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import type { Query } from '../../../../server/metrics/contract.ts';

/** Keeps a query under a name; or gives the kept one another name. */
export default function SaveDialog(props: {
  query: Query;
  rename?: { id: string; name: string };
  onClose(): void;
}) {
  const { query, rename, onClose } = props;
  return (
    <NameDialog
      title={rename ? `Rename ${rename.name}` : 'Save query'}
      description="Everybody who may look here can open it."
      label={rename ? 'Rename' : 'Save query'}
      initial={rename?.name ?? ''}
      save={async (name) => {
        await (rename
          ? api.metrics.saved.update.mutate({ id: rename.id, name })
          : api.metrics.saved.create.mutate({ name, query }));
        await queryClient.invalidateQueries({ queryKey: trpc.metrics.saved.list.pathKey() });
      }}
      onSaved={(_saved, name) => {
        toast('ok', `${name} is saved.`);
        onClose();
      }}
      onClose={onClose}
    />
  );
}
