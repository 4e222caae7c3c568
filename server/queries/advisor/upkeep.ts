/** How often tables are written, and what indexes cost there. Pure. */

import type { Facts } from '../statement/facts.ts';
import type { Unit } from './candidates.ts';
import type { Catalog, Table } from './catalog.ts';
import { nodesOf } from './plan.ts';
import type { Statement } from './statement.ts';
import type { Workload } from './workload.ts';

/** Upkeep of an index for one written row, in milliseconds (measured: 300,000 rows into a B-tree on uuid, 2.2 s). */
const UPKEEP_MS = { btree: 0.007, hash: 0.007, brin: 0.0005, gin: 0.03, gist: 0.03 } as const;

export type Writes = Map<number, { rows: number; broken: number; updatedColumns: Set<string> }>;

/** Rows written in the window, by table; from what the server counts, else from the statements themselves. */
export function writesOf(
  workload: Workload,
  statements: readonly Statement[],
  catalog: Catalog,
): Writes {
  const writes: Writes = new Map();
  const of = (table: Table) => {
    const entry = writes.get(table.oid) ?? {
      rows: 0,
      broken: 0,
      updatedColumns: new Set<string>(),
    };
    writes.set(table.oid, entry);
    return entry;
  };
  for (const { given, facts, plans } of statements) {
    const table = facts.written ? catalog.tables.get(facts.written.table) : undefined;
    if (!facts.written || !table) continue;
    const entry = of(table);
    for (const column of facts.written.columns) entry.updatedColumns.add(column);
    if (workload.writes) continue;
    const planned = plans[0]
      ? ([...nodesOf(plans[0])].find((node) => node['Node Type'] !== 'ModifyTable')?.[
          'Plan Rows'
        ] ?? 1)
      : 1;
    const rows =
      Math.max(
        given.rows ?? 0,
        facts.valueRows,
        given.rows === null && facts.valueRows === 0 ? planned : 0,
        1,
      ) * given.calls;
    if (facts.written.action === 'insert') entry.rows += rows;
    if (facts.written.action === 'update') entry.broken += rows;
  }
  if (workload.writes)
    for (const table of new Set(catalog.tables.values())) {
      const counted = workload.writes.get(`${table.schema}.${table.name}`);
      if (!counted) continue;
      const entry = of(table);
      entry.rows = counted.inserted + Math.max(0, counted.updated - counted.hotUpdated);
      entry.broken = counted.hotUpdated;
    }
  return writes;
}

/** Upkeep in the window. Updates count in full when they change an indexed column: they cannot be heap-only any more. */
export function upkeep(unit: Unit, writes: Writes): number {
  let ms = 0;
  for (const { table, method, columns, where } of unit) {
    const entry = writes.get(table.oid);
    if (!entry) continue;
    const changed = columns.some((column) => entry.updatedColumns.has(column));
    const rows = entry.rows + (changed ? entry.broken : 0);
    ms += rows * UPKEEP_MS[method] * (where ? 0.2 : 1);
  }
  return ms;
}

/** How often, in the window, any of its tables changed. */
export function changesOf(facts: Facts, catalog: Catalog, writes: Writes): number {
  return facts.tables.reduce((sum, name) => {
    const table = catalog.tables.get(name);
    const entry = table ? writes.get(table.oid) : undefined;
    return sum + (entry ? entry.rows + entry.broken : 0);
  }, 0);
}
