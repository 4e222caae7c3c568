import { z } from 'zod';
import { idPageSchema, isPlainText } from '../api/contract.ts';

const MB = 1024 * 1024;

/** The metric that the heap after full collections is stored as; labels `process` and `instance`. */
export const HEAP_METRIC = 'process_heap_after_gc_bytes';
export const PROFILE_SECONDS_MAX = 600;

const text = (max: number) =>
  z
    .string()
    .trim()
    .max(max)
    .refine(isPlainText, 'Control and invisible characters are not accepted');
const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const at = z.iso.datetime({ offset: true });

/** A leak is a growth of `growthRatio` and of `growthBytes` a window that is significant and goes on for `confirmSeconds`. */
export const policySchema = z.strictObject({
  windowSeconds: z.number().int().min(20).max(86_400).default(3_600),
  growthRatio: z.number().min(0.01).max(10).default(0.1),
  growthBytes: z
    .number()
    .int()
    .min(MB)
    .max(1024 * 1024 * MB)
    .default(20 * MB),
  /** After a start growth does not count for so long. */
  warmupSeconds: z.number().int().min(0).max(86_400).default(600),
  confirmSeconds: z.number().int().min(1).max(86_400).default(900),
});
export type MemoryPolicy = z.output<typeof policySchema>;

const functionSchema = z.strictObject({
  name: text(300),
  file: text(300),
  line: z.number().int().min(0).max(10_000_000),
  bytes,
});
export type FunctionShare = z.output<typeof functionSchema>;
const growthSchema = z.strictObject({ name: text(300), before: bytes, after: bytes });
export type ClassGrowth = z.output<typeof growthSchema>;
const classSchema = z.strictObject({ name: text(1_000), count: bytes, bytes });
export type ClassShare = z.output<typeof classSchema>;

const resultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    id: z.uuid(),
    kind: z.literal('profile'),
    seconds: z.number().min(0).max(86_400),
    functions: z.array(functionSchema).max(50),
    classes: z.array(growthSchema).max(50).nullable(),
    pauseMs: z.number().min(0),
    note: text(500).nullable(),
  }),
  z.strictObject({
    id: z.uuid(),
    kind: z.literal('snapshot'),
    nodes: bytes,
    bytes,
    classes: z.array(classSchema).max(500),
    pauseMs: z.number().min(0),
    analysisMs: z.number().min(0),
    fileBytes: bytes,
  }),
  z.strictObject({ id: z.uuid(), kind: z.literal('refused'), reason: text(500) }),
]);
export type MemoryResult = z.output<typeof resultSchema>;

const NAME = 'Letters, digits, dots, colons, dashes and underscores, at most 100';
const nameSchema = z.string().regex(/^[\w.:@/-]{1,100}$/, NAME);
export const reportSchema = z.strictObject({
  process: z.strictObject({
    name: nameSchema,
    instance: nameSchema,
    version: text(100).default(''),
    node: text(100).default(''),
    startedAt: at,
  }),
  policy: policySchema.optional(),
  /** The sender's clock, so that its difference to ours can be taken out. */
  sentAt: at,
  samples: z.array(z.strictObject({ at, usedBytes: bytes })).max(1_000, 'At most 1000 a report'),
  heapBytes: bytes,
  limitBytes: bytes,
  rssBytes: bytes,
  freeBytes: bytes,
  result: resultSchema.optional(),
});
export type ReportInput = z.output<typeof reportSchema>;
export type MemoryAnswer = {
  /** What the process shall do next. */
  ask: { id: string; kind: ExaminationKind; seconds: number } | null;
};

export const processListSchema = idPageSchema;
const processId = z.strictObject({ process: z.uuid() });
export const historySchema = z
  .strictObject({ process: z.uuid(), from: at, to: at })
  .refine(({ from, to }) => Date.parse(from) < Date.parse(to), {
    path: ['from'],
    message: 'Must be before to',
  });
export const findingListSchema = idPageSchema.extend({ process: z.uuid().optional() });
export const findingIdSchema = z.strictObject({ id: z.uuid() });
export const examinationListSchema = idPageSchema.extend({ process: z.uuid() });
export const profileSchema = processId.extend({
  seconds: z.number().int().min(1).max(PROFILE_SECONDS_MAX).default(30),
});
const reason = text(500).min(1, 'Say why; it is kept in the audit');
export const snapshotSchema = processId.extend({ reason });
export const restartSchema = processId.extend({ reason });

export type Verdict = 'learning' | 'steady' | 'suspected' | 'leak';
export type Trend = {
  /** Within the window. */
  growing: boolean;
  /** Also over the window and the time of confirmation, without coming to rest or giving anything back. */
  sustained: boolean;
  /** Points that were judged. */
  points: number;
  slopeBytesPerHour: number | null;
  /** Over one window. */
  growthBytes: number | null;
  growthRatio: number | null;
  /** Probability of such a rise without any trend. */
  pValue: number | null;
  /** The line's ends. */
  fromBytes: number | null;
  toBytes: number | null;
  fromAt: string | null;
  toAt: string | null;
  /** Plain sentence: why it grows or does not. */
  why: string;
};
export type ProcessItem = {
  id: string;
  name: string;
  instance: string;
  kind: 'console' | 'program';
  version: string;
  node: string;
  startedAt: string;
  lastSeenAt: string;
  /** False when it has not reported for three minutes. */
  present: boolean;
  heapBytes: number;
  limitBytes: number;
  rssBytes: number;
  freeBytes: number;
  /** After the last full collection. */
  collectedBytes: number | null;
  verdict: Verdict;
  suspectedAt: string | null;
  trend: Trend;
  policy: MemoryPolicy;
  /** The newest points after full collections, at most 60, for a small chart. */
  recent: { at: string; bytes: number }[];
  findingId: string | null;
  /** What it is doing, or was asked to do. */
  examination: { id: string; kind: ExaminationKind; status: ExaminationStatus } | null;
};
export type HistoryResult = {
  points: { at: string; bytes: number }[];
  /** The line that was judged last, and the size that would make it a leak. */
  trend: Trend;
  thresholdBytes: number | null;
  policy: MemoryPolicy;
  limitBytes: number;
};
export type ExaminationKind = 'profile' | 'snapshot' | 'restart';
export type ExaminationStatus = 'asked' | 'running' | 'done' | 'refused';
export type ClassChange = ClassShare & {
  /** Since the snapshot before it of the same program; null without one, or when it was not among its largest. */
  countBefore: number | null;
  bytesBefore: number | null;
};
export type ExaminationItem = {
  id: string;
  kind: ExaminationKind;
  status: ExaminationStatus;
  askedAt: string;
  askedBy: string;
  reason: string | null;
  doneAt: string | null;
  seconds: number | null;
  pauseMs: number | null;
  analysisMs: number | null;
  fileBytes: number | null;
  heapBytes: number | null;
  note: string | null;
  functions: FunctionShare[];
  /** Classes that gained objects while allocations were watched. */
  growth: ClassGrowth[];
  /** Classes of a snapshot, largest first, with what they were in the one before. */
  largest: ClassChange[];
  /** When the snapshot that `largest` is compared with was taken. */
  comparedWith: string | null;
};
export type FindingItem = {
  id: string;
  processId: string;
  name: string;
  instance: string;
  version: string;
  status: 'open' | 'resolved';
  openedAt: string;
  resolvedAt: string | null;
  sentence: string;
  slopeBytesPerHour: number;
  growthRatio: number;
  pValue: number;
  incidentId: string | null;
  /** Those that gained most objects; empty until they were counted. */
  classes: ClassGrowth[];
  functions: FunctionShare[];
};
export type FindingDetail = FindingItem & {
  trend: Trend;
  /** What was done about it, oldest first. */
  steps: { at: string; what: string }[];
  examinations: ExaminationItem[];
};
