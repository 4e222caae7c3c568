/**
 * What an index would do to a plan, where HypoPG cannot say (it is not installed, or the index is GIN or GiST): the scan that
 * the index replaces is taken out of the plan's cost and an index scan put in, by the planner's own constants. An estimate
 * that no planner confirmed. Source: PostgreSQL's `cost_index` and `cost_bitmap_heap_scan`, much reduced. Pure.
 */
import type { Facts } from '../statement/facts.ts';
import { bind, type Candidate, type Values } from './candidates.ts';
import type { Catalog } from './catalog.ts';
import { nodesOf, type PlanNode, scansOf } from './plan.ts';

const RANDOM_PAGE = 4;
const TUPLE = 0.015;
const DESCENT = 4.5;
const PAGE_BYTES = 8_192;

/** The cost with the index; the same as without it when it would not be used. */
export function estimatedCost(
  plan: PlanNode,
  index: Candidate,
  facts: Facts,
  catalog: Catalog,
  values: Values,
): number {
  const { table } = index;
  const before = plan['Total Cost'];
  const scans = scansOf(plan, table).filter(
    (node) => node['Node Type'] === 'Seq Scan' || /Index|Bitmap/.test(node['Node Type']),
  );
  let best = before;
  for (const block of facts.blocks) {
    for (const relation of bind(block, catalog, values)) {
      if (relation.table !== table) continue;
      const scan = scans.find((node) => (node.Alias ?? '') === relation.alias) ?? scans[0];
      const read = table.partitioned
        ? scans.reduce((sum, node) => sum + node['Total Cost'], 0)
        : (scan?.['Total Cost'] ?? 0);
      if (!scan) continue;
      let share = 1;
      let joined = false;
      let served = 0;
      for (const [n, key] of index.keys.entries()) {
        const condition = relation.conditions.find(
          ({ sql, kind }) => sql === key.sql && kind !== 'notnull',
        );
        if (!condition) break;
        served = n + 1;
        if (condition.kind === 'join') {
          joined = true;
          share *= condition.column?.stats
            ? 1 / Math.max(1, condition.column.stats.distinct)
            : 0.005;
        } else if (condition.kind === 'contains' || condition.kind === 'search') {
          share *= Math.min(
            0.05,
            Math.max(1 / Math.max(1, table.rows), planShare(scan, table.rows)),
          );
        } else share *= condition.share;
        if (condition.kind === 'range' || condition.kind === 'prefix') break;
      }
      if (index.where) {
        const rare = relation.conditions.filter(
          ({ literal, columns }) =>
            literal && columns.every((name) => index.columns.includes(name)),
        );
        share *= rare.length > 0 ? Math.min(...rare.map((condition) => condition.share)) : 1;
      }
      const sorts =
        index.method === 'btree' &&
        relation.sort.length > 0 &&
        index.keys.slice(served).some(({ sorts: order }) => order === true);
      if (served === 0 && !sorts && !index.where) continue;
      const fetched = Math.max(1, table.rows * share);
      const correlation = index.keys[0]?.column
        ? Math.abs(table.columns.get(index.keys[0].column)?.stats?.correlation ?? 0)
        : 0;
      const touched =
        Math.min(table.pages, fetched) * (1 - correlation ** 2) + Math.ceil(table.pages * share);
      const pages = Math.min(touched, table.pages);
      // The more of the table is read, the closer together its pages lie.
      const perPage = RANDOM_PAGE - (RANDOM_PAGE - 1) * Math.sqrt(pages / Math.max(1, table.pages));
      const limit = typeof block.limit?.constant === 'number' ? block.limit.constant : null;
      let cost = DESCENT + fetched * TUPLE + pages * perPage;
      if (index.method === 'gin' || index.method === 'gist') cost += 40;
      if (sorts && limit !== null) {
        // Rows come in order, one by one, until enough of them also meet what the index does not know.
        const matching = relation.conditions
          .filter(({ kind }) => kind !== 'join' && kind !== 'notnull')
          .reduce((rows, condition) => rows * condition.share, table.rows);
        const inOrder = fetched * (TUPLE + RANDOM_PAGE * (1 - correlation ** 2));
        cost = DESCENT + Math.min(1, limit / Math.max(1, matching)) * inOrder;
      }
      const outer = joined ? outerRows(plan, scan) : 1;
      const replacedCost = joined ? cost * outer : cost;
      const saved = sorts && limit !== null ? before : read;
      best = Math.min(best, Math.max(before - saved, 0) + replacedCost);
    }
  }
  return best;
}

const planShare = (scan: PlanNode, rows: number): number =>
  rows > 0 ? scan['Plan Rows'] / rows : 1;

/** Rows of the other side of the join that the scan feeds. */
function outerRows(plan: PlanNode, scan: PlanNode): number {
  for (const node of nodesOf(plan)) {
    const inner = node.Plans ?? [];
    if (inner.length !== 2 || !/Join|Loop/.test(node['Node Type'])) continue;
    const at = inner.findIndex((each) => [...nodesOf(each)].includes(scan));
    if (at >= 0) return Math.max(1, inner[1 - at]?.['Plan Rows'] ?? 1);
  }
  return 1;
}

/** Of a B-tree without HypoPG, and of GIN and GiST: rows times the width of its keys. */
export function estimatedBytes(index: Candidate): number {
  const { table } = index;
  const width = index.keys.reduce((sum, key) => {
    const stats = key.column ? table.columns.get(key.column)?.stats : null;
    return sum + (stats?.width ?? 16);
  }, 0);
  let rows = table.rows;
  if (index.where) rows *= 0.05;
  const entry = index.method === 'gin' ? width * 1.2 : index.method === 'brin' ? 0.05 : width + 12;
  return Math.max(1, Math.ceil((rows * entry) / (PAGE_BYTES * 0.9))) * PAGE_BYTES;
}
