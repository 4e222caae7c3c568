'use client';

import { useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useState } from 'react';
import type { MonitorItem } from '../../server/drift/contract.ts';
import { severities } from '../../server/notify/contract.ts';
import { count } from '../format/number.ts';
import { api, queryClient, trpc } from '../trpc/client.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { FormEnd } from '../ui/form-end.tsx';
import { Input, Select } from '../ui/input.tsx';
import { submitOnCtrlEnter } from '../ui/submit.ts';
import { toast } from '../ui/toast.tsx';
import { useForm } from '../ui/use-form.ts';
import { checkMonitor, fieldOf, type MonitorWire, type Values, valuesOf } from './monitor-form.ts';

const UploadDialog = dynamic(() => import('./upload-dialog.tsx'), { ssr: false });
const DAY_MS = 86_400_000;

type Form = Pick<ReturnType<typeof useForm<Values, MonitorWire, unknown>>, 'bind' | 'errorOf'>;
function Text(props: { form: Form; field: keyof Values; label: string; help?: string }) {
  const { form, field, label, help } = props;
  return (
    <Field label={label} help={help} error={form.errorOf(field)}>
      {(control) => <Input {...control} {...form.bind(field)} autoComplete="off" />}
    </Field>
  );
}

/** What the window is compared with: a reference of the model, or a new one. */
function Reference(props: {
  form: Form;
  model: { id: string; name: string } | undefined;
  onChosen(id: string): void;
}) {
  const { form, model, onChosen } = props;
  const [uploading, setUploading] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const references = useQuery(
    trpc.drift.references.list.queryOptions(
      { modelId: model?.id ?? '', limit: 50 },
      { enabled: model !== undefined },
    ),
  );
  const items = model
    ? (references.data?.items ?? []).filter((one) => one.modelId === model.id)
    : [];
  const fromWeek = async () => {
    if (!model) return;
    const now = Date.now();
    const day = new Date(now).toISOString().slice(0, 10);
    try {
      const { id } = await api.drift.references.create.mutate({
        modelId: model.id,
        name: `Predictions of the week before ${day}`,
        range: {
          from: new Date(now - 7 * DAY_MS).toISOString(),
          to: new Date(now).toISOString(),
        },
      });
      await queryClient.invalidateQueries({ queryKey: trpc.drift.references.pathKey() });
      setFault(null);
      onChosen(id);
    } catch (error) {
      setFault(error instanceof Error ? error.message : 'That did not work.');
    }
  };
  return (
    <>
      <Field
        label="Reference"
        help="What the inputs looked like when the model was well."
        error={fault ?? form.errorOf('referenceId')}
      >
        {(control) => (
          <Select {...control} {...form.bind('referenceId')} disabled={!model}>
            <option value="">{model ? 'Choose a reference' : 'Choose a model first'}</option>
            {items.map(({ id, name, rows }) => (
              <option key={id} value={id}>
                {name} ({count(rows, 'row')})
              </option>
            ))}
          </Select>
        )}
      </Field>
      <div className="-mt-2 flex flex-wrap gap-2">
        <Button disabled={!model} onClick={() => setUploading(true)}>
          Upload a file
        </Button>
        <Button disabled={!model} onClick={() => void fromWeek()}>
          Take the last week
        </Button>
      </div>
      {uploading && model ? (
        <UploadDialog
          model={model}
          onClose={() => setUploading(false)}
          onMade={(id) => {
            setUploading(false);
            onChosen(id);
          }}
        />
      ) : null}
    </>
  );
}

/** A monitor is added or changed. */
export default function MonitorDialog(props: {
  monitor: MonitorItem | null;
  onClose(): void;
  onMade?(id: string): void;
}) {
  const { monitor, onClose, onMade } = props;
  const models = useQuery(trpc.models.list.queryOptions({ limit: 200 }));
  const form = useForm<Values, MonitorWire, { id: string } | undefined>({
    before: valuesOf(monitor),
    check: (values) => checkMonitor(values, monitor),
    async save(input) {
      if (input.kind === 'create') return api.drift.monitors.create.mutate(input.data);
      await api.drift.monitors.update.mutate(input.data);
      return undefined;
    },
    fieldOf,
    async onSaved(answer, { name }) {
      await queryClient.invalidateQueries({ queryKey: trpc.drift.monitors.pathKey() });
      toast('ok', `${name.trim()} is saved.`);
      onClose();
      if (answer) onMade?.(answer.id);
    },
    onClose,
  });
  const { values } = form;
  const model = models.data?.items.find(({ id }) => id === values.modelId);
  const unit = values.windowKind === 'time' ? 'hours' : 'rows';
  return (
    <Dialog
      open
      as="sheet"
      title={monitor ? `Edit ${monitor.name}` : 'Add a monitor'}
      description="Compares each window of predictions with a reference, feature by feature."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Text form={form} field="name" label="Name" />
        {monitor ? null : (
          <Field label="Model" error={form.errorOf('modelId')}>
            {(control) => (
              <Select
                {...control}
                {...form.bind('modelId')}
                onChange={({ target }) => form.set({ modelId: target.value, referenceId: '' })}
              >
                <option value="">Choose a model</option>
                {models.data?.items.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        {models.data?.items.length === 0 ? (
          <p className="text-13 text-muted">
            No model is registered yet.{' '}
            <Link href="/models" className="underline">
              Register one
            </Link>{' '}
            first.
          </p>
        ) : null}
        <Reference
          form={form}
          model={model}
          onChosen={(referenceId) => form.set({ referenceId })}
        />
        <Field label="Window" error={form.errorOf('windowKind')}>
          {(control) => (
            <Select {...control} {...form.bind('windowKind')}>
              <option value="time">A stretch of time</option>
              <option value="rows">A number of predictions</option>
            </Select>
          )}
        </Field>
        <div className="grid grid-cols-2 gap-4">
          <Text form={form} field="size" label={`Length (${unit})`} />
          <Text form={form} field="step" label={`A new one each (${unit})`} />
        </div>
        <Field
          label="Season"
          help="Compares with rows of the same phase, where the reference has times."
          error={form.errorOf('season')}
        >
          {(control) => (
            <Select {...control} {...form.bind('season')}>
              <option value="none">None: with all rows</option>
              <option value="day">Day: with the same hours</option>
              <option value="week">Week: with the same weekdays</option>
              <option value="year">Year: with the same weeks</option>
            </Select>
          )}
        </Field>
        <details>
          <summary className="cursor-pointer text-13 text-muted">More settings</summary>
          <div className="mt-3 grid gap-4">
            <Text
              form={form}
              field="features"
              label="Features"
              help="Names with commas between them; empty for all."
            />
            <div className="grid grid-cols-2 gap-4">
              <Text form={form} field="minimumRows" label="At least (rows)" />
              <Text form={form} field="graceMinutes" label="Waits for late ones (min)" />
              <Text form={form} field="consecutive" label="Drifted runs until it is said" />
              <Text form={form} field="quietAfter" label="Quiet runs until it is over" />
            </div>
            <Field label="Severity of the incident" error={form.errorOf('severity')}>
              {(control) => (
                <Select {...control} {...form.bind('severity')}>
                  {severities.map((severity) => (
                    <option key={severity} value={severity}>
                      {severity}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          </div>
        </details>
        <FormEnd
          verb={monitor ? 'Save monitor' : 'Add monitor'}
          {...form.end}
          onCancel={form.close}
        />
      </form>
    </Dialog>
  );
}
