'use client';

import type { ReactNode } from 'react';
import { api } from '../../../../components/trpc/client.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Input, Select, Textarea } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import {
  type CreateSourceInput,
  type SourceItem,
  sourceKinds,
  type UpdateSourceInput,
} from '../../../../server/sources/contract.ts';
import { checkChange, checkNew, type Values, valuesOf } from './form-values.ts';
import { refreshSources } from './use-sources.ts';
import { kindWords } from './words.ts';

type Form = Pick<ReturnType<typeof useSourceForm>, 'values' | 'errorOf' | 'bind'>;

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
function Lines(props: { form: Form; field: keyof Values; label: string; help: ReactNode }) {
  const { form, field, label, help } = props;
  return (
    <Field label={label} help={help} error={form.errorOf(field)}>
      {(control) => <Textarea code {...control} {...form.bind(field)} rows={2} />}
    </Field>
  );
}

function Credentials({ form, source }: { form: Form; source: SourceItem | null }) {
  const kept = source ? 'Left empty it stays as it is.' : undefined;
  return (
    <>
      <Field label="Signs in with" error={form.errorOf('auth')}>
        {(control) => (
          <Select {...control} {...form.bind('auth')}>
            <option value="none">Nothing</option>
            <option value="basic">User name and password</option>
            <option value="bearer">Bearer token</option>
          </Select>
        )}
      </Field>
      {form.values.auth === 'basic' ? (
        <>
          <Text form={form} field="username" label="User name" />
          <Text form={form} field="password" label="Password" type="password" help={kept} />
        </>
      ) : null}
      {form.values.auth === 'bearer' ? (
        <Text form={form} field="token" label="Token" type="password" help={kept} />
      ) : null}
    </>
  );
}

type Wire =
  | { kind: 'create'; data: CreateSourceInput }
  | { kind: 'update'; data: UpdateSourceInput };

function useSourceForm(source: SourceItem | null, onClose: () => void) {
  return useForm<Values, Wire, unknown>({
    before: valuesOf(source),
    check(values) {
      if (source) {
        const { input, faults } = checkChange(values, source);
        return { input: input && { kind: 'update', data: input }, faults };
      }
      const { input, faults } = checkNew(values);
      return { input: input && { kind: 'create', data: input }, faults };
    },
    save: (input) =>
      input.kind === 'create'
        ? api.sources.create.mutate(input.data)
        : api.sources.update.mutate(input.data),
    fieldOf: (path) => path.split('.').find((part) => part in valuesOf(null)),
    async onSaved(_answer, { name }) {
      await refreshSources();
      toast('ok', `${name.trim()} is saved.`);
      onClose();
    },
    onClose,
  });
}

/** A source is added or changed. */
export default function SourceDialog(props: { source: SourceItem | null; onClose(): void }) {
  const { source, onClose } = props;
  const form = useSourceForm(source, onClose);
  const { kind } = form.values;
  const scrape = kind === 'scrape';
  return (
    <Dialog
      open
      as="sheet"
      title={source ? `Edit ${source.name}` : 'Add a source'}
      description={
        scrape
          ? 'An endpoint with Prometheus metrics. Its samples are kept here.'
          : 'A Prometheus-compatible server. Explore and dashboards ask it; nothing is copied.'
      }
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        {source ? null : (
          <Field label="Kind">
            {(control) => (
              <Select {...control} {...form.bind('kind')}>
                {sourceKinds.map((each) => (
                  <option key={each} value={each}>
                    {kindWords[each]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <Text
          form={form}
          field="name"
          label="Name"
          help={scrape ? 'Also the label job.' : undefined}
        />
        <Text
          form={form}
          field="url"
          label="Address"
          placeholder={scrape ? 'http://10.0.0.5:9100/metrics' : 'http://prometheus:9090'}
        />
        {scrape ? (
          <Text form={form} field="intervalSeconds" label="Read every (seconds)" type="number" />
        ) : null}
        <Credentials form={form} source={source} />
        <details className="grid gap-4">
          <summary className="text-13 text-muted">Labels, headers, time-out and TLS</summary>
          <div className="mt-3 grid gap-4">
            {scrape ? (
              <Lines
                form={form}
                field="labels"
                label="Labels"
                help="One name=value a line; every sample gets them."
              />
            ) : null}
            <Lines
              form={form}
              field="headers"
              label="Headers"
              help={
                source && source.headers.length > 0
                  ? `One Name: value a line. Kept now: ${source.headers.join(', ')}; left empty they stay.`
                  : 'One Name: value a line, e.g. X-Scope-OrgID: shop. Values are kept secret.'
              }
            />
            <Text form={form} field="timeoutMs" label="Time-out (ms)" type="number" />
            <Field label="Certificates">
              {(control) => (
                <Select {...control} {...form.bind('verifyTls')}>
                  <option value="yes">Are checked</option>
                  <option value="no">Any is accepted</option>
                </Select>
              )}
            </Field>
          </div>
        </details>
        <FormEnd {...form.end} verb={source ? 'Save' : 'Add source'} onCancel={form.close} />
      </form>
    </Dialog>
  );
}
