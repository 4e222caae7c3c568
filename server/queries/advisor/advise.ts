/**
 * Advice for a workload. Each statement is planned as it is and with each candidate index; sets that only help together are
 * tried together; then indexes are chosen for the whole workload, the one that saves most first, until none is left that
 * saves twice what its upkeep costs (greedy choice by marginal benefit, after Chaudhuri and Narasayya, VLDB 1997). Rewrites,
 * caches, N+1, broken and needless indexes and old statistics have rules of their own. Where nothing should be done, it says so.
 */
import type { Advice, Evidence } from '../contract.ts';
import { findNPlusOne, type SequenceStep } from '../sequences.ts';
import type { Facts, Operand, Read } from '../statement/facts.ts';
import { cacheAdvice } from './caching.ts';
import {
  bind,
  type Candidate,
  candidatesOf,
  definitionOf,
  MIN_ROWS,
  plainText,
  specOf,
  tablePath,
  type Unit,
  type Values,
} from './candidates.ts';
import { type Catalog, readCatalog, type Table } from './catalog.ts';
import { estimatedBytes, estimatedCost } from './estimate.ts';
import { brokenIndexes, redundantIndexes, staleStatistics, unusedIndexes } from './housekeeping.ts';
import { fullScans, nodesOf, type PlanNode } from './plan.ts';
import { createPlanner, type Planner } from './planner.ts';
import type { Session } from './session.ts';
import { duration, megabytes, rowsText } from './words.ts';
import type { StatementEvent, Workload, WorkloadStatement } from './workload.ts';

/** Milliseconds for one unit of the planner's cost, where nobody measured the statement. */
const MS_PER_COST = 0.008;
/** Below this a plan is as good as it gets. */
const CHEAP_COST = 60;
const MIN_SAVED_MS_A_DAY = 1_000;
const WRITES_COUNT = 2;
/** Upkeep of an index for one written row, in milliseconds (measured: 300,000 rows into a B-tree on uuid, 2.2 s). */
const UPKEEP_MS = { btree: 0.007, hash: 0.007, brin: 0.0005, gin: 0.03, gist: 0.03 } as const;
const MAX_VARIANTS = 5;
const MAX_TRIED = 40;
const DAY_MS = 86_400_000;
const KEEPS_TOO_MUCH = 0.3;
const DEEP_OFFSET = 1_000;

type Variant = { values: readonly unknown[] | null; share: number };
type Statement = {
  given: WorkloadStatement;
  facts: Facts;
  variants: Variant[];
  plans: PlanNode[];
  cost: number;
  msPerCost: number;
  /** Of one call. */
  meanMs: number;
  /** Cost with a unit, by the unit's id. */
  costs: Map<string, { cost: number; method: Evidence['method'] }>;
  units: Unit[];
};

export type Reader = (texts: readonly string[]) => Promise<Read[]>;
export type AdviseOptions = { signal?: AbortSignal };

/** Ranked by the time that it saves a day, over the whole workload; what nothing should be done about stands last. */
export async function advise(
  session: Session,
  read: Reader,
  workload: Workload,
  { signal }: AdviseOptions = {},
): Promise<Advice[]> {
  const texts = workload.statements.map(({ sql }) => sql);
  const answers = await read(texts);
  const understood: { given: WorkloadStatement; facts: Facts }[] = [];
  const none: Advice[] = [];
  for (const [n, given] of workload.statements.entries()) {
    const answer = answers[n];
    if (answer?.facts) understood.push({ given, facts: answer.facts });
    else
      none.push({
        kind: 'none',
        query: given.id,
        reason: `The statement is not understood: ${answer?.error ?? 'no answer'}.`,
      });
  }
  const eventFacts = await factsOfEvents(read, workload.events ?? []);
  const catalog = await readCatalog(session, [
    ...understood.flatMap(({ facts }) => facts.tables),
    ...[...eventFacts.values()].flatMap((facts) => facts.tables),
  ]);
  const referring = [...catalog.tables.values()].flatMap(({ referencedBy }) =>
    referencedBy.map(({ table }) => table),
  );
  const deletes = understood.some(({ facts }) => facts.written?.action === 'delete');
  const children = deletes && referring.length > 0 ? await readCatalog(session, referring) : null;
  const known: Catalog = children
    ? { ...catalog, tables: new Map([...children.tables, ...catalog.tables]) }
    : catalog;
  const planner = await createPlanner(session, known.extensions.get('hypopg'));

  const statements: Statement[] = [];
  for (const { given, facts } of understood) {
    signal?.throwIfAborted();
    statements.push(await look(planner, given, facts));
  }
  const writes = writesOf(workload, statements, known);
  const tables = [
    ...new Map([...known.tables.values()].map((table) => [table.oid, table])).values(),
  ];
  const misjudged = misjudgedRows(statements);
  const stale = new Map<string, Advice>();
  for (const table of tables) {
    const advice = staleStatistics(table, misjudged.get(table.name) ?? 1);
    if (advice) stale.set(table.shown, advice);
  }

  for (const statement of statements) {
    signal?.throwIfAborted();
    await tryCandidates(planner, statement, known, stale);
  }
  const foreign = await foreignKeyUnits(planner, statements, known);
  const chosen = await choose({ planner, statements, catalog: known, workload, writes, foreign });
  const perDay = DAY_MS / workload.windowMs;
  const advice: Advice[] = [...chosen.map((choice) => choice.advice)];

  // What stands already.
  const broken = new Set<string>();
  for (const table of tables) {
    const invalid = table.indexes.filter(({ valid }) => !valid);
    const duplicates = new Set<string>();
    for (const index of invalid.filter(({ unique }) => unique))
      if (
        await holdsDuplicates(
          session,
          table,
          index.keys.map(({ expression }) => expression),
          index.where,
        )
      )
        duplicates.add(index.name);
    const useful = (index: Table['indexes'][number]) =>
      statements.some((statement) =>
        wouldUse(statement, table, index.keys[0]?.expression ?? '', known),
      );
    for (const each of brokenIndexes(table, useful, duplicates)) {
      advice.push(each);
      if (each.kind === 'reindex') broken.add(`${table.shown} ${keysOf(table, each.name)}`);
    }
    advice.push(...redundantIndexes(table));
    const written = writes.get(table.oid);
    advice.push(
      ...unusedIndexes(table, workload.indexScans ?? new Map(), (written?.rows ?? 0) * perDay),
    );
  }
  // An index that only has to be finished is not made a second time.
  const kept = advice.filter(
    (each) =>
      each.kind !== 'create_index' || !broken.has(`${each.table} ${each.columns.join(',')}`),
  );
  kept.push(...[...stale.values()]);
  kept.push(...rewriteAdvice(statements, known, perDay));
  kept.push(...nPlusOneAdvice(workload.events ?? [], eventFacts, known, perDay));
  const profiting = new Set(chosen.flatMap(({ advice: { statements: ids } }) => ids ?? []));
  for (const statement of statements) {
    const { given, facts } = statement;
    const helped = profiting.has(given.id);
    const told = kept.some(
      (each) => ('query' in each && each.query === given.id) || each.statements?.includes(given.id),
    );
    const cached =
      helped || told
        ? null
        : cacheAdvice({
            id: given.id,
            facts,
            calls: given.calls,
            meanMs: statement.meanMs,
            measured: given.meanMs !== null,
            repeated: given.repeated,
            windowMs: workload.windowMs,
            changes: changesOf(facts, known, writes),
          });
    if (cached) kept.push(cached);
    const said = helped || cached || told;
    if (!said && facts.kind !== 'insert')
      none.push(reasonForNone(statement, known, planner, writes, stale));
  }
  return [...kept.sort((a, b) => (b.savedMsPerDay ?? 0) - (a.savedMsPerDay ?? 0)), ...none];
}

const keysOf = (table: Table, name: string): string =>
  (
    table.indexes.find((index) => index.name === name || `${index.schema}.${index.name}` === name)
      ?.keys ?? []
  )
    .map(({ expression }) => expression)
    .join(',');

async function factsOfEvents(
  read: Reader,
  events: readonly StatementEvent[],
): Promise<Map<string, Facts>> {
  const texts = [...new Set(events.map(({ sql }) => sql))].slice(0, 5_000);
  const answers = await read(texts);
  return new Map(
    texts.flatMap((text, n) => {
      const facts = answers[n]?.facts;
      return facts ? [[text, facts] as const] : [];
    }),
  );
}

/** Values of a constant, or of a parameter in the sets that are known; a list when there are several. */
function valuesOf(variants: readonly Variant[]): Values {
  return (operand: Operand | null) => {
    if (!operand) return undefined;
    if (operand.constant !== undefined) return operand.constant;
    if (operand.parameter === null) return undefined;
    const number = operand.parameter;
    const known = variants.flatMap(({ values }) =>
      values && values.length >= number ? [values[number - 1]] : [],
    );
    const [first] = known;
    return known.length > 1 ? (new Set(known).size === 1 ? first : known) : first;
  };
}

async function look(planner: Planner, given: WorkloadStatement, facts: Facts): Promise<Statement> {
  const sets = given.parameters.slice(0, MAX_VARIANTS);
  const calls = sets.reduce((sum, set) => sum + set.calls, 0);
  const variants: Variant[] =
    facts.parameters === 0 || sets.length === 0
      ? [{ values: null, share: 1 }]
      : sets.map((set) => ({ values: set.values, share: set.calls / calls }));
  const plans: PlanNode[] = [];
  let cost = 0;
  const plannable = facts.kind !== 'utility' && facts.kind !== 'other';
  for (const variant of plannable ? variants : []) {
    const plan = await planner.plan({
      sql: given.sql,
      values: variant.values,
      parameters: facts.parameters,
    });
    if (!plan) continue;
    plans.push(plan);
    cost += variant.share * plan['Total Cost'];
  }
  const meanMs = given.meanMs ?? cost * MS_PER_COST;
  return {
    given,
    facts,
    variants,
    plans,
    cost,
    msPerCost: cost > 0 ? meanMs / cost : 0,
    meanMs,
    costs: new Map(),
    units: [],
  };
}

const unitId = (unit: Unit): string => unit.map(({ id }) => id).join(' + ');
const statementOf = (candidate: Candidate): string => `CREATE INDEX ${definitionOf(candidate)}`;

/** What one statement costs with a unit; null when nobody can say. */
async function costWith(
  planner: Planner,
  statement: Statement,
  unit: Unit,
  catalog: Catalog,
): Promise<{ cost: number; method: Evidence['method'] } | null> {
  const known = statement.costs.get(unitId(unit));
  if (known) return known;
  const hypothetical =
    planner.hypothetical &&
    unit.every(
      ({ method, table }) => (method === 'btree' || method === 'brin') && !table.partitioned,
    );
  let answer: { cost: number; method: Evidence['method'] } | null = null;
  if (hypothetical) {
    answer = await planner.withIndexes(unit.map(statementOf), async () => {
      let cost = 0;
      for (const variant of statement.variants) {
        const plan = await planner.plan({
          sql: statement.given.sql,
          values: variant.values,
          parameters: statement.facts.parameters,
        });
        cost += variant.share * (plan?.['Total Cost'] ?? statement.cost);
      }
      return { cost, method: 'hypopg' as const };
    });
    // HypoPG refuses what PostgreSQL would refuse, such as an expression that is not immutable.
    if (!answer) return null;
  } else {
    const values = valuesOf(statement.variants);
    let cost = 0;
    const total = statement.plans.length;
    for (const plan of statement.plans)
      cost +=
        Math.min(
          ...unit.map((candidate) =>
            estimatedCost(plan, candidate, statement.facts, catalog, values),
          ),
        ) / total;
    if (unit.length > 1) {
      // Branches of an OR: each is read by its own index.
      const read = statement.plans[0]?.['Total Cost'] ?? 0;
      cost = Math.min(cost, read * 0.02 * unit.length);
    }
    answer = { cost, method: 'statistics' };
  }
  statement.costs.set(unitId(unit), answer);
  return answer;
}

async function tryCandidates(
  planner: Planner,
  statement: Statement,
  catalog: Catalog,
  stale: ReadonlyMap<string, Advice>,
): Promise<void> {
  const { facts, plans } = statement;
  if (plans.length === 0 || (facts.kind === 'insert' && facts.blocks.length === 0)) return;
  if (statement.cost < CHEAP_COST && statement.meanMs < 5) return;
  const units = candidatesOf(facts, catalog, valuesOf(statement.variants))
    // Old statistics first: what is proved by them is not proved.
    .filter((unit) => unit.every(({ table }) => !stale.has(table.shown)))
    .slice(0, MAX_TRIED);
  for (const unit of units) await costWith(planner, statement, unit, catalog);
  statement.units = units.filter((unit) => statement.costs.has(unitId(unit)));
  // Relations of a join may need an index each.
  const [best] = [...statement.units].sort((a, b) => costOf(statement, a) - costOf(statement, b));
  // Without a planner that is asked, what two do together is a guess.
  if (!best || best.length > 1 || !planner.hypothetical) return;
  const others = statement.units.filter(
    (unit) => unit.length === 1 && unit[0]?.table !== best[0]?.table && unit[0]?.method === 'btree',
  );
  for (const other of others.slice(0, 6)) {
    const both = [...best, ...other];
    const answer = await costWith(planner, statement, both, catalog);
    if (answer && answer.cost <= 0.5 * costOf(statement, best)) statement.units.push(both);
  }
}

const costOf = (statement: Statement, unit: Unit): number =>
  statement.costs.get(unitId(unit))?.cost ?? statement.cost;

type Writes = Map<number, { rows: number; broken: number; updatedColumns: Set<string> }>;

/** Rows written in the window, by table; from what the server counts, else from the statements themselves. */
function writesOf(workload: Workload, statements: readonly Statement[], catalog: Catalog): Writes {
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
function upkeep(unit: Unit, writes: Writes): number {
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
function changesOf(facts: Facts, catalog: Catalog, writes: Writes): number {
  return facts.tables.reduce((sum, name) => {
    const table = catalog.tables.get(name);
    const entry = table ? writes.get(table.oid) : undefined;
    return sum + (entry ? entry.rows + entry.broken : 0);
  }, 0);
}

type Choice = { unit: Unit; advice: Advice };

async function choose(given: {
  planner: Planner;
  statements: readonly Statement[];
  catalog: Catalog;
  workload: Workload;
  writes: Writes;
  foreign: readonly { statement: Statement; unit: Unit }[];
}): Promise<Choice[]> {
  const { planner, statements, catalog, workload, writes } = given;
  const pool = new Map<string, Unit>();
  for (const statement of statements) {
    const ranked = [...statement.units].sort((a, b) => costOf(statement, a) - costOf(statement, b));
    const best = ranked[0];
    if (!best || costOf(statement, best) > 0.5 * statement.cost) continue;
    for (const unit of ranked.filter((each) => comparable(statement, each, best)).slice(0, 8))
      pool.set(unitId(unit), unit);
    for (const unit of ranked.slice(0, 3)) pool.set(unitId(unit), unit);
  }
  // What was found for one statement may serve others that touch its tables.
  for (const unit of pool.values())
    for (const statement of statements) {
      if (statement.plans.length === 0 || statement.cost < CHEAP_COST) continue;
      const touches = unit.every(({ table }) =>
        statement.facts.tables.some((name) => catalog.tables.get(name) === table),
      );
      if (touches) await costWith(planner, statement, unit, catalog);
    }
  const current = new Map(statements.map((statement) => [statement, statement.cost]));
  const taken: Choice[] = [];
  const perDay = DAY_MS / workload.windowMs;
  for (const { statement, unit } of given.foreign) {
    pool.set(unitId(unit), unit);
    current.set(statement, statement.cost);
  }
  const all = [...statements, ...given.foreign.map(({ statement }) => statement)];
  const savings = (unit: Unit) =>
    all.flatMap((statement) => {
      const cost = statement.costs.get(unitId(unit));
      const now = current.get(statement) ?? statement.cost;
      // An index that only makes a plan a little cheaper in theory is not worth its upkeep.
      if (!cost || cost.cost > 0.5 * now || now - cost.cost < CHEAP_COST / 2) return [];
      const ms = (now - cost.cost) * statement.msPerCost * statement.given.calls;
      return [{ statement, cost: cost.cost, before: now, method: cost.method, ms }];
    });
  const total = (unit: Unit) => savings(unit).reduce((sum, { ms }) => sum + ms, 0);
  for (let round = 0; round < 50; round++) {
    const open = [...pool.values()].filter((unit) => !taken.some((choice) => choice.unit === unit));
    const paying = open
      .map((unit) => ({ unit, saved: total(unit), cost: upkeep(unit, writes) }))
      .filter(
        ({ saved, cost }) => saved * perDay >= MIN_SAVED_MS_A_DAY && saved >= WRITES_COUNT * cost,
      )
      .sort((a, b) => b.saved - b.cost - (a.saved - a.cost));
    const [best] = paying;
    if (!best) break;
    // Of those that do as well, the smallest.
    const profits = savings(best.unit);
    const equal = paying.filter(
      ({ unit, saved }) =>
        saved >= 0.8 * best.saved &&
        profits.every(({ statement, cost }) => {
          const other = statement.costs.get(unitId(unit));
          return other !== undefined && asGood(other.cost, cost);
        }),
    );
    const sized = await Promise.all(
      equal.map(async (each) => ({ ...each, bytes: bytesOf(each.unit) })),
    );
    const [smallest] = sized.sort(
      (a, b) =>
        a.unit.length - b.unit.length || a.bytes - b.bytes || widthOf(a.unit) - widthOf(b.unit),
    );
    const picked = smallest ?? best;
    const profit = savings(picked.unit);
    for (const { statement, cost } of profit) current.set(statement, cost);
    for (const candidate of picked.unit) {
      if (
        taken.some(
          ({ unit, advice }) =>
            unit === picked.unit && 'ddl' in advice && advice.ddl?.includes(candidate.id),
        )
      )
        continue;
      const bytes = await sizeOf(planner, candidate);
      taken.push({
        unit: picked.unit,
        advice: indexAdvice({
          candidate,
          unit: picked.unit,
          profit,
          bytes,
          perDay,
          upkeepMs: upkeep([candidate], writes),
          catalog,
        }),
      });
    }
  }
  return taken;
}

const asGood = (cost: number, best: number): boolean => cost <= 3 * best || cost <= 30;
const comparable = (statement: Statement, unit: Unit, best: Unit): boolean =>
  asGood(costOf(statement, unit), costOf(statement, best));
const widthOf = (unit: Unit): number => unit.reduce((sum, { keys }) => sum + keys.length, 0);
const bytesOf = (unit: Unit): number =>
  unit.reduce((sum, candidate) => sum + estimatedBytes(candidate), 0);

async function sizeOf(planner: Planner, candidate: Candidate): Promise<number> {
  if (candidate.method === 'gin' || candidate.method === 'gist') return estimatedBytes(candidate);
  const made = await planner.withIndexes([statementOf(candidate)], (indexes) =>
    Promise.resolve(indexes[0]?.bytes ?? null),
  );
  return made ?? estimatedBytes(candidate);
}

function indexAdvice(given: {
  candidate: Candidate;
  unit: Unit;
  profit: {
    statement: Statement;
    cost: number;
    before: number;
    method: Evidence['method'];
    ms: number;
  }[];
  bytes: number;
  perDay: number;
  upkeepMs: number;
  catalog: Catalog;
}): Advice {
  const { candidate, unit, profit, bytes, perDay, upkeepMs, catalog } = given;
  const { table } = candidate;
  const calls = profit.reduce((sum, { statement }) => sum + statement.given.calls, 0) || 1;
  const mean = (pick: (entry: (typeof profit)[number]) => number) =>
    profit.reduce((sum, entry) => sum + pick(entry) * entry.statement.given.calls, 0) / calls;
  const costBefore = round(mean(({ before }) => before));
  const costAfter = round(mean(({ cost }) => cost));
  const method = profit.every((entry) => entry.method === 'hypopg') ? 'hypopg' : 'statistics';
  const saved = (profit.reduce((sum, { ms }) => sum + ms, 0) - upkeepMs) * perDay;
  const missing = candidate.extension !== undefined && !catalog.extensions.has(candidate.extension);
  const concurrently = table.partitioned ? '' : 'CONCURRENTLY ';
  const covered = table.indexes.filter(
    (index) =>
      index.valid &&
      !index.unique &&
      !index.needed &&
      index.method === 'btree' &&
      candidate.method === 'btree' &&
      !index.where &&
      !candidate.where &&
      index.keys.length < candidate.keys.length &&
      index.keys.every(
        (key, n) => plainText(key.expression) === plainText(candidate.keys[n]?.sql ?? ''),
      ),
  );
  const sentences = [
    `${shapeOf(candidate)} ${profit.length === 1 ? 'One statement' : `${profit.length} statements`} would read the index instead of ${rowsText(table.rows)} rows of ${table.shown}: cost ${rowsText(costBefore)} → ${rowsText(costAfter)}${method === 'hypopg' ? ', as PostgreSQL plans it with a hypothetical index' : ', by statistics, not confirmed by a planner'}.`,
    ...(unit.length > 1
      ? [
          `It helps only together with the other ${unit.length === 2 ? 'index' : 'indexes'} of this set.`,
        ]
      : []),
    ...(covered.length > 0
      ? [`${covered.map(({ name }) => name).join(', ')} is needless once it stands.`]
      : []),
    ...(missing ? [`It needs the extension ${candidate.extension}.`] : []),
    ...(table.partitioned
      ? ['The table is partitioned: build it on each partition concurrently, then attach.']
      : []),
    ...(upkeepMs > 0 ? [`Its upkeep takes about ${duration(upkeepMs * perDay)} a day.`] : []),
  ];
  return {
    kind: 'create_index',
    ...specOf(candidate),
    reason: sentences.join(' '),
    ddl: `CREATE INDEX ${concurrently}${candidate.id}`,
    evidence: { costBefore, costAfter, method, sizeBytes: Math.round(bytes) },
    savedMsPerDay: Math.round(saved),
    ...(upkeepMs > 0 ? { writeMsPerDay: Math.round(upkeepMs * perDay) } : {}),
    statements: profit.map(({ statement }) => statement.given.id).slice(0, 50),
  };
}

const round = (cost: number): number => Math.round(cost * 100) / 100;

function shapeOf({ keys, method, where }: Candidate): string {
  if (method === 'gin' || method === 'gist')
    return `A ${method.toUpperCase()} index knows the operator that the filter uses; a B-tree does not.`;
  if (method === 'brin')
    return 'The rows lie in the order of the column, so that an index of block ranges is enough.';
  if (where) return `Few rows have ${where}, so that a partial index stays small.`;
  if (keys.some(({ sorts }) => sorts) && keys.length > 1)
    return 'Columns compared for equality lead, the order follows: rows come sorted and reading stops at the limit.';
  if (keys.some(({ column }) => column === null))
    return 'The filter looks at an expression, which only an index on that expression serves.';
  if (keys.some(({ opclass }) => opclass?.endsWith('pattern_ops')))
    return 'The collation orders by language; LIKE needs an index that orders by characters.';
  return keys.length > 1
    ? 'Columns compared for equality lead.'
    : 'No index begins with this column.';
}

/** DELETE on a table makes PostgreSQL look for rows that refer to it; its plan does not show that. */
async function foreignKeyUnits(
  planner: Planner,
  statements: readonly Statement[],
  catalog: Catalog,
): Promise<{ statement: Statement; unit: Unit }[]> {
  const found: { statement: Statement; unit: Unit }[] = [];
  for (const { given, facts } of statements) {
    if (facts.written?.action !== 'delete') continue;
    const parent = catalog.tables.get(facts.written.table);
    for (const key of parent?.referencedBy ?? []) {
      const child = catalog.tables.get(key.table);
      const [column] = key.columns;
      if (!child || !column || child.rows < MIN_ROWS || found.length >= 20) continue;
      const served = child.indexes.some(
        (index) =>
          index.valid &&
          !index.where &&
          index.method === 'btree' &&
          key.columns.includes(index.keys[0]?.expression ?? ''),
      );
      if (served) continue;
      const candidate: Omit<Candidate, 'id'> = {
        table: child,
        method: 'btree',
        keys: key.columns.map((name) => ({
          sql: name,
          column: name,
          direction: 'ASC' as const,
          nulls: null,
        })),
        columns: key.columns,
      };
      const unit = [{ ...candidate, id: definitionOf(candidate) }];
      const conditions = key.columns
        .map((name, n) => `${quotedName(name)} = $${n + 1}`)
        .join(' AND ');
      const sql = `SELECT 1 FROM ONLY ${tablePath(child)} x WHERE ${conditions} FOR KEY SHARE OF x`;
      const asked = { sql, values: null, parameters: key.columns.length };
      const before = (await planner.plan(asked))?.['Total Cost'];
      if (before === undefined) continue;
      const after = await planner.withIndexes(
        unit.map(statementOf),
        async () => (await planner.plan(asked))?.['Total Cost'] ?? before,
      );
      const cost = after ?? 10;
      const rows = Math.max(1, given.rows ?? 1);
      found.push({
        unit,
        statement: {
          given: { ...given, calls: given.calls * rows, meanMs: null },
          facts: { ...facts, blocks: [] },
          variants: [{ values: null, share: 1 }],
          plans: [],
          cost: before,
          msPerCost: MS_PER_COST,
          meanMs: before * MS_PER_COST,
          costs: new Map([
            [
              unitId(unit),
              { cost, method: after === null ? ('statistics' as const) : ('hypopg' as const) },
            ],
          ]),
          units: [unit],
        },
      });
    }
  }
  return found;
}

const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Whether a unique index can be built at all. Reads the table, for two seconds at most. */
async function holdsDuplicates(
  session: Session,
  table: Table,
  keys: readonly string[],
  where: string | null,
): Promise<boolean> {
  const list = keys
    .map((key) => (table.columns.has(key) ? quotedName(key) : `(${key})`))
    .join(', ');
  try {
    await session.query("SELECT set_config('statement_timeout', '2000', false) /* wheelhouse */");
    const rows = await session.query(
      `SELECT 1 FROM ${tablePath(table)}${where ? ` WHERE ${where}` : ''} GROUP BY ${list} HAVING count(*) > 1 LIMIT 1 /* wheelhouse */`,
    );
    return rows.length > 0;
  } catch {
    return false;
  } finally {
    await session
      .query("SELECT set_config('statement_timeout', '10000', false) /* wheelhouse */")
      .catch(() => undefined);
  }
}

/** Whether a statement compares, or sorts by, the first key of an index. */
function wouldUse(statement: Statement, table: Table, key: string, catalog: Catalog): boolean {
  const values = valuesOf(statement.variants);
  return statement.facts.blocks.some((block) =>
    bind(block, catalog, values).some(
      (relation) =>
        relation.table === table &&
        (relation.conditions.some(({ sql }) => plainText(sql) === plainText(key)) ||
          relation.sort.some(({ operand }) => plainText(operand.sql) === plainText(key))),
    ),
  );
}

/** By which factor plans that were run were wrong about the rows of a scan. */
function misjudgedRows(statements: readonly Statement[]): Map<string, number> {
  const factors = new Map<string, number>();
  for (const { given } of statements)
    for (const scan of given.observed ?? []) {
      const factor = Math.max(scan.actual, 1) / Math.max(scan.estimated, 1);
      factors.set(scan.table, Math.max(factors.get(scan.table) ?? 1, factor, 1 / factor));
    }
  return factors;
}

function rewriteAdvice(
  statements: readonly Statement[],
  catalog: Catalog,
  perDay: number,
): Advice[] {
  const advice: Advice[] = [];
  for (const statement of statements) {
    const { given, facts, plans } = statement;
    const known = valuesOf(statement.variants);
    for (const rewrite of facts.rewrites) {
      if (rewrite.pattern === 'keyset-pagination') {
        const value =
          rewrite.offset?.constant ??
          (rewrite.offset?.parameter
            ? known({ parameter: rewrite.offset.parameter } as Operand)
            : undefined);
        const deepest = Math.max(
          ...(Array.isArray(value) ? value : [value])
            .map((each) => Number(each ?? Number.NaN))
            .filter((each) => !Number.isNaN(each)),
          0,
        );
        // Nobody told the values: many blocks for few rows tell of it.
        const wasteful =
          value === undefined &&
          given.blocks !== null &&
          given.blocks > 50 * Math.max(1, given.rows ?? 1);
        if (deepest < DEEP_OFFSET && !wasteful) continue;
      } else if (rewrite.pattern === 'sargable-range') {
        const table = rewrite.column ? tableOfRewrite(rewrite.column, facts, catalog) : null;
        const column = table?.columns.get(rewrite.column?.column ?? '');
        if (!table || !column || table.rows < MIN_ROWS) continue;
        if (rewrite.wrapper?.startsWith('::') && !/^(integer|bigint|smallint)$/.test(column.type))
          continue;
        if (!plans.some((plan) => scansEverything(plan, table))) continue;
        // An index on the very expression serves the statement as it is.
        if (
          table.indexes.some(
            (index) =>
              index.valid &&
              !index.keys[0]?.isColumn &&
              plainText(index.keys[0]?.expression ?? '').includes(plainText(rewrite.wrapper ?? '')),
          )
        )
          continue;
      } else if (statement.cost < CHEAP_COST && statement.meanMs < 5) continue;
      if (
        rewrite.wrapper === 'not in' &&
        !plans.some((plan) => [...nodesOf(plan)].some((node) => node.Filter?.includes('SubPlan')))
      )
        continue;
      advice.push({
        kind: 'rewrite',
        pattern: rewrite.pattern,
        query: given.id,
        rewrite: rewrite.rewrite,
        reason: rewrite.why,
        savedMsPerDay: Math.round(0.8 * statement.meanMs * given.calls * perDay),
        statements: [given.id],
      });
    }
  }
  return advice;
}

const tableOfRewrite = (
  column: { relation: string | null; column: string; table: string | null },
  facts: Facts,
  catalog: Catalog,
): Table | null => {
  if (column.table !== null) return catalog.tables.get(column.table) ?? null;
  const owners = facts.tables.flatMap((name) => {
    const table = catalog.tables.get(name);
    return table?.columns.has(column.column) ? [table] : [];
  });
  return owners.length === 1 ? (owners[0] ?? null) : null;
};

/** A scan of all rows, or of a whole index, that throws most of what it reads away. */
const scansEverything = (plan: PlanNode, table: Table): boolean =>
  [...nodesOf(plan)].some(
    (node) =>
      node['Relation Name'] === table.name &&
      node.Filter !== undefined &&
      (node['Node Type'] === 'Seq Scan' || /^Index/.test(node['Node Type'])),
  );

function nPlusOneAdvice(
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
    const inlined = known.parameters === 0 && known.normalized !== event.sql;
    steps.push({
      trace: event.trace,
      caller: event.caller ?? '',
      atMs: event.atMs,
      durationMs: event.durationMs ?? null,
      fingerprint: known.fingerprint,
      isSelect: known.kind === 'select' && known.written === null,
      tables: known.tables,
      values: event.params ? JSON.stringify(event.params) : inlined ? event.sql : null,
      key: onlyKey(known, catalog),
    });
  }
  return findNPlusOne(steps).map((found): Advice => {
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
    const batched = sql.replace(
      new RegExp(`((?:\\w+\\.)?"?${found.key}"?)\\s*=\\s*\\$\\d+`),
      '$1 = ANY($1)'.replace('$1 =', '$1 ='),
    );
    const common = {
      child: found.child,
      key: found.key,
      trace: found.trace,
      reason: `One request sends the same statement ${found.calls} times, once for each row of the statement before it${found.traces > 1 ? `, in ${found.traces} requests` : ''}. ${
        join ? `Load them with it: JOIN ${found.child} ON ${join}` : 'Send it once with all values'
      }: ${anyOf(sql, found.key)}. In Prisma: \`include\` (with \`relationLoadStrategy: "join"\`) or \`where: { ${found.key}: { in: […] } }\`.${batched ? '' : ''}`,
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
function onlyKey(facts: Facts, catalog: Catalog): { table: string; column: string } | null {
  const [block, ...others] = facts.blocks;
  if (!block || others.length > 0) return null;
  const keys = block.predicates.filter(
    ({ op, left, right }) =>
      op === '=' && left.column !== null && right !== null && right.refs.length === 0,
  );
  if (block.predicates.some(({ op }) => op === 'in' || op === 'or' || op === 'insub')) return null;
  const owner = (predicate: (typeof keys)[number]) => {
    const ref = predicate.left.column;
    if (!ref) return null;
    const relation =
      ref.relation === null
        ? block.relations.find(
            ({ table }) =>
              block.relations.length === 1 || catalog.tables.get(table)?.columns.has(ref.column),
          )
        : block.relations.find(({ alias }) => alias === ref.relation);
    return relation ? { table: relation.table, column: ref.column } : null;
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

/** Why nothing should be done. */
function reasonForNone(
  statement: Statement,
  catalog: Catalog,
  planner: Planner,
  writes: Writes,
  stale: ReadonlyMap<string, Advice>,
): Advice {
  const { given, facts, plans } = statement;
  const none = (reason: string): Advice => ({ kind: 'none', query: given.id, reason });
  const fault = planner.faults.get(given.sql);
  if (plans.length === 0)
    return none(
      fault ? `PostgreSQL does not plan it: ${fault}.` : 'Statements of this kind have no plan.',
    );
  const tables = facts.tables.flatMap((name) => {
    const table = catalog.tables.get(name);
    return table ? [table] : [];
  });
  const old = tables.find((table) => stale.has(table.shown));
  if (old) return none(`The statistics of ${old.shown} are old; look again after ANALYZE.`);
  const spill = plans
    .flatMap((plan) => [...nodesOf(plan)])
    .find((node) => node['Sort Space Type'] === 'Disk');
  if (spill)
    return none(
      `A sort takes ${megabytes((spill['Sort Space Used'] ?? 0) * 1_000)} on disk; a larger work_mem for this role would hold it in memory. No index helps.`,
    );
  const scanned = tables.filter((table) =>
    plans.some((plan) => fullScans(plan, table.name).length > 0),
  );
  if (scanned.length > 0 && scanned.every((table) => table.rows < MIN_ROWS)) {
    const [table] = scanned;
    return none(
      `${table?.shown} has ${rowsText(table?.rows ?? 0)} rows in ${table?.pages ?? 0} pages: reading all of it is as fast as an index.`,
    );
  }
  if (statement.cost < CHEAP_COST)
    return none('It is served by an index already and reads little.');
  const [best] = [...statement.units].sort((a, b) => costOf(statement, a) - costOf(statement, b));
  if (best && costOf(statement, best) <= 0.5 * statement.cost) {
    const cost = upkeep(best, writes);
    const saved = (statement.cost - costOf(statement, best)) * statement.msPerCost * given.calls;
    return cost * WRITES_COUNT > saved
      ? none(
          `An index on ${best[0]?.table.shown} (${best[0]?.keys.map(({ sql }) => sql).join(', ')}) would save ${duration(saved)} and cost ${duration(cost)} in writes in the same time.`,
        )
      : none('An index would save less than a second a day.');
  }
  const values = valuesOf(statement.variants);
  const kept = facts.blocks
    .flatMap((block) => bind(block, catalog, values))
    .flatMap(({ conditions, table }) =>
      conditions
        .filter(({ kind, share }) => kind !== 'join' && share > KEEPS_TOO_MUCH)
        .map(({ sql, share }) => ({ table, sql, share })),
    );
  const [wide] = kept;
  if (wide)
    return none(
      `The condition on ${wide.sql} keeps about ${Math.round(wide.share * 100)} % of ${wide.table.shown}: reading all of it is faster than an index.`,
    );
  return scanned.length > 0
    ? none('It needs most rows of its tables; no index makes it cheaper.')
    : none('Indexes serve it already; what it costs is the number of rows that it asks for.');
}
