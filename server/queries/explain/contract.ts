/** Plans: what is asked for and what comes back. Client-safe; pages take it from `../contract.ts`. */
import { z } from 'zod';
import { isStorable } from '../../api/contract.ts';

/** ANALYZE is refused above these, by what plain EXPLAIN expects. */
export const ANALYZE_COST = 2_000_000;
export const ANALYZE_ROWS = 10_000_000;
export const ANALYZE_TIMEOUT_MS = 10_000;
export const MAX_PARAMETERS = 100;

export const parametersSchema = z
  .array(
    z
      .string()
      .max(10_000, 'At most 10000 characters')
      .refine(
        (text) => isStorable(text.replace(/[\t\n\r\f\v]/g, ' ')),
        'Control characters are not accepted',
      )
      .nullable(),
  )
  .max(MAX_PARAMETERS, `At most ${MAX_PARAMETERS} values`);

export type PlanBuffers = {
  hit: number;
  read: number;
  dirtied: number;
  written: number;
  tempRead: number;
  tempWritten: number;
};
export type PlanNode = {
  /** Position in the plan, from 0, parents first. */
  id: number;
  /** `Index Scan` */
  type: string;
  /** `Index Scan using orders_pkey on orders o` */
  label: string;
  /** `InitPlan 1`, `SubPlan 2`, `CTE x`; null for ordinary children. */
  subplan: string | null;
  /** Conditions, keys and the like. */
  details: { label: string; value: string }[];
  startupCost: number;
  totalCost: number;
  /** Cost without that of its children. */
  selfCost: number;
  /** For one loop. */
  planRows: number;
  planWidth: number;
  /** Null when it was not run. */
  actual: {
    loops: number;
    /** For one loop, on average. */
    rows: number;
    /** All loops, with the children. */
    totalMs: number;
    /** All loops, without the children. */
    selfMs: number;
  } | null;
  /** Of the whole: of the time when it was run, otherwise of the cost. 0–1. */
  share: number;
  /** How many times more (`over` false) or fewer rows came than were expected; null when it was not run. */
  misestimate: { factor: number; over: boolean } | null;
  buffers: PlanBuffers | null;
  /** What did not fit into memory, in words. */
  spill: string | null;
  workers: { planned: number; launched: number | null } | null;
  /** The node that costs most. */
  costly: boolean;
  children: PlanNode[];
};
export type Plan = {
  root: PlanNode;
  nodes: number;
  /** Of the planner's whole estimate. */
  totalCost: number;
  planningMs: number | null;
  executionMs: number | null;
  /** Settings that are not as PostgreSQL brings them, and shape the plan. */
  settings: { name: string; value: string }[];
};
export type ExplainAnswer = {
  /** Why it was not run, or not even planned; null when everything that was asked for was done. */
  refused: string | null;
  plan: Plan | null;
  /** As `EXPLAIN` prints it. */
  text: string | null;
  /** What PostgreSQL answered, for other tools. */
  json: unknown;
  /** Made without values for its parameters. */
  generic: boolean;
  analyzed: boolean;
  /** How many values it takes. */
  parameters: number;
  notes: string[];
};
