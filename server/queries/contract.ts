/** Watched databases, their statements, plans and advice. Client-safe. */
import { z } from 'zod';
import {
  filterSchema,
  idPageSchema,
  isPlainText,
  isStorable,
  type Page,
  pageSchema,
} from '../api/contract.ts';
import { parametersSchema } from './explain/contract.ts';
import {
  type AdviceProgress,
  type AdviceState,
  type AdviceStep,
  adviceViews,
  type LoopFigures,
} from './loop/contract.ts';

/** The longest text of SQL that is looked at. */
export const MAX_SQL = 1_000_000;
/** Statements in one call of `queries.advise`. */
export const MAX_ADVISED = 500;
/** Statements that take longer are written to the log, unless a database says otherwise. */
export const SLOW_MS = 100;

/** PostgreSQL takes everything but NUL and halves of surrogate pairs; line breaks and tabs belong into SQL. */
export const sqlSchema = z
  .string('Enter a statement')
  .trim()
  .min(1, 'Enter a statement')
  .max(MAX_SQL, `At most ${MAX_SQL} characters`)
  .refine(
    (text) => isStorable(text.replace(/[\t\n\r\f\v]/g, ' ')),
    'Control characters are not accepted',
  );

// Advice

export const adviceKinds = [
  'create_index',
  'drop_index',
  'reindex',
  'analyze',
  'cache',
  'eager_load',
  'batch',
  'rewrite',
  'none',
] as const;
export type AdviceKind = (typeof adviceKinds)[number];
export type IndexMethod = 'btree' | 'gin' | 'gist' | 'brin' | 'hash';

/** How an advice was proved. `statistics` is an estimate that no planner confirmed. */
export type Evidence = {
  /** In the planner's units: for one call, as a mean over the statements that profit, weighed by their calls. */
  costBefore: number;
  costAfter: number;
  method: 'hypopg' | 'planner' | 'statistics';
  /** Of the index, estimated. */
  sizeBytes?: number;
};

/** What an index is. Names are as PostgreSQL has them, without quotes; an expression stands as written in SQL. */
export type IndexSpec = {
  /** Without `public.`; otherwise with its schema. */
  table: string;
  columns: string[];
  method: IndexMethod;
  opclass?: string;
  where?: string;
  include?: string[];
  order?: ('ASC' | 'DESC')[];
  unique?: boolean;
};

type Common = {
  /** One or two sentences for a person. */
  reason: string;
  /** The exact statement, when there is one. */
  ddl?: string;
  evidence?: Evidence;
  /** Estimated time that it saves, less what it costs in writes; over the whole workload. */
  savedMsPerDay?: number;
  /** What each written row of the table costs more, in milliseconds a day over the workload. */
  writeMsPerDay?: number;
  /** Statements (their fingerprints, or their names where they have some) that profit. */
  statements?: string[];
};
export type Advice = Common &
  (
    | ({ kind: 'create_index' } & IndexSpec)
    | { kind: 'drop_index' | 'reindex'; name: string; table: string }
    | { kind: 'analyze'; table: string }
    | { kind: 'cache'; query: string; ttlSeconds: number }
    | { kind: 'eager_load' | 'batch'; parent?: string; child: string; key: string; trace?: string }
    | {
        kind: 'rewrite';
        pattern: 'keyset-pagination' | 'sargable-range' | 'exists-for-count' | 'other';
        query: string;
        rewrite: string;
      }
    | { kind: 'none'; query: string }
  );

export const adviseSchema = z.strictObject({
  databaseId: z.uuid(),
  sql: z.union([
    sqlSchema,
    z
      .array(sqlSchema)
      .min(1, 'Enter a statement')
      .max(MAX_ADVISED, `At most ${MAX_ADVISED} statements`),
  ]),
});
export type AdviseInput = z.output<typeof adviseSchema>;

// Databases, statements and relations

export const MAX_DATABASES = 50;
/** A look at the counters of a database each so many seconds. */
export const LOOK_SECONDS = 60;
export const SLOW_LOG_DAYS = 14;
export const HISTORY_DAYS = 30;

const DATABASE_URL = 'Enter a URL that starts with postgresql://';
const databaseNameSchema = z
  .string('Enter a name')
  .trim()
  .min(1, 'Enter a name')
  .max(100, 'At most 100 characters')
  .refine(isPlainText, 'Control and invisible characters are not accepted');
const databaseUrlSchema = z
  .string(DATABASE_URL)
  .trim()
  .max(2_000, 'At most 2000 characters')
  .refine((value) => isStorable(value) && isPostgresUrl(value), DATABASE_URL)
  .refine(
    (value) => (URL.parse(value)?.pathname ?? '').length > 1,
    'Name the database after the /',
  );
function isPostgresUrl(value: string): boolean {
  const url = URL.parse(value);
  return /^postgres(ql)?:$/.test(url?.protocol ?? '') && url?.hostname !== '';
}
const slowMsSchema = z
  .number()
  .int('A whole number')
  .min(1, 'From 1 to 600000 ms')
  .max(600_000, 'From 1 to 600000 ms');

export const createDatabaseSchema = z.strictObject({
  name: databaseNameSchema,
  /** With user and password. Kept sealed; never shown again. */
  url: databaseUrlSchema,
  /** The same database by a role that may create indexes; only approved advice uses it. */
  applyUrl: databaseUrlSchema.nullish(),
  slowMs: slowMsSchema.default(SLOW_MS),
  /** Whether values of parameters are kept with slow calls. */
  keepParameters: z.boolean().default(false),
  paused: z.boolean().default(false),
  /** False keeps it also when it cannot be reached now. */
  test: z.boolean().default(true),
});
export type CreateDatabaseInput = z.output<typeof createDatabaseSchema>;
export const updateDatabaseSchema = z.strictObject({
  id: z.uuid(),
  name: databaseNameSchema.optional(),
  url: databaseUrlSchema.optional(),
  applyUrl: databaseUrlSchema.nullable().optional(),
  slowMs: slowMsSchema.optional(),
  keepParameters: z.boolean().optional(),
  paused: z.boolean().optional(),
  test: z.boolean().default(true),
});
export type UpdateDatabaseInput = z.output<typeof updateDatabaseSchema>;
export const databaseIdSchema = z.strictObject({ id: z.uuid() });
export const databaseListSchema = idPageSchema;
export const tryDatabaseSchema = z.strictObject({ url: databaseUrlSchema });

export const databaseProblems = [
  'password',
  'unreachable',
  'timeout',
  'address',
  'tls',
  'starting',
  'connections',
  'missing',
  'rights',
  'statistics',
  'version',
  'other',
] as const;
export type DatabaseProblem = (typeof databaseProblems)[number];
/** partial: statements are seen, but not all that belongs to them; the detail says what is missing. */
export type DatabaseState = 'new' | 'ok' | 'partial' | 'failed' | 'paused';
export type SetupCheck = {
  id: string;
  title: string;
  state: 'ok' | 'missing' | 'warning' | 'optional';
  /** What was seen. */
  detail: string;
  why: string;
  /** What grants it; may hold several statements. */
  statement: string | null;
};
export type DatabaseItem = {
  id: string;
  name: string;
  kind: 'own' | 'external';
  host: string;
  database: string;
  user: string;
  /** The role that may create indexes. */
  applyUser: string | null;
  slowMs: number;
  keepParameters: boolean;
  paused: boolean;
  state: DatabaseState;
  problem: DatabaseProblem | null;
  detail: string | null;
  failingSince: string | null;
  lastAt: string | null;
  /** PostgreSQL's, e.g. `15.18`. */
  version: string | null;
  /** Entries of pg_stat_statements at the last look, and how often some were evicted in it. */
  entries: number | null;
  evictions: number | null;
  /** What the last look took: at the server, and with everything else. */
  lookServerMs: number | null;
  lookMs: number | null;
  sizeBytes: number | null;
  createdBy: string;
  createdAt: string;
  updatedAt: string;
};
/** With the set-up as it was last looked at. */
export type DatabaseDetail = DatabaseItem & { setup: SetupCheck[]; setupAt: string | null };
export type DatabaseTest = {
  ok: boolean;
  detail: string;
  problem: DatabaseProblem | null;
  tookMs: number;
  version: string | null;
  setup: SetupCheck[];
};

export const queryRanges = ['15m', '1h', '6h', '24h', '7d', '30d'] as const;
export type QueryRange = (typeof queryRanges)[number];
const rangeSchema = z.enum(queryRanges, `One of ${queryRanges.join(', ')}`).default('24h');
export const statementKinds = [
  'select',
  'insert',
  'update',
  'delete',
  'merge',
  'utility',
  'other',
] as const;
export type WatchedKind = (typeof statementKinds)[number];

const CURSOR = 'Take it from nextCursor of the previous page';
const MAX_TIME = 8.64e15;
const MAX_ID = 2_147_483_647;
const isTime = (text: string | undefined): boolean => Number(text) <= MAX_TIME;
const isId = (text: string | undefined): boolean =>
  /^\d{1,10}$/.test(text ?? '') && Number(text) <= MAX_ID;
/** Time, value, statement. */
function isSlowCursor(cursor: string): boolean {
  const [at, value, id, ...more] = cursor.split('~');
  const number = /^-?\d{1,30}(\.\d{1,20})?(e[+-]?\d{1,2})?$/i.test(value ?? '');
  return more.length === 0 && /^\d{1,16}$/.test(at ?? '') && isTime(at) && number && isId(id);
}
const statementIdSchema = z.string().refine(isId, 'The number of a statement');

export const slowSchema = pageSchema.extend({
  databaseId: z.uuid(),
  range: rangeSchema,
  search: filterSchema.default(''),
  kind: z.enum(statementKinds, `One of ${statementKinds.join(', ')}`).optional(),
  sort: z
    .enum(['total', 'mean', 'calls', 'rows'], 'One of total, mean, calls, rows')
    .default('total'),
  /** Only statements whose mean is at least this. */
  minMeanMs: z.number().min(0).max(1e9).optional(),
  cursor: z.string().max(100).refine(isSlowCursor, CURSOR).nullish(),
});
export type SlowInput = z.output<typeof slowSchema>;
export type StatementItem = {
  id: string;
  databaseId: string;
  fingerprint: string;
  /** With `$n` in place of values. At most 1 000 characters in lists. */
  query: string;
  kind: WatchedKind;
  tables: string[];
  calls: number;
  totalMs: number;
  meanMs: number;
  /** Of single calls, where they are seen; otherwise null. */
  p95Ms: number | null;
  rows: number;
  rowsPerCall: number;
  /** Of the time of all statements of the database in the range, 0–1. */
  share: number;
  /** Blocks of 8 KiB a call. */
  blocksPerCall: number;
  /** Of the blocks that were asked for, those that were in shared memory, 0–1. */
  hitRatio: number | null;
  tempBlocks: number;
  firstSeenAt: string;
  lastSeenAt: string;
  /** Time by parts of the range, as a mean over the looks of each; null where nobody looked. */
  trend: (number | null)[];
  /** The kind of advice that waits for a person and would save most. */
  advice: AdviceKind | null;
};
export type SlowPage = Page<StatementItem> & { from: string; to: string; totalMs: number };

export const statementSchema = z.strictObject({
  id: statementIdSchema,
  range: rangeSchema,
});
export type StatementInput = z.output<typeof statementSchema>;
export type StatementPoint = {
  at: string;
  calls: number;
  totalMs: number;
  meanMs: number | null;
  rows: number;
  reads: number;
};
export type CallerItem = {
  source: 'own' | 'span' | 'auto_explain';
  caller: string;
  calls: number;
  totalMs: number;
  meanMs: number;
  maxMs: number;
  slow: number;
  lastSeenAt: string;
};
export type StatementDetail = StatementItem & {
  /** The whole text, as far as it is kept. */
  text: string;
  truncated: boolean;
  databaseName: string;
  /** Calls, time, rows and reads of a point are of one such. */
  per: 'minute' | 'hour';
  points: StatementPoint[];
  callers: CallerItem[];
};

export const slowLogSchema = pageSchema.extend({
  databaseId: z.uuid().optional(),
  statementId: statementIdSchema.optional(),
  minMs: z.number().min(0).max(1e9).optional(),
  search: filterSchema.default(''),
  cursor: z
    .string()
    .max(60)
    .refine((cursor) => /^\d{1,16}~\d{1,18}$/.test(cursor) && isTime(cursor.split('~')[0]), CURSOR)
    .nullish(),
});
export type SlowLogInput = z.output<typeof slowLogSchema>;
export type SlowCall = {
  id: string;
  at: string;
  databaseId: string;
  databaseName: string;
  statementId: string;
  query: string;
  durationMs: number;
  source: 'own' | 'span' | 'auto_explain';
  caller: string | null;
  requestId: string | null;
  traceId: string | null;
  /** PostgreSQL's EXPLAIN JSON, when it was logged. */
  hasPlan: boolean;
  /** Only where the database says that they are kept. */
  parameters: (string | null)[] | null;
};
export const slowCallSchema = z.strictObject({
  at: z.iso.datetime({ offset: true }),
  id: z.string().regex(/^\d{1,18}$/),
});
export type SlowCallDetail = SlowCall & { plan: unknown };

export const relationsSchema = pageSchema.extend({
  databaseId: z.uuid(),
  kind: z.enum(['table', 'index'], 'table or index'),
  search: filterSchema.default(''),
  /** Only indexes that nothing scanned in 14 days or more, that constrain nothing. */
  unused: z.boolean().default(false),
  cursor: z
    .string()
    .max(400)
    .refine((cursor) => /^\d{1,18}~/.test(cursor) && isStorable(cursor), CURSOR)
    .nullish(),
});
export type RelationsInput = z.output<typeof relationsSchema>;
export type TableFigures = {
  sizeBytes: number;
  indexBytes: number;
  rows: number;
  deadRows: number;
  seqScans: number;
  indexScans: number;
  inserts: number;
  updates: number;
  deletes: number;
  hotUpdates: number;
  changedSinceAnalyze: number;
  analyzedAt: string | null;
  vacuumedAt: string | null;
  /** Space that fresh pages would not need, from the widths of columns; null where the role may not see them. */
  bloatBytes: number | null;
};
export type IndexFigures = {
  sizeBytes: number;
  scans: number;
  method: string;
  definition: string;
  unique: boolean;
  primary: boolean;
  constraint: boolean;
  valid: boolean;
  bloatBytes: number | null;
};
export type RelationItem = {
  schema: string;
  name: string;
  table: string;
  firstSeenAt: string;
  /** Last seen to be scanned; null: not since it is watched. */
  usedAt: string | null;
  updatedAt: string;
} & (
  | { kind: 'table'; figures: TableFigures; writesPerDay: number | null }
  | { kind: 'index'; figures: IndexFigures; unusedDays: number | null }
);

// Plans

export {
  ANALYZE_COST,
  ANALYZE_ROWS,
  ANALYZE_TIMEOUT_MS,
  type ExplainAnswer,
  type Plan,
  type PlanNode,
} from './explain/contract.ts';

export const explainSchema = z.strictObject({
  databaseId: z.uuid(),
  sql: sqlSchema,
  /** Runs it, if it is proved to be free of effects and expected to be cheap. */
  analyze: z.boolean().default(false),
  /** Values of `$1`, `$2` …, as text; without them the plan for any value. */
  params: parametersSchema.optional(),
});

// The loop

export type {
  AdviceProgress,
  AdviceState,
  AdviceStep,
  AdviceView,
  LoopFigures,
} from './loop/contract.ts';

export const adviceListSchema = pageSchema.extend({
  databaseId: z.uuid().optional(),
  view: z.enum(adviceViews, `One of ${adviceViews.join(', ')}`).default('open'),
  /** Only what this statement profits from. */
  fingerprint: z
    .string()
    .regex(/^[0-9a-zA-Z_-]{1,64}$/)
    .optional(),
  cursor: z
    .string()
    .max(100)
    .regex(
      /^\d{1,20}(\.\d{1,20})?(e[+-]\d{1,2})?~[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      'Take it from nextCursor of the previous page',
    )
    .nullish(),
});
export type AdviceListInput = z.output<typeof adviceListSchema>;
export const adviceIdSchema = z.strictObject({ id: z.uuid() });
export const decideAdviceSchema = adviceIdSchema.extend({
  /** False takes back what was applied. */
  keep: z.boolean(),
});
export const dismissAdviceSchema = adviceIdSchema.extend({
  reason: z
    .string('Say why')
    .trim()
    .min(1, 'Say why')
    .max(500, 'At most 500 characters')
    .refine(isPlainText, 'Control and invisible characters are not accepted'),
});
export const refreshAdviceSchema = z.strictObject({ databaseId: z.uuid() });
export type AdviceStatement = { id: string; fingerprint: string; query: string };
export type AdviceItem = {
  id: string;
  databaseId: string;
  databaseName: string;
  advice: Advice;
  state: AdviceState;
  savedMsPerDay: number;
  table: string | null;
  /** Name of the index that is made, dropped or built anew. */
  index: string | null;
  /** Whether the console can carry it out; `no role`: it knows none that may. */
  applicable: 'yes' | 'no role' | 'by hand';
  /** At most 20 of those that profit. */
  statements: AdviceStatement[];
  statementCount: number;
  progress: AdviceProgress | null;
  before: LoopFigures | null;
  after: LoopFigures | null;
  /** What the figures speak for, when there are enough. */
  proposal: 'keep' | 'drop' | 'unsure' | null;
  /** What was applied is being taken back. */
  undoing: boolean;
  cancelled: boolean;
  detail: string | null;
  timeline: AdviceStep[];
  appliedAt: string | null;
  firstSeenAt: string;
  lastSeenAt: string;
};
export type AdviceSummary = {
  open: number;
  savedMsPerDay: number;
  underWay: number;
  /** Verified, and waiting for a person. */
  toDecide: number;
  failed: number;
};
