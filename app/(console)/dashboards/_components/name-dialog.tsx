'use client';

import { useRouter } from 'next/navigation';
import { NameDialog as AskName } from '../../../../components/data/name-dialog.tsx';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import type { DashboardItem } from '../../../../server/dashboards/contract.ts';

/** A new dashboard gets its name and is opened for arranging; another one gets another name. */
export default function NameDialog(props: { dashboard: DashboardItem | null; onClose(): void }) {
  const { dashboard, onClose } = props;
  const router = useRouter();
  return (
    <AskName
      title={dashboard ? `Rename ${dashboard.name}` : 'Create dashboard'}
      label={dashboard ? 'Rename' : 'Create dashboard'}
      initial={dashboard?.name ?? ''}
      save={async (name) => {
        const made = dashboard ? null : (await api.dashboards.create.mutate({ name })).id;
        if (dashboard) {
          const { id, version } = dashboard;
          await api.dashboards.update.mutate({ id, version, name });
        }
        await queryClient.invalidateQueries({ queryKey: trpc.dashboards.pathKey() });
        return made;
      }}
      onSaved={(made, name) => {
        onClose();
        if (made) router.push(`/dashboards/view?id=${made}&edit=true`);
        else toast('ok', `It is called ${name} now.`);
      }}
      onClose={onClose}
    />
  );
}
