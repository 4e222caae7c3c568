/** A statement of the workload with its plans, and what it costs with indexes that do not exist. */
import type { Advice, Evidence } from '../contract.ts';
import type { Facts, Operand } from '../statement/facts.ts';
import {
  bind,
  type Candidate,
  candidatesOf,
  definitionOf,
  plainText,
  type Unit,
  type Values,
} from './candidates.ts';
import type { Catalog, Table } from './catalog.ts';
import { estimatedCost } from './estimate.ts';
import type { PlanNode } from './plan.ts';
import type { Asked, Planner } from './planner.ts';
import type { WorkloadStatement } from './workload.ts';

/** Milliseconds for one unit of the planner's cost, where nobody measured the statement. */
export const MS_PER_COST = 0.008;

/** Below this a plan is as good as it gets. */
export const CHEAP_COST = 60;

const MAX_VARIANTS = 5;

const MAX_TRIED = 40;

type Variant = { values: readonly unknown[] | null; share: number };

export type Statement = {
  given: WorkloadStatement;
  facts: Facts;
  variants: Variant[];
  plans: PlanNode[];
  cost: number;
  msPerCost: number;
  /** Of one call. */
  meanMs: number;
  /** Cost with a unit, by the unit's id. */
  costs: Map<string, { cost: number; method: Evidence['method'] }>;
  units: Unit[];
  /** Columns that a rewrite uncovers: no index on an expression over them. */
  uncovered: string[];
};

/** Values of a constant, or of a parameter in the sets that are known; a list when there are several. */
export function valuesOf(variants: readonly Variant[]): Values {
  return (operand: Operand | null) => {
    if (!operand) return undefined;
    if (operand.constant !== undefined) return operand.constant;
    if (operand.parameter === null) return undefined;
    const number = operand.parameter;
    const known = variants.flatMap(({ values }) =>
      values && values.length >= number ? [values[number - 1]] : [],
    );
    const [first] = known;
    return known.length > 1 ? (new Set(known).size === 1 ? first : known) : first;
  };
}

/** What is planned: of statements that write only what they read. */
function askedOf(
  { sql }: WorkloadStatement,
  { reading, parameters }: Facts,
  { values }: Variant,
): Asked {
  if (reading === null) return { sql, values, parameters };
  return {
    sql: reading.sql,
    values: values ? reading.parameters.map((number) => values[number - 1]) : null,
    parameters: reading.parameters.length,
  };
}

export async function look(
  planner: Planner,
  given: WorkloadStatement,
  facts: Facts,
): Promise<Statement> {
  const sets = given.parameters.slice(0, MAX_VARIANTS);
  const calls = sets.reduce((sum, set) => sum + set.calls, 0);
  const variants: Variant[] =
    facts.parameters === 0 || sets.length === 0
      ? [{ values: null, share: 1 }]
      : sets.map((set) => ({ values: set.values, share: set.calls / calls }));
  const plans: PlanNode[] = [];
  let cost = 0;
  const plannable = facts.kind === 'select' || facts.reading !== null;
  for (const variant of plannable ? variants : []) {
    const plan = await planner.plan(askedOf(given, facts, variant));
    if (!plan) continue;
    plans.push(plan);
    cost += variant.share * plan['Total Cost'];
  }
  const meanMs = given.meanMs ?? cost * MS_PER_COST;
  return {
    given,
    facts,
    variants,
    plans,
    cost,
    msPerCost: cost > 0 ? meanMs / cost : 0,
    meanMs,
    costs: new Map(),
    units: [],
    uncovered: [],
  };
}

export const unitId = (unit: Unit): string => unit.map(({ id }) => id).join(' + ');

export const statementOf = (candidate: Candidate): string =>
  `CREATE INDEX ${definitionOf(candidate)}`;

/** What one statement costs with a unit; null when nobody can say. */
export async function costWith(
  planner: Planner,
  statement: Statement,
  unit: Unit,
  catalog: Catalog,
): Promise<{ cost: number; method: Evidence['method'] } | null> {
  const known = statement.costs.get(unitId(unit));
  if (known) return known;
  const hypothetical =
    planner.hypothetical &&
    unit.every(
      ({ method, table }) => (method === 'btree' || method === 'brin') && !table.partitioned,
    );
  let answer: { cost: number; method: Evidence['method'] } | null = null;
  if (hypothetical) {
    answer = await planner.withIndexes(unit.map(statementOf), async () => {
      let cost = 0;
      for (const variant of statement.variants) {
        const plan = await planner.plan(askedOf(statement.given, statement.facts, variant));
        cost += variant.share * (plan?.['Total Cost'] ?? statement.cost);
      }
      return { cost, method: 'hypopg' as const };
    });
    // HypoPG refuses what PostgreSQL would refuse, such as an expression that is not immutable.
    if (!answer) return null;
  } else {
    const values = valuesOf(statement.variants);
    let cost = 0;
    const total = statement.plans.length;
    for (const plan of statement.plans)
      cost +=
        Math.min(
          ...unit.map((candidate) =>
            estimatedCost(plan, candidate, statement.facts, catalog, values),
          ),
        ) / total;
    if (unit.length > 1) {
      // Branches of an OR: each is read by its own index.
      const read = statement.plans[0]?.['Total Cost'] ?? 0;
      cost = Math.min(cost, read * 0.02 * unit.length);
    }
    answer = { cost, method: 'statistics' };
  }
  statement.costs.set(unitId(unit), answer);
  return answer;
}

export async function tryCandidates(
  planner: Planner,
  statement: Statement,
  catalog: Catalog,
  stale: ReadonlyMap<string, Advice>,
): Promise<void> {
  const { facts, plans } = statement;
  if (plans.length === 0 || (facts.kind === 'insert' && facts.blocks.length === 0)) return;
  if (statement.cost < CHEAP_COST && statement.meanMs < 5) return;
  const units = candidatesOf(facts, catalog, valuesOf(statement.variants))
    // Old statistics first: what is proved by them is not proved.
    .filter((unit) =>
      unit.every(
        ({ table, keys }) =>
          !stale.has(table.shown) &&
          keys.every(
            ({ column, sql }) =>
              column !== null || !statement.uncovered.some((name) => sql.includes(name)),
          ),
      ),
    )
    .slice(0, MAX_TRIED);
  for (const unit of units) await costWith(planner, statement, unit, catalog);
  statement.units = units.filter((unit) => statement.costs.has(unitId(unit)));
  // Relations of a join may need an index each.
  const [best] = [...statement.units].sort((a, b) => costOf(statement, a) - costOf(statement, b));
  // Without a planner that is asked, what two do together is a guess.
  if (!best || best.length > 1 || !planner.hypothetical) return;
  const others = statement.units.filter(
    (unit) => unit.length === 1 && unit[0]?.table !== best[0]?.table && unit[0]?.method === 'btree',
  );
  for (const other of others.slice(0, 6)) {
    const both = [...best, ...other];
    const answer = await costWith(planner, statement, both, catalog);
    if (answer && answer.cost <= 0.5 * costOf(statement, best)) statement.units.push(both);
  }
}

export const costOf = (statement: Statement, unit: Unit): number =>
  statement.costs.get(unitId(unit))?.cost ?? statement.cost;

/** Whether a statement compares, or sorts by, the first key of an index. */
export function wouldUse(
  statement: Statement,
  table: Table,
  key: string,
  catalog: Catalog,
): boolean {
  const values = valuesOf(statement.variants);
  return statement.facts.blocks.some((block) =>
    bind(block, catalog, values).some(
      (relation) =>
        relation.table === table &&
        (relation.conditions.some(({ sql }) => plainText(sql) === plainText(key)) ||
          relation.sort.some(({ operand }) => plainText(operand.sql) === plainText(key))),
    ),
  );
}
