'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { count } from '../../../../components/format/number.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';

export type Target =
  | { kind: 'token'; jti: string; subject: string }
  | { kind: 'subject'; subject: string }
  | { kind: 'key'; kid: string; tokens: number };

const titleOf = (target: Target) => {
  if (target.kind === 'token') return `Revoke this token of ${target.subject}`;
  return target.kind === 'subject'
    ? `Revoke all tokens of ${target.subject}`
    : `Revoke the key ${target.kid}`;
};
const consequences: Record<Target['kind'], string> = {
  token: 'It is refused on every replica within a second, and its live streams end.',
  subject:
    'Everything that was issued for it until now is refused within a second. What is issued later counts.',
  key: 'For a key that others may have seen. Every token that it signed is refused within a second, and another key signs from then on.',
};
const inputOf = (target: Target, reason: string) => {
  if (target.kind === 'token') return { jti: target.jti, reason };
  return target.kind === 'subject'
    ? { subject: target.subject, reason }
    : { kid: target.kid, reason };
};

export default function RevokeDialog({ target, onClose }: { target: Target; onClose(): void }) {
  const [reason, setReason] = useState('');
  const [asked, setAsked] = useState(false);
  const revoke = useMutation(
    trpc.tokens.revoke.mutationOptions({
      onSuccess: async ({ revoked }) => {
        await queryClient.invalidateQueries({ queryKey: trpc.tokens.pathKey() });
        toast('ok', `${count(revoked, 'token is', 'tokens are')} revoked.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={titleOf(target)}
      consequence={consequences[target.kind]}
      verb="Revoke"
      danger
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => {
        setAsked(true);
        if (reason.trim() !== '') revoke.mutate(inputOf(target, reason.trim()));
      }}
      onClose={onClose}
    >
      <div className="mb-5">
        <Field
          label="Reason"
          help="Stands in the audit log and in the list of revocations."
          error={asked && reason.trim() === '' ? 'Say why' : undefined}
        >
          {(control) => (
            <Input
              {...control}
              value={reason}
              maxLength={500}
              autoComplete="off"
              onChange={({ target: input }) => setReason(input.value)}
            />
          )}
        </Field>
      </div>
    </Confirm>
  );
}
