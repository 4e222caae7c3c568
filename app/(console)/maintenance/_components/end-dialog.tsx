'use client';

import { useMutation } from '@tanstack/react-query';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { MaintenanceItem } from '../../../../server/health/contract.ts';

/** Ends a window, or takes it from the plan. */
export default function EndDialog(props: { window: MaintenanceItem; onClose(): void }) {
  const { window, onClose } = props;
  const cancel = useMutation(
    trpc.health.maintenance.cancel.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.health.maintenance.pathKey() });
        toast('ok', 'The window is ended.');
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`End ${window.name}`}
      consequence="Alerts and remedies of its targets begin again within seconds, and it does not come back."
      verb="End window"
      danger
      busy={cancel.isPending}
      error={cancel.error}
      onConfirm={() => cancel.mutate({ id: window.id })}
      onClose={onClose}
    />
  );
}
