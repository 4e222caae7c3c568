/**
 * What a statement names, by PostgreSQL's own parser: the worker's side of `judge.ts`. Nothing is decided here but what the
 * text alone says. Names are collected from wherever they stand, also where they turn out to be something else: what is
 * looked up in vain does no harm, what is overlooked might.
 */
import { isBroken, mended, parsePlPgSQLSync, parseSync } from '../statement/parser.ts';
import { isNode, list, type Node, strings, text } from '../statement/tree.ts';

/** `schema` is null for a name that PostgreSQL looks for along the search path. */
export type Name = { schema: string | null; name: string };
export type Facts = {
  /** Why it is not one SELECT, INSERT, UPDATE, DELETE or MERGE that parses. */
  problem: string | null;
  /** What the text itself does beside reading. */
  effect: string | null;
  functions: Name[];
  operators: string[];
  types: Name[];
  relations: Name[];
  /** `x.name` and `(x).name`: a column, or a function of one argument. */
  attributes: string[];
  samples: string[];
  /** The highest `$n`. */
  parameters: number;
  /** A call whose result may be as large as it likes. */
  grows: string | null;
  /** Some call's size hangs on a parameter. */
  growsByParameter: boolean;
};
/** A function that somebody wrote, in `sql` (its body) or `plpgsql` (its whole definition). */
export type Source = { language: 'sql' | 'plpgsql'; source: string };

const TOO_DEEP = 'It is nested too deeply to be read.';
/** Where trees are deeper than any person writes, `JSON.parse` and the parser itself run out of stack. */
function problemOf(error: unknown): string {
  if (isBroken(error)) return TOO_DEEP;
  const message = error instanceof Error ? error.message : '';
  return `It does not parse: ${message.slice(0, 200)}.`;
}

const statements: Readonly<Record<string, 'select' | 'write'>> = {
  SelectStmt: 'select',
  InsertStmt: 'write',
  UpdateStmt: 'write',
  DeleteStmt: 'write',
  MergeStmt: 'write',
};
const WRITES = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);
/** The tree of a longer text takes hundreds of megabytes, and seconds. */
const MAX_READ = 250_000;
const TOO_LONG = `It is longer than ${MAX_READ} characters, and is not read.`;
const GROWING = new Set(['repeat', 'lpad', 'rpad', 'array_fill']);
const LARGEST = 1_000_000;

const empty = (): Facts => ({
  problem: null,
  effect: null,
  functions: [],
  operators: [],
  types: [],
  relations: [],
  attributes: [],
  samples: [],
  parameters: 0,
  grows: null,
  growsByParameter: false,
});

export const readTask = async (texts: string[]): Promise<Facts[]> => {
  const read: Facts[] = [];
  for (const each of texts) read.push(await readStatement(each));
  return read;
};

export const readFunctionsTask = async (sources: Source[]): Promise<Facts[]> => {
  const read: Facts[] = [];
  for (const { language, source } of sources)
    read.push(language === 'sql' ? await readBody(source) : await readProgram(source));
  return read;
};

/** Reads one statement; its facts hold a `problem` when it is none. */
export async function readStatement(sql: string): Promise<Facts> {
  const facts = empty();
  if (sql.length > MAX_READ) return { ...facts, problem: TOO_LONG };
  try {
    await mended();
    const { stmts = [] } = parseSync(sql) as { stmts?: { stmt?: Node }[] };
    if (stmts.length !== 1) {
      facts.problem =
        stmts.length === 0
          ? 'There is no statement in it.'
          : `It holds ${stmts.length} statements; one at a time.`;
      return facts;
    }
    const [type] = Object.keys(stmts[0]?.stmt ?? {});
    const kind = statements[type ?? ''];
    if (!kind) {
      facts.problem =
        type === 'ExplainStmt'
          ? 'Leave EXPLAIN out: the statement alone is wanted.'
          : `It is ${wordOf(type ?? '')}, and only SELECT, INSERT, UPDATE, DELETE and MERGE have a plan.`;
      return facts;
    }
    collect(stmts[0]?.stmt, facts);
    if (kind === 'write') facts.effect = `it is ${wordOf(type ?? '')}, which changes rows`;
  } catch (error) {
    facts.problem = problemOf(error);
  }
  return facts;
}

/** The body of a function in SQL: any number of statements that only read. */
async function readBody(sql: string): Promise<Facts> {
  const facts = empty();
  if (sql.length > MAX_READ) return { ...facts, problem: TOO_LONG };
  try {
    await mended();
    const { stmts = [] } = parseSync(sql) as { stmts?: { stmt?: Node }[] };
    for (const { stmt } of stmts) {
      if (!stmt || !('SelectStmt' in stmt)) facts.effect ??= 'it does more than select';
      collect(stmt, facts);
    }
  } catch (error) {
    facts.problem = problemOf(error);
  }
  return facts;
}

const READING = new Set(
  `block assign if case loop while fori fors foreach_a exit return return_next return_query raise assert execsql perform
  getdiag`
    .split(/\s+/)
    .map((name) => `PLpgSQL_stmt_${name}`),
);

/** A function in PL/pgSQL, from its definition. Statements that are made at run time cannot be read. */
async function readProgram(definition: string): Promise<Facts> {
  const facts = empty();
  if (definition.length > MAX_READ) return { ...facts, problem: TOO_LONG };
  try {
    await mended();
    const expressions: { query: string; mode: number }[] = [];
    const waiting: unknown[] = [parsePlPgSQLSync(definition)];
    while (waiting.length > 0) {
      const value = waiting.pop();
      if (Array.isArray(value)) waiting.push(...value);
      if (!isNode(value)) continue;
      for (const [key, inner] of Object.entries(value)) {
        if (key === 'dynquery' || (key.startsWith('PLpgSQL_stmt_') && !READING.has(key)))
          facts.effect ??= 'it runs statements that it makes up while it runs, or uses cursors';
        if (key === 'PLpgSQL_expr' && isNode(inner))
          expressions.push({ query: text(inner['query']), mode: Number(inner['parseMode'] ?? 0) });
        waiting.push(inner);
      }
    }
    // A variable's type is a text of its own in the tree, or left out of it: every word may be one.
    facts.types.push(
      ...[...new Set(definition.match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? [])].map((word) => ({
        schema: null,
        name: word.toLowerCase(),
      })),
      ...[...definition.matchAll(/"((?:[^"]|"")+)"/g)].map(([, quoted = '']) => ({
        schema: null,
        name: quoted.replaceAll('""', '"'),
      })),
    );
    for (const { query, mode } of expressions) {
      const parts = mode === 0 ? [query] : mode >= 3 ? assignment(query) : [`SELECT ${query}`];
      for (const part of parts) {
        const inner = await readBody(part);
        if (inner.problem) facts.problem ??= inner.problem;
        merge(facts, inner);
      }
    }
  } catch (error) {
    facts.problem = problemOf(error);
  }
  return facts;
}

/** `a[f(1)] := b` as two selects. */
function assignment(query: string): string[] {
  let depth = 0;
  for (let at = 0; at < query.length; at++) {
    if (query[at] === '[') depth++;
    if (query[at] === ']') depth--;
    if (depth === 0 && query[at] === '=') {
      const from = query[at - 1] === ':' ? at - 1 : at;
      return [`SELECT ${query.slice(0, from)}`, `SELECT ${query.slice(at + 1)}`];
    }
  }
  return [`SELECT ${query}`];
}

function merge(into: Facts, from: Facts): void {
  into.effect ??= from.effect;
  into.grows ??= from.grows;
  into.functions.push(...from.functions);
  into.operators.push(...from.operators);
  into.types.push(...from.types);
  into.relations.push(...from.relations);
  into.attributes.push(...from.attributes);
  into.samples.push(...from.samples);
}

const nameOf = (parts: readonly string[]): Name => ({
  schema: parts.at(-2) ?? null,
  name: parts.at(-1) ?? '',
});

/** Everything below `root`, without recursion: depth is no matter. */
function collect(root: unknown, facts: Facts): void {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (Array.isArray(value)) {
      for (const inner of value) waiting.push(inner);
      continue;
    }
    if (!isNode(value)) continue;
    look(value, facts);
    for (const inner of Object.values(value)) waiting.push(inner);
  }
}

/** One node, wrapped in its type or not: in places PostgreSQL's tree leaves the type out. */
function look(node: Node, facts: Facts): void {
  for (const type of Object.keys(node)) {
    if (WRITES.has(type)) facts.effect ??= `a part of it is ${wordOf(type)}, which changes rows`;
  }
  if (node['intoClause'] !== undefined) facts.effect ??= 'SELECT INTO makes a table';
  if (node['lockingClause'] !== undefined)
    facts.effect ??= 'it locks rows (FOR UPDATE, FOR SHARE and the like)';
  if (Array.isArray(node['funcname'])) {
    const name = nameOf(strings(node['funcname']));
    facts.functions.push(name);
    // `name(x)` is a cast when there is a type of that name.
    facts.types.push(name);
    if (GROWING.has(name.name)) growth(name.name, node, facts);
  }
  if (Array.isArray(node['names'])) facts.types.push(nameOf(strings(node['names'])));
  for (const key of ['operName', 'useOp']) {
    const name = strings(node[key]).at(-1);
    if (name) facts.operators.push(name);
  }
  if (typeof node['kind'] === 'string' && node['kind'].startsWith('AEXPR_')) {
    const name = strings(node['name']).at(-1);
    if (name) facts.operators.push(name);
  }
  if (typeof node['relname'] === 'string')
    facts.relations.push({ schema: text(node['schemaname']) || null, name: node['relname'] });
  const fields = strings(node['fields']);
  // `a.b` is column b of a, or b(a); of `x.a.b` too.
  if (list(node['fields']).length > 1 && fields.length > 1)
    facts.attributes.push(...fields.slice(1));
  facts.attributes.push(...strings(node['indirection']));
  if (Array.isArray(node['method'])) facts.samples.push(strings(node['method']).at(-1) ?? '');
  const parameter = node['ParamRef'];
  if (isNode(parameter))
    facts.parameters = Math.max(facts.parameters, Number(parameter['number'] ?? 0));
}

function growth(name: string, node: Node, facts: Facts): void {
  // array_fill(value, dimensions): an array is no literal here, and nobody needs it in a query that is looked at.
  const size = list(node['args'])[1];
  const literal = isNode(size) ? size['A_Const'] : undefined;
  const integer =
    isNode(literal) && isNode(literal['ival']) ? Number(literal['ival']['ival'] ?? 0) : null;
  if (isNode(size) && 'ParamRef' in size) facts.growsByParameter = true;
  else if (integer === null || integer > LARGEST) facts.grows ??= name;
}

const wordOf = (type: string): string =>
  `${/^[AEIOU]/.test(type) ? 'an' : 'a'} ${
    type
      .replace(/Stmt$/, '')
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toUpperCase() || 'empty statement'
  }`;
