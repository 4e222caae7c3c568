/** What the form of a model holds, and how it becomes the input of the API. Pure; comes with the dialog. */
import {
  type CreateModelInput,
  createModelSchema,
  type ModelDetail,
  type Task,
  type UpdateModelInput,
  updateModelSchema,
} from '../../server/models/contract.ts';

export type FeatureRow = {
  key: number;
  name: string;
  kind: 'numeric' | 'categorical';
  unit: string;
};
export type Values = {
  name: string;
  description: string;
  task: Task;
  positiveLabel: string;
  features: FeatureRow[];
  segments: string;
  labelDelayHours: string;
  retentionDays: string;
  watchHours: string;
  maxDrop: string;
  enabled: 'yes' | 'no';
};
type Faults = Partial<Record<keyof Values, string>>;

export function valuesOf(model: ModelDetail | null): Values {
  return {
    name: model?.name ?? '',
    description: model?.description ?? '',
    task: model?.task ?? 'binary',
    positiveLabel: model?.positiveLabel ?? '1',
    features: (model?.features ?? [{ name: '', kind: 'numeric' as const }]).map((feature, key) => ({
      key,
      name: feature.name,
      kind: feature.kind,
      unit: ('unit' in feature && feature.unit) || '',
    })),
    segments: model?.segments.join(', ') ?? '',
    labelDelayHours: String((model?.labelDelaySeconds ?? 86_400) / 3_600),
    retentionDays: String(model?.retentionDays ?? 90),
    watchHours: String((model?.watch.windowSeconds ?? 86_400) / 3_600),
    maxDrop: String(Math.round((model?.watch.maxDrop ?? 0.1) * 1_000) / 10),
    enabled: model?.watch.enabled === false ? 'no' : 'yes',
  };
}

const fieldOfPath: Record<string, keyof Values> = {
  labelDelaySeconds: 'labelDelayHours',
  'watch.windowSeconds': 'watchHours',
  'watch.maxDrop': 'maxDrop',
};
export const fieldOf = (path: string): string | undefined =>
  fieldOfPath[path] ?? fieldOfPath[path.split('.')[0] ?? ''] ?? path.split('.')[0];

const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

export type ModelWire =
  | { kind: 'create'; data: CreateModelInput }
  | { kind: 'update'; data: UpdateModelInput };

export function checkModel(
  values: Values,
  model: ModelDetail | null,
): { input: ModelWire | null; faults: Faults } {
  const known = new Map(model?.features.map((feature) => [feature.name, feature]));
  const shared = {
    name: values.name,
    description: values.description,
    ...(values.task === 'binary' ? { positiveLabel: values.positiveLabel } : {}),
    features: values.features.map(({ name, kind, unit }) => {
      const before = known.get(name.trim());
      const range = before?.kind === kind && kind === 'numeric' ? before : null;
      return {
        name,
        kind,
        ...(unit.trim() === '' ? {} : { unit }),
        ...(range?.min === undefined ? {} : { min: range.min }),
        ...(range?.max === undefined ? {} : { max: range.max }),
      };
    }),
    segments: values.segments
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean),
    labelDelaySeconds: Math.round(numberOf(values.labelDelayHours) * 3_600),
    retentionDays: numberOf(values.retentionDays),
    watch: {
      ...model?.watch,
      enabled: values.enabled === 'yes',
      windowSeconds: Math.round(numberOf(values.watchHours) * 3_600),
      maxDrop: numberOf(values.maxDrop) / 100,
    },
  };
  const checked = model
    ? updateModelSchema.safeParse({ id: model.id, ...shared })
    : createModelSchema.safeParse({ ...shared, task: values.task });
  if (checked.success) {
    const data = checked.data;
    const input: ModelWire = 'id' in data ? { kind: 'update', data } : { kind: 'create', data };
    return { input, faults: {} };
  }
  const faults: Record<string, string> = {};
  for (const { path, message } of checked.error.issues) {
    const field = fieldOf(path.map(String).join('.'));
    const place =
      path[0] === 'features' && typeof path[1] === 'number' ? `Feature ${path[1] + 1}: ` : '';
    if (field) faults[field] ??= place + message;
  }
  return { input: null, faults };
}

/** Names and kinds of the columns of a table, from its first lines; outcomes are left to the reader to take out. */
export function featuresOfText(text: string): FeatureRow[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const [head = '', ...rest] = lines;
  const sign =
    [',', ';', '\t', '|'].sort((a, b) => head.split(b).length - head.split(a).length)[0] ?? ',';
  const plain = (cell: string) => cell.trim().replace(/^"(.*)"$/, '$1');
  const rows = rest.slice(0, -1).map((line) => line.split(sign).map(plain));
  return head
    .split(sign)
    .map(plain)
    .filter(Boolean)
    .slice(0, 200)
    .map((name, place) => {
      const cells = rows.map((row) => row[place] ?? '').filter(Boolean);
      const numeric =
        cells.length > 0 && cells.every((cell) => /^[-+]?[\d.,]+(e[-+]?\d+)?$/i.test(cell));
      return {
        key: place,
        name: name.slice(0, 100),
        kind: numeric ? 'numeric' : 'categorical',
        unit: '',
      };
    });
}
