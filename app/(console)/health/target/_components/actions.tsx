'use client';

import { useMutation } from '@tanstack/react-query';
import { formatDuration } from '../../../../../components/format/duration.ts';
import { trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { TargetDetail } from '../../../../../server/health/contract.ts';

/** What an operator may do with a target. */
export function Actions(props: {
  target: TargetDetail;
  edit(): void;
  act(action: 'pause' | 'resume' | 'maintenance' | 'remove'): void;
}) {
  const { target, edit, act } = props;
  const check = useMutation(
    trpc.health.targets.check.mutationOptions({
      onSuccess: (result) => {
        const took =
          result.latencyMs === null ? '' : ` in ${formatDuration(result.latencyMs / 1000)}`;
        toast(result.ok ? 'ok' : 'bad', `${result.impaired ?? result.detail}${took}`);
      },
      onError: (error) => toast('bad', failureOf(error).message),
    }),
  );
  return (
    <>
      {target.kind === 'heartbeat' ? null : (
        <Button busy={check.isPending} onClick={() => check.mutate({ id: target.id })}>
          Check now
        </Button>
      )}
      <Button onClick={() => act(target.paused ? 'resume' : 'pause')}>
        {target.paused ? 'Resume' : 'Pause'}
      </Button>
      <Button onClick={() => act('maintenance')}>Maintenance</Button>
      <Button onClick={() => act('remove')}>Remove</Button>
      <Button look="primary" onClick={edit}>
        Edit
      </Button>
    </>
  );
}
