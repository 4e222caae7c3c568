/** Which rewrites are worth saying, by what is known of tables and plans. Pure. */
import type { Advice } from '../contract.ts';
import type { Facts, Operand, Rewrite } from '../statement/facts.ts';
import { MIN_ROWS, plainText } from './candidates.ts';
import type { Catalog, Table } from './catalog.ts';
import { nodesOf, type PlanNode } from './plan.ts';
import { CHEAP_COST, type Statement, valuesOf } from './statement.ts';

const DEEP_OFFSET = 1_000;

export type Rewritten = {
  of: Statement;
  rewrite: Rewrite;
  /** The rewritten statement with its plan; null when it takes other values, so that nobody can plan it. */
  statement: Statement | null;
};

/** What may be worth it, before the new form is planned. */
export function worthTrying(statement: Statement, catalog: Catalog): Rewrite[] {
  const { given, facts, plans } = statement;
  const known = valuesOf(statement.variants);
  return facts.rewrites.filter((rewrite) => {
    if (rewrite.pattern === 'keyset-pagination') {
      const value =
        rewrite.offset?.constant ??
        (rewrite.offset?.parameter
          ? known({ parameter: rewrite.offset.parameter } as Operand)
          : undefined);
      const offsets = (Array.isArray(value) ? value : [value])
        .map((each) => Number(each ?? Number.NaN))
        .filter((each) => !Number.isNaN(each));
      // Nobody told the values: many blocks for few rows tell of it.
      const wasteful =
        offsets.length === 0 &&
        given.blocks !== null &&
        given.blocks > 50 * Math.max(1, given.rows ?? 1);
      return wasteful || Math.max(0, ...offsets) >= DEEP_OFFSET;
    }
    if (rewrite.pattern !== 'sargable-range' && rewrite.wrapper !== 'any')
      return (
        statement.cost >= CHEAP_COST &&
        facts.tables.some((name) => (catalog.tables.get(name)?.rows ?? 0) >= MIN_ROWS)
      );
    const table = rewrite.column ? tableOf(rewrite.column, facts, catalog) : null;
    const column = table?.columns.get(rewrite.column?.column ?? '');
    if (!table || !column || table.rows < MIN_ROWS) return false;
    // Only an integer is cast by a comparison with a number that has a fraction.
    if (rewrite.wrapper?.startsWith('::') && !/^(integer|bigint|smallint)$/.test(column.type))
      return false;
    // An index on the very expression serves the statement as it is.
    const served = table.indexes.some(
      ({ valid, keys: [key] }) =>
        valid &&
        key?.isColumn === false &&
        plainText(key.expression).includes(plainText(rewrite.wrapper ?? '')),
    );
    return !served && plans.some((plan) => filters(plan, table));
  });
}

/** `costOf` is the cost of the new form once the chosen indexes stand. */
export function rewriteAdvice(
  rewritten: readonly Rewritten[],
  costOf: (statement: Statement) => number,
  perDay: number,
): Advice[] {
  return rewritten.flatMap(({ of, rewrite, statement }): Advice[] => {
    const after = statement ? costOf(statement) : null;
    // Planned and not cheaper: PostgreSQL sees through the old form. An array needs a GIN index, which is not planned.
    if (after !== null && after > 0.8 * of.cost && rewrite.wrapper !== 'any') return [];
    const share = after === null ? 0.8 : 1 - Math.min(1, after / Math.max(of.cost, 1));
    return [
      {
        kind: 'rewrite',
        pattern: rewrite.pattern,
        query: of.given.id,
        rewrite: rewrite.rewrite,
        reason: rewrite.why,
        ...(after === null
          ? {}
          : {
              evidence: {
                costBefore: Math.round(of.cost * 100) / 100,
                costAfter: Math.round(after * 100) / 100,
                method: 'planner' as const,
              },
            }),
        savedMsPerDay: Math.round(share * of.meanMs * of.given.calls * perDay),
        statements: [of.given.id],
      },
    ];
  });
}

const tableOf = (
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

/** Reads rows, or a whole index, and throws away what the filter does not keep. */
const filters = (plan: PlanNode, table: Table): boolean =>
  [...nodesOf(plan)].some(
    (node) =>
      [table.name, ...table.partitions].includes(node['Relation Name'] ?? '') &&
      node.Filter !== undefined &&
      (node['Node Type'] === 'Seq Scan' || /^Index/.test(node['Node Type'])),
  );
