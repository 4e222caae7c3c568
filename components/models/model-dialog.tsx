'use client';

import { X } from 'lucide-react';
import { useRef } from 'react';
import { type ModelDetail, tasks } from '../../server/models/contract.ts';
import { api, queryClient, trpc } from '../trpc/client.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { FormEnd } from '../ui/form-end.tsx';
import { Input, Select, Textarea } from '../ui/input.tsx';
import { submitOnCtrlEnter } from '../ui/submit.ts';
import { toast } from '../ui/toast.tsx';
import { useForm } from '../ui/use-form.ts';
import {
  checkModel,
  type FeatureRow,
  featuresOfText,
  fieldOf,
  type ModelWire,
  type Values,
  valuesOf,
} from './model-form.ts';
import { taskWords } from './words.ts';

const HEAD_BYTES = 64 * 1024;

function Features(props: {
  rows: readonly FeatureRow[];
  error: string | undefined;
  onChange(rows: FeatureRow[]): void;
}) {
  const { rows, error, onChange } = props;
  const file = useRef<HTMLInputElement>(null);
  const change = (key: number, part: Partial<FeatureRow>) =>
    onChange(rows.map((row) => (row.key === key ? { ...row, ...part } : row)));
  const next = Math.max(-1, ...rows.map(({ key }) => key)) + 1;
  const read = async (chosen: File | undefined) => {
    if (!chosen) return;
    const found = featuresOfText(await chosen.slice(0, HEAD_BYTES).text());
    if (found.length === 0) toast('bad', 'No columns were found in this file.');
    else onChange(found);
  };
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1.5 font-medium text-13">Features</legend>
      <ul className="grid gap-2">
        {rows.map(({ key, name, kind, unit }, place) => (
          <li key={key} className="grid grid-cols-[minmax(0,1fr)_120px_72px_32px] gap-2">
            <Input
              aria-label={`Name of feature ${place + 1}`}
              placeholder="name"
              autoComplete="off"
              spellCheck={false}
              value={name}
              onChange={({ target }) => change(key, { name: target.value })}
            />
            <Select
              aria-label={`Kind of feature ${place + 1}`}
              value={kind}
              onChange={({ target }) =>
                change(key, { kind: target.value === 'numeric' ? 'numeric' : 'categorical' })
              }
            >
              <option value="numeric">Number</option>
              <option value="categorical">Category</option>
            </Select>
            <Input
              aria-label={`Unit of feature ${place + 1}`}
              placeholder="unit"
              autoComplete="off"
              value={unit}
              onChange={({ target }) => change(key, { unit: target.value })}
            />
            <Button
              look="ghost"
              size="icon"
              aria-label={`Remove feature ${place + 1}`}
              disabled={rows.length === 1}
              onClick={() => onChange(rows.filter((row) => row.key !== key))}
            >
              <X aria-hidden className="size-4" />
            </Button>
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-2">
        <Button
          onClick={() => onChange([...rows, { key: next, name: '', kind: 'numeric', unit: '' }])}
        >
          Add feature
        </Button>
        <Button onClick={() => file.current?.click()}>Read from a file</Button>
        <input
          ref={file}
          type="file"
          accept=".csv,.tsv,.txt,text/csv"
          className="hidden"
          aria-hidden
          tabIndex={-1}
          onChange={({ target }) => void read(target.files?.[0])}
        />
      </div>
      <p className={error ? 'text-13 text-bad-text' : 'text-13 text-muted'} aria-live="polite">
        {error ??
          'As predictions name them. From a file the columns of its first line are taken; take out what is no feature, such as the outcome.'}
      </p>
    </fieldset>
  );
}

/** A model is registered or changed. */
export default function ModelDialog(props: { model: ModelDetail | null; onClose(): void }) {
  const { model, onClose } = props;
  const form = useForm<Values, ModelWire, unknown>({
    before: valuesOf(model),
    check: (values) => checkModel(values, model),
    save: (input) =>
      input.kind === 'create'
        ? api.models.create.mutate(input.data)
        : api.models.update.mutate(input.data),
    fieldOf,
    async onSaved(_answer, { name }) {
      await queryClient.invalidateQueries({ queryKey: trpc.models.pathKey() });
      toast('ok', `${name.trim()} is saved.`);
      onClose();
    },
    onClose,
  });
  const { values } = form;
  return (
    <Dialog
      open
      as="sheet"
      title={model ? `Edit ${model.name}` : 'Register a model'}
      description="Its features, and what its answers are. Predictions are checked against it."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        <Field label="Name" help="Predictions may name it so." error={form.errorOf('name')}>
          {(control) => <Input {...control} {...form.bind('name')} autoComplete="off" />}
        </Field>
        <Field label="Description" error={form.errorOf('description')}>
          {(control) => <Textarea {...control} {...form.bind('description')} rows={2} />}
        </Field>
        {model ? null : (
          <Field label="Predicts" error={form.errorOf('task')}>
            {(control) => (
              <Select {...control} {...form.bind('task')}>
                {tasks.map((task) => (
                  <option key={task} value={task}>
                    {taskWords[task]}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        {values.task === 'binary' ? (
          <Field
            label="Positive class"
            help="What it looks for; a score is the probability of it."
            error={form.errorOf('positiveLabel')}
          >
            {(control) => <Input {...control} {...form.bind('positiveLabel')} autoComplete="off" />}
          </Field>
        ) : null}
        <Features
          rows={values.features}
          error={form.errorOf('features')}
          onChange={(features) => form.set({ features })}
        />
        <Field
          label="Segments"
          help="Names of categories or tags by which figures are shown, with commas between them."
          error={form.errorOf('segments')}
        >
          {(control) => <Input {...control} {...form.bind('segments')} autoComplete="off" />}
        </Field>
        <Field
          label="Labels are due after (hours)"
          help="A prediction without a label is pending until then, and never counts as wrong."
          error={form.errorOf('labelDelayHours')}
        >
          {(control) => (
            <Input {...control} {...form.bind('labelDelayHours')} inputMode="decimal" />
          )}
        </Field>
        <Field label="Kept for (days)" error={form.errorOf('retentionDays')}>
          {(control) => <Input {...control} {...form.bind('retentionDays')} inputMode="numeric" />}
        </Field>
        <Field label="Says when answers become worse" error={form.errorOf('enabled')}>
          {(control) => (
            <Select {...control} {...form.bind('enabled')}>
              <option value="yes">Yes, with an incident</option>
              <option value="no">No</option>
            </Select>
          )}
        </Field>
        {values.enabled === 'yes' ? (
          <div className="grid grid-cols-2 gap-4">
            <Field label="Window (hours)" error={form.errorOf('watchHours')}>
              {(control) => <Input {...control} {...form.bind('watchHours')} inputMode="decimal" />}
            </Field>
            <Field
              label={
                values.task === 'regression'
                  ? 'Rise of the error that matters (%)'
                  : 'Fall that matters (points)'
              }
              error={form.errorOf('maxDrop')}
            >
              {(control) => <Input {...control} {...form.bind('maxDrop')} inputMode="decimal" />}
            </Field>
          </div>
        ) : null}
        <FormEnd
          verb={model ? 'Save model' : 'Register model'}
          {...form.end}
          onCancel={form.close}
        />
      </form>
    </Dialog>
  );
}
