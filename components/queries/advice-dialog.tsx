'use client';

import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { AdviceItem } from '../../server/queries/contract.ts';
import { api, queryClient, trpc } from '../trpc/client.ts';
import { Confirm } from '../ui/confirm.tsx';
import { Field } from '../ui/field.tsx';
import { Input } from '../ui/input.tsx';
import { toast } from '../ui/toast.tsx';
import type { AdviceAction } from './advice-actions.tsx';
import { titleOf } from './advice-words.ts';

type Words = {
  title: string;
  consequence: ReactNode;
  verb: string;
  done: string;
  danger?: boolean;
};

function consequenceOf({ advice, databaseName, index }: AdviceItem): string {
  switch (advice.kind) {
    case 'create_index':
      return `The console builds the index ${index ?? ''} in ${databaseName} with CREATE INDEX CONCURRENTLY: reads and writes go on meanwhile, and both are slower for as long as it takes. Each write to ${advice.table} costs a little more from then on. Afterwards the statements are compared, and you decide whether it stays.`;
    case 'drop_index':
      return `The console drops the index ${index ?? ''} of ${advice.table} in ${databaseName}, without blocking reads or writes. How it was made is kept, so that it can be built again; that takes as long as building it took.`;
    case 'reindex':
      return `The console builds the index ${index ?? ''} anew beside the old one and changes them over: reads and writes go on, and twice the space is needed meanwhile.`;
    default:
      return 'table' in advice
        ? `The console runs ANALYZE on ${advice.table} in ${databaseName}. Nothing is blocked; plans may change at once.`
        : '';
  }
}

function wordsOf(item: AdviceItem, action: AdviceAction): Words {
  const { advice, databaseName } = item;
  const title = titleOf(advice);
  switch (action) {
    case 'approve':
      return {
        title: `Approve: ${title}`,
        consequence: consequenceOf(item),
        verb: 'Approve',
        done: 'Approved. It begins within two seconds.',
      };
    case 'markApplied':
      return {
        title: 'You did it yourself',
        consequence:
          'From now on the statements are compared with the day before, and you decide whether it stays. The console changes nothing.',
        verb: 'It is done',
        done: 'The statements are compared from now on.',
      };
    case 'cancel':
      return {
        title: `Cancel: ${title}`,
        consequence: 'What runs at the server is ended. What was half built is removed.',
        verb: 'Cancel it',
        done: 'It is being cancelled.',
        danger: true,
      };
    case 'keep':
      return {
        title: `Keep: ${title}`,
        consequence: item.detail ?? 'It stays as it is.',
        verb: 'Keep it',
        done: 'Kept.',
      };
    case 'drop':
      return {
        title: `Take back: ${title}`,
        consequence:
          advice.kind === 'create_index'
            ? `The console drops the index ${item.index ?? ''} in ${databaseName}, without blocking reads or writes. ${item.detail ?? ''}`
            : advice.kind === 'drop_index'
              ? `The console builds the index ${item.index ?? ''} in ${databaseName} again, as it was. ${item.detail ?? ''}`
              : 'The console cannot take this back by itself; it only notes that you did.',
        verb: 'Take it back',
        done: 'It is being taken back.',
        danger: true,
      };
    case 'dismiss':
      return {
        title: `Dismiss: ${title}`,
        consequence:
          'It stays away until it would save four times as much, or is proved where it was an estimate.',
        verb: 'Dismiss',
        done: 'Dismissed.',
      };
    default:
      return {
        title: `Open again: ${title}`,
        consequence: 'It stands among the open advice again.',
        verb: 'Open again',
        done: 'Open again.',
      };
  }
}

function run(item: AdviceItem, action: AdviceAction, reason: string): Promise<unknown> {
  const { id } = item;
  const { advice } = api.queries;
  if (action === 'keep' || action === 'drop')
    return advice.decide.mutate({ id, keep: action === 'keep' });
  if (action === 'dismiss') return advice.dismiss.mutate({ id, reason });
  return advice[action].mutate({ id });
}

/** Names what will happen before it does. */
export default function AdviceDialog({
  item,
  action,
  onClose,
}: {
  item: AdviceItem;
  action: AdviceAction;
  onClose(): void;
}) {
  const words = wordsOf(item, action);
  const [reason, setReason] = useState('');
  const act = useMutation({
    mutationFn: () => run(item, action, reason),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: trpc.queries.advice.pathKey() });
      toast('ok', words.done);
      onClose();
    },
  });
  return (
    <Confirm
      title={words.title}
      consequence={words.consequence}
      verb={words.verb}
      {...(words.danger ? { danger: true } : {})}
      busy={act.isPending}
      error={act.error}
      onConfirm={() => act.mutate()}
      onClose={onClose}
    >
      {action === 'dismiss' ? (
        <div className="mb-4">
          <Field label="Why" help="Others read it where they would look for the advice.">
            {(control) => (
              <Input
                {...control}
                value={reason}
                maxLength={500}
                onChange={({ target }) => {
                  act.reset();
                  setReason(target.value);
                }}
              />
            )}
          </Field>
        </div>
      ) : null}
    </Confirm>
  );
}
