'use client';

import { useQuery } from '@tanstack/react-query';
import { useMe } from '../../../../components/shell/use-me.ts';
import { api, queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Chips } from '../../../../components/ui/chips.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select, Textarea } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import { roles } from '../../../../server/api/contract.ts';
import { capabilities, scopesSchema } from '../../../../server/api/scopes.ts';
import type { KeyItem } from '../../../../server/keys/contract.ts';
import { check, type Input as KeyInput, NOBODY, type Values, valuesOf } from './key-form.ts';
import { KeyOnce } from './key-once.tsx';

const roleWords = {
  viewer: 'viewer: reads',
  operator: 'operator: also acts',
  admin: 'admin: also changes who may do what',
} as const;

/** Capabilities, and all of each module; single procedures can be written. */
function useScopes() {
  const { data } = useQuery(trpc.keys.procedures.queryOptions());
  const modules = [...new Set((data ?? []).map((name) => name.split('.')[0]))];
  return [
    ...Object.keys(capabilities).map((value) => ({ value, label: value })),
    ...modules.map((name) => ({ value: `${name}.*`, label: `${name}.*` })),
  ];
}

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
  const { item, me, onClose } = props;
  const scopes = useScopes();
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
        <Field label="Role" error={errorOf('role')}>
          {(control) => (
            <Select {...control} {...bind('role')}>
              {roles.map((role) => (
                <option key={role} value={role}>
                  {roleWords[role]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <div>
          <Chips
            label="Scopes"
            values={values.scopes}
            options={scopes}
            add="Add a scope"
            onChange={(chosen) => set({ scopes: chosen })}
            free={(text) => (scopesSchema.safeParse([text]).success ? text : null)}
          />
          <p
            className={
              errorOf('scopes') ? 'mt-1.5 text-13 text-bad-text' : 'mt-1.5 text-13 text-muted'
            }
          >
            {errorOf('scopes') ??
              'Empty: all that its role may. With module.* or a procedure such as breakers.permit: only that. ingest, webhook and metrics:read open one more way in each.'}
          </p>
        </div>
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
