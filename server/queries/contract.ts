/** Watched databases, their statements, plans and advice. Client-safe. */
import { z } from 'zod';
import { isStorable } from '../api/contract.ts';

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
