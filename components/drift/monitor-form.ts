/** What the form of a monitor holds, and how it becomes the input of the API. Pure; comes with the dialog. */
import {
  type CreateMonitorInput,
  createMonitorSchema,
  type MonitorItem,
  type Season,
  type UpdateMonitorInput,
  updateMonitorSchema,
} from '../../server/drift/contract.ts';
import type { Severity } from '../../server/notify/contract.ts';

export type Values = {
  name: string;
  modelId: string;
  referenceId: string;
  windowKind: 'time' | 'rows';
  /** Hours or rows. */
  size: string;
  step: string;
  season: Season;
  features: string;
  minimumRows: string;
  graceMinutes: string;
  consecutive: string;
  quietAfter: string;
  severity: Severity;
};
type Faults = Partial<Record<keyof Values, string>>;

export function valuesOf(monitor: MonitorItem | null): Values {
  const window = monitor?.window ?? { kind: 'time' as const, size: 86_400, step: 3_600 };
  const shown = (value: number) => String(window.kind === 'time' ? value / 3_600 : value);
  return {
    name: monitor?.name ?? '',
    modelId: monitor?.modelId ?? '',
    referenceId: monitor?.referenceId ?? '',
    windowKind: window.kind,
    size: shown(window.size),
    step: shown(window.step),
    season: monitor?.season ?? 'none',
    features: monitor?.features.join(', ') ?? '',
    minimumRows: String(monitor?.minimumRows ?? 100),
    graceMinutes: String((monitor?.graceSeconds ?? 300) / 60),
    consecutive: String(monitor?.consecutive ?? 1),
    quietAfter: String(monitor?.quietAfter ?? 2),
    severity: monitor?.severity ?? 'warning',
  };
}

const fieldOfPath: Record<string, keyof Values> = {
  window: 'size',
  'window.size': 'size',
  'window.step': 'step',
  graceSeconds: 'graceMinutes',
};
export const fieldOf = (path: string): string | undefined =>
  fieldOfPath[path] ?? path.split('.')[0];
const number = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

export type MonitorWire =
  | { kind: 'create'; data: CreateMonitorInput }
  | { kind: 'update'; data: UpdateMonitorInput };

export function checkMonitor(
  values: Values,
  monitor: MonitorItem | null,
): { input: MonitorWire | null; faults: Faults } {
  const unit = values.windowKind === 'time' ? 3_600 : 1;
  const window = {
    kind: values.windowKind,
    size: Math.round(number(values.size) * unit),
    step: Math.round(number(values.step) * unit),
  };
  const same =
    monitor?.window.kind === window.kind &&
    monitor.window.size === window.size &&
    monitor.window.step === window.step;
  const shared = {
    name: values.name,
    ...(values.referenceId === '' ? {} : { referenceId: values.referenceId }),
    features: values.features
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean),
    season: values.season,
    minimumRows: number(values.minimumRows),
    graceSeconds: Math.round(number(values.graceMinutes) * 60),
    consecutive: number(values.consecutive),
    quietAfter: number(values.quietAfter),
    severity: values.severity,
  };
  const checked = monitor
    ? updateMonitorSchema.safeParse({ id: monitor.id, ...shared, ...(same ? {} : { window }) })
    : createMonitorSchema.safeParse({ ...shared, window, modelId: values.modelId });
  if (checked.success) {
    const data = checked.data;
    const input: MonitorWire = 'id' in data ? { kind: 'update', data } : { kind: 'create', data };
    return { input, faults: {} };
  }
  const faults: Record<string, string> = {};
  for (const { path, message } of checked.error.issues) {
    const field = fieldOf(path.map(String).join('.'));
    if (field === 'modelId') faults.modelId ??= 'Choose a model';
    else if (field === 'referenceId') faults.referenceId ??= 'Choose a reference';
    else if (field) faults[field] ??= message;
  }
  return { input: null, faults };
}
