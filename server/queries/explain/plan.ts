/**
 * EXPLAIN's JSON as a tree that answers where the time went. Pure.
 *
 * A node's own time is its time in all loops less that of its children. What a CTE takes is taken from the scans that read
 * it, not from the node that it hangs on: it runs when they ask for it.
 */
import type { Plan, PlanBuffers, PlanNode } from './contract.ts';

const NODES = 2_000;

type Raw = Readonly<Record<string, unknown>>;
const isRaw = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const number = (raw: Raw, name: string): number => {
  const value = raw[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
};
const maybe = (raw: Raw, name: string): number | null =>
  typeof raw[name] === 'number' ? raw[name] : null;
const words = (raw: Raw, name: string): string => {
  const value = raw[name];
  return typeof value === 'string' ? value : '';
};

/** Null for what is no plan. `given` is EXPLAIN's answer: a list of one, or that one itself (as auto_explain logs it). */
export function readPlan(given: unknown): Plan | null {
  const [outer] = Array.isArray(given) ? given : [given];
  if (!isRaw(outer) || !isRaw(outer['Plan'])) return null;
  const all: PlanNode[] = [];
  const ctes = new Map<string, PlanNode>();
  const readers: { name: string; node: PlanNode }[] = [];
  const root = readNode(outer['Plan'], { all, ctes, readers });
  if (!root) return null;
  for (const { name, node } of readers) {
    const cte = ctes.get(name);
    if (!cte?.actual || !node.actual) continue;
    // The first that asks has it run; more than its own time none can have waited.
    const taken = Math.min(node.actual.selfMs, cte.actual.totalMs);
    node.actual.selfMs -= taken;
    ctes.delete(name);
  }
  const measured = root.actual !== null;
  const whole = all.reduce((sum, each) => sum + worth(each, measured), 0);
  let costly = root;
  for (const node of all) {
    node.share = whole > 0 ? worth(node, measured) / whole : 0;
    if (worth(node, measured) > worth(costly, measured)) costly = node;
  }
  costly.costly = true;
  return {
    root,
    nodes: all.length,
    totalCost: root.totalCost,
    planningMs: maybe(outer, 'Planning Time'),
    executionMs: maybe(outer, 'Execution Time'),
    settings: isRaw(outer['Settings'])
      ? Object.entries(outer['Settings'])
          // How the generic plan is asked for.
          .filter(([name]) => name !== 'plan_cache_mode')
          .map(([name, value]) => ({ name, value: String(value) }))
      : [],
  };
}

const worth = (node: PlanNode, measured: boolean): number =>
  measured ? (node.actual?.selfMs ?? 0) : node.selfCost;

function readNode(
  raw: Raw,
  found: {
    all: PlanNode[];
    ctes: Map<string, PlanNode>;
    readers: { name: string; node: PlanNode }[];
  },
): PlanNode | null {
  if (found.all.length >= NODES) return null;
  const subplan = words(raw, 'Subplan Name') || null;
  const loops = maybe(raw, 'Actual Loops');
  const perLoopMs = number(raw, 'Actual Total Time');
  const node: PlanNode = {
    id: found.all.length,
    type: words(raw, 'Node Type'),
    label: labelOf(raw),
    subplan,
    details: detailsOf(raw),
    startupCost: number(raw, 'Startup Cost'),
    totalCost: number(raw, 'Total Cost'),
    selfCost: number(raw, 'Total Cost'),
    planRows: number(raw, 'Plan Rows'),
    planWidth: number(raw, 'Plan Width'),
    actual:
      loops === null
        ? null
        : {
            loops,
            rows: number(raw, 'Actual Rows'),
            totalMs: perLoopMs * loops,
            selfMs: perLoopMs * loops,
          },
    share: 0,
    misestimate: null,
    buffers: buffersOf(raw),
    spill: spillOf(raw),
    workers:
      maybe(raw, 'Workers Planned') === null
        ? null
        : { planned: number(raw, 'Workers Planned'), launched: maybe(raw, 'Workers Launched') },
    costly: false,
    children: [],
  };
  found.all.push(node);
  if (node.actual && node.actual.loops > 0) {
    const expected = Math.max(1, node.planRows);
    const came = Math.max(1, node.actual.rows);
    node.misestimate =
      came >= expected
        ? { factor: came / expected, over: false }
        : { factor: expected / came, over: true };
  }
  const cte = words(raw, 'CTE Name');
  if (cte && node.type === 'CTE Scan') found.readers.push({ name: cte, node });
  const plans = Array.isArray(raw['Plans']) ? raw['Plans'] : [];
  for (const each of plans) {
    const child = isRaw(each) ? readNode(each, found) : null;
    if (!child) continue;
    node.children.push(child);
    const named = /^CTE (.*)$/s.exec(child.subplan ?? '')?.[1];
    if (named !== undefined) {
      found.ctes.set(named, child);
      // Its estimate is part of the parent's all the same.
      node.selfCost -= child.totalCost;
      continue;
    }
    node.selfCost -= child.totalCost;
    if (node.actual && child.actual) node.actual.selfMs -= child.actual.totalMs;
  }
  node.selfCost = Math.max(0, node.selfCost);
  if (node.actual) node.actual.selfMs = Math.max(0, node.actual.selfMs);
  return node;
}

function labelOf(raw: Raw): string {
  const type = words(raw, 'Node Type');
  const join = words(raw, 'Join Type');
  const strategy = words(raw, 'Strategy');
  const operation = words(raw, 'Operation');
  let label = type;
  if (type === 'ModifyTable') label = operation || type;
  if (type === 'Aggregate' && strategy === 'Hashed') label = 'HashAggregate';
  if (type === 'Aggregate' && strategy === 'Sorted') label = 'GroupAggregate';
  if (type === 'Aggregate' && strategy === 'Mixed') label = 'MixedAggregate';
  if (type === 'SetOp' && words(raw, 'Command')) label = `SetOp ${words(raw, 'Command')}`;
  if (join && join !== 'Inner') label = label.replace(/(?: Join)?$/, ` ${join} Join`);
  const partial = words(raw, 'Partial Mode');
  if (partial && partial !== 'Simple') label = `${partial} ${label}`;
  if (raw['Parallel Aware'] === true) label = `Parallel ${label}`;
  if (raw['Scan Direction'] === 'Backward') label += ' Backward';
  const index = words(raw, 'Index Name');
  const relation =
    words(raw, 'Relation Name') ||
    words(raw, 'Function Name') ||
    words(raw, 'CTE Name') ||
    words(raw, 'Table Function Name');
  const alias = words(raw, 'Alias');
  if (index && type === 'Bitmap Index Scan') label += ` on ${index}`;
  else if (index) label += ` using ${index}`;
  if (relation) label += ` on ${relation}`;
  else if (alias) label += ` on ${alias}`;
  if (relation && alias && alias !== relation) label += ` ${alias}`;
  return label;
}

const SHOWN = [
  'Index Cond',
  'Recheck Cond',
  'TID Cond',
  'Hash Cond',
  'Merge Cond',
  'Join Filter',
  'Filter',
  'One-Time Filter',
  'Order By',
  'Sort Key',
  'Presorted Key',
  'Group Key',
  'Cache Key',
  'Sampling Method',
  'Subplans Removed',
  'Sort Method',
  'Rows Removed by Filter',
  'Rows Removed by Join Filter',
  'Rows Removed by Index Recheck',
  'Heap Fetches',
  'Exact Heap Blocks',
  'Lossy Heap Blocks',
  'Hash Batches',
  'HashAgg Batches',
  'Peak Memory Usage',
  'Cache Hits',
  'Cache Misses',
  'Conflict Resolution',
];
/** Zero of these says nothing. */
const COUNTS = /Removed|Blocks|Batches|Cache (Hits|Misses)/;

function detailsOf(raw: Raw): PlanNode['details'] {
  const details: PlanNode['details'] = [];
  for (const label of SHOWN) {
    const value = raw[label];
    if (value === undefined || value === null || (COUNTS.test(label) && value === 0)) continue;
    if (/Batches/.test(label) && value === 1) continue;
    details.push({
      label,
      value: Array.isArray(value) ? value.map(String).join(', ') : String(value),
    });
  }
  return details;
}

function buffersOf(raw: Raw): PlanBuffers | null {
  if (maybe(raw, 'Shared Hit Blocks') === null) return null;
  const both = (name: string) =>
    number(raw, `Shared ${name} Blocks`) + number(raw, `Local ${name} Blocks`);
  return {
    hit: both('Hit'),
    read: both('Read'),
    dirtied: both('Dirtied'),
    written: both('Written'),
    tempRead: number(raw, 'Temp Read Blocks'),
    tempWritten: number(raw, 'Temp Written Blocks'),
  };
}

function spillOf(raw: Raw): string | null {
  if (words(raw, 'Sort Space Type') === 'Disk')
    return `sorted on disk, ${number(raw, 'Sort Space Used')} kB`;
  const batches = Math.max(number(raw, 'Hash Batches'), number(raw, 'HashAgg Batches'));
  if (batches > 1) {
    const disk = number(raw, 'Disk Usage');
    return `hashed in ${batches} batches${disk > 0 ? `, ${disk} kB on disk` : ''}`;
  }
  if (/^(Sort|Hash|Aggregate|HashAggregate|Materialize|CTE Scan)$/.test(words(raw, 'Node Type'))) {
    const children = Array.isArray(raw['Plans']) ? raw['Plans'].filter(isRaw) : [];
    const inner = children.reduce((sum, each) => sum + number(each, 'Temp Written Blocks'), 0);
    const own = number(raw, 'Temp Written Blocks') - inner;
    if (own > 0) return `${own * 8} kB written to temporary files`;
  }
  return null;
}

/** What EXPLAIN would print. */
export function planText(plan: Plan): string {
  const lines: string[] = [];
  const print = (node: PlanNode, depth: number) => {
    const indent = depth === 0 ? '' : `${' '.repeat(depth * 6 - 4)}->  `;
    const inside = ' '.repeat(depth === 0 ? 2 : depth * 6 + 2);
    if (node.subplan) lines.push(`${' '.repeat(Math.max(2, depth * 6 - 4))}${node.subplan}`);
    const actual = node.actual
      ? node.actual.loops === 0
        ? ' (never executed)'
        : ` (actual time=${(node.actual.totalMs / node.actual.loops).toFixed(3)} rows=${node.actual.rows} loops=${node.actual.loops})`
      : '';
    lines.push(
      `${indent}${node.label}  (cost=${node.startupCost.toFixed(2)}..${node.totalCost.toFixed(2)} rows=${node.planRows} width=${node.planWidth})${actual}`,
    );
    for (const { label, value } of node.details) lines.push(`${inside}${label}: ${value}`);
    if (node.workers)
      lines.push(
        `${inside}Workers Planned: ${node.workers.planned}${node.workers.launched === null ? '' : `, Launched: ${node.workers.launched}`}`,
      );
    const { buffers } = node;
    if (buffers && Object.values(buffers).some((count) => count > 0)) {
      const shared = (['hit', 'read', 'dirtied', 'written'] as const)
        .filter((name) => buffers[name] > 0)
        .map((name) => ` ${name}=${buffers[name]}`)
        .join('');
      const temp = buffers.tempRead + buffers.tempWritten > 0;
      lines.push(
        `${inside}Buffers:${shared ? ` shared${shared}` : ''}${temp ? `${shared ? ',' : ''} temp read=${buffers.tempRead} written=${buffers.tempWritten}` : ''}`,
      );
    }
    if (node.spill) lines.push(`${inside}Spill: ${node.spill}`);
    for (const child of node.children) print(child, depth + 1);
  };
  print(plan.root, 0);
  if (plan.settings.length > 0)
    lines.push(
      `Settings: ${plan.settings.map(({ name, value }) => `${name} = '${value}'`).join(', ')}`,
    );
  if (plan.planningMs !== null) lines.push(`Planning Time: ${plan.planningMs.toFixed(3)} ms`);
  if (plan.executionMs !== null) lines.push(`Execution Time: ${plan.executionMs.toFixed(3)} ms`);
  return lines.join('\n');
}
