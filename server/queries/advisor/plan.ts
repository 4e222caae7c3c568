/** Reading plans of EXPLAIN (FORMAT JSON). Pure. */

export type PlanNode = {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Schema?: string;
  readonly Alias?: string;
  readonly 'Index Name'?: string;
  readonly 'Startup Cost': number;
  readonly 'Total Cost': number;
  readonly 'Plan Rows': number;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Filter?: string;
  readonly 'Temp Written Blocks'?: number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly PlanNode[];
};

/** Outer ones first. */
export function* nodesOf(plan: PlanNode): Generator<PlanNode> {
  yield plan;
  for (const inner of plan.Plans ?? []) yield* nodesOf(inner);
}

/** Scans of a table, or of its partitions. */
export const scansOf = (
  plan: PlanNode,
  table: { name: string; partitions: readonly string[] },
): PlanNode[] =>
  [...nodesOf(plan)].filter(({ 'Relation Name': name }) =>
    name === undefined ? false : name === table.name || table.partitions.includes(name),
  );

export const fullScans = (
  plan: PlanNode,
  table: { name: string; partitions: readonly string[] },
): PlanNode[] => scansOf(plan, table).filter((node) => node['Node Type'] === 'Seq Scan');
