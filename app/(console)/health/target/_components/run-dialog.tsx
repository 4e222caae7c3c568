'use client';

import { useMutation } from '@tanstack/react-query';
import { queryClient, trpc } from '../../../../../components/trpc/client.ts';
import { Confirm } from '../../../../../components/ui/confirm.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { TargetDetail } from '../../../../../server/health/contract.ts';

/** Runs a remedy now, whatever the plan says. */
export default function RunDialog(props: { target: TargetDetail; what: string; onClose(): void }) {
  const { target, what, onClose } = props;
  const run = useMutation(
    trpc.health.remedies.run.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.health.pathKey() });
        toast('ok', 'The remedy runs.');
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`Run the remedy of ${target.name}`}
      consequence={`Runs now, whatever the plan says: ${what}.`}
      verb="Run remedy"
      danger
      busy={run.isPending}
      error={run.error}
      onConfirm={() => run.mutate({ id: target.id })}
      onClose={onClose}
    />
  );
}
