/** Which rewrites are worth saying, by what is known of tables and plans. Pure. */
import type { Advice } from '../contract.ts';
import type { Facts, Operand } from '../statement/facts.ts';
import { MIN_ROWS, plainText } from './candidates.ts';
import type { Catalog, Table } from './catalog.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import { CHEAP_COST, type Statement, valuesOf } from './statement.ts';

const DEEP_OFFSET = 1_000;

export function rewriteAdvice(
  statements: readonly Statement[],
  catalog: Catalog,
  perDay: number,
): Advice[] {
  const advice: Advice[] = [];
  for (const statement of statements) {
    const { given, facts, plans } = statement;
    const known = valuesOf(statement.variants);
    for (const rewrite of facts.rewrites) {
      if (rewrite.pattern === 'keyset-pagination') {
        const value =
          rewrite.offset?.constant ??
          (rewrite.offset?.parameter
            ? known({ parameter: rewrite.offset.parameter } as Operand)
            : undefined);
        const deepest = Math.max(
          ...(Array.isArray(value) ? value : [value])
            .map((each) => Number(each ?? Number.NaN))
            .filter((each) => !Number.isNaN(each)),
          0,
        );
        // Nobody told the values: many blocks for few rows tell of it.
        const wasteful =
          value === undefined &&
          given.blocks !== null &&
          given.blocks > 50 * Math.max(1, given.rows ?? 1);
        if (deepest < DEEP_OFFSET && !wasteful) continue;
      } else if (rewrite.pattern === 'sargable-range') {
        const table = rewrite.column ? tableOfRewrite(rewrite.column, facts, catalog) : null;
        const column = table?.columns.get(rewrite.column?.column ?? '');
        if (!table || !column || table.rows < MIN_ROWS) continue;
        if (rewrite.wrapper?.startsWith('::') && !/^(integer|bigint|smallint)$/.test(column.type))
          continue;
        if (!plans.some((plan) => scansEverything(plan, table))) continue;
        // An index on the very expression serves the statement as it is.
        if (
          table.indexes.some(
            (index) =>
              index.valid &&
              !index.keys[0]?.isColumn &&
              plainText(index.keys[0]?.expression ?? '').includes(plainText(rewrite.wrapper ?? '')),
          )
        )
          continue;
      } else if (statement.cost < CHEAP_COST && statement.meanMs < 5) continue;
      if (
        rewrite.wrapper === 'not in' &&
        !plans.some((plan) => [...nodesOf(plan)].some((node) => node.Filter?.includes('SubPlan')))
      )
        continue;
      advice.push({
        kind: 'rewrite',
        pattern: rewrite.pattern,
        query: given.id,
        rewrite: rewrite.rewrite,
        reason: rewrite.why,
        savedMsPerDay: Math.round(0.8 * statement.meanMs * given.calls * perDay),
        statements: [given.id],
      });
    }
  }
  return advice;
}

const tableOfRewrite = (
  column: { relation: string | null; column: string; table: string | null },
  facts: Facts,
  catalog: Catalog,
): Table | null => {
  if (column.table !== null) return catalog.tables.get(column.table) ?? null;
  const owners = facts.tables.flatMap((name) => {
    const table = catalog.tables.get(name);
    return table?.columns.has(column.column) ? [table] : [];
  });
  return owners.length === 1 ? (owners[0] ?? null) : null;
};

/** A scan of all rows, or of a whole index, that throws most of what it reads away. */
const scansEverything = (plan: PlanNode, table: Table): boolean =>
  [...nodesOf(plan)].some(
    (node) =>
      node['Relation Name'] === table.name &&
      node.Filter !== undefined &&
      (node['Node Type'] === 'Seq Scan' || /^Index/.test(node['Node Type'])),
  );
