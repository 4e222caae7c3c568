'use client';

import { useMutation } from '@tanstack/react-query';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { toast } from '../../../../components/ui/toast.tsx';

/** Ends a run before its time. */
export default function CancelDialog(props: { id: string; service: string; onClose(): void }) {
  const { id, service, onClose } = props;
  const cancel = useMutation(
    trpc.gamedays.cancel.mutationOptions({
      onSuccess: async ({ restored }) => {
        await queryClient.invalidateQueries({ queryKey: trpc.gamedays.pathKey() });
        if (restored) toast('ok', `The game day of ${service} is cancelled.`);
        else toast('bad', `Cancelled, but the fault is still in ${service}: no answer.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`Cancel the game day of ${service}`}
      consequence="The fault is taken out, a dead service is started, and nothing is scored."
      verb="Cancel game day"
      danger
      busy={cancel.isPending}
      error={cancel.error}
      onConfirm={() => cancel.mutate({ id })}
      onClose={onClose}
    />
  );
}
