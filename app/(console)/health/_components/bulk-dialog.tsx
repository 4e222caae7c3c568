'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { count } from '../../../../components/format/number.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Select } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { TargetItem } from '../../../../server/health/contract.ts';
import type { BulkAction } from './target-list.tsx';

const lengths = [
  { value: 15, label: '15 minutes' },
  { value: 60, label: '1 hour' },
  { value: 240, label: '4 hours' },
  { value: 1440, label: '1 day' },
] as const;
const refresh = () =>
  Promise.all([
    queryClient.invalidateQueries({ queryKey: trpc.health.targets.pathKey() }),
    queryClient.invalidateQueries({ queryKey: trpc.health.counts.pathKey() }),
  ]);

/** One action on one target or many. */
export default function BulkDialog(props: {
  action: BulkAction;
  targets: readonly Pick<TargetItem, 'id' | 'name'>[];
  onClose(): void;
  onDone(): void;
}) {
  const { action, targets, onClose, onDone } = props;
  const [minutes, setMinutes] = useState(60);
  const ids = targets.map(({ id }) => id);
  const what = targets.length === 1 ? (targets[0]?.name ?? '') : count(targets.length, 'target');
  const run = useMutation({
    mutationFn: async () => {
      if (action === 'pause' || action === 'resume') {
        await api.health.targets.pause.mutate({ ids, paused: action === 'pause' });
      } else if (action === 'remove') {
        await api.health.targets.removeMany.mutate({ ids });
      } else {
        const now = Date.now();
        await api.health.maintenance.create.mutate({
          name: `Maintenance of ${what}`.slice(0, 200),
          targetIds: ids,
          startsAt: new Date(now).toISOString(),
          endsAt: new Date(now + minutes * 60_000).toISOString(),
        });
      }
    },
    onSuccess: async () => {
      await refresh();
      const undo = { pause: false, resume: true }[action as 'pause' | 'resume'];
      toast(
        'ok',
        `${
          { pause: 'Paused', resume: 'Resumed', remove: 'Removed', maintenance: 'In maintenance' }[
            action
          ]
        }: ${what}.`,
        undo === undefined
          ? undefined
          : {
              label: 'Undo',
              run: () => {
                api.health.targets.pause
                  .mutate({ ids, paused: undo })
                  .then(refresh)
                  .catch(() => toast('bad', 'It could not be undone.'));
              },
            },
      );
      onDone();
    },
  });
  const texts = {
    pause: {
      title: `Pause ${what}`,
      consequence:
        'No checks, no alerts, no remedies until it is resumed. The time counts as unknown.',
      verb: 'Pause',
    },
    resume: { title: `Resume ${what}`, consequence: 'Checks begin at once.', verb: 'Resume' },
    remove: {
      title: `Remove ${what}`,
      consequence:
        'Checks end, and the settings, history and remedy runs go with it. Open incidents of it are resolved. This cannot be undone.',
      verb: 'Remove',
    },
    maintenance: {
      title: `Maintenance of ${what}`,
      consequence:
        'Checks go on; alerts and remedies are held back, and the uptime does not count the time.',
      verb: 'Begin maintenance',
    },
  }[action];
  return (
    <Confirm
      {...texts}
      danger={action === 'remove'}
      busy={run.isPending}
      error={run.error}
      onConfirm={() => run.mutate()}
      onClose={onClose}
    >
      {action === 'maintenance' ? (
        <div className="mb-5">
          <Field label="For" help="Longer and recurring windows: the Maintenance page.">
            {(control) => (
              <Select
                {...control}
                value={minutes}
                onChange={(event) => setMinutes(Number(event.target.value))}
              >
                {lengths.map(({ value, label }) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </div>
      ) : null}
    </Confirm>
  );
}
