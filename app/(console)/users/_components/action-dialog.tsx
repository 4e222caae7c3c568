'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { count } from '../../../../components/format/number.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { roleOptions } from '../../../../components/trpc/role.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Select } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { UserItem } from '../../../../server/users/contract.ts';
import type { UserAction } from './columns.tsx';
import { OneTimeLink } from './one-time-link.tsx';

type ActionDialogProps = {
  action: UserAction;
  users: readonly UserItem[];
  onClose(): void;
  onDone(): void;
};

const refresh = () => queryClient.invalidateQueries({ queryKey: trpc.users.list.pathKey() });

function RoleDialog({ user, onClose, onDone }: ActionDialogProps & { user: UserItem }) {
  const [role, setRole] = useState(user.role);
  const setter = useMutation(
    trpc.users.setRole.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', `${user.name} is ${role} now.`);
        onDone();
      },
    }),
  );
  return (
    <Confirm
      title={`Change the role of ${user.name}`}
      consequence={`Now ${user.role}. The change takes effect at once, also in open sessions.`}
      verb="Change role"
      busy={setter.isPending}
      error={setter.error}
      onConfirm={() => setter.mutate({ id: user.id, role })}
      onClose={onClose}
    >
      <div className="mb-5">
        <Field label="Role" help={roleOptions.find(({ value }) => value === role)?.can}>
          {(control) => (
            <Select
              {...control}
              value={role}
              onChange={({ target }) =>
                setRole(roleOptions.find(({ value }) => value === target.value)?.value ?? role)
              }
            >
              {roleOptions.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
    </Confirm>
  );
}

function DisableDialog({ users, action, onClose, onDone }: ActionDialogProps) {
  const disabled = action === 'disable';
  const { mutateAsync } = useMutation(trpc.users.setDisabled.mutationOptions());
  const all = (value: boolean) =>
    Promise.all(users.map(({ id }) => mutateAsync({ id, disabled: value }))).finally(refresh);
  const run = useMutation({
    mutationFn: () => all(disabled),
    onSuccess: () => {
      const done = `${name} ${users.length === 1 ? 'is' : 'are'} ${disabled ? 'disabled' : 'enabled'}.`;
      toast('ok', done, {
        label: 'Undo',
        run: () => {
          all(!disabled).catch(() => toast('bad', `Undoing did not work for ${name}.`));
        },
      });
      onDone();
    },
  });
  const name =
    users.length === 1 ? (users[0]?.name ?? '') : count(users.length, 'person', 'people');
  return (
    <Confirm
      title={`${disabled ? 'Disable' : 'Enable'} ${name}`}
      consequence={
        disabled
          ? 'All their sessions end within a second, and they cannot sign in; keys they own and tokens they issued are refused. Nothing they did is lost; the account can be enabled again.'
          : 'They can sign in again, with the role they had.'
      }
      verb={disabled ? 'Disable' : 'Enable'}
      danger={disabled}
      busy={run.isPending}
      error={run.error}
      onConfirm={() => run.mutate()}
      onClose={onClose}
    />
  );
}

function ReinviteDialog({ user, onClose, onDone }: ActionDialogProps & { user: UserItem }) {
  const reinvite = useMutation(trpc.users.reinvite.mutationOptions({ onSuccess: refresh }));
  if (reinvite.data) {
    return <OneTimeLink invitation={reinvite.data} email={user.email} onClose={onDone} />;
  }
  return (
    <Confirm
      title={`Make a new link for ${user.name}`}
      consequence="The link that was sent before ends."
      verb="Make a new link"
      busy={reinvite.isPending}
      error={reinvite.error}
      onConfirm={() => reinvite.mutate({ id: user.id })}
      onClose={onClose}
    />
  );
}

function RemoveDialog({ user, onClose, onDone }: ActionDialogProps & { user: UserItem }) {
  const remove = useMutation(
    trpc.users.removeInvite.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', `The invitation of ${user.name} is removed.`);
        onDone();
      },
    }),
  );
  return (
    <Confirm
      title={`Remove the invitation of ${user.name}`}
      consequence="The link ends and the account goes away. They can be invited again."
      verb="Remove invitation"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ id: user.id })}
      onClose={onClose}
    />
  );
}

export default function ActionDialog(props: ActionDialogProps) {
  const [user] = props.users;
  if (!user) return null;
  switch (props.action) {
    case 'role':
      return <RoleDialog {...props} user={user} />;
    case 'reinvite':
      return <ReinviteDialog {...props} user={user} />;
    case 'remove':
      return <RemoveDialog {...props} user={user} />;
    default:
      return <DisableDialog {...props} />;
  }
}
