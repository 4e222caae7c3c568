/** N+1 as advice: which rows are loaded one by one, and how to load them at once. Pure. */
import type { Advice } from '../contract.ts';
import { findNPlusOne, type SequenceStep } from '../sequences.ts';
import type { Facts } from '../statement/facts.ts';
import type { Catalog } from './catalog.ts';
import type { StatementEvent } from './workload.ts';

export function nPlusOneAdvice(
  events: readonly StatementEvent[],
  facts: ReadonlyMap<string, Facts>,
  catalog: Catalog,
  perDay: number,
): Advice[] {
  const steps: SequenceStep[] = [];
  const texts = new Map<string, string>();
  for (const event of events) {
    const known = facts.get(event.sql);
    if (!known) continue;
    texts.set(known.fingerprint, known.normalized);
    const key = onlyKey(known, catalog);
    const value = key?.parameter ? event.params?.[key.parameter - 1] : key?.constant;
    steps.push({
      trace: event.trace,
      caller: event.caller ?? '',
      atMs: event.atMs,
      durationMs: event.durationMs ?? null,
      fingerprint: known.fingerprint,
      isSelect: known.kind === 'select' && known.written === null,
      tables: known.tables,
      // Other values, such as of a page, may change without this being a loop over rows.
      values: value === undefined ? null : JSON.stringify(value),
      key,
    });
  }
  const related = (table: string, other: string) => {
    const [a, b] = [catalog.tables.get(table), catalog.tables.get(other)];
    return (
      a !== undefined &&
      b !== undefined &&
      (a.references.some((key) => key.table === b.shown) ||
        b.references.some((key) => key.table === a.shown))
    );
  };
  return findNPlusOne(steps, { related }).map((found): Advice => {
    const child = catalog.tables.get(found.child);
    const parent = found.parentTable === null ? undefined : catalog.tables.get(found.parentTable);
    const upward = parent
      ? child?.references.find(
          ({ table, columns }) => table === parent.shown && columns.includes(found.key),
        )
      : undefined;
    const downward = parent
      ? parent.references.find(
          ({ table, keys }) => table === child?.shown && keys.includes(found.key),
        )
      : undefined;
    const sql = texts.get(found.fingerprint) ?? '';
    const join = upward
      ? `${found.child}.${found.key} = ${found.parentTable}.${upward.keys[upward.columns.indexOf(found.key)] ?? 'id'}`
      : downward
        ? `${found.parentTable}.${downward.columns[downward.keys.indexOf(found.key)] ?? 'id'} = ${found.child}.${found.key}`
        : null;
    const common = {
      child: found.child,
      key: found.key,
      trace: found.trace,
      reason: `One request sends the same statement ${found.calls} times, once for each row of the statement before it${found.traces > 1 ? `, in ${found.traces} requests` : ''}. ${
        join ? `Load them with it: JOIN ${found.child} ON ${join}` : 'Send it once with all values'
      }: ${anyOf(sql, found.key)}. In Prisma: \`include\` (with \`relationLoadStrategy: "join"\`) or \`where: { ${found.key}: { in: […] } }\`.`,
      savedMsPerDay: Math.round((found.totalMs ?? found.calls * 0.5) * 0.8 * found.traces * perDay),
      statements: [found.fingerprint],
    };
    return parent && found.parentTable !== null
      ? { kind: 'eager_load', parent: found.parentTable, ...common }
      : { kind: 'batch', ...common };
  });
}

/** The statement for all values at once. */
const anyOf = (sql: string, key: string): string =>
  sql.replace(
    new RegExp(`("?\\b${key.replace(/[^\w]/g, '')}"?)\\s*=\\s*(\\$\\d+)`),
    (_, column, parameter) => `${column} = ANY(${parameter})`,
  );

/** The only condition with a value, when it is an equality on a column; nothing for lists. */
type Key = {
  table: string;
  column: string;
  parameter: number | null;
  constant: unknown;
};

function onlyKey(facts: Facts, catalog: Catalog): Key | null {
  const [block, ...others] = facts.blocks;
  if (!block || others.length > 0) return null;
  const keys = block.predicates.filter(
    ({ op, left, right }) =>
      op === '=' && left.column !== null && right !== null && right.refs.length === 0,
  );
  if (block.predicates.some(({ op }) => op === 'in' || op === 'or' || op === 'insub')) return null;
  const owner = (predicate: (typeof keys)[number]): Key | null => {
    const ref = predicate.left.column;
    if (!ref) return null;
    const relation =
      ref.relation === null
        ? block.relations.find(
            ({ table }) =>
              block.relations.length === 1 || catalog.tables.get(table)?.columns.has(ref.column),
          )
        : block.relations.find(({ alias }) => alias === ref.relation);
    return relation
      ? {
          table: relation.table,
          column: ref.column,
          parameter: predicate.right?.parameter ?? null,
          constant: predicate.right?.constant,
        }
      : null;
  };
  // A constant beside it, such as `deleted = false`, is no key.
  const varying = keys.filter(({ right }) => right?.parameter !== null);
  const [key] = varying.length > 0 ? varying : keys;
  if (!key) return null;
  const found = varying.map(owner).find((each) => {
    const table = each ? catalog.tables.get(each.table) : undefined;
    return (
      each !== null &&
      (table?.references.some(({ columns }) => columns.includes(each.column)) ||
        table?.indexes.some((index) => index.unique && index.keys[0]?.expression === each.column))
    );
  });
  return found ?? owner(key);
}
