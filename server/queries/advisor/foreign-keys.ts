/** What plans do not show: DELETE makes PostgreSQL look for rows that refer to the one that goes. Pure. */
import { MIN_ROWS, quoted, tablePath } from './candidates.ts';
import type { Catalog } from './catalog.ts';
import type { Statement } from './statement.ts';
import type { WorkloadStatement } from './workload.ts';

const MAX_CHECKS = 20;

/** The look-ups as statements of their own, where no index serves them. */
export function foreignKeyChecks(
  statements: readonly Statement[],
  catalog: Catalog,
): WorkloadStatement[] {
  return statements
    .flatMap(({ given, facts }) => {
      const parent =
        facts.written?.action === 'delete' ? catalog.tables.get(facts.written.table) : undefined;
      return (parent?.referencedBy ?? []).flatMap((key): WorkloadStatement[] => {
        const child = catalog.tables.get(key.table);
        if (!child || child.rows < MIN_ROWS) return [];
        const conditions = key.columns.map((name, n) => `${quoted(name)} = $${n + 1}`);
        return [
          {
            id: given.id,
            sql: `SELECT 1 FROM ${tablePath(child)} WHERE ${conditions.join(' AND ')}`,
            calls: given.calls * Math.max(1, given.rows ?? 1),
            meanMs: null,
            rows: null,
            blocks: null,
            parameters: [],
            repeated: null,
          },
        ];
      });
    })
    .slice(0, MAX_CHECKS);
}
