'use client';

import { readLabels, SeriesFields } from '../../../../components/forecasts/series-fields.tsx';
import { UnitField } from '../../../../components/forecasts/unit-field.tsx';
import { api } from '../../../../components/trpc/client.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { FormEnd } from '../../../../components/ui/form-end.tsx';
import { Select } from '../../../../components/ui/input.tsx';
import { submitOnCtrlEnter } from '../../../../components/ui/submit.ts';
import { TextField } from '../../../../components/ui/text-field.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import { useForm } from '../../../../components/ui/use-form.ts';
import {
  CRITICAL_DAYS,
  type CreateResourceInput,
  createResourceSchema,
  type ResourceDetail,
  type UpdateResourceInput,
  units,
  updateResourceSchema,
  WARN_DAYS,
} from '../../../../server/capacity/contract.ts';
import { refreshCapacity } from './use-resources.ts';

const before = {
  savedId: '',
  labels: '',
  name: '',
  limit: '',
  direction: 'upper',
  unit: '',
  warnDays: String(WARN_DAYS),
  criticalDays: String(CRITICAL_DAYS),
  incidents: 'yes',
};
type Values = typeof before;
type Wire =
  | { kind: 'create'; data: CreateResourceInput }
  | { kind: 'update'; data: UpdateResourceInput };

const valuesOf = (resource: ResourceDetail | null): Values =>
  resource
    ? {
        ...before,
        name: resource.name,
        limit: resource.limitGiven === null ? '' : String(resource.limitGiven),
        direction: resource.direction,
        unit: resource.unit,
        warnDays: String(resource.warnDays),
        criticalDays: String(resource.criticalDays),
        incidents: resource.incidents ? 'yes' : 'no',
      }
    : before;

function check(values: Values, resource: ResourceDetail | null) {
  const faults: Partial<Record<keyof Values, string>> = {};
  const labels = readLabels(values.labels);
  if (labels === null) faults.labels = 'Pairs such as host=db1';
  if (!resource && values.savedId === '') faults.savedId = 'Choose a saved query';
  const measured = resource !== null && resource.subject.kind !== 'saved';
  const limit = values.limit.trim() === '' ? null : Number(values.limit);
  if (limit === null && !measured) faults.limit = 'Enter a number';
  const shared = {
    name: values.name,
    incidents: values.incidents === 'yes',
    warnDays: Number(values.warnDays),
    criticalDays: Number(values.criticalDays),
    ...(values.unit === '' ? {} : { unit: values.unit }),
    ...(measured ? {} : { direction: values.direction }),
  };
  const parsed = resource
    ? updateResourceSchema.safeParse({ id: resource.id, ...shared, limit })
    : createResourceSchema.safeParse({
        ...shared,
        limit: limit ?? Number.NaN,
        savedId: values.savedId,
        labels: labels ?? {},
      });
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      const field = Object.keys(before).find((name) => name === path[0]);
      if (field) faults[field as keyof Values] ??= message;
    }
    return { input: null, faults };
  }
  if (shared.criticalDays > shared.warnDays) faults.criticalDays = 'Not more days than the warning';
  if (Object.keys(faults).length > 0) return { input: null, faults };
  const input: Wire =
    'id' in parsed.data
      ? { kind: 'update', data: parsed.data }
      : { kind: 'create', data: parsed.data };
  return { input, faults };
}

/** A series of a saved query gets a limit, or a resource is changed. */
export default function ResourceDialog(props: {
  resource: ResourceDetail | null;
  onClose(): void;
}) {
  const { resource, onClose } = props;
  const measured = resource !== null && resource.subject.kind !== 'saved';
  const form = useForm<Values, Wire, unknown>({
    before: valuesOf(resource),
    check: (values) => check(values, resource),
    save: (input) =>
      input.kind === 'create'
        ? api.capacity.create.mutate(input.data)
        : api.capacity.update.mutate(input.data),
    async onSaved(_answer, { name }) {
      await refreshCapacity();
      toast('ok', `${name.trim()} is saved.`);
      onClose();
    },
    onClose,
  });
  return (
    <Dialog
      open
      as="sheet"
      title={resource ? `Edit ${resource.name}` : 'Add a resource'}
      description="A series with a limit: when it is reached is said ahead of time."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        {resource ? null : <SeriesFields bind={form.bind} errorOf={form.errorOf} />}
        <TextField form={form} field="name" label="Name" />
        <TextField
          form={form}
          field="limit"
          label="Limit"
          help={
            measured
              ? 'In the unit of the values, such as bytes. Empty: the one that is measured.'
              : 'In the unit of the values, such as bytes or shares from 0 to 1.'
          }
          number
        />
        {measured ? null : (
          <Field label="It must stay">
            {(control) => (
              <Select {...control} {...form.bind('direction')}>
                <option value="upper">Below the limit</option>
                <option value="lower">Above the limit</option>
              </Select>
            )}
          </Field>
        )}
        <Field label="Tell people ahead of time">
          {(control) => (
            <Select {...control} {...form.bind('incidents')}>
              <option value="yes">Yes, open an incident</option>
              <option value="no">No, only show it here</option>
            </Select>
          )}
        </Field>
        <TextField
          form={form}
          field="warnDays"
          label="Warn so many days before"
          help="By the earliest date."
          number
        />
        <TextField form={form} field="criticalDays" label="Critical so many days before" number />
        <UnitField form={form} units={units} />
        <FormEnd {...form.end} verb={resource ? 'Save' : 'Add resource'} onCancel={form.close} />
      </form>
    </Dialog>
  );
}
