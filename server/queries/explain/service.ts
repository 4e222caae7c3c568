/**
 * EXPLAIN that cannot do harm (docs/modules/queries-explain.md). One connection for one question: read-only, with time-outs,
 * as a role that only reads where the URL is a superuser's, rolled back and ended. ANALYZE only for what `judge.ts` passes, and
 * what plain EXPLAIN expects to be cheap; one at a time for a database, across replicas.
 */
import pg from 'pg';
import type { Db } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import { withLock } from '../../platform/lock.ts';
import type { Workers } from '../../platform/workers/index.ts';
import type { Target, TargetSession, Targets } from '../targets.ts';
import {
  ANALYZE_COST,
  ANALYZE_ROWS,
  ANALYZE_TIMEOUT_MS,
  type ExplainAnswer,
  type Plan,
  type PlanNode,
} from './contract.ts';
import { judge } from './judge.ts';
import { planText, readPlan } from './plan.ts';
import type { Facts, Source } from './read.ts';

const READER = new URL('./read.ts', import.meta.url);
const READ_TIMEOUT_MS = 10_000;
const PLAN_TIMEOUT_MS = 5_000;
const WORK_MEM_MAX_BYTES = 64 * 1024 * 1024;
const GROWTH_MAX = 1_000_000;

export type ExplainInput = {
  databaseId: string;
  sql: string;
  analyze?: boolean;
  params?: (string | null)[];
};
export type Explain = {
  /** Never changes anything. Rejects only when the database cannot be asked. */
  explain(input: ExplainInput, signal?: AbortSignal): Promise<ExplainAnswer>;
  /** Why each may not even be planned on this connection, where the planner may run functions; null when it may. */
  refusals(
    session: TargetSession,
    texts: readonly string[],
    signal?: AbortSignal,
  ): Promise<(string | null)[]>;
};

/** What was refused, as a sentence. */
class Stop extends Error {}

export function createExplain(deps: {
  db: Db;
  workers: Workers;
  targets: Targets;
  /** Rejects with NOT_FOUND. */
  find: (databaseId: string) => Promise<Target>;
}): Explain {
  const { db, workers, targets, find } = deps;
  const task = <T>(name: string, input: unknown, signal: AbortSignal | undefined) =>
    workers.run<T>(READER, name, input, {
      timeoutMs: READ_TIMEOUT_MS,
      ...(signal ? { signal } : {}),
    });

  const ask = async (
    target: Target,
    facts: Facts,
    input: ExplainInput,
    signal: AbortSignal | undefined,
  ): Promise<ExplainAnswer> => {
    const session = await targets.open(target, {
      purpose: 'explain',
      statementTimeoutMs: ANALYZE_TIMEOUT_MS,
      ...(signal ? { signal } : {}),
    });
    const answer = blank(facts);
    const readBodies = (sources: Source[]) => task<Facts[]>('readFunctionsTask', sources, signal);
    try {
      const { schemas, path } = await begin(session, facts);
      const check = async (analyze: boolean) => {
        await set(session, { search_path: 'pg_catalog' });
        const refusal = await judge(session, facts, { analyze, schemas, readBodies });
        await set(session, { search_path: path });
        return refusal;
      };
      const danger = input.analyze ? await check(true) : null;
      // What may run may be planned.
      const refusal = input.analyze && !danger ? null : await check(false);
      if (refusal) throw new Stop(sentence('It is not explained', refusal));
      // Known before it is planned, as the role may not even plan it.
      if (danger) answer.refused = sentence('It was not run', danger);
      answer.generic = facts.parameters > 0 && !input.params;
      await set(session, { statement_timeout: String(PLAN_TIMEOUT_MS) });
      show(answer, await plan(session, facts, input, false));
      if (input.analyze && !danger) {
        if (facts.parameters > 0 && !input.params)
          throw new Stop(
            `It was not run: give a value for each of its ${facts.parameters} parameters.`,
          );
        if (session.superuser && session.serverVersion < 140_000)
          throw new Stop(
            'It was not run: the role is a superuser, and PostgreSQL 13 has no role that only reads. Give a role with fewer rights.',
          );
        if (answer.plan) gate(answer.plan);
        const ran = await withLock(db.pool, `queries.analyze.${target.id}`, async (lost) => {
          lost.throwIfAborted();
          await limit(session);
          return plan(session, facts, input, true);
        });
        if (ran === null)
          throw new Stop(
            'It was not run: another one is being run on this database. Try again in a few seconds.',
          );
        show(answer, ran);
        answer.analyzed = true;
        answer.notes.push('It ran without parallel workers and without JIT.');
      }
    } catch (error) {
      if (error instanceof Stop) answer.refused = error.message;
      else if (signal?.aborted || error instanceof AppError) throw error;
      else if (error instanceof pg.DatabaseError) answer.refused ??= inWords(error);
      else
        throw new AppError('SERVICE_UNAVAILABLE', 'The database stopped answering.', {
          cause: error,
        });
    } finally {
      await session.query('ROLLBACK').catch(() => undefined);
      await session.close();
    }
    return answer;
  };

  return {
    async refusals(session, texts, signal) {
      const all = await task<Facts[]>('readTask', texts, signal);
      const readBodies = (sources: Source[]) => task<Facts[]>('readFunctionsTask', sources, signal);
      const answers: (string | null)[] = [];
      try {
        for (const facts of all) {
          if (facts.problem) {
            answers.push(facts.problem);
            continue;
          }
          const { schemas } = await begin(session, facts);
          await set(session, { search_path: 'pg_catalog' });
          const refusal = await judge(session, facts, { analyze: false, schemas, readBodies });
          answers.push(refusal ? sentence('It is not planned', refusal) : null);
          await session.query('ROLLBACK');
        }
        return answers;
      } finally {
        await session.query('ROLLBACK').catch(() => undefined);
      }
    },
    async explain(input, signal) {
      const target = await find(input.databaseId);
      const [facts] = await task<Facts[]>('readTask', [input.sql], signal);
      if (!facts) throw new AppError('INTERNAL_SERVER_ERROR', 'The statement was not read.');
      if (facts.problem) return { ...blank(facts), refused: facts.problem };
      if (input.params && input.params.length !== facts.parameters) {
        const message = `It takes ${facts.parameters} values, and ${input.params.length} were given.`;
        throw new AppError('BAD_REQUEST', message, { fields: [{ path: 'params', message }] });
      }
      if (facts.growsByParameter && input.params?.some((value) => Number(value) > GROWTH_MAX))
        return { ...blank(facts), refused: `A length above ${GROWTH_MAX} is not accepted.` };
      return ask(target, facts, input, signal);
    },
  };
}

const blank = (facts: Facts): ExplainAnswer => ({
  refused: null,
  plan: null,
  text: null,
  json: null,
  generic: false,
  analyzed: false,
  parameters: facts.parameters,
  notes: [],
});

function show(answer: ExplainAnswer, json: unknown): void {
  const plan = readPlan(json);
  if (!plan) throw new Stop('PostgreSQL answered with something that is no plan.');
  answer.plan = plan;
  answer.text = planText(plan);
  answer.json = json;
  if (answer.generic)
    answer.notes = [
      'Planned without values for its parameters, as PostgreSQL plans it for any value. Where values are uneven, give some.',
    ];
}

const sentence = (start: string, reason: string): string => `${start}: ${reason}.`;

async function set(
  session: TargetSession,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const entries = Object.entries(settings);
  await session.query(
    `SELECT ${entries.map((_, n) => `pg_catalog.set_config($${2 * n + 1}, $${2 * n + 2}, true)`).join(', ')}`,
    entries.flat(),
  );
}

async function begin(
  session: TargetSession,
  facts: Facts,
): Promise<{ schemas: string[]; path: string }> {
  await session.query('BEGIN READ ONLY');
  // A superuser passes every check of rights. Planning alone asks for the right to write: what would write, and so never runs,
  // is planned as who signed in.
  if (session.superuser) {
    await set(session, { temp_file_limit: '1GB' });
    if (session.serverVersion >= 140_000 && facts.effect === null)
      await session.query('SET LOCAL ROLE pg_read_all_data');
  }
  const [row] = await session.query<{ schemas: string[]; path: string; readonly: string }>(
    `SELECT pg_catalog.current_schemas(true)::pg_catalog.text[] AS schemas, pg_catalog.current_setting('search_path') AS path,
            pg_catalog.current_setting('transaction_read_only') AS readonly`,
  );
  if (row?.readonly !== 'on') throw new Stop('The transaction is not read-only.');
  return row;
}

/** What a statement that runs may use. */
async function limit(session: TargetSession): Promise<void> {
  const [row] = await session.query<{ bytes: string }>(
    `SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem'))::pg_catalog.text AS bytes`,
  );
  await set(session, {
    statement_timeout: String(ANALYZE_TIMEOUT_MS),
    work_mem: `${Math.floor(Math.min(Number(row?.bytes ?? 0) || WORK_MEM_MAX_BYTES, WORK_MEM_MAX_BYTES) / 1024)}kB`,
    max_parallel_workers_per_gather: '0',
    jit: 'off',
  });
}

/**
 * Without values the generic plan, made the way that goes by the extended protocol in every version: prepared, and explained with
 * NULL in place of values. (`EXPLAIN (GENERIC_PLAN)` of 16 would need the simple protocol, which takes several statements.)
 */
async function plan(
  session: TargetSession,
  facts: Facts,
  { sql, params }: ExplainInput,
  analyze: boolean,
): Promise<unknown> {
  const options = `FORMAT JSON, SETTINGS${analyze ? ', ANALYZE, BUFFERS' : ''}`;
  let rows: Record<string, unknown>[];
  if (facts.parameters > 0 && !params) {
    await set(session, { plan_cache_mode: 'force_generic_plan' });
    await session.query(`PREPARE wheelhouse_explained AS ${sql}`);
    const nulls = Array.from({ length: facts.parameters }, () => 'NULL').join(', ');
    rows = await session.query(`EXPLAIN (${options}) EXECUTE wheelhouse_explained(${nulls})`);
    await session.query('DEALLOCATE wheelhouse_explained');
  } else {
    rows = await session.query(`EXPLAIN (${options}) ${sql}`, params ?? []);
  }
  return rows[0]?.['QUERY PLAN'] ?? null;
}

function gate(plan: Plan): void {
  let rows = 0;
  const waiting: PlanNode[] = [plan.root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    rows = Math.max(rows, node.planRows);
    waiting.push(...node.children);
  }
  if (plan.totalCost > ANALYZE_COST || rows > ANALYZE_ROWS)
    throw new Stop(
      `It was not run: PostgreSQL expects a cost of ${Math.round(plan.totalCost)} and up to ${Math.round(rows)} rows; the limits are ${ANALYZE_COST} and ${ANALYZE_ROWS}.`,
    );
}

function inWords(error: pg.DatabaseError): string {
  const message = (error.message.split('\n')[0] ?? '').slice(0, 300);
  switch (error.code) {
    case '57014':
      return `It took longer than it may (${ANALYZE_TIMEOUT_MS / 1000} s to run, ${PLAN_TIMEOUT_MS / 1000} s to plan), and was ended.`;
    case '55P03':
      return 'A lock stood in its way, and it did not wait.';
    case '42501':
      return `The role may not do this: ${message}.`;
    case '53400':
      return 'It wrote more than 1 GB of temporary files, and was ended.';
    default:
      return `PostgreSQL refuses it: ${message}.`;
  }
}
