'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ScopesField } from '../../../../components/data/scopes-field.tsx';
import { useMe } from '../../../../components/shell/use-me.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { roleOptions } from '../../../../components/trpc/role.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select, Textarea } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import type { KeyItem } from '../../../../server/keys/contract.ts';
import { check, type Input as KeyInput, NOBODY, type Values, valuesOf } from './key-form.ts';
import { KeyOnce } from './key-once.tsx';

function useOwners(item: KeyItem | null) {
  const me = useMe();
  const { data } = useQuery(trpc.users.list.queryOptions({ limit: 200 }));
  const owner = item?.owner;
  const people = (data?.items ?? []).filter(({ status }) => status === 'active');
  const known = new Map(people.map(({ id, name, email }) => [id, name || email]));
  if (me) known.set(me.id, `${me.name} (you)`);
  if (owner && !known.has(owner.id)) known.set(owner.id, `${owner.name || owner.id} (gone)`);
  return [...known];
}

function KeyForm(props: { item: KeyItem | null; me: string; onClose(): void }) {
  const { me, onClose } = props;
  // As it was when the form opened: lists behind it are read again meanwhile.
  const [item] = useState(props.item);
  const owners = useOwners(item);
  const form = useForm<Values, KeyInput, { key: string } | null>({
    before: valuesOf(item, me),
    check: (values) => check(values, item),
    save: async (input) => {
      if (input.kind === 'create') return api.keys.create.mutate(input.data);
      await api.keys.update.mutate(input.data);
      return null;
    },
    onSaved: async (made, { name }) => {
      await queryClient.invalidateQueries({ queryKey: trpc.keys.pathKey() });
      if (made) return;
      toast('ok', `${name} is saved.`);
      onClose();
    },
    onClose,
  });
  const { values, set, bind, errorOf } = form;
  if (form.answer)
    return <KeyOnce name={values.name} secret={form.answer.key} version={1} onClose={onClose} />;
  return (
    <Dialog
      open
      as="sheet"
      title={item ? `Edit ${item.name}` : 'Create a key'}
      description={
        item
          ? 'A change holds on every replica within a second.'
          : 'For a script, a service or an agent. The key is shown once, when it is made.'
      }
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Field label="Name" help="What it is for, e.g. deploys." error={errorOf('name')}>
          {(control) => <Input {...control} {...bind('name')} autoComplete="off" />}
        </Field>
        <Field
          label="Role"
          help={roleOptions.find(({ value }) => value === values.role)?.can}
          error={errorOf('role')}
        >
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
        <ScopesField
          values={values.scopes}
          error={errorOf('scopes')}
          onChange={(chosen) => set({ scopes: chosen })}
        />
        <Field
          label="Owner"
          help="The key can do no more than its owner, and ends with their account."
          error={errorOf('ownerId')}
        >
          {(control) => (
            <Select {...control} {...bind('ownerId')}>
              {owners.map(([id, name]) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
              <option value={NOBODY}>Nobody: it belongs to the console</option>
            </Select>
          )}
        </Field>
        <details
          className="rounded-card border"
          open={['expiresAt', 'rateLimit', 'addresses', 'rotateDays'].some((field) =>
            errorOf(field as keyof typeof values),
          )}
        >
          <summary className="cursor-pointer px-3.5 py-2.5 font-medium text-13">
            End, rotation, rate and networks
          </summary>
          <div className="grid gap-4 border-t p-3.5">
            <Field
              label="Last day"
              help="Empty: it has no end. People are told 14, 7 and 1 days before."
              error={errorOf('expiresAt')}
            >
              {(control) => <Input {...control} {...bind('expiresAt')} type="date" />}
            </Field>
            <Field
              label="New version after, days"
              help="People are told when it is due. Empty: never."
              error={errorOf('rotateDays')}
            >
              {(control) => <Input {...control} {...bind('rotateDays')} inputMode="numeric" />}
            </Field>
            <Field
              label="Calls a minute"
              help="Empty: the limit of all keys."
              error={errorOf('rateLimit')}
            >
              {(control) => <Input {...control} {...bind('rateLimit')} inputMode="numeric" />}
            </Field>
            <Field
              label="Accepted from"
              help="Addresses or networks such as 10.0.0.0/8, one a line. Empty: from everywhere."
              error={errorOf('addresses')}
            >
              {(control) => <Textarea code {...control} {...bind('addresses')} rows={2} />}
            </Field>
          </div>
        </details>
        <FormEnd {...form.end} verb={item ? 'Save' : 'Create key'} onCancel={form.close} />
      </form>
    </Dialog>
  );
}

/** A key is made (`item` null) or changed; a new one is shown once, afterwards. */
export default function KeySheet(props: { item: KeyItem | null; onClose(): void }) {
  const me = useMe();
  return me ? <KeyForm {...props} me={me.id} /> : null;
}
