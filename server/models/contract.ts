/** Models, what they predict and what was true. Client-safe. */
import { z } from 'zod';
import { filterSchema, idPageSchema, isPlainText } from '../api/contract.ts';
import { severitySchema } from '../notify/contract.ts';

export const MAX_FEATURES = 200;
export const MAX_PREDICTIONS = 10_000;
/** Predictions may be this much ahead of the console's clock. */
export const MAX_FUTURE_MS = 10 * 60_000;
/** Labels of a model that wait for their predictions. */
export const MAX_WAITING_LABELS = 100_000;
/** After which a label whose prediction never came is forgotten. */
export const WAITING_DAYS = 30;
export const MAX_STEPS = 200;
export const MAX_SEGMENTS = 20;
/** Labelled predictions that figures are made of; of more, a fair sample. */
export const MAX_LABELLED = 100_000;

export const tasks = ['binary', 'multiclass', 'regression'] as const;
export type Task = (typeof tasks)[number];
export const featureKinds = ['numeric', 'categorical'] as const;
export type FeatureKind = (typeof featureKinds)[number];

const plain = (what: string, max: number) =>
  z
    .string(`Enter ${what}`)
    .trim()
    .min(1, `Enter ${what}`)
    .max(max, `At most ${max} characters`)
    .refine(isPlainText, 'Control and invisible characters are not accepted');

export const featureSchema = z
  .strictObject({
    name: plain('a name', 100),
    kind: z.enum(featureKinds, `One of ${featureKinds.join(', ')}`),
    unit: z.string().trim().max(30).refine(isPlainText).optional(),
    /** The range that values are expected in; what lies outside is taken and counted. */
    min: z.number().optional(),
    max: z.number().optional(),
  })
  .refine(({ kind, min, max }) => kind === 'numeric' || (min ?? max) === undefined, {
    path: ['min'],
    message: 'Only numeric features have a range',
  })
  .refine(({ min = -Infinity, max = Infinity }) => min <= max, {
    path: ['max'],
    message: 'Must not be below min',
  });
export type Feature = z.output<typeof featureSchema>;
const featuresSchema = z
  .array(featureSchema)
  .min(1, 'At least one feature')
  .max(MAX_FEATURES, `At most ${MAX_FEATURES} features`)
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'A name twice');
const segmentsSchema = z
  .array(plain('the name of a feature or a tag', 100))
  .max(10, 'At most 10 segments')
  .refine((list) => new Set(list).size === list.length, 'A name twice');

const DAY = 86_400;
export const watchSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** Each window of that length is judged once, when its labels are due. */
    windowSeconds: z
      .number()
      .int()
      .min(3_600, 'From an hour')
      .max(90 * DAY, 'Up to 90 days')
      .default(DAY),
    /** Fall of the share of right answers, from 0 to 1, that is too much; of a regression the rise of its mean absolute error, in shares of it. */
    maxDrop: z.number().min(0.001, 'From 0.001').max(1, 'Up to 1').default(0.1),
    minimumLabelled: z.number().int().min(100, 'At least 100').max(1_000_000).default(100),
    /** Of the one-sided test. */
    alpha: z.number().min(1e-6, 'From 0.000001').max(0.2, 'Up to 0.2').default(0.0003),
    /** What a window is compared with; without it all that came before. */
    reference: z
      .strictObject({
        from: z.iso.datetime({ offset: true }),
        to: z.iso.datetime({ offset: true }),
      })
      .refine(({ from, to }) => Date.parse(from) < Date.parse(to), 'from must be before to')
      .nullable()
      .default(null),
    severity: severitySchema.default('warning'),
  })
  .default({
    enabled: true,
    windowSeconds: DAY,
    maxDrop: 0.1,
    minimumLabelled: 100,
    alpha: 0.0003,
    reference: null,
    severity: 'warning',
  });
export type Watch = z.output<typeof watchSchema>;

const shape = {
  name: plain('a name', 100),
  description: z
    .string()
    .trim()
    .max(2_000)
    .refine((text) => isPlainText(text.replace(/\n/g, ' '))),
  features: featuresSchema,
  positiveLabel: plain('a label', 200),
  segments: segmentsSchema,
  labelDelaySeconds: z
    .number()
    .int()
    .min(0)
    .max(365 * DAY, 'Up to a year'),
  retentionDays: z.number().int().min(1, 'From 1 to 730 days').max(730, 'From 1 to 730 days'),
};
export const createModelSchema = z
  .strictObject({
    name: shape.name,
    description: shape.description.default(''),
    task: z.enum(tasks, `One of ${tasks.join(', ')}`),
    /** The class that a binary model looks for; `score` is its probability. */
    positiveLabel: shape.positiveLabel.optional(),
    features: shape.features,
    /** Names of categorical features, or of tags that predictions bring in `segment`. */
    segments: shape.segments.default([]),
    /** A prediction without a label is pending until then, and unlabelled afterwards; never wrong. */
    labelDelaySeconds: shape.labelDelaySeconds.default(DAY),
    retentionDays: shape.retentionDays.default(90),
    watch: watchSchema,
  })
  .refine(({ task, positiveLabel }) => task === 'binary' || positiveLabel === undefined, {
    path: ['positiveLabel'],
    message: 'Only a binary model has one',
  });
export type CreateModelInput = z.output<typeof createModelSchema>;
export const updateModelSchema = z.strictObject({
  id: z.uuid(),
  name: shape.name.optional(),
  description: shape.description.optional(),
  positiveLabel: shape.positiveLabel.optional(),
  features: shape.features.optional(),
  segments: shape.segments.optional(),
  labelDelaySeconds: shape.labelDelaySeconds.optional(),
  retentionDays: shape.retentionDays.optional(),
  watch: watchSchema.optional(),
});
export type UpdateModelInput = z.output<typeof updateModelSchema>;
export const modelIdSchema = z.strictObject({ id: z.uuid() });
export const modelListSchema = idPageSchema.extend({ search: filterSchema.default('') });
export type ModelListInput = z.output<typeof modelListSchema>;

export const modelVerdicts = ['learning', 'steady', 'fallen'] as const;
export type ModelVerdict = (typeof modelVerdicts)[number];
/** Right answers of labelled ones; of a regression the mean absolute error. */
export type JudgedSide = { labelled: number; right: number | null; mae: number | null };
/** A window beside the reference. */
export type Judgement = {
  window: { from: string; to: string } & JudgedSide;
  reference: JudgedSide;
  /** Of the share of right answers; of a regression the rise of its error, in shares of what it was. */
  drop: number;
  pValue: number;
};
export type ModelItem = {
  id: string;
  name: string;
  description: string;
  task: Task;
  features: number;
  verdict: ModelVerdict;
  verdictDetail: string | null;
  verdictAt: string | null;
  /** Of the last 24 hours. */
  predictions24h: number;
  lastAt: string | null;
  createdBy: string;
  createdAt: string;
  updatedAt: string;
};
export type ModelDetail = Omit<ModelItem, 'features'> & {
  features: Feature[];
  positiveLabel: string | null;
  segments: string[];
  labelDelaySeconds: number;
  retentionDays: number;
  watch: Watch;
  judgement: Judgement | null;
  /** Labels that came before their predictions. */
  waitingLabels: number;
};

// Ingest

const modelReference = z.string('Name the model').min(1, 'Name the model').max(100);
/** Each row is looked at by itself, so that a bad one does not lose the others. */
export const predictionsSchema = z.strictObject({
  /** Id or name. */
  model: modelReference,
  predictions: z
    .array(z.unknown())
    .max(MAX_PREDICTIONS, `At most ${MAX_PREDICTIONS} predictions a call`),
});
export const labelsSchema = z.strictObject({
  model: modelReference,
  labels: z.array(z.unknown()).max(MAX_PREDICTIONS, `At most ${MAX_PREDICTIONS} labels a call`),
});
export type Refusal = { index: number; reason: string };
export type PredictionsResult = {
  accepted: number;
  /** Known by their ids; nothing was done. */
  repeated: number;
  rejected: Refusal[];
};
export type LabelsResult = {
  accepted: number;
  /** Of those accepted: kept until their predictions come. */
  waiting: number;
  rejected: Refusal[];
};

// Performance

export const performanceSchema = z
  .strictObject({
    id: z.uuid(),
    from: z.iso.datetime({ offset: true }),
    to: z.iso.datetime({ offset: true }),
    /** Of the points over time; without it about 40 of them. */
    stepSeconds: z
      .number()
      .int()
      .min(60, 'From a minute')
      .max(90 * DAY)
      .optional(),
    /** One of the model's segments. */
    segment: z.string().max(100).optional(),
    version: z.string().max(100).optional(),
  })
  .superRefine(({ from, to, stepSeconds }, ctx) => {
    const length = Date.parse(to) - Date.parse(from);
    const wrong = (path: string, message: string) =>
      ctx.addIssue({ code: 'custom', path: [path], message });
    if (length <= 0) wrong('to', 'Must be after from');
    if (length > 731 * DAY * 1_000) wrong('to', 'At most two years after from');
    if (stepSeconds && length / stepSeconds / 1_000 > MAX_STEPS) {
      wrong('stepSeconds', `Gives more than ${MAX_STEPS} points`);
    }
  });
export type PerformanceInput = z.output<typeof performanceSchema>;

/** With a 95 % interval where there is a simple one. */
export type Estimate = { value: number; lower: number; upper: number };
export type Calibration = {
  /** Expected calibration error over ten bins of equal width. */
  ece: number;
  bins: { from: number; to: number; count: number; meanScore: number; rate: number }[];
};
export type ClassFigures = {
  label: string;
  support: number;
  predicted: number;
  precision: number;
  recall: number;
  f1: number;
};
export type Classification = {
  kind: 'classification';
  n: number;
  accuracy: Estimate;
  /** Of the positive class, when there is one; otherwise the mean over classes. */
  precision: Estimate | null;
  recall: Estimate | null;
  f1: number;
  f1Macro: number;
  f1Weighted: number;
  mcc: number;
  labels: string[];
  /** Rows: what was true; columns: what was predicted; in the order of `labels`. */
  confusion: number[][];
  classes: ClassFigures[];
  /** Predictions with a score; what follows is made of them. */
  scored: number;
  rocAuc: Estimate | null;
  averagePrecision: number | null;
  brier: number | null;
  logLoss: number | null;
  calibration: Calibration | null;
};
export type Regression = {
  kind: 'regression';
  n: number;
  mae: Estimate;
  rmse: number;
  bias: Estimate;
  /** Null when the truth does not vary. */
  r2: number | null;
};
export type Figures = Classification | Regression;
export type PredictionCounts = {
  predictions: number;
  labelled: number;
  /** Younger than the label delay. */
  pending: number;
  unlabelled: number;
};
export type ModelPerformance = {
  task: Task;
  from: string;
  to: string;
  stepSeconds: number;
  counts: PredictionCounts;
  /** Share of the labelled ones that the figures are made of. */
  sampled: number;
  /** Null without labels. */
  overall: Figures | null;
  points: { at: string; counts: PredictionCounts; figures: Figures | null }[];
  segment: string | null;
  /** By labelled predictions, at most 20. */
  segments: { value: string; labelled: number; figures: Figures | null }[];
  /** Of the last day of the range that has predictions, newest first, at most 20. */
  versions: string[];
};
