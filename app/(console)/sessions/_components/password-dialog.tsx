'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { changePasswordSchema, PASSWORD_MIN } from '../../../../server/users/contract.ts';

type Faults = { current?: string; password?: string };

export default function PasswordDialog({ onClose }: { onClose(): void }) {
  const [values, setValues] = useState({ current: '', password: '' });
  const [faults, setFaults] = useState<Faults>({});
  const change = useMutation(
    trpc.users.changePassword.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.sessions.list.pathKey() });
        toast('ok', 'Your password is changed. Your other sessions ended.');
        onClose();
      },
      onError: (error) => {
        const { fields, message } = failureOf(error);
        const found = Object.fromEntries(fields.map((f) => [f.path, f.message]));
        setFaults(fields.length > 0 ? found : { current: message });
      },
    }),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const parsed = changePasswordSchema.safeParse(values);
    if (parsed.success) {
      setFaults({});
      change.mutate(parsed.data);
      return;
    }
    const issue = parsed.error.issues[0];
    setFaults({ [String(issue?.path[0])]: issue?.message });
  };
  const bind = (field: keyof Faults) => ({
    type: 'password',
    value: values[field],
    onChange: (event: { target: { value: string } }) =>
      setValues({ ...values, [field]: event.target.value }),
  });
  return (
    <Dialog
      open
      title="Change your password"
      description="All your other sessions end."
      onOpenChange={onClose}
    >
      <form noValidate onSubmit={submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Field label="Password now" error={faults.current}>
          {(control) => <Input {...control} {...bind('current')} autoComplete="current-password" />}
        </Field>
        <Field
          label="New password"
          error={faults.password}
          help={`At least ${PASSWORD_MIN} characters.`}
        >
          {(control) => <Input {...control} {...bind('password')} autoComplete="new-password" />}
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={change.isPending}>
            Change password
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
