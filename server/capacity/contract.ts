/** Capacity: what fills up or runs out, when that will be, and what would put it off. Client-safe. */
import { z } from 'zod';
import { filterSchema, isPlainText, pageSchema } from '../api/contract.ts';
import { LABEL_NAME, MAX_LABEL_VALUE, plainAggregations } from '../metrics/contract.ts';

export const MAX_RESOURCES = 500;
export const USED_METRIC = 'wheelhouse_capacity_used';
export const LIMIT_METRIC = 'wheelhouse_capacity_limit';
/** Resources that autoscalers may read. */
export const MAX_METRICS = 20;
export const AHEAD_MINUTES = 30;
export const WARN_DAYS = 14;
export const CRITICAL_DAYS = 3;

export const resourceKinds = ['disk', 'heap', 'connections', 'database', 'redis', 'saved'] as const;
export type ResourceKind = (typeof resourceKinds)[number];
export const units = ['number', 'ratio', 'seconds', 'milliseconds', 'bytes', 'perSecond'] as const;
export type Unit = (typeof units)[number];
export const directions = ['upper', 'lower'] as const;
export const resourceStates = [
  'waiting',
  'short',
  'unlimited',
  'steady',
  'crossing',
  'over',
  'failed',
] as const;
export type ResourceState = (typeof resourceStates)[number];
export const notices = ['none', 'warn', 'critical'] as const;
export type Notice = (typeof notices)[number];

const word = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'Must not be empty')
    .max(max, `At most ${max} characters`)
    .refine(isPlainText, 'Control and invisible characters are not accepted');
const finite = z.number('Enter a number').refine(Number.isFinite, 'Enter a number');
const days = z.int('Enter whole days').min(1, 'At least 1 day').max(365, 'At most 365 days');

const METRIC_NAME = /^(?!.*-ahead$)[a-z]([a-z0-9-]{0,60}[a-z0-9])?$/;
const metricName = z
  .string()
  .regex(
    METRIC_NAME,
    'Lower-case letters, digits and hyphens, at most 62, not ending in -ahead: orders-per-second',
  );

/** Of those that come by themselves; people add saved queries. */
export const subjectSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('disk'), host: z.string() }),
  z.strictObject({ kind: z.literal('heap'), process: z.string(), instance: z.string() }),
  z.strictObject({ kind: z.literal('connections'), databaseId: z.uuid() }),
  z.strictObject({ kind: z.literal('database'), databaseId: z.uuid() }),
  z.strictObject({ kind: z.literal('redis') }),
  z.strictObject({
    kind: z.literal('saved'),
    savedId: z.uuid(),
    aggregation: z.enum(plainAggregations).optional(),
    labels: z.record(z.string().regex(LABEL_NAME), z.string().max(MAX_LABEL_VALUE)),
  }),
]);
export type Subject = z.output<typeof subjectSchema>;

const settings = {
  name: word(150),
  limit: finite,
  /** `upper`: it must stay below the limit; `lower`: above. */
  direction: z.enum(directions, 'upper or lower').optional(),
  unit: z.enum(units, `One of ${units.join(', ')}`).optional(),
  warnDays: days.optional(),
  criticalDays: days.optional(),
  /** Whether a notice opens an incident. */
  incidents: z.boolean().optional(),
  /** Under which name autoscalers may read it, see `external-metrics.ts`. */
  metricName: metricName.optional(),
  /** How far ahead `<metricName>-ahead` looks. */
  aheadMinutes: z
    .int('Enter whole minutes')
    .min(10, 'At least 10 minutes')
    .max(1_440, 'At most a day, 1440 minutes')
    .optional(),
};
const inOrder = ({
  warnDays = WARN_DAYS,
  criticalDays = CRITICAL_DAYS,
}: {
  warnDays?: number | undefined;
  criticalDays?: number | undefined;
}) => criticalDays <= warnDays;
const ORDER = { path: ['criticalDays'], message: 'Not more days than the warning' };
export const createResourceSchema = z
  .strictObject({
    savedId: z.uuid(),
    /** Absent: the first plain one of the query. */
    aggregation: z.enum(plainAggregations).optional(),
    /** Which series, where the query has several. */
    labels: z
      .record(z.string().regex(LABEL_NAME, 'The name of a label'), z.string().max(MAX_LABEL_VALUE))
      .refine((labels) => Object.keys(labels).length <= 10, 'At most 10 labels')
      .default({}),
    ...settings,
  })
  .refine(inOrder, ORDER);
export type CreateResourceInput = z.output<typeof createResourceSchema>;
export const updateResourceSchema = z.strictObject({
  id: z.uuid(),
  ...settings,
  name: settings.name.optional(),
  /** Null: the one that is measured. */
  limit: finite.nullable().optional(),
  /** Null: autoscalers may not read it any more. */
  metricName: metricName.nullable().optional(),
  paused: z.boolean().optional(),
});
export type UpdateResourceInput = z.output<typeof updateResourceSchema>;
export const resourceIdSchema = z.strictObject({ id: z.uuid() });
export const listResourcesSchema = pageSchema.extend({
  search: filterSchema.optional(),
  kind: z.enum(resourceKinds).optional(),
  show: z.enum(['all', 'notice', 'paused']).default('all'),
});
export type ListResourcesInput = z.output<typeof listResourcesSchema>;

/** `orders-per-second`, or `orders-per-second-ahead` for what is expected. */
export const readMetricSchema = z.strictObject({ name: z.string().min(1).max(80) });
const dnsLabel = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'Lower-case letters, digits and hyphens, at most 63',
  );
const replicas = z.int('Enter a whole number').max(10_000, 'At most 10 000');
export const manifestSchema = z
  .strictObject({
    id: z.uuid(),
    namespace: dnsLabel.default('default'),
    deployment: dnsLabel,
    minReplicas: replicas.min(1, 'At least 1').default(1),
    maxReplicas: replicas.min(1, 'At least 1').default(10),
    /** What one replica can carry. */
    target: z
      .number('Enter a number')
      .min(1e-6, 'More than 0')
      .max(1e15, 'At most a thousand million million'),
    /** Also by what is expected. */
    ahead: z.boolean().default(true),
  })
  .refine(({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas, {
    path: ['maxReplicas'],
    message: 'Not fewer than the least',
  });
export type ManifestInput = z.output<typeof manifestSchema>;

export type Assessment = {
  /** Towards the limit is positive. */
  perDay: { mean: number; lower: number; upper: number } | null;
  /** By how much the rate rises each day; absent or 0 where it does not clearly do so. */
  quickening?: number;
  /** When the limit is reached: as expected, at the earliest and at the latest; null: not within a year. */
  at: { mean: string | null; earliest: string | null; latest: string | null };
  pValue: number | null;
  windowFrom: string;
  points: number;
  /** Height of what repeats each day. */
  dailyPeak: number;
  notes: string[];
  /** One sentence: what would put it off, and by how much. */
  suggestion: string | null;
};
export type ResourceItem = {
  id: string;
  name: string;
  subject: Subject;
  builtIn: boolean;
  unit: Unit;
  direction: (typeof directions)[number];
  limit: number | null;
  limitFrom: 'given' | 'measured' | null;
  value: number | null;
  valueAt: string | null;
  /** Share of the limit that is used; null without a limit, and of lower ones. */
  used: number | null;
  state: ResourceState;
  /** One sentence. */
  detail: string | null;
  assessment: Assessment | null;
  notice: Notice;
  noticeSince: string | null;
  warnDays: number;
  criticalDays: number;
  incidents: boolean;
  metricName: string | null;
  aheadMinutes: number;
  paused: boolean;
  assessedAt: string | null;
};
export type ResourceDetail = ResourceItem & {
  history: { at: string; value: number | null }[];
  stepMs: number;
  limitGiven: number | null;
  limitFound: number | null;
  createdBy: string;
  createdAt: string;
  updatedAt: string;
};
export type ResourceCounts = { all: number; critical: number; warn: number; paused: number };
