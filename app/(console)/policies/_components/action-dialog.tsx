'use client';

import { useMutation } from '@tanstack/react-query';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { RuleItem } from '../../../../server/policies/contract.ts';
import type { RuleAction } from './rule-columns.tsx';

type One = { rule: RuleItem; onClose(): void };
const refresh = () => queryClient.invalidateQueries({ queryKey: trpc.policies.pathKey() });

function Switch({ rule, onClose }: One) {
  const enabled = !rule.enabled;
  const update = useMutation(
    trpc.policies.update.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', `${rule.name} is ${enabled ? 'on' : 'off'}.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`Switch ${rule.name} ${enabled ? 'on' : 'off'}`}
      consequence={
        enabled
          ? `From now on ${rule.subject} ${rule.effect === 'deny' ? 'may not' : 'may'} call ${rule.tool} in ${rule.scope}. Edit it to see first what that changes.`
          : `What it ${rule.effect === 'deny' ? 'denies is decided' : 'allows is decided'} by the other rules and the default, within two seconds on every replica.`
      }
      verb={enabled ? 'Switch on' : 'Switch off'}
      danger={enabled === (rule.effect === 'deny')}
      busy={update.isPending}
      error={update.error}
      onConfirm={() => update.mutate({ id: rule.id, version: rule.version, enabled })}
      onClose={onClose}
    />
  );
}

function Remove({ rule, onClose }: One) {
  const remove = useMutation(
    trpc.policies.remove.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', `${rule.name} is removed.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`Remove ${rule.name}`}
      consequence="What it decided is decided by the other rules and the default. The audit log keeps how it was."
      verb="Remove rule"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ id: rule.id, version: rule.version })}
      onClose={onClose}
    />
  );
}

export default function ActionDialog({ action, ...props }: One & { action: RuleAction }) {
  return action === 'remove' ? <Remove {...props} /> : <Switch {...props} />;
}
