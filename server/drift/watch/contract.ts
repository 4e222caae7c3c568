/** References, files on their way to become one, monitors and their runs. Client-safe. */
import { z } from 'zod';
import { idPageSchema, isPlainText, pageSchema } from '../../api/contract.ts';
import type { FeatureKind } from '../../models/contract.ts';
import { type Severity, severitySchema } from '../../notify/contract.ts';

/** Rows of the sample that a reference keeps; with many features fewer. */
export const REFERENCE_ROWS = 50_000;
export const MAX_CELLS = 4_000_000;
/** Rows of a window that are compared; of more, a fair sample. */
export const WINDOW_ROWS = 50_000;
export const MAX_GIVEN_ROWS = 10_000;
export const MAX_REFERENCES = 50;
export const MAX_MONITORS = 500;
/** Bytes that a part of an upload may have. */
export const PART_BYTES = 8 * 1024 * 1024;
/** After which a file that nobody confirmed goes. */
export const UPLOAD_HOURS = 24;
export const RUN_DAYS = 400;
/** Cells of a heat map. */
export const MAX_HEAT_CELLS = 20_000;

const plain = (what: string, max: number) =>
  z
    .string(`Enter ${what}`)
    .trim()
    .min(1, `Enter ${what}`)
    .max(max, `At most ${max} characters`)
    .refine(isPlainText, 'Control and invisible characters are not accepted');
const nameSchema = plain('a name', 100);
const instant = z.iso.datetime({ offset: true });

// References

export const referenceIdSchema = z.strictObject({ id: z.uuid() });
export const referenceListSchema = idPageSchema.extend({ modelId: z.uuid().optional() });
export type ReferenceListInput = z.output<typeof referenceListSchema>;
export const createReferenceSchema = z
  .strictObject({
    modelId: z.uuid(),
    name: nameSchema,
    /** Predictions of that time. */
    range: z
      .strictObject({ from: instant, to: instant })
      .refine(({ from, to }) => Date.parse(from) < Date.parse(to), 'from must be before to')
      .optional(),
    /** Rows that the model was trained on: values by the names of features. */
    rows: z
      .array(z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])))
      .min(1, 'At least one row')
      .max(MAX_GIVEN_ROWS, `At most ${MAX_GIVEN_ROWS} rows; upload a file for more`)
      .optional(),
    /** The value that holds the time of a row. */
    timeColumn: z.string().min(1).max(200).optional(),
  })
  .refine(({ range, rows }) => (range === undefined) !== (rows === undefined), {
    path: ['range'],
    message: 'Give either a range or rows',
  });
export type CreateReferenceInput = z.output<typeof createReferenceSchema>;
export type ReferenceFeature = {
  name: string;
  kind: 'numeric' | 'categorical';
  missing: number;
  infinite: number;
  /** Texts in a numeric feature; counted as missing. */
  notNumeric: number;
  examples: { line: number; text: string }[];
  outside: number;
  mean: number | null;
  sd: number | null;
  min: number | null;
  max: number | null;
  categories: number | null;
};
export type ReferenceItem = {
  id: string;
  modelId: string;
  modelName: string;
  name: string;
  source: 'upload' | 'range' | 'rows';
  detail: string;
  rows: number;
  sampled: number;
  from: string | null;
  to: string | null;
  features: ReferenceFeature[];
  sizeBytes: number;
  monitors: number;
  createdAt: string;
  createdBy: string;
};

// Uploads

export const uploadHints = {
  delimiter: z.enum([',', ';', '\t', '|'], 'One of comma, semicolon, tab, bar').optional(),
  decimal: z.enum(['.', ','], 'A point or a comma').optional(),
  header: z.boolean().optional(),
};
export const createUploadSchema = z.strictObject({
  modelId: z.uuid(),
  fileName: plain('the name of the file', 200),
  sizeBytes: z.number().int().min(1, 'The file is empty').max(Number.MAX_SAFE_INTEGER),
});
export type CreateUploadInput = z.output<typeof createUploadSchema>;
export const uploadIdSchema = z.strictObject({ id: z.uuid() });
export const uploadListSchema = idPageSchema.extend({ modelId: z.uuid().optional() });
export type UploadListInput = z.output<typeof uploadListSchema>;
export const previewUploadSchema = z.strictObject({ id: z.uuid(), ...uploadHints });
export type PreviewUploadInput = z.output<typeof previewUploadSchema>;
export const confirmUploadSchema = z.strictObject({
  id: z.uuid(),
  name: nameSchema,
  ...uploadHints,
  /** Column of each feature; features that are not named have none. Without it the columns named as features are. */
  columns: z.record(z.string(), z.string().min(1).max(200)).optional(),
  timeColumn: z.string().min(1).max(200).optional(),
});
export type ConfirmUploadInput = z.output<typeof confirmUploadSchema>;
export type UploadState = 'receiving' | 'received' | 'profiling' | 'done' | 'failed' | 'cancelled';
export type UploadItem = {
  id: string;
  modelId: string;
  fileName: string;
  sizeBytes: number;
  receivedBytes: number;
  state: UploadState;
  detail: string | null;
  /** 0 to 1, of profiling. */
  progress: number;
  rows: number;
  referenceId: string | null;
  createdAt: string;
  createdBy: string;
};
export type PreviewColumn = {
  name: string;
  type: 'numeric' | 'categorical' | 'time' | 'mixed' | 'empty';
  missing: number;
  notNumeric: number;
  distinct: number;
  examples: string[];
  /** The feature that it fits. */
  feature: string | null;
  /** Why it does not fit well. */
  problem: string | null;
};
/** Why a column does not fit a feature of that kind well; it is taken nevertheless. */
export function columnProblem(
  column: Pick<PreviewColumn, 'type' | 'notNumeric'>,
  kind: FeatureKind,
): string | null {
  if (column.type === 'empty') return 'All of its values are missing.';
  if (kind === 'categorical' || column.type === 'numeric') return null;
  return column.type === 'mixed'
    ? `${column.notNumeric} values are no numbers; they count as missing.`
    : `The feature is numeric; these are ${column.type === 'time' ? 'times' : 'texts'}.`;
}
export type UploadPreview =
  | { ok: false; fault: string }
  | {
      ok: true;
      format: 'csv' | 'json' | 'jsonl';
      encoding: string;
      bom: boolean;
      delimiter: ',' | ';' | '\t' | '|';
      decimal: '.' | ',';
      header: boolean;
      quoted: boolean;
      rows: number;
      rowsExact: boolean;
      columns: PreviewColumn[];
      /** Those of the model, each with the column that fits its name; null when none does. */
      features: { name: string; kind: FeatureKind; column: string | null }[];
      sample: string[][];
      /** Features that no column fits. */
      absent: string[];
      timeColumn: string | null;
      problems: string[];
    };

// Monitors

export const seasons = ['none', 'day', 'week', 'year'] as const;
export type Season = (typeof seasons)[number];
const DAY = 86_400;
const windowSchema = z
  .discriminatedUnion(
    'kind',
    [
      z.strictObject({
        kind: z.literal('time'),
        /** Seconds. */
        size: z
          .number()
          .int()
          .min(60, 'From a minute')
          .max(366 * DAY, 'Up to a year'),
        step: z
          .number()
          .int()
          .min(60, 'From a minute')
          .max(366 * DAY, 'Up to a year'),
      }),
      z.strictObject({
        kind: z.literal('rows'),
        size: z
          .number()
          .int()
          .min(20, 'From 20 rows')
          .max(WINDOW_ROWS, `Up to ${WINDOW_ROWS} rows`),
        step: z.number().int().min(1).max(WINDOW_ROWS),
      }),
    ],
    'kind is time or rows',
  )
  .refine(({ size, step }) => step <= size, {
    path: ['step'],
    message: 'Must not be longer than the window, or predictions would never be looked at',
  });
export type DriftWindow = z.output<typeof windowSchema>;
const settings = {
  /** None: all features of the model. */
  features: z.array(z.string().min(1).max(100)).max(200),
  window: windowSchema,
  graceSeconds: z
    .number()
    .int()
    .min(0)
    .max(30 * DAY, 'Up to 30 days'),
  minimumRows: z.number().int().min(10, 'From 10').max(WINDOW_ROWS),
  alpha: z.number().min(0.0001, 'From 0.0001').max(0.2, 'Up to 0.2'),
  season: z.enum(seasons, `One of ${seasons.join(', ')}`),
  consecutive: z.number().int().min(1).max(20),
  quietAfter: z.number().int().min(1).max(20),
  severity: severitySchema,
  mutedUntil: instant.nullable(),
};
export const createMonitorSchema = z.strictObject({
  name: nameSchema,
  modelId: z.uuid(),
  referenceId: z.uuid(),
  features: settings.features.default([]),
  window: settings.window.default({ kind: 'time', size: DAY, step: 3_600 }),
  /** How long late predictions are waited for. */
  graceSeconds: settings.graceSeconds.default(300),
  minimumRows: settings.minimumRows.default(100),
  alpha: settings.alpha.default(0.05),
  season: settings.season.default('none'),
  /** Runs in a row that drift before it is said, and that are quiet before it is over. */
  consecutive: settings.consecutive.default(1),
  quietAfter: settings.quietAfter.default(2),
  severity: settings.severity.default('warning'),
  mutedUntil: settings.mutedUntil.default(null),
  /** Looks at windows from that time on, too; without it from now. */
  startAt: instant.optional(),
});
export type CreateMonitorInput = z.output<typeof createMonitorSchema>;
export const updateMonitorSchema = z.strictObject({
  id: z.uuid(),
  name: nameSchema.optional(),
  referenceId: z.uuid().optional(),
  features: settings.features.optional(),
  window: settings.window.optional(),
  graceSeconds: settings.graceSeconds.optional(),
  minimumRows: settings.minimumRows.optional(),
  alpha: settings.alpha.optional(),
  season: settings.season.optional(),
  consecutive: settings.consecutive.optional(),
  quietAfter: settings.quietAfter.optional(),
  severity: settings.severity.optional(),
  mutedUntil: settings.mutedUntil.optional(),
});
export type UpdateMonitorInput = z.output<typeof updateMonitorSchema>;
export const monitorIdSchema = z.strictObject({ id: z.uuid() });
export const pauseMonitorSchema = z.strictObject({ id: z.uuid(), paused: z.boolean() });
export const monitorListSchema = idPageSchema.extend({ modelId: z.uuid().optional() });
export type MonitorListInput = z.output<typeof monitorListSchema>;

export const monitorStates = ['new', 'quiet', 'drifting', 'not_testable', 'failing'] as const;
export type MonitorState = (typeof monitorStates)[number];
export const runVerdicts = ['quiet', 'drifted', 'not_testable', 'failed'] as const;
export type RunVerdict = (typeof runVerdicts)[number];
export type MonitorItem = {
  id: string;
  name: string;
  modelId: string;
  modelName: string;
  referenceId: string | null;
  referenceName: string | null;
  features: string[];
  window: DriftWindow;
  graceSeconds: number;
  minimumRows: number;
  alpha: number;
  season: Season;
  consecutive: number;
  quietAfter: number;
  severity: Severity;
  mutedUntil: string | null;
  paused: boolean;
  state: MonitorState;
  detail: string | null;
  since: string | null;
  nextAt: string | null;
  lastRunAt: string | null;
  /** The last 40 runs, oldest first. */
  strip: { at: string; verdict: RunVerdict }[];
  createdAt: string;
  createdBy: string;
};

// Runs

export const runListSchema = pageSchema.extend({
  monitorId: z.uuid(),
  verdict: z.enum(runVerdicts).optional(),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'Take it from nextCursor of the previous page')
    .nullish(),
});
export type RunListInput = z.output<typeof runListSchema>;
export const runIdSchema = z.strictObject({ id: z.uuid() });
export const heatmapSchema = z
  .strictObject({ monitorId: z.uuid(), from: instant, to: instant })
  .refine(({ from, to }) => Date.parse(from) < Date.parse(to), {
    path: ['to'],
    message: 'Must be after from',
  });
export type HeatmapInput = z.output<typeof heatmapSchema>;
export type RunItem = {
  id: string;
  monitorId: string;
  from: string;
  to: string;
  at: string;
  verdict: RunVerdict;
  detail: string;
  byHand: boolean;
  referenceRows: number;
  currentRows: number;
  drifted: number;
  features: number;
  tookMs: number;
};
export type Heatmap = {
  features: string[];
  runs: { id: string; from: string; to: string; verdict: RunVerdict }[];
  /** By run, then by feature: null where there is none. */
  cells: ({ drifted: boolean | null; effect: number | null } | null)[][];
  /** Runs of the range that are not shown, the oldest. */
  left: number;
};
