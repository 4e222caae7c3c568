'use client';

import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Snippet } from '../../../../components/metrics/snippet.tsx';
import { api } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import type {
  CreateDatabaseInput,
  DatabaseItem,
  UpdateDatabaseInput,
} from '../../../../server/queries/contract.ts';
import { checkChange, checkNew, type Values, valuesOf } from './form-values.ts';
import { TestResult } from './test-result.tsx';
import { refreshDatabases } from './use-databases.ts';
import { placeText } from './words.ts';

const ROLE = `CREATE ROLE wheelhouse LOGIN PASSWORD '…';
GRANT pg_monitor, pg_read_all_data TO wheelhouse;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;`;

type Wire =
  | { kind: 'create'; data: CreateDatabaseInput }
  | { kind: 'update'; data: UpdateDatabaseInput };

function useDatabaseForm(database: DatabaseItem | null, onClose: () => void) {
  return useForm<Values, Wire, unknown>({
    before: valuesOf(database),
    check(values) {
      if (database) {
        const { input, faults } = checkChange(values, database.id);
        return { input: input && { kind: 'update', data: input }, faults };
      }
      const { input, faults } = checkNew(values);
      return { input: input && { kind: 'create', data: input }, faults };
    },
    save: (input) =>
      input.kind === 'create'
        ? api.queries.databases.create.mutate(input.data)
        : api.queries.databases.update.mutate(input.data),
    async onSaved(_answer, { name }) {
      await refreshDatabases();
      toast('ok', `${name.trim()} is saved.`);
      onClose();
    },
    onClose,
  });
}
type Form = ReturnType<typeof useDatabaseForm>;

function Text(props: {
  form: Form;
  field: keyof Values;
  label: string;
  help?: ReactNode;
  type?: string;
  placeholder?: string;
}) {
  const { form, field, label, help, ...input } = props;
  return (
    <Field label={label} help={help} error={form.errorOf(field)}>
      {(control) => (
        <Input
          {...control}
          {...input}
          {...form.bind(field)}
          autoComplete="off"
          spellCheck={false}
        />
      )}
    </Field>
  );
}

/** Connects by the URL that stands in the form. */
function Trial({ form }: { form: Form }) {
  const { mutate, data, error, isPending } = useMutation({
    mutationFn: (url: string) => api.queries.databases.try.mutate({ url }),
  });
  const { url } = form.values;
  return (
    <div className="grid gap-2">
      <div>
        <Button busy={isPending} disabled={url.trim() === ''} onClick={() => mutate(url.trim())}>
          Test connection
        </Button>
      </div>
      <div aria-live="polite" className="grid gap-2 text-13">
        {data ? <TestResult result={data} /> : null}
        {error ? <p className="text-bad-text">{failureOf(error).message}</p> : null}
      </div>
    </div>
  );
}

/** A database is added or changed. */
export default function DatabaseSheet(props: { database: DatabaseItem | null; onClose(): void }) {
  const { database, onClose } = props;
  const form = useDatabaseForm(database, onClose);
  const own = database?.kind === 'own';
  return (
    <Dialog
      open
      as="sheet"
      title={database ? `Edit ${database.name}` : 'Add a database'}
      description="Its statements are counted once a minute. Everything on it is read-only, with time-outs, by at most two connections."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Text form={form} field="name" label="Name" placeholder="Shop, production" />
        {own ? null : (
          <>
            <Text
              form={form}
              field="url"
              label="URL"
              type="password"
              placeholder="postgresql://wheelhouse:password@db.internal:5432/shop"
              help={
                database
                  ? `Now ${placeText(database)} as ${database.user}. Left empty it stays; it is kept sealed and never shown.`
                  : 'With user and password. It is kept sealed and never shown again.'
              }
            />
            <Trial form={form} />
          </>
        )}
        <Text
          form={form}
          field="slowMs"
          label="Slow from (ms)"
          type="number"
          help="Calls that take longer are written to the log of slow calls."
        />
        <details open={own}>
          <summary className="cursor-pointer text-13 text-muted">More</summary>
          <div className="mt-4 grid gap-4">
            <Field
              label="Values of parameters"
              help="Names, addresses and the like may stand in them. Without them slow calls say which statement it was."
              error={form.errorOf('keepParameters')}
            >
              {(control) => (
                <Select {...control} {...form.bind('keepParameters')}>
                  <option value="no">Are not kept</option>
                  <option value="yes">Are kept with slow calls</option>
                </Select>
              )}
            </Field>
            {own ? null : (
              <>
                <Text
                  form={form}
                  field="applyUrl"
                  label="URL of a role that may create indexes"
                  type="password"
                  help={
                    database?.applyUser
                      ? `Now as ${database.applyUser}. Left empty it stays.`
                      : 'Optional. Used for advice that an operator approved, and for nothing else.'
                  }
                />
                <Field label="When it cannot be reached now" error={form.errorOf('test')}>
                  {(control) => (
                    <Select {...control} {...form.bind('test')}>
                      <option value="yes">Is not saved</option>
                      <option value="no">Is saved all the same</option>
                    </Select>
                  )}
                </Field>
              </>
            )}
          </div>
        </details>
        {database ? null : (
          <details>
            <summary className="cursor-pointer text-13 text-muted">A role that only reads</summary>
            <p className="my-2 text-13 text-muted">
              On PostgreSQL 14 and newer, as a superuser, in the database that shall be watched. The
              set-up of the database says what is missing, and what else helps.
            </p>
            <Snippet text={ROLE} what="the role" />
          </details>
        )}
        <FormEnd {...form.end} verb={database ? 'Save' : 'Add database'} onCancel={form.close} />
      </form>
    </Dialog>
  );
}
