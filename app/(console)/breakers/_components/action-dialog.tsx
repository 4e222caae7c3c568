'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { BreakerItem } from '../../../../server/breakers/contract.ts';
import type { BreakerAction } from './columns.tsx';

type Asked = Exclude<BreakerAction, 'edit'>;
const words: Record<Asked, { title: string; verb: string; consequence: string; done: string }> = {
  open: {
    title: 'Hold open',
    verb: 'Hold open',
    consequence:
      'Every call is turned away, on every replica, until somebody hands it back. It does not end by itself.',
    done: 'is held open',
  },
  closed: {
    title: 'Hold closed',
    verb: 'Hold closed',
    consequence:
      'Every call passes, however many fail, until somebody hands it back. It does not end by itself.',
    done: 'is held closed',
  },
  auto: {
    title: 'Hand back',
    verb: 'Hand back',
    consequence:
      'The breaker decides by itself again. Held open, it begins with trial calls; held closed, with an empty window. Alerts that fire do not hold it again before they are over.',
    done: 'decides by itself',
  },
  trip: {
    title: 'Trip',
    verb: 'Trip',
    consequence:
      'It opens as if too many calls had failed, and tries again by itself when its open period is over.',
    done: 'is open',
  },
  reset: {
    title: 'Reset',
    verb: 'Reset',
    consequence: 'It is closed with an empty window, and held by nobody. Calls pass at once.',
    done: 'is closed',
  },
  remove: {
    title: 'Remove',
    verb: 'Remove breaker',
    consequence:
      'Programs that ask for it are told that there is none. Its outcomes stay in the metric store. This cannot be undone.',
    done: 'is removed',
  },
};

function run(action: Asked, name: string, reason: string): Promise<unknown> {
  switch (action) {
    case 'remove':
      return api.breakers.remove.mutate({ name });
    case 'trip':
      return api.breakers.trip.mutate({ name, reason });
    case 'reset':
      return api.breakers.reset.mutate({ name, reason });
    default:
      return api.breakers.force.mutate({ name, state: action, reason });
  }
}

export default function ActionDialog(props: {
  action: Asked;
  breaker: Pick<BreakerItem, 'name'>;
  onClose(): void;
  onDone?(): void;
}) {
  const { action, breaker, onClose, onDone } = props;
  const { title, verb, consequence, done } = words[action];
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  const needsReason = action !== 'remove';
  const change = useMutation({
    mutationFn: () => run(action, breaker.name, reason),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: trpc.breakers.pathKey() });
      toast('ok', `${breaker.name} ${done}.`);
      onClose();
      onDone?.();
    },
  });
  const fault = change.error ? failureOf(change.error).fields[0]?.message : undefined;
  const confirm = () => {
    if (needsReason && reason.trim() === '') setMissing(true);
    else change.mutate();
  };
  return (
    <Confirm
      title={`${title}: ${breaker.name}`}
      consequence={consequence}
      verb={verb}
      danger={action === 'open' || action === 'trip' || action === 'remove'}
      busy={change.isPending}
      error={fault ? null : change.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      {needsReason ? (
        <form
          className="mb-4"
          onSubmit={(event) => {
            event.preventDefault();
            confirm();
          }}
        >
          <Field
            label="Reason"
            help="Stands beside the breaker, in its history and in the audit log."
            error={fault ?? (missing ? 'Say why, for those who come after you.' : undefined)}
          >
            {(control) => (
              <Input
                {...control}
                value={reason}
                maxLength={500}
                autoComplete="off"
                onChange={({ target }) => {
                  setReason(target.value);
                  setMissing(false);
                  change.reset();
                }}
              />
            )}
          </Field>
        </form>
      ) : null}
    </Confirm>
  );
}
