/**
 * Whether a statement may be explained, and whether it may run for it. The text's names are followed through the catalogue:
 * functions by every overload, operators to their functions, views to what they read and call, functions that people wrote into
 * their bodies, types to the checks of their domains, tables to their partitions and policies. What cannot be followed is refused.
 *
 * Two strictnesses. For ANALYZE everything that might be called must be free of effects. For plain EXPLAIN the same holds for
 * what the planner may run: functions that are declared IMMUTABLE or STABLE.
 */
import type { TargetSession } from '../targets.ts';
import type { Facts, Name, Source } from './read.ts';
import { type Declared, FIRST_OWN_OID, judgeFunction, labelOf, readStoredTree } from './safety.ts';

const ROUNDS = 40;
const OBJECTS = 3_000;
/** What comparisons, IN, BETWEEN, LIKE, DISTINCT, GROUP BY, USING and CASE stand for. */
const IMPLIED = `= <> < > <= >= ~~ !~~ ~~* !~~* ~ !~ ~* !~*`.split(' ');

export type ReadBodies = (sources: Source[]) => Promise<Facts[]>;

/** `where` is how the thing was met, for the sentence: ` (in the view sales)`. */
type Waiting = {
  functions: Map<number, string>;
  functionNames: { name: Name; everywhere: boolean; where: string }[];
  attributes: Map<string, string>;
  operators: Map<number, string>;
  operatorNames: Map<string, string>;
  types: Map<number, string>;
  typeNames: Map<string, string>;
  relations: Map<number, string>;
  relationNames: { name: Name; everywhere: boolean; where: string }[];
};
const nothing = (): Waiting => ({
  functions: new Map(),
  functionNames: [],
  attributes: new Map(),
  operators: new Map(),
  operatorNames: new Map(),
  types: new Map(),
  typeNames: new Map(),
  relations: new Map(),
  relationNames: [],
});

type FunctionRow = Omit<Declared, 'oid'> & {
  oid: string;
  kind: string;
  settings: string[] | null;
  defaults: string | null;
  body: string | null;
  source: string | null;
  returns: string;
  takes: string[];
};

class Refused extends Error {}

/** Null when nothing speaks against it, otherwise the reason: `it calls pg_sleep(), which waits`. */
export async function judge(
  session: TargetSession,
  facts: Facts,
  options: {
    analyze: boolean;
    /** Where names without a schema are looked for. */
    schemas: readonly string[];
    readBodies: ReadBodies;
  },
): Promise<string | null> {
  const { analyze } = options;
  if (facts.grows)
    return `it calls ${facts.grows}(), whose result may be of any size; give its length as a number up to a million`;
  if (analyze && facts.effect) return facts.effect;
  try {
    const bound = facts.parameters > 0;
    const search = createSearch(session, { ...options, bound });
    await search.run((seed) => seed.facts(facts));
    // What the planner runs, it runs with everything inside.
    const { functions, trees } = search.whole;
    if (functions.length + trees.length > 0)
      await createSearch(session, { ...options, analyze: true, bound }).run((seed) => {
        for (const oid of functions) seed.oid(oid);
        for (const { tree, where } of trees) seed.tree(tree, where);
      });
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

/** `bound`: values are given to parameters, which runs the checks of their types also where nothing else is run. */
function createSearch(
  session: TargetSession,
  { analyze, schemas, readBodies, bound }: Parameters<typeof judge>[2] & { bound: boolean },
) {
  let waiting = nothing();
  const seen = {
    functions: new Set<number>(),
    operators: new Set<number>(),
    types: new Set<number>(),
    relations: new Set<number>(),
  };
  /** What planning alone may run. */
  const whole = { functions: [] as number[], trees: [] as { tree: string; where: string }[] };
  let objects = 0;
  const fresh = (kind: keyof typeof seen, oid: number): boolean => {
    if (seen[kind].has(oid)) return false;
    seen[kind].add(oid);
    if (++objects > OBJECTS) throw new Refused(`it touches more than ${OBJECTS} objects`);
    return true;
  };

  /** Something makes rows of a table's type, and so runs the checks of its columns' domains. */
  let fillsRows = bound;
  let rowTypes: number[] = [];
  const add = (facts: Facts, where: string, everywhere: boolean) => {
    fillsRows ||= facts.functions.some(({ name }) => /populate_record/.test(name));
    fillsRows ||= facts.operators.includes('#=');
    for (const name of facts.functions) waiting.functionNames.push({ name, everywhere, where });
    for (const name of facts.relations) waiting.relationNames.push({ name, everywhere, where });
    for (const { name } of facts.types) waiting.typeNames.set(name, where);
    for (const name of facts.attributes) {
      waiting.attributes.set(name, where);
      waiting.typeNames.set(name, where);
    }
    for (const name of facts.operators) waiting.operatorNames.set(name, where);
    for (const name of facts.samples) {
      if (
        name !== 'bernoulli' &&
        name !== 'system' &&
        name !== 'system_rows' &&
        name !== 'system_time'
      )
        throw new Refused(`it samples by ${name}, which is not known to be harmless`);
    }
  };
  const addTree = (tree: string, where: string) => {
    const named = readStoredTree(tree);
    if (analyze && named.effect) throw new Refused(`${named.effect}${where}`);
    for (const oid of named.functions) waiting.functions.set(oid, where);
    for (const oid of named.operators) waiting.operators.set(oid, where);
    for (const oid of named.types) waiting.types.set(oid, where);
    for (const oid of named.relations) waiting.relations.set(oid, where);
  };

  const functions = async (now: Waiting) => {
    const byName = now.functionNames;
    if (byName.length + now.functions.size + now.attributes.size === 0) return;
    const where = new Map(byName.map((each) => [each.name.name, each.where]));
    const named = (pick: (each: (typeof byName)[number]) => boolean) => [
      ...new Set(byName.filter(pick).map(({ name }) => name.name)),
    ];
    const qualified = byName.filter(({ name }) => name.schema !== null);
    const rows = await session.query<FunctionRow>(
      `SELECT p.oid::text, n.nspname::text AS schema, p.proname::text AS name, p.provolatile::text AS volatility,
              p.prokind::text AS kind, l.lanname::text AS language, e.extname::text AS extension, p.proconfig AS settings,
              p.proargdefaults::text AS defaults,
              ${session.serverVersion >= 140_000 ? 'p.prosqlbody::text' : 'NULL::text'} AS body,
              CASE WHEN l.lanname = 'plpgsql' AND p.prokind = 'f' THEN pg_catalog.pg_get_functiondef(p.oid) ELSE p.prosrc END AS source,
              p.prorettype::text AS returns, p.proargtypes::oid[]::text[] AS takes
       FROM pg_catalog.pg_proc p
       JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
       JOIN pg_catalog.pg_language l ON l.oid = p.prolang
       LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
       LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
       WHERE p.oid = ANY($1::oid[])
          OR (p.proname = ANY($2::text[]) AND n.nspname = ANY($7::text[]))
          OR p.proname = ANY($3::text[])
          OR (n.nspname, p.proname) IN (SELECT * FROM unnest($4::text[], $5::text[]))
          OR (p.proname = ANY($6::text[]) AND p.oid >= ${FIRST_OWN_OID} AND p.pronargs >= 1 AND EXISTS (
               SELECT FROM pg_catalog.pg_type t WHERE t.oid = p.proargtypes[0] AND t.typtype IN ('c', 'p', 'd')))
       LIMIT ${OBJECTS + 1}`,
      [
        [...now.functions.keys()],
        named((each) => each.name.schema === null && !each.everywhere),
        named((each) => each.name.schema === null && each.everywhere),
        qualified.map(({ name }) => name.schema),
        qualified.map(({ name }) => name.name),
        [...now.attributes.keys()],
        schemas,
      ],
    );
    const aggregates: number[] = [];
    const written: { row: FunctionRow; where: string }[] = [];
    for (const row of rows) {
      const oid = Number(row.oid);
      if (!fresh('functions', oid)) continue;
      const met =
        now.functions.get(oid) ?? where.get(row.name) ?? now.attributes.get(row.name) ?? '';
      if (row.kind === 'a' && oid >= FIRST_OWN_OID && !row.extension) {
        aggregates.push(oid);
        continue;
      }
      const verdict = judgeFunction({ ...row, oid }, analyze);
      if (typeof verdict === 'object') throw new Refused(verdict.refuse + met);
      if (oid < FIRST_OWN_OID || row.extension) continue;
      if (row.defaults) addTree(row.defaults, ` (in a default of ${labelOf(row)})`);
      for (const type of [row.returns, ...row.takes]) waiting.types.set(Number(type), met);
      if (verdict !== 'look inside') continue;
      if (!analyze && row.volatility !== 'v') whole.functions.push(oid);
      else written.push({ row, where: ` (in the function ${labelOf(row)})` });
    }
    if (aggregates.length > 0) await parts(aggregates);
    await inside(written);
  };

  /** An aggregate is declared IMMUTABLE whatever it is made of. */
  const parts = async (aggregates: number[]) => {
    const rows = await session.query<{ name: string; parts: string[] }>(
      `SELECT a.aggfnoid::text AS name, ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
              a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::oid[]::text[] AS parts
       FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid = ANY($1::oid[])`,
      [aggregates],
    );
    for (const { name, parts: found } of rows)
      for (const oid of found)
        if (oid !== '0') waiting.functions.set(Number(oid), ` (in the aggregate ${name})`);
  };

  const inside = async (written: { row: FunctionRow; where: string }[]) => {
    if (written.length === 0) return;
    const texts: { source: Source; where: string; row: FunctionRow }[] = [];
    for (const { row, where } of written) {
      if (row.settings?.some((setting) => !/^(search_path|timezone|datestyle)=/i.test(setting)))
        throw new Refused(`it calls ${labelOf(row)}, which changes settings`);
      if (row.body) addTree(row.body, where);
      else
        texts.push({
          source: {
            language: row.language === 'sql' ? 'sql' : 'plpgsql',
            source: row.source ?? '',
          },
          where,
          row,
        });
    }
    if (texts.length === 0) return;
    const read = await readBodies(texts.map(({ source }) => source));
    read.forEach((facts, n) => {
      const { where = '', row } = texts[n] ?? {};
      // What the planner does not take apart, it does not run.
      const opaque = !analyze && row?.volatility === 'v';
      if (facts.problem && !opaque) throw new Refused(`it cannot be told what is done${where}`);
      if (facts.effect && !opaque) throw new Refused(`${facts.effect}${where}`);
      if (facts.grows)
        throw new Refused(`it calls ${facts.grows}(), whose result may be of any size${where}`);
      add(facts, where, true);
    });
  };

  const operators = async (now: Waiting) => {
    if (now.operators.size + now.operatorNames.size === 0) return;
    const rows = await session.query<{ oid: string; name: string; code: string }>(
      `SELECT o.oid::text, o.oprname::text AS name, o.oprcode::oid::text AS code FROM pg_catalog.pg_operator o
       WHERE o.oprcode <> 0 AND o.oid >= ${FIRST_OWN_OID} AND (o.oid = ANY($1::oid[]) OR o.oprname = ANY($2::text[]))
       LIMIT ${OBJECTS + 1}`,
      [[...now.operators.keys()], [...now.operatorNames.keys()]],
    );
    for (const { oid, name, code } of rows) {
      if (!fresh('operators', Number(oid))) continue;
      const met = now.operators.get(Number(oid)) ?? now.operatorNames.get(name) ?? '';
      waiting.functions.set(Number(code), met || ` (by the operator ${name})`);
    }
  };

  const types = async (now: Waiting) => {
    if (now.types.size + now.typeNames.size === 0) return;
    const rows = await session.query<{
      oid: string;
      name: string;
      trees: string[] | null;
      codes: string[] | null;
      inner: string[] | null;
    }>(
      `SELECT t.oid::text, t.typname::text AS name,
              (SELECT array_agg(c.conbin::text) FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid AND c.conbin IS NOT NULL) AS trees,
              CASE WHEN t.typtype = 'b' AND t.typcategory <> 'A' AND t.oid >= ${FIRST_OWN_OID}
                THEN ARRAY[t.typinput, t.typoutput]::oid[]::text[] END AS codes,
              (SELECT array_agg(i.oid::text) FROM (
                 SELECT t.typbasetype WHERE t.typtype = 'd' UNION ALL SELECT t.typelem WHERE t.typelem <> 0
                 UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
                   WHERE t.typrelid <> 0 AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
                 UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid) i(oid)
               WHERE i.oid >= ${FIRST_OWN_OID}) AS inner
       FROM pg_catalog.pg_type t
       WHERE t.oid >= ${FIRST_OWN_OID} AND (t.oid = ANY($1::oid[]) OR t.typname = ANY($2::text[])
         OR t.typname = ANY(SELECT '_' || n FROM unnest($2::text[]) n))
       LIMIT ${OBJECTS + 1}`,
      [[...now.types.keys()], [...now.typeNames.keys()]],
    );
    for (const { oid, name, trees, codes, inner } of rows) {
      if (!fresh('types', Number(oid))) continue;
      for (const tree of trees ?? []) {
        const where = ` (in a check of the type ${name})`;
        addTree(tree, where);
        if (bound && !analyze) whole.trees.push({ tree, where });
      }
      for (const code of codes ?? [])
        if (code !== '0') waiting.functions.set(Number(code), ` (in the type ${name})`);
      for (const each of inner ?? []) waiting.types.set(Number(each), '');
    }
  };

  const relations = async (now: Waiting) => {
    const byName = now.relationNames;
    if (byName.length + now.relations.size === 0) return;
    const qualified = byName.filter(({ name }) => name.schema !== null);
    const plain = (everywhere: boolean) =>
      byName
        .filter((each) => each.name.schema === null && each.everywhere === everywhere)
        .map(({ name }) => name.name);
    const rows = await session.query<{
      oid: string;
      name: string;
      kind: string;
      type: string;
      view: string | null;
      policies: string[] | null;
      children: string[] | null;
    }>(
      `SELECT c.oid::text, c.oid::pg_catalog.regclass::text AS name, c.relkind::text AS kind, c.reltype::text AS type,
              CASE WHEN c.relkind = 'v' THEN (SELECT r.ev_action::text FROM pg_catalog.pg_rewrite r
                WHERE r.ev_class = c.oid AND r.ev_type = '1') END AS view,
              CASE WHEN c.relrowsecurity THEN (SELECT array_agg(p.polqual::text) FROM pg_catalog.pg_policy p
                WHERE p.polrelid = c.oid AND p.polqual IS NOT NULL) END AS policies,
              (SELECT array_agg(i.inhrelid::text) FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) AS children
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.oid = ANY($1::oid[])
          OR (c.relname = ANY($2::text[]) AND n.nspname = ANY($6::text[]))
          OR c.relname = ANY($3::text[])
          OR (n.nspname, c.relname) IN (SELECT * FROM unnest($4::text[], $5::text[]))
       LIMIT ${OBJECTS + 1}`,
      [
        [...now.relations.keys()],
        plain(false),
        plain(true),
        qualified.map(({ name }) => name.schema),
        qualified.map(({ name }) => name.name),
        schemas,
      ],
    );
    for (const row of rows) {
      const oid = Number(row.oid);
      if (!fresh('relations', oid)) continue;
      const met = now.relations.get(oid) ?? '';
      if (row.kind === 'f')
        throw new Refused(`it reads the foreign table ${row.name}, which lies outside${met}`);
      if (row.view) addTree(row.view, ` (in the view ${row.name})`);
      for (const policy of row.policies ?? []) addTree(policy, ` (in a policy of ${row.name})`);
      for (const child of row.children ?? [])
        waiting.relations.set(Number(child), ` (as a part of ${row.name})`);
      if (oid >= FIRST_OWN_OID) rowTypes.push(Number(row.type));
    }
  };

  /** Casts and operator classes are used without being named. */
  const unnamed = async () => {
    const rows = await session.query<{ code: string; what: string }>(
      `SELECT castfunc::oid::text AS code, ' (in a cast to ' || casttarget::pg_catalog.regtype::text || ')' AS what
       FROM pg_catalog.pg_cast c WHERE castfunc >= ${FIRST_OWN_OID} AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
         WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
       UNION SELECT amproc::oid::text, ' (in an operator class)' FROM pg_catalog.pg_amproc
       WHERE amproc::oid >= ${FIRST_OWN_OID} AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
         WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = amproc::oid AND d.deptype = 'e')
       LIMIT ${OBJECTS + 1}`,
    );
    for (const { code, what } of rows) waiting.functions.set(Number(code), what);
  };

  return {
    whole,
    async run(
      begin: (seed: {
        facts(facts: Facts): void;
        oid(functionOid: number): void;
        tree(tree: string, where: string): void;
      }) => void,
    ) {
      begin({
        facts: (facts) => add(facts, '', false),
        oid: (oid) => waiting.functions.set(oid, ''),
        tree: addTree,
      });
      for (const name of IMPLIED) waiting.operatorNames.set(name, '');
      await unnamed();
      for (let round = 0; round < ROUNDS; round++) {
        const now = waiting;
        waiting = nothing();
        await relations(now);
        await operators(now);
        await types(now);
        await functions(now);
        if (fillsRows) {
          for (const oid of rowTypes) waiting.types.set(oid, '');
          rowTypes = [];
        }
        const left = Object.values(waiting).some((each) =>
          Array.isArray(each) ? each.length > 0 : each.size > 0,
        );
        if (!left) return;
      }
      throw new Refused('it is nested too deeply to be followed');
    },
  };
}
