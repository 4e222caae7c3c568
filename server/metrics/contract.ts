/**
 * The query language and what the metric procedures take and answer. Client-safe.
 *
 * Meaning of the aggregations (see docs/modules/metrics.md): samples of all series of a group are pooled, except for
 * `rate` and `increase`, which are taken series by series and then added up. Buckets are `[start, start + step)`,
 * aligned to whole steps since 1970 UTC; a bucket without samples has no point.
 */
import { z } from 'zod';
import { isPlainText, pageSchema } from '../api/contract.ts';

export const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:.\-/]{0,199}$/;
export const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_.\-/]{0,127}$/;
export const MAX_LABELS = 64;
export const MAX_LABEL_VALUE = 2_048;
export const MAX_SAMPLES = 10_000;
/** Samples may be this much ahead of the console's clock. */
export const MAX_FUTURE_MS = 10 * 60_000;

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const DURATION = 'A duration such as 30s, 5m, 24h or 7d';
/** `24h` → 86 400 000; null when it is none. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,7})(ms|s|m|h|d|w)$/.exec(text);
  if (!match) return null;
  const ms = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
  return ms > 0 ? ms : null;
}
const durationSchema = z.string().refine((text) => parseDuration(text) !== null, DURATION);

export const plainAggregations = [
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'first',
  'last',
  'stddev',
  'rate',
  'increase',
  'p50',
  'p75',
  'p90',
  'p95',
  'p99',
  'distinct',
] as const;
export type PlainAggregation = (typeof plainAggregations)[number];
/** `percentiles` stands for p50, p75, p90, p95 and p99. The last three are made from the points of the first other one, or of `avg`. */
export const aggregations = [
  ...plainAggregations,
  'percentiles',
  'histogram',
  'movingAverage',
  'trend',
  'anomaly',
] as const;
export type Aggregation = (typeof aggregations)[number];

export const operators = [
  'eq',
  'ne',
  'gt',
  'gte',
  'lt',
  'lte',
  'in',
  'nin',
  'contains',
  'regex',
  'exists',
] as const;
export type Operator = (typeof operators)[number];

const text = z
  .string()
  .max(MAX_LABEL_VALUE)
  .refine(isPlainText, 'Control and invisible characters are not accepted');
const scalar = z.union([text, z.number(), z.boolean()]);
/** `field` is the name of a label, or `value` for the sample's value. A label that is absent equals the empty text. */
export const filterSchema = z
  .strictObject({
    field: z.string().regex(LABEL_NAME, 'The name of a label, or value'),
    op: z.enum(operators, `One of ${operators.join(', ')}`),
    value: z.union([scalar, z.array(scalar).max(200)]).optional(),
  })
  .superRefine(({ field, op, value }, ctx) => {
    const wrong = (message: string) => ctx.addIssue({ code: 'custom', path: ['value'], message });
    if (op === 'exists') {
      if (value !== undefined && typeof value !== 'boolean') wrong('true, false or nothing');
      return;
    }
    if (value === undefined) return wrong('Needs a value');
    if (op === 'in' || op === 'nin') {
      if (!Array.isArray(value)) wrong('A list');
      return;
    }
    if (Array.isArray(value)) return wrong('One value; use in or nin for a list');
    const ordered = op === 'gt' || op === 'gte' || op === 'lt' || op === 'lte';
    if (ordered && !Number.isFinite(Number(value))) return wrong('A number');
    if ((op === 'contains' || op === 'regex') && typeof value !== 'string') return wrong('A text');
    if (field === 'value' && (op === 'contains' || op === 'regex'))
      return ctx.addIssue({ code: 'custom', path: ['op'], message: 'Not for values' });
    if (field === 'value' && !Number.isFinite(Number(value))) wrong('A number');
  });
export type Filter = z.infer<typeof filterSchema>;

const RANGE = 'A duration such as 24h, or { from, to } as ISO-8601 times';
export const timeRangeSchema = z.union(
  [
    durationSchema,
    z
      .strictObject({
        from: z.iso.datetime({ offset: true }),
        to: z.iso.datetime({ offset: true }),
      })
      .refine(({ from, to }) => Date.parse(from) < Date.parse(to), {
        path: ['from'],
        message: 'Must be before to',
      }),
  ],
  RANGE,
);
export type TimeRange = z.infer<typeof timeRangeSchema>;

const STEP = 'A duration such as 30s or 5m, or a number of seconds';
const metricName = z.string().regex(METRIC_NAME, 'The name of a metric');
const selectorShape = {
  metric: metricName,
  timeRange: timeRangeSchema,
  filters: z.array(filterSchema).max(20).default([]),
  /** A Prometheus-compatible source to ask instead of the console's own store. */
  sourceId: z.uuid().optional(),
};
export const querySchema = z.strictObject({
  ...selectorShape,
  /** Absent: one point for the whole range. */
  step: z.union([durationSchema, z.number().positive().max(31_622_400)], STEP).optional(),
  /** Labels; `*` for every series by itself; none for all series together. */
  groupBy: z
    .array(z.union([z.literal('*'), z.string().regex(LABEL_NAME, 'The name of a label')]))
    .max(10)
    .default([]),
  aggregations: z
    .array(z.enum(aggregations, `One of ${aggregations.join(', ')}`))
    .min(1)
    .max(16),
});
export type Query = z.input<typeof querySchema>;
export type ParsedQuery = z.output<typeof querySchema>;

export type HistogramBin = { from: number; to: number; count: number };
export type Point = {
  /** Start of the bucket. */
  at: string;
  /** By aggregation; `movingAverage`, `trend` and `anomaly` (a score of 0–1) too. */
  values: Record<string, number | null>;
  /** With the aggregation `histogram`. */
  histogram?: HistogramBin[];
  /** With the aggregation `anomaly`: where the value was expected. */
  expected?: { lower: number; upper: number } | null;
};
export type ResultSeries = { labels: Record<string, string>; points: Point[] };
export type Resolution = 'raw' | 'minute' | 'hour' | 'mixed';
export type QueryResult = {
  series: ResultSeries[];
  /** Samples read; of roll-ups, minutes or hours read. */
  scanned: number;
  tookMs: number;
  from: string;
  to: string;
  /** Null without a step. */
  stepSeconds: number | null;
  resolution: Resolution;
  /** `exact` on raw samples, `approximate` (within 1 %) when roll-ups took part, null when none was asked for. */
  percentiles: 'exact' | 'approximate' | null;
  /** Things to know, such as series that were left out. */
  notes: string[];
};
export type ExplainResult = {
  result: Omit<QueryResult, 'series'> & { series: number; points: number };
  plan: {
    seriesMatched: number;
    seriesOfMetric: number;
    groups: number;
    segments: { resolution: 'raw' | 'minute' | 'hour'; from: string; to: string }[];
    chunks: number;
    chunkBytes: number;
    rollupRows: number;
    recentSamples: number;
    otherReplicasSamples: number;
    thread: 'main' | 'worker';
    timingsMs: { resolve: number; read: number; compute: number };
    /** PromQL, when a Prometheus-compatible source is asked. */
    promql: string[];
  };
};

export const samplesSchema = z.strictObject({
  ...selectorShape,
  ...pageSchema.shape,
});
export type SamplesInput = z.output<typeof samplesSchema>;
export type SampleItem = {
  at: string;
  value: number | null;
  text: string;
  labels: Record<string, string>;
};

export const ingestSchema = z.strictObject({
  /** Each is looked at by itself, so that a bad one does not lose the others. */
  samples: z.array(z.unknown()).max(MAX_SAMPLES, `At most ${MAX_SAMPLES} samples a call`),
});
export type IngestResult = { accepted: number; rejected: { index: number; reason: string }[] };

export const catalogSchema = pageSchema.extend({
  prefix: z.string().max(200).refine(isPlainText).optional(),
  /** Anywhere in the name or its description. */
  search: z.string().trim().max(100).refine(isPlainText).optional(),
});
export type CatalogItem = {
  metric: string;
  /** gauge, counter, histogram, summary or unknown. */
  kind: string;
  unit: string;
  help: string;
  series: number;
  rawDays: number;
  minuteDays: number;
  hourDays: number;
};
export const metricSchema = z.strictObject({ metric: metricName });
export const labelValuesSchema = z.strictObject({
  metric: metricName,
  label: z.string().regex(LABEL_NAME),
  search: z.string().max(100).default(''),
});
export type MetricDetail = CatalogItem & {
  /** Labels with up to 100 of their values. */
  labels: { name: string; values: string[]; more: boolean }[];
};
export const retentionSchema = z.strictObject({
  metric: metricName,
  /** Null for the default. */
  rawDays: z.number().int().min(1).max(90).nullable(),
  minuteDays: z.number().int().min(1).max(400).nullable(),
  hourDays: z.number().int().min(1).max(1_200).nullable(),
});

const savedName = z.string().trim().min(1, 'Must not be empty').max(100).refine(isPlainText);
export const savedCreateSchema = z.strictObject({ name: savedName, query: querySchema });
export const savedUpdateSchema = z.strictObject({
  id: z.uuid(),
  name: savedName.optional(),
  query: querySchema.optional(),
});
export const savedIdSchema = z.strictObject({ id: z.uuid() });
export type SavedItem = {
  id: string;
  name: string;
  query: ParsedQuery;
  createdBy: string;
  updatedAt: string;
};
export type Template = { id: string; name: string; description: string; query: Query };

/** What came in over the last minute, by way in; counted in this process. */
export type IngestStatus = {
  ways: {
    way: Way;
    samplesLastMinute: number;
    acceptedTotal: number;
    rejectedTotal: number;
    lastAt: string | null;
  }[];
  /** The newest first, at most 100; equal ones are counted together. */
  rejections: { at: string; way: Way; reason: string; metric: string | null; count: number }[];
  store: {
    series: number;
    seriesMax: number;
    seriesPerMetricMax: number;
    recentSamples: number;
    walBytes: number;
    chunks: number;
    bytes: number;
    samples: number;
    /** Null when there is nothing yet. */
    bytesPerSample: number | null;
  };
};
export const ways = ['api', 'otlp', 'remote write', 'scrape', 'console'] as const;
export type Way = (typeof ways)[number];
