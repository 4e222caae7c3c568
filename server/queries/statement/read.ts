/** The worker's side of reading facts: parse tree to `Facts`. */
import { describe } from './describe.ts';
import type { Block, ColumnRef, Facts, Operand, OrderItem, Predicate, Read } from './facts.ts';
import { columnOperand, deparse, NOTHING, operandOf, print, refOf } from './operand.ts';
import { mended, parseSync } from './parser.ts';
import { rewritesOf } from './rewrites.ts';
import { as, isNode, list, type Node, nameOf, strings, text, unwrap, walk } from './tree.ts';

export async function readTask(texts: string[]): Promise<Read[]> {
  await mended();
  return texts.map(read);
}

export function read(sql: string): Read {
  const described = describe(sql);
  if (described.error !== null) return { facts: null, error: described.error };
  if (described.statements !== 1)
    return { facts: null, error: `${described.statements} statements in one text` };
  try {
    const statement = parseSync(sql).stmts?.[0]?.stmt;
    const blocks: Block[] = [];
    let parameters = 0;
    let volatile = false;
    walk(statement, (type, node) => {
      if (type === 'ParamRef') parameters = Math.max(parameters, Number(node['number'] ?? 0));
      if (type === 'SQLValueFunction') volatile = true;
      if (type === 'FuncCall' && CHANGING.has(strings(node['funcname']).at(-1) ?? ''))
        volatile = true;
    });
    const named = new Set<string>();
    walk(statement, (type, node) => {
      if (type === 'CommonTableExpr') named.add(text(node['ctename']));
    });
    collect(statement, blocks, named);
    return {
      error: null,
      facts: {
        kind: described.kind,
        fingerprint: described.fingerprint,
        normalized: described.normalized,
        tables: described.tables,
        blocks,
        rewrites: described.kind === 'select' ? rewritesOf(statement, blocks) : [],
        ...writesOf(statement),
        reading: readingOf(statement),
        parameters,
        volatile,
      },
    };
  } catch (error) {
    return {
      facts: null,
      error: error instanceof Error ? error.message.slice(0, 200) : 'not understood',
    };
  }
}

const CHANGING = new Set([
  'now',
  'random',
  'clock_timestamp',
  'statement_timestamp',
  'transaction_timestamp',
  'timeofday',
  'gen_random_uuid',
  'uuid_generate_v4',
  'nextval',
  'txid_current',
  'pg_current_xact_id',
]);

function writesOf(statement: unknown): Pick<Facts, 'written' | 'valueRows'> {
  const [type, node] = unwrap(statement) ?? ['', {}];
  const relation = node['relation'];
  const table = isNode(relation) ? nameOf(relation) : '';
  if (type === 'InsertStmt') {
    const values = as(node['selectStmt'], 'SelectStmt')?.['valuesLists'];
    return { written: { table, columns: [], action: 'insert' }, valueRows: list(values).length };
  }
  if (type === 'UpdateStmt') {
    const columns = list(node['targetList']).map((target) =>
      text(as(target, 'ResTarget')?.['name']),
    );
    return { written: { table, columns, action: 'update' }, valueRows: 0 };
  }
  if (type === 'DeleteStmt')
    return { written: { table, columns: [], action: 'delete' }, valueRows: 0 };
  return { written: null, valueRows: 0 };
}

function readingOf(statement: unknown): Facts['reading'] {
  const [type, node] = unwrap(statement) ?? ['', {}];
  let select: unknown = null;
  if (type === 'UpdateStmt' || type === 'DeleteStmt')
    select = {
      SelectStmt: {
        targetList: [{ ResTarget: { val: { A_Const: { ival: { ival: 1 } } } } }],
        fromClause: [
          { RangeVar: node['relation'] },
          ...list(node[type === 'UpdateStmt' ? 'fromClause' : 'usingClause']),
        ],
        ...(node['whereClause'] ? { whereClause: node['whereClause'] } : {}),
        ...(node['withClause'] ? { withClause: node['withClause'] } : {}),
        limitOption: 'LIMIT_OPTION_DEFAULT',
        op: 'SETOP_NONE',
      },
    };
  if (
    type === 'InsertStmt' &&
    list(as(node['selectStmt'], 'SelectStmt')?.['valuesLists']).length === 0
  )
    select = node['selectStmt'];
  if (
    !select ||
    (node['withClause'] && /Insert|Update|Delete|Merge/.test(JSON.stringify(node['withClause'])))
  )
    return null;
  const parameters: number[] = [];
  const renumbered = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(renumbered);
    if (!isNode(value)) return value;
    const parameter = as(value, 'ParamRef');
    if (parameter) {
      const number = Number(parameter['number'] ?? 0);
      if (!parameters.includes(number)) parameters.push(number);
      return { ParamRef: { number: parameters.indexOf(number) + 1 } };
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, renumbered(inner)]),
    );
  };
  return { sql: deparse(renumbered(select)), parameters };
}

/** A block for each SELECT, UPDATE and DELETE, also inside others. */
function collect(root: unknown, blocks: Block[], named: ReadonlySet<string>): void {
  walk(root, (type, node) => {
    if (type === 'SelectStmt' && node['fromClause'])
      blocks.push(blockOf(node, node['fromClause'], named));
    if (type === 'UpdateStmt' || type === 'DeleteStmt') {
      const from = list(node[type === 'UpdateStmt' ? 'fromClause' : 'usingClause']);
      blocks.push(blockOf(node, [{ RangeVar: node['relation'] }, ...from], named));
    }
  });
}

function blockOf(node: Node, from: unknown, named: ReadonlySet<string>): Block {
  const relations: Block['relations'] = [];
  const derived: string[] = [];
  const predicates: Predicate[] = [];
  const visitFrom = (item: unknown): string[] => {
    const [type, inner] = unwrap(item) ?? ['', {}];
    const alias = isNode(inner['alias']) ? text(inner['alias']['aliasname']) : '';
    if (type === 'RangeVar') {
      const name = nameOf(inner);
      const own = alias || text(inner['relname']);
      if (named.has(name)) derived.push(own);
      else relations.push({ alias: own, table: name });
      return [own];
    }
    if (type === 'JoinExpr') {
      const left = visitFrom(inner['larg']);
      const right = visitFrom(inner['rarg']);
      const join = text(inner['jointype']);
      const nullable =
        join === 'JOIN_LEFT'
          ? right
          : join === 'JOIN_RIGHT'
            ? left
            : join === 'JOIN_FULL'
              ? []
              : null;
      const on = conjuncts(inner['quals']);
      for (const name of strings(inner['usingClause'])) {
        const [first] = left;
        const [second] = right;
        if (!first || !second) continue;
        on.push({
          op: '=',
          left: columnOperand(first, name),
          right: columnOperand(second, name),
          sql: `${first}.${name} = ${second}.${name}`,
        });
      }
      for (const predicate of on)
        predicates.push(nullable ? { ...predicate, nullable } : predicate);
      return [...left, ...right];
    }
    if (alias) derived.push(alias);
    return alias ? [alias] : [];
  };
  for (const item of list(from)) visitFrom(item);
  predicates.push(...conjuncts(node['whereClause']));
  const targets = list(node['targetList']).map((target) => as(target, 'ResTarget') ?? {});
  const columns: ColumnRef[] = [];
  let star = false;
  walk(
    [node['targetList'], node['whereClause'], node['sortClause'], node['groupClause'], from],
    (type, inner) => {
      if (type === 'SelectStmt') return false;
      if (type === 'ColumnRef') {
        const ref = refOf(inner);
        if (ref) columns.push(ref);
        else star = true;
      }
      return undefined;
    },
  );
  const aggregates: Node[] = [];
  walk(node['targetList'], (type, inner) => {
    if (type === 'SelectStmt') return false;
    if (
      type === 'FuncCall' &&
      AGGREGATES.has(strings(inner['funcname']).at(-1) ?? '') &&
      !inner['over']
    )
      aggregates.push(inner);
    return undefined;
  });
  const byNumber = (value: unknown): unknown => {
    const constant = as(value, 'A_Const');
    const name = as(value, 'ColumnRef');
    if (constant && isNode(constant['ival']))
      return targets[Number(constant['ival']['ival'] ?? 0) - 1]?.['val'] ?? value;
    const output = name ? strings(name['fields']) : [];
    if (output.length !== 1) return value;
    // ORDER BY a name of the output: that is what it stands for.
    return targets.find((target) => target['name'] === output[0])?.['val'] ?? value;
  };
  return {
    relations,
    derived,
    predicates,
    order: list(node['sortClause']).flatMap((item): OrderItem[] => {
      const sort = as(item, 'SortBy');
      if (!sort) return [];
      return [
        {
          operand: operandOf(byNumber(sort['node'])),
          direction: sort['sortby_dir'] === 'SORTBY_DESC' ? 'DESC' : 'ASC',
          nulls:
            sort['sortby_nulls'] === 'SORTBY_NULLS_FIRST'
              ? 'FIRST'
              : sort['sortby_nulls'] === 'SORTBY_NULLS_LAST'
                ? 'LAST'
                : null,
        },
      ];
    }),
    group: list(node['groupClause']).map((item) => operandOf(byNumber(item))),
    distinct: list(node['distinctClause']).length > 0,
    limit: limitOf(node['limitCount']),
    offset: limitOf(node['limitOffset']),
    extreme: extremeOf(aggregates, list(node['groupClause']).length > 0),
    aggregated: aggregates.length > 0,
    columns: star ? null : columns,
    locks: list(node['lockingClause']).length > 0,
  };
}

const AGGREGATES = new Set([
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'array_agg',
  'string_agg',
  'json_agg',
  'jsonb_agg',
  'bool_and',
  'bool_or',
  'every',
  'stddev',
  'variance',
  'percentile_cont',
  'percentile_disc',
  'mode',
]);

function limitOf(value: unknown): Operand | null {
  const constant = as(value, 'A_Const');
  return value === undefined || value === null || constant?.['isnull'] === true
    ? null
    : operandOf(value);
}

function extremeOf(aggregates: Node[], grouped: boolean): OrderItem | null {
  const [only, ...others] = aggregates;
  const name = strings(only?.['funcname']).at(-1);
  const [argument] = list(only?.['args']);
  if (grouped || others.length > 0 || !argument || (name !== 'min' && name !== 'max')) return null;
  return { operand: operandOf(argument), direction: name === 'min' ? 'ASC' : 'DESC', nulls: null };
}

/** The parts of a condition that must all hold. */
function conjuncts(condition: unknown): Predicate[] {
  if (condition === undefined || condition === null) return [];
  const bool = as(condition, 'BoolExpr');
  if (bool?.['boolop'] === 'AND_EXPR') return list(bool['args']).flatMap(conjuncts);
  return [predicateOf(condition)];
}

const plain = (op: string, left: unknown, right: unknown, sql: string): Predicate => {
  const a = operandOf(left);
  const b = operandOf(right);
  // The column side stands left.
  const flip = a.refs.length === 0 && b.refs.length > 0;
  return flip
    ? { op: COMMUTATED[op] ?? op, left: b, right: a, sql }
    : { op, left: a, right: b, sql };
};
const COMMUTATED: Readonly<Record<string, string>> = {
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
  '@>': '<@',
  '<@': '@>',
};

const MAX_BRANCHES = 20;

function predicateOf(condition: unknown): Predicate {
  const [type, node] = unwrap(condition) ?? ['', {}];
  const long = type === 'BoolExpr' && list(node['args']).length > MAX_BRANCHES;
  const sql = long ? '' : print(condition);
  if (type === 'BoolExpr') {
    // No set of a hundred indexes is advised; a list of alternatives that long is one for IN.
    if (node['boolop'] === 'OR_EXPR' && list(node['args']).length > MAX_BRANCHES)
      return { op: 'other', left: NOTHING, right: null, sql: '' };
    if (node['boolop'] === 'OR_EXPR')
      return {
        op: 'or',
        left: operandOf(condition),
        right: null,
        branches: list(node['args']).map(conjuncts),
        sql,
      };
    const [inner] = list(node['args']);
    if (as(inner, 'ColumnRef')) return { op: 'false', left: operandOf(inner), right: null, sql };
  }
  if (type === 'ColumnRef') return { op: 'true', left: operandOf(condition), right: null, sql };
  if (type === 'NullTest')
    return {
      op: node['nulltesttype'] === 'IS_NULL' ? 'null' : 'notnull',
      left: operandOf(node['arg']),
      right: null,
      sql,
    };
  if (type === 'BooleanTest') {
    const test = text(node['booltesttype']);
    const op = test === 'IS_TRUE' ? 'true' : test === 'IS_FALSE' ? 'false' : 'other';
    return { op, left: operandOf(node['arg']), right: null, sql };
  }
  if (type === 'A_Expr') {
    const name = strings(node['name']).at(-1) ?? '';
    const kind = text(node['kind']);
    const { lexpr, rexpr } = node;
    if (
      kind === 'AEXPR_OP' ||
      kind === 'AEXPR_LIKE' ||
      kind === 'AEXPR_ILIKE' ||
      kind === 'AEXPR_SIMILAR'
    ) {
      if (lexpr === undefined) return { op: 'other', left: operandOf(rexpr), right: null, sql };
      const pattern = escapedPattern(rexpr);
      return plain(name, lexpr, pattern ?? rexpr, sql);
    }
    if (kind === 'AEXPR_IN' && name === '=') {
      const values = list(as(rexpr, 'List')?.['items']).map(operandOf);
      return { op: 'in', left: operandOf(lexpr), right: operandOf(rexpr), values, sql };
    }
    if (kind === 'AEXPR_OP_ANY') {
      const left = operandOf(lexpr);
      const right = operandOf(rexpr);
      if (name === '=' && right.refs.length === 0) return { op: 'in', left, right, sql };
      if (name === '=' && left.refs.length === 0 && right.column)
        return { op: 'any', left: right, right: left, sql };
    }
    if (kind === 'AEXPR_BETWEEN') {
      const left = operandOf(lexpr);
      return { op: 'between', left, right: operandOf(rexpr), sql };
    }
  }
  if (
    type === 'SubLink' &&
    node['subLinkType'] === 'ANY_SUBLINK' &&
    node['operName'] === undefined
  ) {
    const left = operandOf(node['testexpr']);
    return { op: 'insub', left, right: { ...operandOf(condition), refs: [] }, sql };
  }
  return { op: 'other', left: operandOf(condition), right: null, sql };
}

/** `x LIKE y ESCAPE z` as y. */
function escapedPattern(value: unknown): unknown {
  const call = as(value, 'FuncCall');
  return call && /_escape$/.test(strings(call['funcname']).at(-1) ?? '')
    ? list(call['args'])[0]
    : null;
}
