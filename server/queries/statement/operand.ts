/** Sides of comparisons: what an expression is made of, and how PostgreSQL prints it. Runs where the parser is. */
import type { ColumnRef, Operand } from './facts.ts';
import { deparseSync } from './parser.ts';
import { as, isNode, list, type Node, strings, text, unwrap, walk } from './tree.ts';

export const NOTHING: Operand = {
  sql: '',
  refs: [],
  column: null,
  parameter: null,
  nested: false,
  wrapper: null,
  calls: [],
};

export const columnOperand = (relation: string, column: string): Operand => ({
  sql: column,
  refs: [{ relation, column }],
  column: { relation, column },
  parameter: null,
  nested: false,
  wrapper: null,
  calls: [],
});

export function refOf(node: Node): ColumnRef | null {
  const parts = strings(node['fields']);
  if (list(node['fields']).length !== parts.length) return null;
  const column = parts.at(-1);
  return column === undefined ? null : { relation: parts.at(-2) ?? null, column };
}

export function operandOf(value: unknown): Operand {
  const refs: ColumnRef[] = [];
  const calls: string[] = [];
  let nested = false;
  walk(value, (type, node) => {
    if (type === 'SubLink' || type === 'SelectStmt') {
      nested = true;
      return type !== 'SelectStmt';
    }
    if (type === 'ColumnRef') {
      const ref = refOf(node);
      if (ref) refs.push(ref);
    }
    if (type === 'FuncCall') calls.push(strings(node['funcname']).at(-1) ?? '');
    return undefined;
  });
  const bare = as(value, 'ColumnRef');
  const inner = uncast(value);
  const parameter = as(inner, 'ParamRef');
  const constant = as(inner, 'A_Const');
  return {
    sql: print(value),
    refs,
    column: bare ? refOf(bare) : null,
    parameter: parameter ? Number(parameter['number'] ?? 0) : null,
    ...(constant ? { constant: constantOf(constant) } : {}),
    nested,
    wrapper: bare || refs.length === 0 ? null : wrapperOf(value),
    calls,
  };
}

const uncast = (value: unknown): unknown => {
  let inner = value;
  for (let cast = as(inner, 'TypeCast'); cast; cast = as(inner, 'TypeCast')) inner = cast['arg'];
  return inner;
};

function wrapperOf(value: unknown): string | null {
  const [type, node] = unwrap(value) ?? ['', {}];
  if (type === 'FuncCall') return strings(node['funcname']).at(-1) ?? null;
  if (type === 'TypeCast')
    return strings(isNode(node['typeName']) ? node['typeName']['names'] : []).at(-1) ?? null;
  if (type === 'A_Expr') return strings(node['name']).at(-1) ?? null;
  if (type === 'CoalesceExpr') return 'coalesce';
  return type || null;
}

function constantOf(node: Node): string | number | boolean | null {
  if (node['isnull'] === true) return null;
  const { sval, ival, fval, boolval } = node;
  if (isNode(sval)) return text(sval['sval']);
  if (isNode(ival)) return Number(ival['ival'] ?? 0);
  if (isNode(fval)) return Number(fval['fval'] ?? 0);
  if (isNode(boolval)) return boolval['boolval'] === true;
  return null;
}

/** The expression as PostgreSQL prints it, columns without their relations. */
export function print(value: unknown): string {
  // The printer takes a millisecond; most of what is printed is one word.
  const [type, node] = unwrap(value) ?? ['', {}];
  if (type === 'ParamRef') return `$${Number(node['number'] ?? 0)}`;
  if (type === 'ColumnRef') {
    const column = refOf(node)?.column;
    if (column !== undefined && /^[a-z_][a-z0-9_]*$/.test(column)) return wordOf(column);
  }
  if (type === 'A_Const' && isNode(node['ival'])) return String(Number(node['ival']['ival'] ?? 0));
  if (type === 'A_Expr' && node['kind'] === 'AEXPR_OP' && node['lexpr'] !== undefined) {
    const sides = [node['lexpr'], node['rexpr']];
    if (sides.every((side) => SIMPLE.test(Object.keys(isNode(side) ? side : {})[0] ?? '')))
      return sides.map(print).join(` ${strings(node['name']).at(-1)} `);
  }
  return deparsed(value);
}

function deparsed(value: unknown): string {
  const select = {
    SelectStmt: {
      targetList: [{ ResTarget: { val: unqualified(value) } }],
      limitOption: 'LIMIT_OPTION_DEFAULT',
      op: 'SETOP_NONE',
    },
  };
  try {
    return deparse(select)
      .replace(/^SELECT\s+/, '')
      .replace(/;$/, '');
  } catch {
    return '';
  }
}

const words = new Map<string, string>();
/** With quotes when it is a key word. */
function wordOf(name: string): string {
  const known = words.get(name);
  if (known !== undefined) return known;
  const printed = deparsed({ ColumnRef: { fields: [{ String: { sval: name } }] } });
  if (words.size < 10_000) words.set(name, printed);
  return printed;
}

const SIMPLE = /^(ParamRef|ColumnRef|A_Const)$/;

export const deparse = (statement: unknown): string =>
  deparseSync({ version: 170_004, stmts: [{ stmt: statement }] } as Parameters<
    typeof deparseSync
  >[0]);

function unqualified(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unqualified);
  if (!isNode(value)) return value;
  const column = as(value, 'ColumnRef');
  if (column) return { ColumnRef: { ...column, fields: list(column['fields']).slice(-1) } };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unqualified(inner)]));
}
