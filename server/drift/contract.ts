/** Drift: two samples compared, and monitors that do it on a schedule. Client-safe. */
import { z } from 'zod';

// drift.compare

export type Cell = number | string | null;
/** Values of one side of one feature in a call. */
export const MAX_COMPARED_VALUES = 2_000_000;
export const MAX_COMPARED_FEATURES = 500;
/** Below so many values on a side nothing is said. */
export const MINIMUM_VALUES = 20;
export const DEFAULT_ALPHA = 0.05;

/** Numbers, texts and null, looked at in one pass: there may be many. */
const cellsSchema = z
  .array(z.unknown(), 'Enter a list of values')
  .transform((cells, ctx): Cell[] => {
    const max = MAX_COMPARED_VALUES;
    if (cells.length > max) {
      ctx.addIssue({
        code: 'custom',
        message: `At most ${max} values a side; these are ${cells.length}`,
      });
      return z.NEVER;
    }
    const kept: Cell[] = [];
    for (const [at, cell] of cells.entries()) {
      if (
        cell === null ||
        typeof cell === 'number' ||
        (typeof cell === 'string' && cell.length <= 1_000)
      ) {
        kept.push(cell);
        continue;
      }
      const was = typeof cell === 'string' ? 'a text of more than 1000 characters' : describe(cell);
      ctx.addIssue({
        code: 'custom',
        path: [at],
        message: `Takes numbers, texts and null, not ${was}`,
      });
      return z.NEVER;
    }
    return kept;
  });
const describe = (cell: unknown) =>
  Array.isArray(cell) ? 'a list' : typeof cell === 'object' ? 'an object' : String(cell);
export const alphaSchema = z
  .number('Enter a number between 0.0001 and 0.5')
  .min(0.0001, 'At least 0.0001')
  .max(0.5, 'At most 0.5');

export const compareSchema = z.strictObject({
  features: z
    .array(
      z.strictObject({
        name: z.string().min(1, 'Enter a name').max(200, 'At most 200 characters'),
        kind: z.enum(['numeric', 'categorical']),
        /** In time order where there is one: neighbours that resemble each other count for less. */
        reference: cellsSchema,
        current: cellsSchema,
      }),
    )
    .min(1, 'Enter at least one feature')
    .max(MAX_COMPARED_FEATURES, `At most ${MAX_COMPARED_FEATURES} features`)
    .refine(
      (features) => new Set(features.map(({ name }) => name)).size === features.length,
      'Each feature has a name of its own',
    ),
  alpha: alphaSchema.default(DEFAULT_ALPHA),
});
export type CompareInput = z.output<typeof compareSchema>;
export type FeatureKind = 'numeric' | 'categorical';

/** What is wrong with a feature, for programs. */
export type DriftReason =
  | 'distribution'
  | 'spread'
  | 'tails'
  | 'missing'
  | 'infinite'
  | 'not_numeric'
  | 'constant'
  | 'new_categories'
  | 'vanished_categories';

export type NumericSummary = {
  /** Finite values. */
  count: number;
  missing: number;
  infinite: number;
  mean: number;
  /** Population standard deviation. */
  sd: number;
  min: number;
  p25: number;
  median: number;
  p75: number;
  max: number;
};
export type CategoricalSummary = {
  count: number;
  missing: number;
  categories: number;
  /** The most frequent ones of both sides together. */
  top: { category: string; count: number }[];
};

/** Counts of both sides over the same bins, for the picture. */
export type Overlay =
  | { kind: 'numeric'; edges: number[]; reference: number[]; current: number[] }
  | {
      kind: 'categorical';
      categories: string[];
      reference: number[];
      current: number[];
      /** Counts of the categories that are not listed. */
      others: { reference: number; current: number };
    };

export type FeatureDrift = {
  name: string;
  kind: FeatureKind;
  /** Null: not testable, and `reason` says why. */
  drifted: boolean | null;
  /** One or two sentences for a person. */
  reason: string;
  reasons: DriftReason[];
  /** Of all checks together, held against the number of features (Benjamini and Hochberg); null when not testable. */
  pValue: number | null;
  /** Wasserstein in deviations of the reference, or the Jensen–Shannon distance. */
  effect: number | null;
  ks?: { statistic: number; pValue: number; method: 'exact' | 'asymptotic' };
  psi: number | null;
  wasserstein?: number;
  wassersteinNormalised?: number;
  chiSquare?: { statistic: number; pValue: number; df: number };
  jensenShannon?: number;
  missing: { reference: number; current: number };
  newCategories?: string[];
  vanishedCategories?: string[];
  /** Independent values that the samples are worth, when neighbours resemble each other. */
  effectiveSize: { reference: number; current: number };
  summary:
    | { kind: 'numeric'; reference: NumericSummary | null; current: NumericSummary | null }
    | { kind: 'categorical'; reference: CategoricalSummary; current: CategoricalSummary };
  overlay: Overlay | null;
};
export type Comparison = { drifted: boolean; features: FeatureDrift[] };

// References, uploads, monitors

export type {
  DriftWindow,
  Heatmap,
  MonitorItem,
  MonitorState,
  PreviewColumn,
  ReferenceFeature,
  ReferenceItem,
  RunItem,
  RunVerdict,
  Season,
  UploadItem,
  UploadPreview,
  UploadState,
} from './watch/contract.ts';
export {
  type CreateMonitorInput,
  columnProblem,
  createMonitorSchema,
  PART_BYTES,
  type UpdateMonitorInput,
  updateMonitorSchema,
} from './watch/contract.ts';
