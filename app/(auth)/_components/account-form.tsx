'use client';

import { type FormEvent, useState } from 'react';
import { signInWithPassword } from '../../../components/trpc/auth.ts';
import type { Failure } from '../../../components/trpc/errors.ts';
import { Field } from '../../../components/ui/field.tsx';
import { Input } from '../../../components/ui/input.tsx';
import { type Faults, faultsOf, passwordHelp, serverFaults } from './checks.ts';
import { FormMessage, Submit } from './form.tsx';
import { PasswordInput } from './password-input.tsx';

type Values = { email: string; name: string; password: string };
type AccountFormProps = {
  /** Known from the invitation, then it cannot be changed. */
  email?: string;
  name?: string;
  verb: string;
  /** Creates the account and answers with its e-mail address. */
  create(values: Values): Promise<{ ok: true; email: string } | { ok: false; failure: Failure }>;
};

/** Name and password of a new account; signs in with them at once. */
export function AccountForm({
  email: givenEmail,
  name: givenName,
  verb,
  create,
}: AccountFormProps) {
  const [values, setValues] = useState<Values>({
    email: givenEmail ?? '',
    name: givenName ?? '',
    password: '',
  });
  const [faults, setFaults] = useState<Faults>({});
  const [message, setMessage] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async () => {
    const found = faultsOf(values);
    setFaults(found);
    setMessage(null);
    if (Object.keys(found).length > 0) return;
    const made = await create(values);
    if (!made.ok) {
      const { fields, message: text } = made.failure;
      setFaults(serverFaults(fields));
      const placed = fields.length > 0 && fields.every(({ path }) => path in values);
      setMessage(placed ? null : text);
      return;
    }
    const signedIn = await signInWithPassword(made.email, values.password);
    location.assign(signedIn.ok ? '/' : '/sign-in');
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    submit().finally(() => setBusy(false));
  };
  const bind = (field: keyof Values) => ({
    value: values[field],
    onChange: (event: { target: { value: string } }) =>
      setValues({ ...values, [field]: event.target.value }),
    onBlur: () => {
      if (values[field] !== '') {
        setFaults({ ...faults, [field]: faultsOf({ [field]: values[field] })[field] });
      }
    },
  });
  return (
    <form onSubmit={onSubmit} noValidate className="grid gap-4">
      <Field label="E-mail" error={faults.email}>
        {(control) => (
          <Input
            {...control}
            {...bind('email')}
            type="email"
            autoComplete="username"
            readOnly={givenEmail !== undefined}
          />
        )}
      </Field>
      <Field label="Name" error={faults.name} help="Shown in the audit log.">
        {(control) => <Input {...control} {...bind('name')} autoComplete="name" />}
      </Field>
      <Field label="Password" error={faults.password} help={passwordHelp}>
        {(control) => (
          <PasswordInput {...control} {...bind('password')} autoComplete="new-password" />
        )}
      </Field>
      <FormMessage text={message} />
      <Submit busy={busy}>{verb}</Submit>
    </form>
  );
}
