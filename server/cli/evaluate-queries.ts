/**
 * `evaluate queries FILE --database URL`: builds the case (slow-query-case/1) in an empty database, runs its reading
 * statements to learn their times, and asks the advisor about the whole workload, as `queries.advise` does. Needs no console.
 */
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { z } from 'zod';
import { PlainError } from '../platform/plain-error.ts';
import {
  type Advice,
  advise,
  nodesOf,
  type PlanNode,
  type Reader,
  type TargetSession,
  type Workload,
  type WorkloadStatement,
} from '../queries/index.ts';

const MAX_BYTES = 256 * 1024 * 1024;
const WINDOW_MS = 3_600_000;
const STATEMENT_TIMEOUT_MS = 30_000;
const MAX_SETS = 5;
const MAX_STATEMENTS = 500;
const SHOWN = 10;

const caseSchema = z.object({
  id: z.string().optional(),
  extensions: z
    .array(z.string().regex(/^[a-z_][a-z0-9_-]*$/, 'The name of an extension'))
    .default([]),
  setup: z.array(z.string()).default([]),
  setupMayFail: z.array(z.string()).default([]),
  analyzeAfterSetup: z.boolean().default(true),
  workload: z
    .array(
      z.object({
        name: z.string(),
        sql: z.string(),
        params: z.array(z.array(z.unknown())).default([]),
        repeat: z.number().int().min(1).default(1),
        write: z.boolean().default(false),
      }),
    )
    .default([]),
  events: z
    .array(
      z.object({
        trace: z.string().nullish(),
        session: z.string().nullish(),
        atMs: z.number(),
        durationMs: z.number().optional(),
        sql: z.string(),
        params: z.array(z.unknown()).optional(),
        caller: z.string().optional(),
      }),
    )
    .default([]),
});
type Case = z.output<typeof caseSchema>;

export async function evaluateQueries(
  file: string,
  url: string,
  read: Reader,
): Promise<{ advice: Advice[] }> {
  const given = await readCase(file);
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new PlainError(
      '--database: a URL such as postgresql://user:password@host/empty is needed.',
    );
  const client = new pg.Client({ connectionString: url, application_name: 'wheelhouse evaluate' });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new PlainError(
      `--database: ${error instanceof Error ? error.message : 'cannot be reached'}.`,
    );
  }
  try {
    await build(client, given, file);
    const workload = await workloadOf(client, given, read);
    const query: TargetSession['query'] = async <R extends object>(
      text: string,
      values: readonly unknown[] = [],
    ) => (await client.query<R & pg.QueryResultRow>(text, [...values])).rows;
    const [server] = await query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int AS version",
    );
    return {
      advice: await advise({ query, serverVersion: server?.version ?? 0 }, read, workload),
    };
  } finally {
    await client.end();
  }
}

async function readCase(file: string): Promise<Case> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new PlainError(`${file}: ${error.message}`);
  });
  if (text.length > MAX_BYTES) throw new PlainError(`${file} is longer than ${MAX_BYTES} bytes.`);
  let data: unknown;
  try {
    data = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw new PlainError(`${file} is no JSON.`);
  }
  const parsed = caseSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues
    .slice(0, SHOWN)
    .map((issue) => `${z.core.toDotPath(issue.path) || 'the file'}: ${issue.message}`);
  throw new PlainError(`${file} is no slow-query case. ${faults.join('; ')}.`);
}

/** Else what was counted of a statement shows up later, and a table that was just analyzed seems changed. */
const flush = (client: pg.Client) =>
  client.query('SELECT pg_stat_force_next_flush()').catch(() => undefined);

async function build(client: pg.Client, given: Case, file: string): Promise<void> {
  for (const extension of given.extensions)
    await client.query(`CREATE EXTENSION IF NOT EXISTS "${extension}"`).catch((error: Error) => {
      throw new PlainError(
        `${file}: the extension ${extension} cannot be created: ${error.message}`,
      );
    });
  // Without it advice is by statistics.
  await client.query('CREATE EXTENSION IF NOT EXISTS hypopg').catch(() => undefined);
  for (const [n, sql] of given.setup.entries()) {
    await client.query(sql).catch((error: Error) => {
      throw new PlainError(`${file}: setup.${n}: ${error.message}`);
    });
    await flush(client);
  }
  for (const sql of given.setupMayFail) await client.query(sql).catch(() => undefined);
  if (given.analyzeAfterSetup) await client.query('VACUUM ANALYZE');
  await flush(client);
}

async function workloadOf(client: pg.Client, given: Case, read: Reader): Promise<Workload> {
  const statements: WorkloadStatement[] = [];
  for (const { name, sql, params, repeat, write } of given.workload) {
    const distinct = new Map(params.map((values) => [JSON.stringify(values), values]));
    const share = repeat / Math.max(1, params.length);
    const calls = (values: readonly unknown[]) =>
      params.filter((each) => JSON.stringify(each) === JSON.stringify(values)).length * share;
    const base: WorkloadStatement = {
      id: name,
      sql,
      calls: repeat,
      meanMs: null,
      rows: null,
      blocks: null,
      parameters: [...distinct.values()].map((values) => ({ values, calls: calls(values) })),
      repeated:
        params.length === 0 ? 1 : Math.max(0, 1 - distinct.size / Math.max(repeat, params.length)),
    };
    statements.push(write ? base : await measured(client, base, read));
  }
  const known = new Set(given.workload.map(({ sql }) => sql));
  const sent = given.events.filter(({ sql }) => !known.has(sql));
  const texts = [...new Set(sent.map(({ sql }) => sql))];
  const answers = await read(texts);
  const identity = new Map(
    texts.map((sql, n) => [sql, answers[n]?.facts?.fingerprint ?? sql] as const),
  );
  for (const events of Map.groupBy(sent, ({ sql }) => identity.get(sql)).values()) {
    const [first] = events;
    if (!first || statements.length >= MAX_STATEMENTS) continue;
    statements.push({
      id: first.sql.slice(0, 200),
      sql: first.sql,
      calls: events.length,
      meanMs: null,
      rows: null,
      blocks: null,
      parameters: events
        .flatMap(({ params }) => (params ? [{ values: params, calls: 1 }] : []))
        .slice(0, MAX_SETS),
      repeated: null,
    });
  }
  return {
    windowMs: WINDOW_MS,
    statements,
    events: given.events.map(({ trace, session, ...event }, n) => ({
      // What nobody traced belongs to nothing.
      trace: trace ?? `event ${n}`,
      ...(session ? { session } : {}),
      atMs: event.atMs,
      ...(event.durationMs === undefined ? {} : { durationMs: event.durationMs }),
      sql: event.sql,
      ...(event.params ? { params: event.params } : {}),
      ...(event.caller ? { caller: event.caller } : {}),
    })),
  };
}

/** Times, rows and blocks by running it, in a transaction that may not write and is rolled back. */
async function measured(
  client: pg.Client,
  statement: WorkloadStatement,
  read: Reader,
): Promise<WorkloadStatement> {
  const [answer] = await read([statement.sql]);
  if (answer?.facts?.kind !== 'select') return statement;
  const sets =
    statement.parameters.length > 0
      ? statement.parameters.slice(0, MAX_SETS)
      : [{ values: [], calls: statement.calls }];
  const total = sets.reduce((sum, { calls }) => sum + calls, 0);
  let [meanMs, rows, blocks, spilled] = [0, 0, 0, 0];
  const observed: { table: string; estimated: number; actual: number }[] = [];
  try {
    await client.query('BEGIN READ ONLY');
    await client.query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
    for (const { values, calls } of sets) {
      const result = await client.query<{
        'QUERY PLAN': { Plan: PlanNode; 'Execution Time': number }[];
      }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON, TIMING OFF) ${statement.sql}`,
        values.map((value) =>
          typeof value === 'number' || typeof value === 'boolean' ? String(value) : value,
        ),
      );
      const [run] = result.rows[0]?.['QUERY PLAN'] ?? [];
      if (!run) continue;
      meanMs += (run['Execution Time'] * calls) / total;
      rows += ((run.Plan['Actual Rows'] ?? 0) * calls) / total;
      blocks +=
        (((run.Plan['Shared Hit Blocks'] ?? 0) + (run.Plan['Shared Read Blocks'] ?? 0)) * calls) /
        total;
      spilled += ((run.Plan['Temp Written Blocks'] ?? 0) * calls) / total;
      for (const node of nodesOf(run.Plan))
        if (node['Relation Name'])
          observed.push({
            table: node['Relation Name'],
            estimated: node['Plan Rows'],
            actual: node['Actual Rows'] ?? 0,
          });
    }
  } catch {
    // A call that takes too long tells nothing more than its plan.
    return statement;
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
  return { ...statement, meanMs, rows, blocks, spilled, observed };
}
