/** The loop around advice: what stands in a row. Client-safe; pages take it from `../contract.ts`. */

export const adviceStates = [
  'open',
  'approved',
  'applying',
  'verifying',
  'kept',
  'dropped',
  'failed',
  'dismissed',
  'gone',
] as const;
export type AdviceState = (typeof adviceStates)[number];
/**
 * What a list shows: `active` is what is under way, `done` what came to an end, `none` where nothing should
 * be done.
 */
export const adviceViews = ['open', 'active', 'done', 'none', 'dismissed', 'all'] as const;
export type AdviceView = (typeof adviceViews)[number];

/** Kinds that the console can carry out itself. */
export const applicableKinds: ReadonlySet<string> = new Set([
  'create_index',
  'drop_index',
  'reindex',
  'analyze',
]);

/** Of the statements concerned, over a stretch of time. */
export type LoopFigures = {
  from: string;
  to: string;
  calls: number;
  totalMs: number;
  /** Null without calls. */
  meanMs: number | null;
  blocksPerCall: number | null;
  /** Statements that write to the table. */
  writes: number;
  writeMeanMs: number | null;
};
export type AdviceProgress = {
  /** As PostgreSQL names it, e.g. `building index: scanning table`. */
  phase: string;
  /** 0–1; null when it cannot be said. */
  share: number | null;
  /** Other transactions that it waits for. */
  waitsFor: number | null;
};
export type AdviceStep = { at: string; state: AdviceState; by: string; detail: string };
