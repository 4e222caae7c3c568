'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { roleOptions } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { inviteSchema } from '../../../../server/users/contract.ts';
import { OneTimeLink } from './one-time-link.tsx';

type Values = { email: string; name: string; role: string };
type Faults = Partial<Record<string, string>>;

function check(values: Values) {
  const parsed = inviteSchema.safeParse(values);
  const faults: Faults = {};
  if (parsed.success) return { input: parsed.data, faults };
  for (const { path, message } of parsed.error.issues) faults[String(path[0])] ??= message;
  return { input: null, faults };
}

/** Asks who, then shows the link that is shown once. */
export default function InviteDialog({ onClose }: { onClose(): void }) {
  const [values, setValues] = useState<Values>({ email: '', name: '', role: 'viewer' });
  const [touched, setTouched] = useState<Partial<Record<string, boolean>>>({});
  const invite = useMutation(
    trpc.users.invite.mutationOptions({
      onSuccess: () => queryClient.invalidateQueries({ queryKey: trpc.users.list.pathKey() }),
    }),
  );
  if (invite.data) {
    return <OneTimeLink invitation={invite.data} email={values.email} onClose={onClose} />;
  }
  const { input, faults } = check(values);
  const failure = invite.error ? failureOf(invite.error) : null;
  const fieldError = (field: keyof Values) =>
    failure?.fields.find(({ path }) => path === field)?.message ??
    (touched[field] ? faults[field] : undefined);
  const bind = (field: keyof Values) => ({
    value: values[field],
    onChange: (event: { target: { value: string } }) =>
      setValues({ ...values, [field]: event.target.value }),
    onBlur: () => setTouched({ ...touched, [field]: values[field] !== '' }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched({ email: true, name: true });
    if (input) invite.mutate(input);
  };
  return (
    <Dialog
      open
      title="Invite a person"
      description="They choose a password when they open the link."
      onOpenChange={onClose}
    >
      <form noValidate onSubmit={submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Field label="E-mail" error={fieldError('email')}>
          {(control) => <Input {...control} {...bind('email')} type="email" autoComplete="off" />}
        </Field>
        <Field label="Name" error={fieldError('name')}>
          {(control) => <Input {...control} {...bind('name')} autoComplete="off" />}
        </Field>
        <Field label="Role" help={roleOptions.find(({ value }) => value === values.role)?.can}>
          {(control) => (
            <Select {...control} {...bind('role')}>
              {roleOptions.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {failure && failure.fields.length === 0 ? (
          <p role="alert" className="text-13 text-bad-text">
            {failure.message}
          </p>
        ) : null}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={invite.isPending}>
            Make the link
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
