/**
 * Indexes that could serve a statement, from its predicates and orders: equality before range before order (the "ERS" rule
 * turned for B-trees: equality, then either one range or the sort), partial for constants that few rows have, expressions
 * where the column is hidden, GIN and GiST for operators that a B-tree does not know. Which of them pay is the planner's say.
 */
import type { IndexMethod, IndexSpec } from '../contract.ts';
import type { Block, ColumnRef, Facts, Operand, OrderItem, Predicate } from '../statement/facts.ts';
import type { Catalog, Column, Table } from './catalog.ts';
import { equals, selectivity, within } from './selectivity.ts';

/** Fewer rows are read in no time; an index buys nothing. */
export const MIN_ROWS = 10_000;
const PARTIAL_SHARE = 0.05;
const MAX_PER_RELATION = 24;
const MAX_KEYS = 4;

export type Key = {
  /** As in the index: a column's name, or an expression. */
  sql: string;
  column: string | null;
  direction: 'ASC' | 'DESC';
  nulls: 'FIRST' | 'LAST' | null;
  /** It is there for the order, so that its direction counts. */
  sorts?: boolean;
  opclass?: string;
};
export type Candidate = {
  id: string;
  table: Table;
  method: IndexMethod;
  keys: Key[];
  where?: string;
  /** Columns that it depends on, also in expressions and in its predicate. */
  columns: string[];
  /** Extension that its operator class needs. */
  extension?: string;
};
/** A set that only helps as a whole. */
export type Unit = readonly Candidate[];

export type Values = (operand: Operand | null) => unknown;

export type Bound = {
  alias: string;
  table: Table;
  block: Block;
  /** Conditions on columns of this relation; the other side is a constant, a parameter or another relation's. */
  conditions: Condition[];
  ors: Condition[][][];
  sort: OrderItem[];
};
export type Condition = {
  predicate: Predicate;
  /** Null for an expression. */
  column: Column | null;
  /** As it would stand in an index. */
  sql: string;
  columns: string[];
  kind: 'equal' | 'join' | 'range' | 'prefix' | 'contains' | 'search' | 'notnull';
  /** Share of rows that it keeps. */
  share: number;
  /** Its constant stands in the text, so that a partial index may hold it. */
  literal: boolean;
};

/** The relations of a block with what is asked of them. */
export function bind(block: Block, catalog: Catalog, values: Values): Bound[] {
  const bound = block.relations.flatMap(({ alias, table }): Bound[] => {
    const found = catalog.tables.get(table);
    return found ? [{ alias, table: found, block, conditions: [], ors: [], sort: [] }] : [];
  });
  const ownerOf = (ref: ColumnRef): Bound | null => {
    if (ref.relation !== null) return bound.find(({ alias }) => alias === ref.relation) ?? null;
    const owners = bound.filter(({ table }) => table.columns.has(ref.column));
    return owners.length === 1 ? (owners[0] ?? null) : null;
  };
  /** The one relation that an operand is made of; null for a constant, of an outer query, or of several. */
  const relationOf = (operand: Operand | null): Bound | null => {
    const owners = new Set((operand?.refs ?? []).map(ownerOf).filter((owner) => owner !== null));
    return owners.size === 1 ? ([...owners][0] ?? null) : null;
  };
  const conditionsOf = (predicate: Predicate): { owner: Bound; condition: Condition }[] => {
    const found: { owner: Bound; condition: Condition }[] = [];
    const side = (left: Operand, right: Operand | null, shown: Predicate) => {
      const owner = relationOf(left);
      if (!owner || left.nested) return;
      const other = relationOf(right);
      if (other === owner) return;
      const condition = conditionOf(owner, left, { ...shown, left, right }, other !== null, values);
      if (condition) found.push({ owner, condition });
    };
    side(predicate.left, predicate.right, predicate);
    if (predicate.op === '=' && predicate.right && predicate.right.refs.length > 0)
      side(predicate.right, predicate.left, predicate);
    return found;
  };
  for (const predicate of block.predicates) {
    if (predicate.op === 'or') {
      const branches = (predicate.branches ?? []).map((branch) => branch.flatMap(conditionsOf));
      const [first] = branches[0] ?? [];
      if (first && branches.every((branch) => branch.some(({ owner }) => owner === first.owner)))
        first.owner.ors.push(
          branches.map((branch) =>
            branch.filter(({ owner }) => owner === first.owner).map(({ condition }) => condition),
          ),
        );
      continue;
    }
    for (const { owner, condition } of conditionsOf(predicate)) owner.conditions.push(condition);
  }
  for (const relation of bound)
    for (const same of Map.groupBy(
      relation.conditions.filter(({ kind }) => kind === 'range'),
      ({ sql }) => sql,
    ).values())
      if (same.length > 1) {
        const share = within(same.map((condition) => condition.share));
        for (const condition of same) condition.share = share;
      }
  const order = block.extreme ? [block.extreme] : block.order;
  const [first] = order;
  const sorted = first ? relationOf(first.operand) : null;
  if (sorted && order.every(({ operand }) => relationOf(operand) === sorted && !operand.nested))
    sorted.sort = order;
  return bound;
}

const EQUAL = new Set(['=', 'in', 'insub', 'null', 'true', 'false']);
const RANGE = new Set(['<', '<=', '>', '>=', 'between']);
const PATTERNS = new Set(['~~', '~~*', '~', '~*']);
const JSON_OPS = new Set(['@>', '<@', '?', '?|', '?&', '@?', '@@']);
const ARRAY_OPS = new Set(['@>', '<@', '&&', 'any']);
const RANGE_OPS = new Set(['@>', '<@', '&&', '<<', '>>', '-|-', '&<', '&>']);
const NETWORK_OPS = new Set(['<<', '<<=', '>>', '>>=', '&&']);
const GEOMETRY_OPS = new Set(['@>', '<@', '&&', '<<', '>>', '~=']);

function conditionOf(
  owner: Bound,
  left: Operand,
  predicate: Predicate,
  joins: boolean,
  values: Values,
): Condition | null {
  const { op } = predicate;
  const columns = [...new Set(left.refs.map(({ column }) => column))];
  const column = left.column ? (owner.table.columns.get(left.column.column) ?? null) : null;
  if (columns.some((name) => !owner.table.columns.has(name))) return null;
  if (column === null && !indexable(left, owner.table)) return null;
  const base = {
    predicate,
    column,
    sql: column ? column.name : left.sql,
    columns,
    literal:
      predicate.right === null
        ? op === 'null' || op === 'true' || op === 'false' || op === 'notnull'
        : predicate.right.constant !== undefined && predicate.right.constant !== null,
    share: column ? selectivity(predicate, column, values) : 0.005,
  };
  if (op === 'notnull') return { ...base, kind: 'notnull' };
  if (EQUAL.has(op)) return { ...base, kind: joins ? 'join' : 'equal' };
  if (RANGE.has(op)) return joins ? null : { ...base, kind: 'range' };
  if (PATTERNS.has(op)) {
    const pattern = values(predicate.right);
    const patterns = Array.isArray(pattern) ? pattern : [pattern];
    const kinds = patterns.map((each) => patternKind(op, each));
    if (kinds.every((kind) => kind === 'equal')) return { ...base, kind: 'equal' };
    if (kinds.every((kind) => kind === 'prefix' || kind === 'equal'))
      return { ...base, kind: 'prefix', share: 0.005 };
    return kinds.includes('all') ? null : { ...base, kind: 'search', share: 0.005 };
  }
  const category = column?.category ?? '';
  const type =
    column?.type ??
    (left.calls.includes('to_tsvector')
      ? 'tsvector'
      : left.wrapper === '->' || left.wrapper === '#>'
        ? 'jsonb'
        : '');
  const contains =
    (type === 'jsonb' && JSON_OPS.has(op)) ||
    (category === 'A' && ARRAY_OPS.has(op)) ||
    (type === 'tsvector' && op === '@@') ||
    (category === 'R' && RANGE_OPS.has(op)) ||
    (category === 'I' && NETWORK_OPS.has(op)) ||
    (category === 'G' && GEOMETRY_OPS.has(op));
  return contains && !joins ? { ...base, kind: 'contains', share: 0.005 } : null;
}

/** What a pattern asks for: the start of a text, a part of it, all of it. Unknown patterns may be anything. */
function patternKind(op: string, pattern: unknown): 'equal' | 'prefix' | 'search' | 'all' {
  if (typeof pattern !== 'string') return 'search';
  if (op === '~~') {
    const fixed = /^(?:[^%_\\]|\\.)*/.exec(pattern)?.[0] ?? '';
    if (fixed.length === pattern.length) return 'equal';
    if (fixed.length > 0) return 'prefix';
  }
  if (op === '~' && /^\^[\w @.:/-]+/.test(pattern)) return 'prefix';
  const parts = pattern.split(op === '~~' || op === '~~*' ? /[%_]/ : /[^\w @:/-]/);
  // Trigrams need three characters in a row.
  return parts.some((part) => part.length >= 3) ? 'search' : 'all';
}

const IMMUTABLE = new Set([
  'lower',
  'upper',
  'md5',
  'abs',
  'length',
  'char_length',
  'left',
  'right',
  'substr',
  'substring',
  'trim',
  'btrim',
  'ltrim',
  'rtrim',
  'replace',
  'reverse',
  'round',
  'floor',
  'ceil',
  'mod',
  'coalesce',
  'nullif',
  'split_part',
  'strpos',
  'to_tsvector',
  'jsonb_extract_path_text',
  'jsonb_extract_path',
  'jsonb_array_length',
  'array_length',
  'cardinality',
  'date_trunc',
  'date_part',
  'extract',
  'date',
  'timezone',
]);
const TEMPORAL = new Set(['date', 'date_trunc', 'date_part', 'extract', 'to_char', 'timestamp']);

/** Whether PostgreSQL takes the expression into an index: it must not depend on settings such as the time zone. */
function indexable(operand: Operand, table: Table): boolean {
  if (operand.wrapper === null || operand.sql === '') return false;
  if (operand.calls.some((name) => !IMMUTABLE.has(name))) return false;
  const types = operand.refs.map(({ column }) => table.columns.get(column)?.type ?? '');
  const zoned = types.some((type) => type === 'timestamp with time zone');
  if (
    zoned &&
    [operand.wrapper, ...operand.calls].some((name) => TEMPORAL.has(name)) &&
    !operand.calls.includes('timezone')
  )
    return false;
  if (operand.calls.includes('to_tsvector') && !/to_tsvector\('[^']+'/.test(operand.sql))
    return false;
  // A cast to text of a time or a number with a zone depends on settings too; only plain conversions pass.
  return !(/::(text|date|timestamp|timestamptz)\b/i.test(operand.sql) && zoned);
}

/** Candidates of one statement. Several sets of values may make different ones; all of them are tried. */
export function candidatesOf(facts: Facts, catalog: Catalog, values: Values): Unit[] {
  const units = new Map<string, Unit>();
  const add = (...candidates: (Candidate | null)[]) => {
    const unit = candidates.filter((candidate) => candidate !== null);
    if (unit.length === 0 || unit.length < candidates.length) return;
    const id = unit.map(({ id }) => id).join(' + ');
    if (!units.has(id)) units.set(id, unit);
  };
  for (const block of facts.blocks) {
    for (const relation of bind(block, catalog, values)) {
      if (relation.table.rows < MIN_ROWS) continue;
      const before = units.size;
      for (const candidate of ofRelation(relation, facts)) {
        if (units.size - before >= MAX_PER_RELATION) break;
        add(candidate);
      }
      for (const branches of relation.ors) {
        const parts = branches.map((branch) => branchIndex(relation, branch, facts));
        // A branch that an index serves already needs none; one that nothing can serve makes the others useless.
        if (parts.some((part) => part === 'none')) continue;
        add(...parts.filter((part) => typeof part === 'object'));
      }
    }
  }
  return [...units.values()];
}

function branchIndex(
  relation: Bound,
  branch: readonly Condition[],
  facts: Facts,
): Candidate | 'none' | 'there' {
  const usable = branch
    .filter(({ kind }) => kind !== 'notnull')
    .sort((a, b) => Number(a.kind === 'range') - Number(b.kind === 'range') || a.share - b.share);
  for (const condition of usable) {
    if (condition.column && isLed(relation.table, condition.column.name)) return 'there';
  }
  const [best, second] = usable;
  if (!best) return 'none';
  if (best.kind === 'search' || best.kind === 'contains')
    return special(relation, best, facts) ?? 'none';
  const keys = [keyOf(best, relation)];
  if (second && best.kind !== 'range' && second.column !== best.column)
    keys.push(keyOf(second, relation));
  return btree(relation.table, keys) ?? 'there';
}

const isLed = (table: Table, column: string): boolean =>
  table.indexes.some(
    (index) =>
      index.valid &&
      index.method === 'btree' &&
      !index.where &&
      index.keys[0]?.expression === column,
  );

function* ofRelation(relation: Bound, facts: Facts): Generator<Candidate | null> {
  const { table, block } = relation;
  const distinctBy = (conditions: Condition[]) => [
    ...new Map(conditions.map((condition) => [condition.sql, condition])).values(),
  ];
  const of = (...kinds: Condition['kind'][]) =>
    distinctBy(relation.conditions.filter(({ kind }) => kinds.includes(kind)));
  for (const condition of of('contains', 'search')) yield special(relation, condition, facts);
  const joins = of('join');
  const equal = of('equal')
    .filter(({ sql }) => !joins.some((join) => join.sql === sql))
    .sort((a, b) => a.share - b.share);
  const ranges = of('range', 'prefix').filter(
    ({ sql }) => ![...joins, ...equal].some((other) => other.sql === sql),
  );
  const fixed = new Set(
    equal.filter(({ predicate }) => predicate.op !== 'in').map(({ sql }) => sql),
  );
  const sort = relation.sort
    .map((item) => ({ item, key: sortKey(item, relation) }))
    .filter(({ key }) => key !== null && !fixed.has(key.sql))
    .flatMap(({ key }) => (key ? [key] : []));
  const sortable =
    sort.length > 0 &&
    sort.length ===
      relation.sort.filter((item) => !fixed.has(sortKey(item, relation)?.sql ?? '')).length;
  const useful = sortable && (block.limit !== null || block.extreme !== null || !block.aggregated);
  const keys = (conditions: Condition[]) =>
    conditions.map((condition) => keyOf(condition, relation));
  const make = (given: Key[], where?: string) => btree(table, given, where);
  const lead = [...joins, ...equal];

  for (const combination of subsets(lead)) {
    yield make(keys(combination));
    for (const range of ranges) yield make([...keys(combination), keyOf(range, relation)]);
    if (useful) yield make([...keys(combination), ...sort]);
  }
  for (const range of ranges) yield make([keyOf(range, relation)]);
  if (useful && (block.limit !== null || block.distinct)) yield make(sort);
  if (useful && block.extreme) yield make(sort);
  for (const rare of relation.conditions) {
    if (!rare.literal || rare.kind === 'range' || rare.share > PARTIAL_SHARE || !rare.column)
      continue;
    const where = partialPredicate(rare);
    if (where === null) continue;
    const others = lead.filter((condition) => condition.sql !== rare.sql);
    for (const combination of [...subsets(others), []]) {
      if (combination.length > 0) yield make(keys(combination), where);
      for (const range of ranges) yield make([...keys(combination), keyOf(range, relation)], where);
      if (useful) yield make([...keys(combination), ...sort], where);
    }
    if (others.length === 0 && ranges.length === 0 && !useful)
      yield make([keyOf(rare, relation)], where);
  }
  for (const range of ranges) {
    const correlation = Math.abs(range.column?.stats?.correlation ?? 0);
    if (range.kind === 'range' && range.column && correlation > 0.98 && table.rows >= 100_000)
      yield candidate(table, 'brin', [keyOf(range, relation)]);
  }
}

/** All of them, then each, then pairs: at most MAX_KEYS wide, with those that keep fewest rows first. */
function subsets(conditions: readonly Condition[]): Condition[][] {
  const wide = conditions.slice(0, MAX_KEYS);
  const sets: Condition[][] = [];
  if (wide.length > 0) sets.push([...wide]);
  if (wide.length > 1) for (const one of wide) sets.push([one]);
  if (wide.length > 2)
    for (const [n, one] of wide.entries())
      for (const other of wide.slice(n + 1)) sets.push([one, other]);
  return sets;
}

function keyOf(condition: Condition, relation: Bound): Key {
  const key: Key = {
    sql: condition.sql,
    column: condition.column?.name ?? null,
    direction: 'ASC',
    nulls: null,
  };
  if (condition.kind !== 'prefix' || (condition.column?.byteOrder ?? bytewise(relation)))
    return key;
  const type = condition.column?.type ?? 'text';
  const opclass = type.startsWith('character varying')
    ? 'varchar_pattern_ops'
    : type.startsWith('character')
      ? 'bpchar_pattern_ops'
      : 'text_pattern_ops';
  return { ...key, opclass };
}

/** For an expression: as the text columns beside it. */
const bytewise = ({ table }: Bound): boolean =>
  [...table.columns.values()].every(({ byteOrder }) => byteOrder);

function sortKey(item: OrderItem, relation: Bound): Key | null {
  const { operand } = item;
  const column = operand.column ? relation.table.columns.get(operand.column.column) : undefined;
  if (operand.column && !column) return null;
  if (!column && !indexable(operand, relation.table)) return null;
  const usual = item.direction === 'DESC' ? 'FIRST' : 'LAST';
  const nulls = item.nulls === null || item.nulls === usual || column?.notNull ? null : item.nulls;
  return {
    sql: column?.name ?? operand.sql,
    column: column?.name ?? null,
    direction: item.direction,
    nulls,
    sorts: true,
  };
}

function partialPredicate(condition: Condition): string | null {
  const { predicate, column } = condition;
  if (!column) return null;
  const name = quoted(column.name);
  if (predicate.op === 'null') return `${name} IS NULL`;
  if (predicate.op === 'notnull') return `${name} IS NOT NULL`;
  if (predicate.op === 'true') return name;
  if (predicate.op === 'false') return `NOT ${name}`;
  if (predicate.op !== '=' || !predicate.right || predicate.right.refs.length > 0) return null;
  // Rare by what is known of this very value, not by the number of values.
  if (
    !column.stats?.common.has(String(predicate.right.constant)) &&
    column.stats &&
    column.stats.distinct > 50
  )
    return null;
  if (equals(column.stats, predicate.right.constant) > PARTIAL_SHARE) return null;
  return `${name} = ${predicate.right.sql}`;
}

function special(relation: Bound, condition: Condition, facts: Facts): Candidate | null {
  const { table } = relation;
  const { column, kind, predicate } = condition;
  const key = (opclass?: string): Key => ({
    sql: condition.sql,
    column: column?.name ?? null,
    direction: 'ASC',
    nulls: null,
    ...(opclass ? { opclass } : {}),
  });
  if (kind === 'search')
    return column === null || column.category === 'S'
      ? candidate(table, 'gin', [key('gin_trgm_ops')], undefined, 'pg_trgm')
      : null;
  if (column === null && (predicate.left.wrapper === '->' || predicate.left.wrapper === '#>'))
    return predicate.op === '<@'
      ? null
      : candidate(table, 'gin', [key(predicate.op === '@>' ? 'jsonb_path_ops' : undefined)]);
  if (column?.type === 'jsonb') {
    const asked = facts.blocks.flatMap((block) =>
      block.predicates
        .filter(({ left }) => left.column?.column === column.name)
        .map(({ op }) => op),
    );
    const paths = [predicate.op, ...asked].filter((op) => JSON_OPS.has(op));
    const narrow = paths.every((op) => op === '@>' || op === '@?' || op === '@@');
    return predicate.op === '<@'
      ? null
      : candidate(table, 'gin', [key(narrow ? 'jsonb_path_ops' : undefined)]);
  }
  if (column?.category === 'A' || column?.type === 'tsvector' || column === null)
    return candidate(table, 'gin', [key()]);
  if (column.category === 'I') return candidate(table, 'gist', [key('inet_ops')]);
  return candidate(table, 'gist', [key()]);
}

/** Null when an index that stands serves as well. */
function btree(table: Table, keys: Key[], where?: string): Candidate | null {
  const unique = [...new Map(keys.map((key) => [key.sql, key])).values()].slice(0, MAX_KEYS + 1);
  const sorts = unique.filter(({ sorts }) => sorts);
  // Equal keys may stand either way; when all that sort point one way, an ascending index serves, read backwards.
  const oneWay = sorts.every(
    ({ direction, nulls }) => direction === sorts[0]?.direction && nulls === null,
  );
  return candidate(
    table,
    'btree',
    oneWay ? unique.map((key) => ({ ...key, direction: 'ASC' as const })) : unique,
    where,
  );
}

function candidate(
  table: Table,
  method: IndexMethod,
  keys: Key[],
  where?: string,
  extension?: string,
): Candidate | null {
  if (keys.length === 0) return null;
  const covered = table.indexes.some(
    (index) =>
      index.valid &&
      index.method === method &&
      (index.where === null || plainText(index.where) === plainText(where ?? '')) &&
      keys.every((key, n) => {
        const there = index.keys[n];
        return (
          there !== undefined &&
          plainText(there.expression) === plainText(key.sql) &&
          (key.opclass ? there.opclass === key.opclass : there.defaultOpclass) &&
          (there.descending === (key.direction === 'DESC') || uniform(keys, index.keys))
        );
      }),
  );
  if (covered) return null;
  const columns = keys.flatMap(({ column, sql }) =>
    column ? [column] : [...table.columns.keys()].filter((name) => sql.includes(name)),
  );
  const inWhere = where ? [...table.columns.keys()].filter((name) => where.includes(name)) : [];
  const built: Omit<Candidate, 'id'> = {
    table,
    method,
    keys,
    ...(where ? { where } : {}),
    ...(extension ? { extension } : {}),
    columns: [...new Set([...columns, ...inWhere])],
  };
  return { ...built, id: definitionOf(built) };
}

const uniform = (wanted: readonly Key[], there: readonly { descending: boolean }[]): boolean =>
  wanted.every((key, n) => there[n]?.descending !== (key.direction === 'DESC'));

/** For comparing what was written with what PostgreSQL prints. */
export const plainText = (sql: string): string =>
  sql
    .replace(/::[a-z ]+/gi, '')
    .replace(/[\s"()]/g, '')
    .toLowerCase();

export const quoted = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
export const tablePath = (table: Pick<Table, 'schema' | 'name'>): string =>
  table.schema === 'public' ? quoted(table.name) : `${quoted(table.schema)}.${quoted(table.name)}`;

/** `ON … USING … (…)`, as it stands behind CREATE INDEX. */
export function definitionOf({ table, method, keys, where }: Omit<Candidate, 'id'>): string {
  const parts = keys.map(({ sql, column, direction, nulls, opclass }) =>
    [
      column ? quoted(column) : /^[a-z_]\w*\(.*\)$/i.test(sql) && balanced(sql) ? sql : `(${sql})`,
      ...(opclass ? [opclass] : []),
      ...(direction === 'DESC' ? ['DESC'] : []),
      ...(nulls ? [`NULLS ${nulls}`] : []),
    ].join(' '),
  );
  const using = method === 'btree' ? '' : `USING ${method} `;
  return `ON ${tablePath(table)} ${using}(${parts.join(', ')})${where ? ` WHERE ${where}` : ''}`;
}

/** `f(a)` but not `f(a) || g(b)`. */
function balanced(sql: string): boolean {
  let depth = 0;
  for (const [n, character] of [...sql].entries()) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (depth === 0 && n > sql.indexOf('(')) return n === sql.length - 1;
  }
  return false;
}

export function specOf({ table, method, keys, where }: Candidate): IndexSpec {
  const mixed = keys.some(({ direction }) => direction === 'DESC');
  const opclass = keys.find((key) => key.opclass)?.opclass;
  return {
    table: table.shown,
    columns: keys.map(({ sql }) => sql),
    method,
    ...(opclass ? { opclass } : {}),
    ...(where ? { where } : {}),
    ...(mixed ? { order: keys.map(({ direction }) => direction) } : {}),
  };
}
