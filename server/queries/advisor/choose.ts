/** The indexes that pay, for the whole workload: the one that saves most first, each by what it adds to those before it. */
import type { Advice, Evidence } from '../contract.ts';
import { type Candidate, plainText, specOf, type Unit } from './candidates.ts';
import type { Catalog } from './catalog.ts';
import { estimatedBytes } from './estimate.ts';
import type { Planner } from './planner.ts';
import { CHEAP_COST, costOf, costWith, type Statement, statementOf, unitId } from './statement.ts';
import { upkeep, type Writes } from './upkeep.ts';
import { duration, rowsText } from './words.ts';
import type { Workload } from './workload.ts';

const MIN_SAVED_MS_A_DAY = 1_000;
const MIN_WINDOW_MS = 3_600_000;
const MIN_CALLS = 10;

export const WRITES_COUNT = 2;

export const DAY_MS = 86_400_000;

export type Choice = { unit: Unit; advice: Advice };

export async function choose(given: {
  planner: Planner;
  statements: readonly Statement[];
  catalog: Catalog;
  workload: Workload;
  writes: Writes;
}): Promise<Choice[]> {
  const { planner, statements, catalog, workload, writes } = given;
  const pool = new Map<string, Unit>();
  for (const statement of statements) {
    const ranked = [...statement.units].sort((a, b) => costOf(statement, a) - costOf(statement, b));
    const best = ranked[0];
    if (!best || costOf(statement, best) > 0.7 * statement.cost) continue;
    for (const unit of ranked.filter((each) => comparable(statement, each, best)).slice(0, 8))
      pool.set(unitId(unit), unit);
    for (const unit of [
      ...ranked.slice(0, 3),
      ...ranked.filter(([first]) => first?.method === 'brin'),
    ])
      pool.set(unitId(unit), unit);
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
  const savings = (unit: Unit) =>
    statements.flatMap((statement) => {
      const cost = statement.costs.get(unitId(unit));
      const now = current.get(statement) ?? statement.cost;
      // An index that only makes a plan a little cheaper in theory is not worth its upkeep.
      // Of block ranges the planner thinks too little: it takes them to hold rows of everywhere.
      const most = unit[0]?.method === 'brin' ? 0.7 : 0.5;
      if (!cost || cost.cost > most * now || now - cost.cost < CHEAP_COST / 2) return [];
      // What another index did already is not done better for the last tenth.
      if (now < statement.cost && now - cost.cost < 0.1 * statement.cost) return [];
      // What was seen a few times in a few minutes says nothing of a day.
      if (workload.windowMs < MIN_WINDOW_MS && statement.given.calls < MIN_CALLS) return [];
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
        // Block ranges are small and slow; they are for tables whose writes forbid anything else.
        unit[0]?.method === best.unit[0]?.method &&
        profits.every(({ statement, cost }) => {
          const other = statement.costs.get(unitId(unit));
          return other !== undefined && (asGood(other.cost, cost) || narrows(unit, best.unit));
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

/** A partial index that leaves out the column which its predicate fixes: the same rows, in the same order, in less space. */
const narrows = ([partial, ...others]: Unit, [whole]: Unit): boolean =>
  partial?.where !== undefined &&
  whole !== undefined &&
  others.length === 0 &&
  whole.where === undefined &&
  whole.keys.length === partial.keys.length + 1 &&
  partial.keys.every(({ sql }, n) => sql === whole.keys[n + 1]?.sql) &&
  partial.columns.includes(whole.keys[0]?.sql ?? '');
const comparable = (statement: Statement, unit: Unit, best: Unit): boolean =>
  asGood(costOf(statement, unit), costOf(statement, best)) || narrows(unit, best);

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
