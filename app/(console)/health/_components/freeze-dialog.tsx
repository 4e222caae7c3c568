'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';

/** Pauses or resumes all remedies; checks and alerts go on. */
export default function FreezeDialog({ frozen, onClose }: { frozen: boolean; onClose(): void }) {
  const [reason, setReason] = useState('');
  const freeze = useMutation(
    trpc.health.freeze.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.health.control.pathKey() });
        onClose();
      },
    }),
  );
  const text = reason.trim();
  return (
    <Confirm
      title={frozen ? 'Resume healing' : 'Pause healing'}
      consequence={
        frozen
          ? 'Remedies of targets that are down start as planned.'
          : 'No remedy starts anywhere until healing is resumed. Checks and alerts go on; a remedy that runs already is not stopped.'
      }
      verb={frozen ? 'Resume healing' : 'Pause healing'}
      danger={!frozen}
      busy={freeze.isPending}
      error={freeze.error}
      onConfirm={() => freeze.mutate({ frozen: !frozen, ...(text ? { reason: text } : {}) })}
      onClose={onClose}
    >
      {frozen ? null : (
        <div className="mb-5">
          <Field label="Reason" help="Shown to everybody in a banner.">
            {(control) => (
              <Input
                {...control}
                value={reason}
                maxLength={500}
                onChange={(event) => setReason(event.target.value)}
              />
            )}
          </Field>
        </div>
      )}
    </Confirm>
  );
}
