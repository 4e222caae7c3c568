/** Why nothing should be done. Pure. */
import type { Advice } from '../contract.ts';
import { bind, MIN_ROWS } from './candidates.ts';
import type { Catalog } from './catalog.ts';
import { WRITES_COUNT } from './choose.ts';
import { fullScans } from './plan.ts';
import type { Planner } from './planner.ts';
import { CHEAP_COST, costOf, type Statement, valuesOf } from './statement.ts';
import { upkeep, type Writes } from './upkeep.ts';
import { duration, megabytes, rowsText } from './words.ts';

const KEEPS_TOO_MUCH = 0.3;
const SPILLS_MUCH = 1_000_000;

/** Why nothing should be done. */
export function reasonForNone(
  statement: Statement,
  catalog: Catalog,
  planner: Planner,
  writes: Writes,
  stale: ReadonlyMap<string, Advice>,
): Advice {
  const { given, facts, plans } = statement;
  const none = (reason: string): Advice => ({ kind: 'none', query: given.id, reason });
  const fault = planner.faults.get(facts.reading?.sql ?? given.sql);
  if (plans.length === 0)
    return none(
      fault ? `PostgreSQL does not plan it: ${fault}.` : 'Statements of this kind have no plan.',
    );
  const tables = facts.tables.flatMap((name) => {
    const table = catalog.tables.get(name);
    return table ? [table] : [];
  });
  if (tables.length === 0) return none('It reads no table of this database.');
  const old = tables.find((table) => stale.has(table.shown));
  if (old) return none(`The statistics of ${old.shown} are old; look again after ANALYZE.`);
  const spilled = (given.spilled ?? 0) * 8_192;
  if (spilled >= SPILLS_MUCH)
    return none(
      `Each call writes ${megabytes(spilled)} to temporary files, as a sort or a hash does not fit into work_mem. No index helps; a work_mem of ${megabytes(3 * spilled)} for its role would, if that many calls at once have room in memory.`,
    );
  const scanned = tables.filter((table) => plans.some((plan) => fullScans(plan, table).length > 0));
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
