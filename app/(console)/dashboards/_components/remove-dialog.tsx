'use client';

import { useMutation } from '@tanstack/react-query';
import { count } from '../../../../components/format/number.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { DashboardItem } from '../../../../server/dashboards/contract.ts';

export default function RemoveDialog(props: { dashboard: DashboardItem; onClose(): void }) {
  const { dashboard, onClose } = props;
  const refresh = () => queryClient.invalidateQueries({ queryKey: trpc.dashboards.pathKey() });
  const remove = useMutation({
    mutationFn: async () => {
      const kept = await api.dashboards.get.query({ id: dashboard.id });
      await api.dashboards.remove.mutate({ id: dashboard.id });
      return kept;
    },
    onSuccess: async ({ name, panels }) => {
      await refresh();
      toast('ok', `${name} is deleted.`, {
        label: 'Undo',
        run: () => {
          api.dashboards.create
            .mutate({ name, panels })
            .then(refresh)
            .catch(() => toast('bad', `${name} could not be brought back.`));
        },
      });
      onClose();
    },
  });
  return (
    <Confirm
      title={`Delete ${dashboard.name}`}
      consequence={`The dashboard with its ${count(dashboard.panels, 'panel')} is gone for everybody, and links to it lead nowhere. What is measured stays.`}
      verb="Delete dashboard"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    />
  );
}
