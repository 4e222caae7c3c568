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
  type CreateForecastInput,
  createForecastSchema,
  type ForecastDetail,
  type UpdateForecastInput,
  units,
  updateForecastSchema,
} from '../../../../server/forecasts/contract.ts';
import { refreshForecasts } from './use-forecasts.ts';

const before = {
  savedId: '',
  labels: '',
  name: '',
  step: 'hour',
  horizon: '',
  timeZone: '',
  seasonality: '',
  min: '',
  max: '',
  unit: '',
  incidents: 'no',
};
type Values = typeof before;
type Wire =
  | { kind: 'create'; data: CreateForecastInput }
  | { kind: 'update'; data: UpdateForecastInput };

const text = (value: number | null) => (value === null ? '' : String(value));
const valuesOf = (forecast: ForecastDetail | null): Values =>
  forecast
    ? {
        ...before,
        name: forecast.name,
        step: forecast.step,
        horizon: String(forecast.horizon),
        timeZone: forecast.timeZone === 'UTC' ? '' : forecast.timeZone,
        seasonality: forecast.seasonality.join(', '),
        min: text(forecast.bounds.min),
        max: text(forecast.bounds.max),
        unit: forecast.unit,
        incidents: forecast.incidents ? 'yes' : 'no',
      }
    : before;

/** Numbers as the schema takes them; what is no number stays a fault of its own. */
const number = (value: string) => (value.trim() === '' ? null : Number(value));

function check(values: Values, forecast: ForecastDetail | null) {
  const faults: Partial<Record<keyof Values, string>> = {};
  const labels = readLabels(values.labels);
  if (labels === null) faults.labels = 'Pairs such as host=db1';
  if (!forecast && values.savedId === '') faults.savedId = 'Choose a saved query';
  const seasonality = values.seasonality
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map(Number);
  const { name, timeZone, unit } = values;
  const shared = {
    name,
    seasonality,
    bounds: { min: number(values.min), max: number(values.max) },
    incidents: values.incidents === 'yes',
    ...(values.horizon.trim() === '' ? {} : { horizon: Number(values.horizon) }),
    timeZone: timeZone.trim() === '' ? 'UTC' : timeZone.trim(),
    ...(unit === '' ? {} : { unit }),
  };
  // Without bounds of their own, those that fit the unit are taken.
  const bounded = forecast || values.min !== '' || values.max !== '';
  const { bounds, ...rest } = shared;
  const parsed = forecast
    ? updateForecastSchema.safeParse({ id: forecast.id, ...shared })
    : createForecastSchema.safeParse({
        ...rest,
        ...(bounded ? { bounds } : {}),
        step: values.step,
        subject: { kind: 'saved', savedId: values.savedId, labels: labels ?? {} },
      });
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      const field = fieldOf(path.join('.'));
      if (field) faults[field] ??= message;
    }
    return { input: null, faults };
  }
  if (Object.keys(faults).length > 0) return { input: null, faults };
  const input: Wire =
    'id' in parsed.data
      ? { kind: 'update', data: parsed.data }
      : { kind: 'create', data: parsed.data };
  return { input, faults };
}

function fieldOf(path: string): keyof Values | undefined {
  const parts = path.split('.').toReversed();
  const names: (keyof Values)[] = [
    'savedId',
    'labels',
    'name',
    'step',
    'horizon',
    'timeZone',
    'seasonality',
    'min',
    'max',
    'unit',
    'incidents',
  ];
  if (path === 'bounds') return 'max';
  return names.find((name) => parts.includes(name));
}

/** A series of a saved query is forecast from now on, or a forecast is changed. */
export default function ForecastDialog(props: {
  forecast: ForecastDetail | null;
  onClose(): void;
}) {
  const { forecast, onClose } = props;
  const form = useForm<Values, Wire, unknown>({
    before: valuesOf(forecast),
    check: (values) => check(values, forecast),
    save: (input) =>
      input.kind === 'create'
        ? api.forecasts.create.mutate(input.data)
        : api.forecasts.update.mutate(input.data),
    fieldOf,
    async onSaved(_answer, { name }) {
      await refreshForecasts();
      toast('ok', `${name.trim()} is saved. It is made within a minute.`);
      onClose();
    },
    onClose,
  });
  return (
    <Dialog
      open
      as="sheet"
      title={forecast ? `Edit ${forecast.name}` : 'Add a forecast'}
      description="A series is forecast for the next days, again and again, and compared with what comes."
      onOpenChange={form.close}
    >
      <form noValidate onSubmit={form.submit} onKeyDown={submitOnCtrlEnter} className="grid gap-4">
        {forecast ? null : <SeriesFields bind={form.bind} errorOf={form.errorOf} />}
        <TextField form={form} field="name" label="Name" />
        {forecast ? null : (
          <Field label="Step">
            {(control) => (
              <Select {...control} {...form.bind('step')}>
                <option value="hour">Hours, for the next 7 days</option>
                <option value="day">Days, for the next 7 days</option>
              </Select>
            )}
          </Field>
        )}
        <Field
          label="Tell people of anomalies"
          help="An anomaly is when 3 of the last 4 values are outside the interval."
        >
          {(control) => (
            <Select {...control} {...form.bind('incidents')}>
              <option value="no">No, only mark them here</option>
              <option value="yes">Yes, open an incident</option>
            </Select>
          )}
        </Field>
        <details className="grid gap-4">
          <summary className="text-13 text-muted">Horizon, seasons, bounds, zone and unit</summary>
          <div className="mt-3 grid gap-4">
            <TextField
              form={form}
              field="horizon"
              label="Steps ahead"
              help="Empty: 7 days."
              number
            />
            <TextField
              form={form}
              field="seasonality"
              label="Seasons in steps"
              help="Such as 24, 168 for days and weeks of hours. Empty: found in the series."
            />
            <TextField
              form={form}
              field="min"
              label="Never below"
              help="Empty: as the unit has it."
            />
            <TextField form={form} field="max" label="Never above" />
            <TextField
              form={form}
              field="timeZone"
              label="Time zone of days"
              help="Such as Europe/Berlin. Empty: UTC."
            />
            <UnitField form={form} units={units} />
          </div>
        </details>
        <FormEnd {...form.end} verb={forecast ? 'Save' : 'Add forecast'} onCancel={form.close} />
      </form>
    </Dialog>
  );
}
