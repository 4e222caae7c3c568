/**
 * Other forms of a statement that an index can serve, or that read less. What is written here is right by the meaning of SQL;
 * whether it is worth saying is decided by the advisor, which knows tables and plans. Runs where the parser is.
 */
import type { Block, ColumnRef, Operand, Rewrite } from './facts.ts';
import { deparse, operandOf, print, refOf } from './operand.ts';
import { parseSync } from './parser.ts';
import { as, isNode, list, type Node, strings, text, unwrap, walk } from './tree.ts';

export function rewritesOf(statement: unknown, blocks: readonly Block[]): Rewrite[] {
  const found: Rewrite[] = [];
  const add = (rewrite: Rewrite | null) => {
    if (rewrite && found.length < 10) found.push(rewrite);
  };
  add(keyset(statement));
  walk(statement, (type, node) => {
    if (type === 'A_Expr') {
      add(sargable(statement, node, blocks));
      add(existsForCount(statement, node));
      add(arrayContains(statement, node, blocks));
    }
    if (type === 'BoolExpr' && node['boolop'] === 'NOT_EXPR') add(notIn(statement, node));
  });
  add(countOfAll(statement));
  return found;
}

/** A copy of the tree in which the inside of one node is another node. */
function replaced(root: unknown, inside: Node, by: unknown): unknown {
  if (Array.isArray(root)) return root.map((item) => replaced(item, inside, by));
  if (!isNode(root)) return root;
  const typed = unwrap(root);
  if (typed?.[1] === inside) return by;
  return Object.fromEntries(
    Object.entries(root).map(([key, inner]) => [key, replaced(inner, inside, by)]),
  );
}

/** An expression from its text. */
function expression(sql: string): unknown {
  const statement = as(parseSync(`SELECT ${sql}`).stmts?.[0]?.stmt, 'SelectStmt');
  return as(list(statement?.['targetList'])[0], 'ResTarget')?.['val'];
}

const qualified = (ref: ColumnRef): string =>
  ref.relation === null ? quoted(ref.column) : `${quoted(ref.relation)}.${quoted(ref.column)}`;
const quoted = (name: string): string =>
  /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;

const tableOf = (ref: ColumnRef, blocks: readonly Block[]): string | null => {
  const relations = blocks.flatMap((block) => block.relations);
  if (ref.relation !== null)
    return relations.find(({ alias }) => alias === ref.relation)?.table ?? null;
  return relations.length === 1 ? (relations[0]?.table ?? null) : null;
};

/** OFFSET reads and throws away all rows before it; a condition on the order's columns starts where the page before ended. */
function keyset(statement: unknown): Rewrite | null {
  const select = as(statement, 'SelectStmt');
  if (!select || select['limitOffset'] === undefined || !isNode(select['limitOffset'])) return null;
  const offset = operandOf(select['limitOffset']);
  const order = list(select['sortClause']).map((item) => {
    const sort = as(item, 'SortBy') ?? {};
    return { sql: printFull(sort['node']), descending: sort['sortby_dir'] === 'SORTBY_DESC' };
  });
  if (order.length === 0 || order.some(({ sql }) => sql === '' || /^\d+$/.test(sql))) return null;
  let highest = 0;
  walk(statement, (type, node) => {
    if (type === 'ParamRef') highest = Math.max(highest, Number(node['number'] ?? 0));
  });
  const last = order.map((_, n) => `$${highest + n + 1}`);
  const uniform = order.every(({ descending }) => descending === order[0]?.descending);
  const condition = uniform
    ? order.length === 1
      ? `${order[0]?.sql} ${order[0]?.descending ? '<' : '>'} ${last[0]}`
      : `(${order.map(({ sql }) => sql).join(', ')}) ${order[0]?.descending ? '<' : '>'} (${last.join(', ')})`
    : order
        .map(({ sql, descending }, n) => {
          const equal = order.slice(0, n).map((each, m) => `${each.sql} = ${last[m]}`);
          return `(${[...equal, `${sql} ${descending ? '<' : '>'} ${last[n]}`].join(' AND ')})`;
        })
        .join(' OR ');
  const { limitOffset, ...rest } = select;
  const where = select['whereClause'];
  const added = expression(uniform ? condition : `(${condition})`);
  const rewritten = {
    SelectStmt: {
      ...rest,
      whereClause: where ? { BoolExpr: { boolop: 'AND_EXPR', args: [where, added] } } : added,
    },
  };
  return {
    pattern: 'keyset-pagination',
    rewrite: deparse(rewritten),
    why: `OFFSET reads all rows before the page and throws them away; ${last.join(', ')} ${last.length === 1 ? 'is the value' : 'are the values'} of ${order.map(({ sql }) => sql).join(', ')} in the last row of the page before. Add a unique column to the order if rows can share them.`,
    offset: {
      constant: typeof offset.constant === 'number' ? offset.constant : null,
      parameter: offset.parameter,
    },
  };
}

const printFull = (value: unknown): string => {
  try {
    return deparse({
      SelectStmt: {
        targetList: [{ ResTarget: { val: value } }],
        limitOption: 'LIMIT_OPTION_DEFAULT',
        op: 'SETOP_NONE',
      },
    }).replace(/^SELECT\s+/, '');
  } catch {
    return '';
  }
};

const FLIPPED: Readonly<Record<string, string>> = {
  '=': '=',
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
};

function sargable(statement: unknown, node: Node, blocks: readonly Block[]): Rewrite | null {
  const kind = text(node['kind']);
  const name = strings(node['name']).at(-1) ?? '';
  if (kind === 'AEXPR_BETWEEN') {
    const left = operandOf(node['lexpr']);
    const [from, to] = list(as(node['rexpr'], 'List')?.['items']).map(printFull);
    const ref = onlyColumn(left);
    if (!ref || left.wrapper === null || !from || !to || !DAY.has(left.wrapper)) return null;
    const column = qualified(ref);
    return made(
      statement,
      node,
      ref,
      left.wrapper,
      `${column} >= (${from})::date AND ${column} < (${to})::date + 1`,
      blocks,
    );
  }
  if (kind !== 'AEXPR_OP' || !(name in FLIPPED)) return null;
  const a = operandOf(node['lexpr']);
  const b = operandOf(node['rexpr']);
  const flip = a.refs.length === 0 && b.refs.length > 0;
  const [side, other, sideNode, otherNode] = flip
    ? [b, a, node['rexpr'], node['lexpr']]
    : [a, b, node['lexpr'], node['rexpr']];
  const op = flip ? (FLIPPED[name] ?? name) : name;
  if (other.refs.length > 0 || other.nested) return null;
  if (side.column) return implicitCast(statement, node, side.column, op, otherNode, blocks);
  const ref = onlyColumn(side);
  if (!ref || side.wrapper === null) return null;
  const value = printFull(otherNode);
  const condition = bareCondition(side, sideNode, qualified(ref), op, value, other);
  return condition === null ? null : made(statement, node, ref, side.wrapper, condition, blocks);
}

function made(
  statement: unknown,
  node: Node,
  ref: ColumnRef,
  wrapper: string,
  condition: string,
  blocks: readonly Block[],
): Rewrite | null {
  const by = expression(condition);
  if (by === undefined) return null;
  return {
    pattern: 'sargable-range',
    rewrite: deparse(replaced(statement, node, by)),
    why: `${print({ A_Expr: node })} hides ${ref.column} from every index on it; ${condition} says the same with the column bare.`,
    column: { ...ref, table: tableOf(ref, blocks) },
    wrapper,
  };
}

const onlyColumn = (operand: Operand): ColumnRef | null => {
  const [first, ...others] = operand.refs;
  if (!first || operand.nested) return null;
  return others.every(
    ({ column, relation }) => column === first.column && relation === first.relation,
  )
    ? first
    : null;
};

const DAY = new Set(['date']);
const UNITS = new Set(['hour', 'day', 'week', 'month', 'quarter', 'year', 'minute', 'second']);
const FORMATS: Readonly<Record<string, string>> = {
  'YYYY-MM-DD': '1 day',
  YYYYMMDD: '1 day',
  'YYYY-MM': '1 month',
  YYYYMM: '1 month',
  YYYY: '1 year',
};

/** The condition on the bare column; null when there is none that means the same. */
function bareCondition(
  side: Operand,
  node: unknown,
  column: string,
  op: string,
  value: string,
  other: Operand,
): string | null {
  const between = (from: string, to: string): string | null => {
    switch (op) {
      case '=':
        return `${column} >= ${from} AND ${column} < ${to}`;
      case '>=':
        return `${column} >= ${from}`;
      case '<':
        return `${column} < ${from}`;
      case '>':
        return `${column} >= ${to}`;
      default:
        return `${column} < ${to}`;
    }
  };
  const call = as(node, 'FuncCall');
  const args = list(call?.['args']);
  const constants = args.map((arg) => operandOf(arg).constant);
  const numeric = typeof other.constant === 'number' ? other.constant : null;
  if (as(node, 'TypeCast') || call) {
    const inner = as(node, 'TypeCast')?.['arg'] ?? args[0];
    if (side.wrapper === 'date' && as(inner, 'ColumnRef'))
      return between(`(${value})::date`, `(${value})::date + 1`);
  }
  if (call && side.wrapper === 'date_trunc' && args.length === 2 && as(args[1], 'ColumnRef')) {
    const unit = String(constants[0]).toLowerCase();
    if (!UNITS.has(unit)) return null;
    const step = unit === 'quarter' ? '3 months' : `1 ${unit}`;
    // Other comparisons mean the same only when the value is truncated itself.
    return op === '=' || op === '>=' || op === '<'
      ? between(typed(value, other), `${typed(value, other)} + interval '${step}'`)
      : null;
  }
  if (
    call &&
    (side.wrapper === 'extract' || side.wrapper === 'date_part') &&
    as(args[1], 'ColumnRef')
  ) {
    if (String(constants[0]).toLowerCase() !== 'year') return null;
    const year = numeric === null ? `(${value})::int` : String(numeric);
    const next = numeric === null ? `${year} + 1` : String(numeric + 1);
    return between(`make_date(${year}, 1, 1)`, `make_date(${next}, 1, 1)`);
  }
  if (call && side.wrapper === 'to_char' && as(args[0], 'ColumnRef')) {
    const format = String(constants[1]);
    const step = FORMATS[format];
    if (step === undefined) return null;
    const from = `to_date(${value}, '${format}')`;
    return between(from, `${from} + interval '${step}'`);
  }
  if (
    call &&
    (side.wrapper === 'left' || side.wrapper === 'substr' || side.wrapper === 'substring') &&
    op === '='
  ) {
    const starts = side.wrapper === 'left' || (constants[1] === 1 && args.length === 3);
    const length = side.wrapper === 'left' ? constants[1] : constants[2];
    if (!starts || !as(args[0], 'ColumnRef') || typeof length !== 'number') return null;
    if (
      typeof other.constant === 'string' &&
      other.constant.length === length &&
      !/[%_\\]/.test(other.constant)
    )
      return `${column} LIKE '${other.constant.replaceAll("'", "''")}%'`;
    return other.parameter === null ? null : `${column} LIKE ${value} || '%'`;
  }
  if (as(node, 'TypeCast') && (side.wrapper === 'text' || side.wrapper === 'varchar') && op === '=')
    return other.parameter !== null || typeof other.constant === 'string'
      ? `${column} = ${uncastText(value)}`
      : null;
  const coalesce = as(node, 'CoalesceExpr');
  if (coalesce && op === '=') {
    const [first, second, ...more] = list(coalesce['args']);
    const fallback = second === undefined ? undefined : operandOf(second);
    if (!as(first, 'ColumnRef') || more.length > 0 || !fallback || fallback.refs.length > 0)
      return null;
    if (fallback.constant !== undefined && other.constant !== undefined)
      return fallback.constant === other.constant
        ? `(${column} = ${value} OR ${column} IS NULL)`
        : `${column} = ${value}`;
    return `(${column} = ${value} OR (${column} IS NULL AND ${value} = ${fallback.sql}))`;
  }
  const sum = as(node, 'A_Expr');
  if (sum && text(sum['kind']) === 'AEXPR_OP') {
    const operator = strings(sum['name']).at(-1) ?? '';
    const left = operandOf(sum['lexpr']);
    const right = operandOf(sum['rexpr']);
    if (left.column && right.refs.length === 0) {
      if (operator === '+') return `${column} ${op} ${value} - ${atom(right.sql)}`;
      if (operator === '-') return `${column} ${op} ${value} + ${atom(right.sql)}`;
      if (operator === '*' && typeof right.constant === 'number' && right.constant > 0)
        return `${column} ${op} ${atom(value)} / ${right.constant}.0`.replace(/(\.\d+)\.0$/, '$1');
    }
    if (right.column && left.refs.length === 0 && operator === '+')
      return `${column} ${op} ${value} - ${atom(left.sql)}`;
  }
  return null;
}

const atom = (sql: string): string => (/^[\w$.:']+$/.test(sql) ? sql : `(${sql})`);
/** A literal beside `+ interval` would be read as an interval itself. */
const typed = (value: string, other: Operand): string =>
  typeof other.constant === 'string' && !value.includes('::')
    ? `${value}::timestamp`
    : other.parameter !== null && !value.includes('::')
      ? `${value}::timestamp`
      : value;
const uncastText = (value: string): string =>
  value.replace(/::(text|varchar|character varying)$/i, '');

const WIDER = new Set(['numeric', 'float8', 'float4', 'text']);

/** `int_column = 17.0` compares as numeric, and so casts the column. The advisor knows whether the column is an integer. */
function implicitCast(
  statement: unknown,
  node: Node,
  ref: ColumnRef,
  op: string,
  other: unknown,
  blocks: readonly Block[],
): Rewrite | null {
  const cast = as(other, 'TypeCast');
  const constant = as(other, 'A_Const');
  const type =
    cast && isNode(cast['typeName']) ? strings(cast['typeName']['names']).at(-1) : undefined;
  const wider = type === undefined ? isNode(constant?.['fval']) : WIDER.has(type);
  if (!wider || op !== '=') return null;
  const value = printFull(cast ? cast['arg'] : other);
  const bare = /^-?\d+\.0*$/.test(value) ? value.replace(/\.0*$/, '') : `(${value})::bigint`;
  const rewrite = made(
    statement,
    node,
    ref,
    `::${type ?? 'numeric'}`,
    `${qualified(ref)} = ${bare}`,
    blocks,
  );
  return rewrite;
}

const ANY_ROW: Readonly<Record<string, boolean>> = {
  '> 0': true,
  '>= 1': true,
  '<> 0': true,
  '!= 0': true,
  '= 0': false,
  '< 1': false,
  '<= 0': false,
};

/** Counting all rows to learn whether there is one. */
function existsForCount(statement: unknown, node: Node): Rewrite | null {
  if (text(node['kind']) !== 'AEXPR_OP') return null;
  const name = strings(node['name']).at(-1) ?? '';
  const flip = as(node['rexpr'], 'SubLink') !== null;
  const link = as(flip ? node['rexpr'] : node['lexpr'], 'SubLink');
  if (!link) return null;
  const limit = operandOf(flip ? node['lexpr'] : node['rexpr']).constant;
  const exists = ANY_ROW[`${flip ? (FLIPPED[name] ?? name) : name} ${String(limit)}`];
  const select = as(link['subselect'], 'SelectStmt');
  if (exists === undefined || !select || !countsRows(select)) return null;
  const by = existence(select, exists);
  return {
    pattern: 'exists-for-count',
    rewrite: deparse(replaced(statement, node, by)),
    why: 'All rows are counted to learn whether there is one; EXISTS stops at the first.',
  };
}

const countsRows = (select: Node): boolean => {
  const [target, ...others] = list(select['targetList']);
  const call = as(as(target, 'ResTarget')?.['val'], 'FuncCall');
  return (
    others.length === 0 &&
    call !== null &&
    strings(call['funcname']).at(-1) === 'count' &&
    call['agg_distinct'] !== true &&
    call['agg_filter'] === undefined &&
    (call['agg_star'] === true || operandOf(list(call['args'])[0]).refs.length === 0) &&
    select['groupClause'] === undefined &&
    select['havingClause'] === undefined &&
    select['fromClause'] !== undefined
  );
};

function existence(select: Node, exists: boolean): unknown {
  const link = {
    SubLink: {
      subLinkType: 'EXISTS_SUBLINK',
      subselect: {
        SelectStmt: {
          ...select,
          targetList: [{ ResTarget: { val: { A_Const: { ival: { ival: 1 } } } } }],
        },
      },
    },
  };
  return exists ? link : { BoolExpr: { boolop: 'NOT_EXPR', args: [link] } };
}

/** `SELECT count(*) > 0 FROM …`. */
function countOfAll(statement: unknown): Rewrite | null {
  const select = as(statement, 'SelectStmt');
  const [target, ...others] = list(select?.['targetList']);
  const compared = as(as(target, 'ResTarget')?.['val'], 'A_Expr');
  if (!select || others.length > 0 || !compared || text(compared['kind']) !== 'AEXPR_OP')
    return null;
  const limit = operandOf(compared['rexpr']).constant;
  const exists = ANY_ROW[`${strings(compared['name']).at(-1)} ${String(limit)}`];
  const inner = { ...select, targetList: [{ ResTarget: { val: compared['lexpr'] } }] };
  if (exists === undefined || !countsRows(inner)) return null;
  return {
    pattern: 'exists-for-count',
    rewrite: deparse({
      SelectStmt: {
        targetList: [{ ResTarget: { val: existence(inner, exists) } }],
        limitOption: 'LIMIT_OPTION_DEFAULT',
        op: 'SETOP_NONE',
      },
    }),
    why: 'All rows are counted to learn whether there is one; EXISTS stops at the first.',
  };
}

/** `x = ANY(column)` cannot use an index on the column; containment can. */
function arrayContains(statement: unknown, node: Node, blocks: readonly Block[]): Rewrite | null {
  if (text(node['kind']) !== 'AEXPR_OP_ANY' || strings(node['name']).at(-1) !== '=') return null;
  const column = as(node['rexpr'], 'ColumnRef');
  const value = operandOf(node['lexpr']);
  if (!column || value.refs.length > 0) return null;
  const ref = refOf(column);
  const by = expression(`${printFull(node['rexpr'])} @> ARRAY[${printFull(node['lexpr'])}]`);
  return {
    pattern: 'other',
    rewrite: deparse(replaced(statement, node, by)),
    ...(ref ? { column: { ...ref, table: tableOf(ref, blocks) } } : {}),
    why: `${print({ A_Expr: node })} looks into the array of every row; the operator @> can use a GIN index.`,
    wrapper: 'any',
  };
}

/** `x NOT IN (SELECT y …)`: with a NULL among y no row is found, and the planner cannot make an anti-join of it. */
function notIn(statement: unknown, node: Node): Rewrite | null {
  const link = as(list(node['args'])[0], 'SubLink');
  const select = as(link?.['subselect'], 'SelectStmt');
  if (link?.['subLinkType'] !== 'ANY_SUBLINK' || link['operName'] !== undefined || !select)
    return null;
  const target = as(list(select['targetList'])[0], 'ResTarget')?.['val'];
  const outer = outerColumn(statement, link['testexpr']);
  if (
    target === undefined ||
    outer === null ||
    !select['fromClause'] ||
    select['op'] !== 'SETOP_NONE'
  )
    return null;
  const same = expression(`${printFull(target)} = ${outer}`);
  const where = select['whereClause'];
  const inner = {
    ...select,
    whereClause: where ? { BoolExpr: { boolop: 'AND_EXPR', args: [where, same] } } : same,
  };
  return {
    pattern: 'other',
    rewrite: deparse(replaced(statement, node, existence(inner, false))),
    why: 'NOT IN compares each row with the whole list, and finds nothing when the list holds a NULL; NOT EXISTS is an anti-join.',
    wrapper: 'not in',
  };
}

/** The column with its relation, so that it means the same inside the subquery. */
function outerColumn(statement: unknown, value: unknown): string | null {
  const column = as(value, 'ColumnRef');
  if (!column) return null;
  const parts = strings(column['fields']);
  if (parts.length > 1) return printFull(value);
  const from = list(as(statement, 'SelectStmt')?.['fromClause']);
  const range = from.length === 1 ? as(from[0], 'RangeVar') : null;
  if (!range) return null;
  const alias = isNode(range['alias']) ? text(range['alias']['aliasname']) : text(range['relname']);
  return `${quoted(alias)}.${quoted(parts[0] ?? '')}`;
}
