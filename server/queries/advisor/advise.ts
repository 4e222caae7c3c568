/**
 * Advice for a workload. Each statement is planned as it is and with each candidate index; sets that only help together are
 * tried together; then indexes are chosen for the whole workload, the one that saves most first, until none is left that
 * saves twice what its upkeep costs (greedy choice by marginal benefit, after Chaudhuri and Narasayya, VLDB 1997). Rewrites,
 * caches, N+1, broken and needless indexes and old statistics have rules of their own. Where nothing should be done, it says so.
 */

import type { Advice } from '../contract.ts';
import type { Facts, Read } from '../statement/facts.ts';
import { cacheAdvice } from './caching.ts';
import { quoted, tablePath } from './candidates.ts';
import { type Catalog, readCatalog, type Table } from './catalog.ts';
import { choose, DAY_MS } from './choose.ts';
import { foreignKeyChecks } from './foreign-keys.ts';
import { brokenIndexes, redundantIndexes, staleStatistics, unusedIndexes } from './housekeeping.ts';
import { nPlusOneAdvice } from './loops.ts';
import { nodesOf } from './plan.ts';
import { createPlanner } from './planner.ts';
import { reasonForNone } from './reasons.ts';
import { type Rewritten, rewriteAdvice, worthTrying } from './rewriting.ts';
import type { Session } from './session.ts';
import { costOf, look, type Statement, tryCandidates, wouldUse } from './statement.ts';
import { changesOf, writesOf } from './upkeep.ts';
import type { StatementEvent, Workload, WorkloadStatement } from './workload.ts';

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
  const catalogOf: Catalog = children
    ? { ...catalog, tables: new Map([...children.tables, ...catalog.tables]) }
    : catalog;
  const planner = await createPlanner(session, catalogOf.extensions.get('hypopg'));

  const statements: Statement[] = [];
  for (const { given, facts } of understood) {
    signal?.throwIfAborted();
    statements.push(await look(planner, given, facts));
  }
  const behind = await behindViews(session, read, statements, catalogOf);
  const known: Catalog = { ...catalogOf, tables: new Map([...behind, ...catalogOf.tables]) };
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

  // Other forms, and look-ups that no plan shows, are statements too; they are told of under the name of their origin.
  const rewritten: Rewritten[] = [];
  for (const statement of statements)
    for (const rewrite of worthTrying(statement, known)) {
      if (rewrite.pattern === 'sargable-range' && rewrite.column)
        statement.uncovered.push(rewrite.column.column);
      const [answer] = rewrite.pattern === 'keyset-pagination' ? [] : await read([rewrite.rewrite]);
      const other = answer?.facts
        ? await look(planner, { ...statement.given, sql: rewrite.rewrite }, answer.facts)
        : null;
      if (other && other.plans.length > 0) other.msPerCost = statement.msPerCost;
      rewritten.push({
        of: statement,
        rewrite,
        statement: other && other.plans.length > 0 ? other : null,
      });
    }
  const checks = foreignKeyChecks(statements, known);
  const lookedUp = await read(checks.map(({ sql }) => sql));
  const lookups: Statement[] = [];
  for (const [n, check] of checks.entries()) {
    const facts = lookedUp[n]?.facts;
    if (facts) lookups.push(await look(planner, check, facts));
  }
  const all = [
    ...statements,
    ...rewritten.flatMap(({ statement }) => (statement ? [statement] : [])),
    ...lookups,
  ];
  for (const statement of all) {
    signal?.throwIfAborted();
    await tryCandidates(planner, statement, known, stale);
  }
  const chosen = await choose({ planner, statements: all, catalog: known, workload, writes });
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
  const costNow = (statement: Statement) =>
    Math.min(statement.cost, ...chosen.map(({ unit }) => costOf(statement, unit)));
  kept.push(...rewriteAdvice(rewritten, costNow, perDay));
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

/**
 * Tables that a statement does not name but its plan reads, behind views: the filters of the plan say what is asked of them.
 * Adds blocks to the statements; answers the tables by name.
 */
async function behindViews(
  session: Session,
  read: Reader,
  statements: readonly Statement[],
  catalog: Catalog,
): Promise<Map<string, Table>> {
  const named = new Set(
    [...catalog.tables.values()].flatMap(({ name, partitions }) => [name, ...partitions]),
  );
  const filters = statements.flatMap((statement) =>
    statement.plans.slice(0, 1).flatMap((plan) =>
      [...nodesOf(plan)].flatMap((node) => {
        const name = node['Relation Name'];
        return name && node.Filter && !named.has(name)
          ? [
              {
                statement,
                sql: `SELECT 1 FROM ${quoted(name)} AS ${quoted(node.Alias ?? name)} WHERE ${node.Filter}`,
              },
            ]
          : [];
      }),
    ),
  );
  if (filters.length === 0) return new Map();
  const answers = await read(filters.map(({ sql }) => sql));
  const found = await readCatalog(
    session,
    answers.flatMap(({ facts }) => facts?.tables ?? []),
  );
  for (const [n, { statement }] of filters.entries()) {
    const facts = answers[n]?.facts;
    if (!facts || facts.tables.some((name) => found.tables.get(name)?.partition !== false))
      continue;
    statement.facts.blocks.push(...facts.blocks);
    statement.facts.tables.push(...facts.tables);
  }
  return new Map([...found.tables].filter(([, { partition }]) => !partition));
}

/** Whether a unique index can be built at all. Reads the table, for two seconds at most. */
async function holdsDuplicates(
  session: Session,
  table: Table,
  keys: readonly string[],
  where: string | null,
): Promise<boolean> {
  const list = keys.map((key) => (table.columns.has(key) ? quoted(key) : `(${key})`)).join(', ');
  try {
    await session.query("SELECT set_config('statement_timeout', '2000', false)");
    const rows = await session.query(
      `SELECT 1 FROM ${tablePath(table)}${where ? ` WHERE ${where}` : ''} GROUP BY ${list} HAVING count(*) > 1 LIMIT 1`,
    );
    return rows.length > 0;
  } catch {
    return false;
  } finally {
    await session
      .query("SELECT set_config('statement_timeout', '10000', false)")
      .catch(() => undefined);
  }
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
