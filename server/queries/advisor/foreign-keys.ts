/** What plans do not show: checks of foreign keys. */
import { type Candidate, definitionOf, MIN_ROWS, tablePath, type Unit } from './candidates.ts';
import type { Catalog } from './catalog.ts';
import type { Planner } from './planner.ts';
import { MS_PER_COST, type Statement, statementOf, unitId } from './statement.ts';

/** DELETE on a table makes PostgreSQL look for rows that refer to it; its plan does not show that. */
export async function foreignKeyUnits(
  planner: Planner,
  statements: readonly Statement[],
  catalog: Catalog,
): Promise<{ statement: Statement; unit: Unit }[]> {
  const found: { statement: Statement; unit: Unit }[] = [];
  for (const { given, facts } of statements) {
    if (facts.written?.action !== 'delete') continue;
    const parent = catalog.tables.get(facts.written.table);
    for (const key of parent?.referencedBy ?? []) {
      const child = catalog.tables.get(key.table);
      const [column] = key.columns;
      if (!child || !column || child.rows < MIN_ROWS || found.length >= 20) continue;
      const served = child.indexes.some(
        (index) =>
          index.valid &&
          !index.where &&
          index.method === 'btree' &&
          key.columns.includes(index.keys[0]?.expression ?? ''),
      );
      if (served) continue;
      const candidate: Omit<Candidate, 'id'> = {
        table: child,
        method: 'btree',
        keys: key.columns.map((name) => ({
          sql: name,
          column: name,
          direction: 'ASC' as const,
          nulls: null,
        })),
        columns: key.columns,
      };
      const unit = [{ ...candidate, id: definitionOf(candidate) }];
      const conditions = key.columns
        .map((name, n) => `${quotedName(name)} = $${n + 1}`)
        .join(' AND ');
      const sql = `SELECT 1 FROM ONLY ${tablePath(child)} x WHERE ${conditions} FOR KEY SHARE OF x`;
      const asked = { sql, values: null, parameters: key.columns.length };
      const before = (await planner.plan(asked))?.['Total Cost'];
      if (before === undefined) continue;
      const after = await planner.withIndexes(
        unit.map(statementOf),
        async () => (await planner.plan(asked))?.['Total Cost'] ?? before,
      );
      const cost = after ?? 10;
      const rows = Math.max(1, given.rows ?? 1);
      found.push({
        unit,
        statement: {
          given: { ...given, calls: given.calls * rows, meanMs: null },
          facts: { ...facts, blocks: [] },
          variants: [{ values: null, share: 1 }],
          plans: [],
          cost: before,
          msPerCost: MS_PER_COST,
          meanMs: before * MS_PER_COST,
          costs: new Map([
            [
              unitId(unit),
              { cost, method: after === null ? ('statistics' as const) : ('hypopg' as const) },
            ],
          ]),
          units: [unit],
        },
      });
    }
  }
  return found;
}

export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
