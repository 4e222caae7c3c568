/**
 * Follows a server's log for plans of `auto_explain`, where the role may read it: superusers, and roles that may execute
 * `pg_read_binary_file`. Reads what was written since the last look, at most a megabyte of it.
 */
import type { Clock } from '../../platform/clock.ts';
import { count, emptyTally } from '../durations.ts';
import type { Registry } from '../registry.ts';
import type { SlowLog } from '../slow-log.ts';
import type { PlanReader } from './collector.ts';
import { type LoggedPlan, prefixPattern, readPlans, withoutValues } from './plan-log.ts';
import { MARK } from './read.ts';

const MAX_BYTES = 1_000_000;
const MAX_PLANS = 200;
const MAX_PLAN_CHARS = 200_000;

type Place = { file: string; offset: number };
type Log = {
  file: string;
  size: number;
  form: 'stderr' | 'jsonlog';
  prefix: string;
  database: string;
};

export function createPlanReader(deps: {
  clock: Clock;
  registry: Registry;
  slowLog: SlowLog;
  /** Whether a statement was counted in this database: some logs do not say which database a line is of. */
  seen: (databaseId: string, fingerprints: readonly string[]) => Promise<ReadonlySet<string>>;
}): PlanReader {
  const { clock, registry, slowLog } = deps;
  return async (session, database, memory, signal) => {
    // Older servers write no JSON.
    const json = session.serverVersion >= 150_000;
    // Apart: a function that may not be executed fails a statement also where its result is not asked for.
    const [rights] = await session.query<{ may: boolean }>(
      `SELECT ${MARK} has_function_privilege(current_user, 'pg_read_binary_file(text,bigint,bigint,boolean)', 'EXECUTE')
              AND has_function_privilege(current_user, 'pg_ls_logdir()', 'EXECUTE')
              AND has_function_privilege(current_user, 'pg_current_logfile(text)', 'EXECUTE')
              AND coalesce(current_setting('auto_explain.log_min_duration', true), '-1') <> '-1'
              AND coalesce(current_setting('auto_explain.log_format', true), '') = 'json' AS may`,
    );
    const [log] = rights?.may
      ? await session.query<Log>(
          `SELECT ${MARK} f.file, l.size::float8 AS size, f.form, current_setting('log_line_prefix') AS prefix, current_database() AS database
           FROM (SELECT ${json ? `coalesce(pg_current_logfile('jsonlog'), pg_current_logfile('stderr'))` : `pg_current_logfile('stderr')`} AS file,
                        ${json ? `CASE WHEN pg_current_logfile('jsonlog') IS NOT NULL THEN 'jsonlog' ELSE 'stderr' END` : `'stderr'`} AS form) AS f
           JOIN pg_ls_logdir() AS l ON l.name = regexp_replace(f.file, '^.*/', '')`,
        )
      : [];
    if (!log) {
      memory.log = null;
      return;
    }
    // Put there below, by this function alone.
    const last = memory.log as Place | null;
    const same = last?.file === log.file && last.offset <= log.size;
    // What was written before the first look is not of now; what a flood left behind is passed over.
    const offset = same ? Math.max(last.offset, log.size - MAX_BYTES) : last ? 0 : log.size;
    memory.log = { file: log.file, offset } satisfies Place;
    if (log.size <= offset) return;
    const [part] = await session.query<{ bytes: Buffer | null }>(
      `SELECT ${MARK} pg_read_binary_file($1, $2, $3, true) AS bytes`,
      [log.file, offset, MAX_BYTES],
    );
    if (!part?.bytes) return;
    const { plans, bytes } = readPlans(part.bytes, log.form, prefixPattern(log.prefix));
    memory.log = {
      file: log.file,
      offset: offset + (bytes || (part.bytes.length >= MAX_BYTES ? MAX_BYTES : 0)),
    };
    const here = plans
      .filter((one) => one.database === null || one.database === log.database)
      .filter((one) => !one.text.includes(MARK))
      .slice(0, MAX_PLANS);
    if (here.length > 0) await keep(here);

    async function keep(found: readonly LoggedPlan[]) {
      const known = await registry.identify(
        database.id,
        found.map(({ text }) => ({ text })),
        signal,
      );
      const certain = found.every((one) => one.database !== null)
        ? null
        : await deps.seen(
            database.id,
            known.map(({ fingerprint }) => fingerprint),
          );
      found.forEach((one, n) => {
        const statement = known[n];
        if (!statement) return;
        if (one.database === null && !certain?.has(statement.fingerprint)) return;
        const slow = one.durationMs > database.slowMs;
        const tally = emptyTally();
        count(tally, one.durationMs, slow);
        const caller = one.application ?? '(unknown)';
        slowLog.called({
          databaseId: database.id,
          statementId: statement.id,
          source: 'auto_explain',
          caller,
          tally,
        });
        if (!slow) return;
        const plan = database.keepParameters ? one.plan : withoutValues(one.plan);
        slowLog.add({
          databaseId: database.id,
          statementId: statement.id,
          at: near(one.at, clock.now()),
          durationMs: one.durationMs,
          source: 'auto_explain',
          caller,
          requestId: null,
          traceId: null,
          plan: JSON.stringify(plan).length > MAX_PLAN_CHARS ? null : plan,
          parameters: null,
        });
      });
    }
  };
}

/** A server whose clock is wrong does not write into other days. */
const near = (at: Date | null, now: Date): Date =>
  at && Math.abs(at.getTime() - now.getTime()) < 3_600_000 ? at : now;
