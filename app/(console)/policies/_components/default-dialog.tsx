'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { Effect } from '../../../../server/policies/contract.ts';

/** Changes what holds where no rule speaks. */
export default function DefaultDialog(props: { current: Effect; onClose(): void }) {
  const { current, onClose } = props;
  const next: Effect = current === 'allow' ? 'deny' : 'allow';
  const [reason, setReason] = useState('');
  const [left, setLeft] = useState(false);
  const short = reason.trim().length < 3;
  const change = useMutation(
    trpc.policies.setDefault.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries();
        toast('ok', `The default is to ${next}.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`Set the default to ${next}`}
      consequence={
        next === 'deny'
          ? 'Only what a rule allows goes on: pages, scripts and agents stop where none does. People keep their own account and sessions; admins who signed in keep policies and users, and can take this back here.'
          : 'Where no rule speaks, everybody may do what the role allows.'
      }
      verb={`Set to ${next}`}
      danger={next === 'deny'}
      busy={change.isPending}
      error={change.error}
      onConfirm={() => {
        setLeft(true);
        if (!short) change.mutate({ effect: next, reason });
      }}
      onClose={onClose}
    >
      <div className="mb-4">
        <Field
          label="Reason"
          help="Stands in the audit log."
          error={left && short ? 'Say why, for those who read the audit log' : undefined}
        >
          {(control) => (
            <Input
              {...control}
              value={reason}
              maxLength={300}
              autoComplete="off"
              onChange={({ target }) => setReason(target.value)}
            />
          )}
        </Field>
      </div>
    </Confirm>
  );
}
