'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { count } from '../../../../../components/format/number.ts';
import { api, queryClient, trpc } from '../../../../../components/trpc/client.ts';
import { Confirm } from '../../../../../components/ui/confirm.tsx';
import { Field } from '../../../../../components/ui/field.tsx';
import { Select } from '../../../../../components/ui/input.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { KeyItem, KeyVersionItem } from '../../../../../server/keys/contract.ts';
import type { VersionAction } from '../../_components/words.tsx';
import { USAGE_DAYS } from './usage.tsx';

type Choice = { label: string; value: number; of: readonly (readonly [number, string])[] };
const minutes: Choice = {
  label: 'For',
  value: 5,
  of: [
    [1, '1 minute'],
    [5, '5 minutes'],
    [15, '15 minutes'],
    [60, '1 hour'],
  ],
};
const days: Choice = {
  label: 'Quiet for',
  value: 3,
  of: [
    [1, '1 day'],
    [3, '3 days'],
    [7, '7 days'],
    [30, '30 days'],
    [0, 'no matter: only with its grace'],
  ],
};

function wordsOf(action: VersionAction, version: KeyVersionItem, name: string) {
  const which = `version ${version.version}`;
  switch (action) {
    case 'rehearse':
      return {
        title: `Rehearse the end of ${which}`,
        consequence: `Whoever still sends ${which} of ${name} is refused with 401 and the reason, as if it had ended. Then it is accepted again by itself.`,
        verb: 'Begin the rehearsal',
        done: `Version ${version.version} is refused for now.`,
        choice: minutes,
      };
    case 'stop':
      return {
        title: 'End the rehearsal',
        consequence: `Version ${version.version} of ${name} is accepted again at once.`,
        verb: 'End the rehearsal',
        done: `Version ${version.version} is accepted again.`,
        choice: null,
      };
    case 'quiet':
      return {
        title: `End ${which} when it is quiet`,
        consequence: `It ends by itself as soon as nobody used it for so long, and with its grace in any case. What is refused in a rehearsal is no use.`,
        verb: 'Set',
        done: `Version ${version.version} ends when it is quiet.`,
        choice: { ...days, value: version.quietDays ?? days.value },
      };
    case 'end':
      return {
        title: `End ${which} of ${name}`,
        consequence: `It is refused on every replica within a second. This cannot be undone.`,
        verb: `End version ${version.version}`,
        done: `Version ${version.version} has ended.`,
        choice: null,
      };
  }
}

function run(action: VersionAction, id: string, version: number, chosen: number): Promise<unknown> {
  switch (action) {
    case 'rehearse':
      return api.keys.rehearse.mutate({ id, version, minutes: chosen });
    case 'stop':
      return api.keys.rehearse.mutate({ id, version, minutes: 0 });
    case 'quiet':
      return api.keys.endWhenQuiet.mutate({ id, version, days: chosen === 0 ? null : chosen });
    case 'end':
      return api.keys.revoke.mutate({ id, version });
  }
}

/** Who would be hit: what is known of the users of this version. */
function Users({ item, version }: { item: KeyItem; version: KeyVersionItem }) {
  const usage = useQuery(trpc.keys.usage.queryOptions({ id: item.id, days: USAGE_DAYS }));
  const users = usage.data?.users.filter((user) => user.version === version.version);
  if (!users) return null;
  const [last] = users;
  return (
    <p className="mb-4 text-13">
      {last ? (
        <>
          Used from {count(users.length, 'address', 'addresses')} in the last {USAGE_DAYS} days,
          last from <code className="font-mono text-12">{last.address}</code>{' '}
          <RelativeTime at={last.lastAt} />.
        </>
      ) : (
        `Nobody used it in the last ${USAGE_DAYS} days.`
      )}
    </p>
  );
}

export default function VersionDialog(props: {
  action: VersionAction;
  item: KeyItem;
  version: KeyVersionItem;
  onClose(): void;
}) {
  const { action, item, version, onClose } = props;
  const { title, consequence, verb, done, choice } = wordsOf(action, version, item.name);
  const [chosen, setChosen] = useState(choice?.value ?? 0);
  const act = useMutation({
    mutationFn: () => run(action, item.id, version.version, chosen),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: trpc.keys.pathKey() });
      toast('ok', done);
      onClose();
    },
  });
  return (
    <Confirm
      title={title}
      consequence={consequence}
      verb={verb}
      danger={action === 'end'}
      busy={act.isPending}
      error={act.error}
      onConfirm={() => act.mutate()}
      onClose={onClose}
    >
      {action === 'stop' ? null : <Users item={item} version={version} />}
      {choice ? (
        <div className="mb-4">
          <Field label={choice.label}>
            {(control) => (
              <Select
                {...control}
                value={chosen}
                onChange={({ target }) => setChosen(Number(target.value))}
              >
                {choice.of.map(([value, label]) => (
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
