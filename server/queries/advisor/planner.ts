/**
 * Questions to PostgreSQL's planner: what a statement would cost, now and with indexes that do not exist. Hypothetical
 * indexes are HypoPG's: they live in this one session, and nowhere on disk.
 */
import type { PlanNode } from './plan.ts';
import type { Session } from './session.ts';

export type Asked = { sql: string; values: readonly unknown[] | null; parameters: number };
export type Hypothetical = { name: string; bytes: number };
export type Planner = {
  /** Null when PostgreSQL does not plan the statement; why is in `faults`. */
  plan(asked: Asked): Promise<PlanNode | null>;
  /** Runs `work` while these indexes seem to exist; their names in plans, in the order of `ddl`. Null without HypoPG, or when it refuses one. */
  withIndexes<T>(
    ddl: readonly string[],
    work: (made: Hypothetical[]) => Promise<T>,
  ): Promise<T | null>;
  hypothetical: boolean;
  /** The last fault of a statement's text. */
  faults: ReadonlyMap<string, string>;
};

const ignore = () => undefined;

export async function createPlanner(
  session: Session,
  hypopg: string | undefined,
): Promise<Planner> {
  const faults = new Map<string, string>();
  const schema = hypopg === undefined ? null : `"${hypopg.replaceAll('"', '""')}"`;
  // Costs of parallel plans depend on how many workers are free; those compared here do not.
  await session.query(
    `SELECT set_config('max_parallel_workers_per_gather', '0', false), set_config('jit', 'off', false),
            set_config('plan_cache_mode', 'force_generic_plan', false)`,
  );
  let prepared = 0;

  const explain = async (sql: string, values?: readonly unknown[]): Promise<PlanNode> => {
    const rows = await session.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(sql, values);
    const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
    if (!plan) throw new Error('EXPLAIN answered no plan');
    return plan;
  };
  const generic = async (sql: string, parameters: number): Promise<PlanNode> => {
    // EXPLAIN (GENERIC_PLAN) of PostgreSQL 16 would need the simple protocol, which takes several statements.
    const name = `wheelhouse_${++prepared}`;
    await session.query(`PREPARE ${name} AS ${sql}`);
    try {
      const nulls = Array.from({ length: parameters }, () => 'NULL').join(', ');
      return await explain(`EXPLAIN (FORMAT JSON) EXECUTE ${name}(${nulls})`);
    } finally {
      await session.query(`DEALLOCATE ${name}`).catch(ignore);
    }
  };

  return {
    hypothetical: schema !== null,
    faults,
    async plan({ sql, values, parameters }) {
      try {
        if (parameters === 0) return await explain(`EXPLAIN (FORMAT JSON) ${sql}`);
        return values && values.length >= parameters
          ? await explain(`EXPLAIN (FORMAT JSON) ${sql}`, values.map(bindable))
          : await generic(sql, parameters);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error) || /^(08|57)/.test(String(error.code)))
          throw error;
        faults.set(sql, error.message.slice(0, 200));
        return null;
      }
    },
    async withIndexes(ddl, work) {
      if (schema === null) return null;
      try {
        const made: Hypothetical[] = [];
        for (const statement of ddl) {
          const [row] = await session.query<{ name: string; bytes: string }>(
            `SELECT indexname AS name, ${schema}.hypopg_relation_size(indexrelid)::text AS bytes FROM ${schema}.hypopg_create_index($1)`,
            [statement],
          );
          if (!row) return null;
          made.push({ name: row.name, bytes: Number(row.bytes) });
        }
        return await work(made);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error) || /^(08|57)/.test(String(error.code)))
          throw error;
        return null;
      } finally {
        await session.query(`SELECT ${schema}.hypopg_reset()`).catch(ignore);
      }
    },
  };
}

/** What node-postgres would send as JSON goes as JSON; arrays go as arrays of PostgreSQL. */
function bindable(value: unknown): unknown {
  if (value === undefined) return null;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}
