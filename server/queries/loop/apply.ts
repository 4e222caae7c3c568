/**
 * Carries out one piece of advice: the only writes that the console makes in a watched database. Indexes are built and dropped
 * CONCURRENTLY, by the role that was given for it. Whatever happens, what is left half done is looked for and removed; what
 * cannot be told or removed now is answered as `unclear` and settled later.
 */
import pg from 'pg';
import type { Log } from '../../platform/log.ts';
import type { Workers } from '../../platform/workers/index.ts';
import type { Advice, IndexSpec } from '../contract.ts';
import { judge } from '../explain/judge.ts';
import type { Facts, Source } from '../explain/read.ts';
import type { Target, TargetSession, Targets } from '../targets.ts';
import type { AdviceProgress } from './contract.ts';
import {
  analyzeText,
  createIndexText,
  dropIndexText,
  indexNameOf,
  type Place,
  quoted,
  reindexText,
  restoreText,
} from './ddl.ts';

const CHECKER = new URL('./check.ts', import.meta.url);
const READER = new URL('../explain/read.ts', import.meta.url);
const READ_TIMEOUT_MS = 10_000;
const CLEAN_TIMEOUT_MS = 30_000;

/** What is being made or dropped, so that it can be found again. */
export type Subject = {
  schema: string | null;
  name: string | null;
  /** How to make again what is dropped. */
  definition: string | null;
};
export type Outcome =
  | { state: 'applied'; detail: string }
  | { state: 'failed'; detail: string }
  /** It cannot be told, or what is left cannot be removed, for now. */
  | { state: 'unclear'; detail: string };
export type Applicable = Extract<
  Advice,
  { kind: 'create_index' | 'drop_index' | 'reindex' | 'analyze' }
>;

/** What speaks against it, as a sentence. */
class Hindered extends Error {}

export type Applier = {
  /** Says what it is about to touch before it does. */
  apply(
    target: Target,
    advice: Applicable,
    options: { key: string; signal: AbortSignal; onSubject(subject: Subject): Promise<void> },
  ): Promise<Outcome>;
  /** What became of something that was interrupted. `cancel` ends it when it still runs. Null: it still runs. */
  settle(
    target: Target,
    advice: Applicable,
    subject: Subject,
    cancel: boolean,
  ): Promise<Outcome | null>;
  /** Takes back what was applied: drops what was created, creates again what was dropped. */
  undo(target: Target, advice: Applicable, subject: Subject, signal: AbortSignal): Promise<Outcome>;
  /** How far PostgreSQL is; null when nothing is being built. */
  progress(target: Target, subject: Subject): Promise<AdviceProgress | null>;
};

export function createApplier(deps: {
  targets: Targets;
  workers: Workers;
  log: Log;
  /** How long to wait for transactions that stand in the way. */
  lockTimeoutMs: number;
}): Applier {
  const { targets, workers, log } = deps;
  const open = async (target: Target, signal: AbortSignal, lockTimeoutMs = deps.lockTimeoutMs) => {
    const session = await targets.open(target, { purpose: 'apply', statementTimeoutMs: 0, signal });
    await session.query(
      `SELECT pg_catalog.set_config('lock_timeout', $1, false), pg_catalog.set_config('search_path', 'pg_catalog', false)`,
      [String(lockTimeoutMs)],
    );
    return session;
  };
  const read = <T>(task: string, input: unknown) =>
    workers.run<T>(READER, task, input, { timeoutMs: READ_TIMEOUT_MS });

  /** An expression runs in every write from then on: it is held to what may run in EXPLAIN ANALYZE. */
  const assertHarmless = async (
    session: TargetSession,
    place: Place,
    spec: IndexSpec,
    columns: Map<string, string>,
  ) => {
    const expressions = [
      ...spec.columns.filter((column) => !columns.has(column)),
      ...(spec.where ? [spec.where] : []),
    ];
    if (expressions.length === 0) return;
    const sql = `SELECT ${expressions.map((text) => `(${text})`).join(', ')} FROM ${quoted(place.schema)}.${quoted(place.table)}`;
    const [facts] = await read<Facts[]>('readTask', [sql]);
    if (!facts || facts.problem) throw new Hindered('Its expression cannot be read.');
    const reason = await judge(session, facts, {
      analyze: true,
      schemas: ['pg_catalog', 'public', place.schema],
      readBodies: (sources: Source[]) => read<Facts[]>('readFunctionsTask', sources),
    });
    if (reason) throw new Hindered(`Its expression is not harmless: ${reason}.`);
  };

  const planIndex = async (
    session: TargetSession,
    advice: { kind: 'create_index' } & IndexSpec,
    key: string,
  ) => {
    const found = await findTable(session, advice.table);
    if (found.kind === 'p')
      throw new Hindered(
        `${advice.table} is partitioned, and PostgreSQL builds no index on all parts without locking them. Build it on each part by hand, then attach them.`,
      );
    if (found.kind !== 'r' && found.kind !== 'm')
      throw new Hindered(`${advice.table} is no table.`);
    await assertHarmless(session, found, advice, found.columns);
    const name = indexNameOf(key, advice);
    const text = createIndexText(name, found, advice, {
      columns: found.columns,
      classType: advice.opclass ? await classType(session, advice) : null,
    });
    const wrong = await workers.run<string | null>(
      CHECKER,
      'checkIndexTask',
      {
        sql: text,
        meant: {
          name,
          place: { schema: found.schema, table: found.table },
          method: advice.method,
          keys: advice.columns.length,
          include: advice.include?.length ?? 0,
          where: advice.where !== undefined,
          unique: advice.unique === true,
        },
      },
      { timeoutMs: READ_TIMEOUT_MS },
    );
    if (wrong) throw new Hindered(`The statement is not run: ${wrong}.`);
    return { name, schema: found.schema, text };
  };

  /** Removes an invalid index of that name, if there is one; with another signal, as the first may be aborted. */
  const clean = async (
    target: Target,
    subject: Subject,
  ): Promise<'nothing' | 'removed' | 'valid'> => {
    if (!subject.schema || !subject.name) return 'nothing';
    const session = await open(target, AbortSignal.timeout(CLEAN_TIMEOUT_MS));
    try {
      const state = await indexState(session, subject.schema, subject.name);
      if (!state) return 'nothing';
      if (state.valid) return 'valid';
      await session.query(dropIndexText(subject.schema, subject.name));
      return 'removed';
    } finally {
      await session.close();
    }
  };
  const cleanCopies = async (target: Target, subject: Subject): Promise<void> => {
    const session = await open(target, AbortSignal.timeout(CLEAN_TIMEOUT_MS));
    try {
      for (const name of await invalidCopies(session, subject)) {
        await session.query(dropIndexText(subject.schema ?? '', name));
      }
    } finally {
      await session.close();
    }
  };

  const failed = async (
    target: Target,
    advice: Applicable,
    subject: Subject,
    error: unknown,
    signal: AbortSignal,
  ): Promise<Outcome> => {
    const why = reasonOf(error, signal);
    log.info({ err: error, database: target.id, kind: advice.kind }, 'advice was not carried out');
    try {
      if (advice.kind === 'create_index') {
        const left = await clean(target, subject);
        // The connection may have been lost, or a cancellation have come, after the work was done.
        if (left === 'valid')
          return {
            state: 'applied',
            detail: `${why} But the index was already built, and is valid.`,
          };
        return {
          state: 'failed',
          detail: left === 'removed' ? `${why} What was half built was removed.` : why,
        };
      }
      if (advice.kind === 'reindex') await cleanCopies(target, subject);
      if (advice.kind === 'drop_index')
        return (await settleDrop(target, subject)) ?? { state: 'failed', detail: why };
      return { state: 'failed', detail: why };
    } catch (err) {
      log.warn({ err, database: target.id }, 'it could not be seen what advice left behind');
      return { state: 'unclear', detail: `${why} It is not known yet what was left behind.` };
    }
  };
  /** An interrupted DROP INDEX CONCURRENTLY leaves an invalid index: it is finished. */
  const settleDrop = async (target: Target, subject: Subject): Promise<Outcome | null> => {
    const left = await clean(target, subject);
    return left === 'valid' ? null : { state: 'applied', detail: 'The index is gone.' };
  };

  return {
    async apply(target, advice, { key, signal, onSubject }) {
      const subject: Subject = { schema: null, name: null, definition: null };
      let session: TargetSession | null = null;
      /** From here on something may be left behind. */
      let touched = false;
      const touch = () => {
        touched = true;
        return onSubject(subject);
      };
      try {
        session = await open(target, signal);
        if (advice.kind === 'create_index') {
          const index = await planIndex(session, advice, key);
          Object.assign(subject, { schema: index.schema, name: index.name });
          await touch();
          const there = await indexState(session, index.schema, index.name);
          if (there?.valid) return { state: 'applied', detail: 'The index was there already.' };
          if (there) await session.query(dropIndexText(index.schema, index.name));
          // Classes of operators may live beside the table; all that these hold was looked at.
          await session.query(`SELECT pg_catalog.set_config('search_path', $1, false)`, [
            ['pg_catalog', 'public', quoted(index.schema)].join(', '),
          ]);
          await session.query(index.text);
          const made = await indexState(session, index.schema, index.name);
          if (!made?.valid) throw new Hindered('PostgreSQL left the index invalid.');
          return { state: 'applied', detail: `The index ${index.name} was built.` };
        }
        const place = await findTable(session, advice.table);
        if (advice.kind === 'analyze') {
          await touch();
          await session.query(analyzeText(place));
          return { state: 'applied', detail: 'Statistics are fresh.' };
        }
        Object.assign(subject, { schema: place.schema, name: advice.name.split('.').at(-1) ?? '' });
        const state = await indexState(session, place.schema, subject.name ?? '');
        if (!state || state.table !== place.table)
          throw new Hindered(`There is no index ${advice.name} on ${advice.table}.`);
        subject.definition = state.definition;
        if (advice.kind === 'drop_index' && state.constrains)
          throw new Hindered(`${advice.name} upholds a rule of the table; it is not dropped.`);
        await touch();
        if (advice.kind === 'drop_index') {
          await session.query(dropIndexText(place.schema, subject.name ?? ''));
          return { state: 'applied', detail: `The index ${subject.name} was dropped.` };
        }
        await session.query(reindexText(place.schema, subject.name ?? ''));
        return { state: 'applied', detail: `The index ${subject.name} was built anew.` };
      } catch (error) {
        await session?.close();
        if (!touched) return { state: 'failed', detail: reasonOf(error, signal) };
        return failed(target, advice, subject, error, signal);
      } finally {
        await session?.close();
      }
    },
    async settle(target, advice, subject, cancel) {
      const session = await open(target, AbortSignal.timeout(CLEAN_TIMEOUT_MS));
      try {
        const pid = await builder(session, subject, advice);
        if (pid !== null) {
          if (cancel) await session.query('SELECT pg_catalog.pg_cancel_backend($1)', [pid]);
          return null;
        }
      } finally {
        await session.close();
      }
      switch (advice.kind) {
        case 'create_index': {
          const left = await clean(target, subject);
          if (left === 'valid') return { state: 'applied', detail: 'The index was built.' };
          return {
            state: 'failed',
            detail:
              left === 'removed'
                ? 'It was interrupted. What was half built was removed.'
                : 'It was interrupted; nothing was left behind.',
          };
        }
        case 'drop_index':
          return (
            (await settleDrop(target, subject)) ?? {
              state: 'failed',
              detail: 'It was interrupted; the index is still there.',
            }
          );
        case 'reindex':
          await cleanCopies(target, subject);
          return { state: 'failed', detail: 'It was interrupted; the index is as it was.' };
        default:
          return { state: 'failed', detail: 'It was interrupted.' };
      }
    },
    async undo(target, advice, subject, signal) {
      if (!subject.schema || !subject.name)
        return { state: 'failed', detail: 'There is nothing to take back.' };
      try {
        const session = await open(target, signal);
        try {
          if (advice.kind === 'create_index') {
            await session.query(dropIndexText(subject.schema, subject.name));
            return { state: 'applied', detail: `The index ${subject.name} was dropped.` };
          }
          if (!subject.definition)
            return { state: 'failed', detail: 'It is not known how the index was made.' };
          await session.query(restoreText(subject.definition));
          const made = await indexState(session, subject.schema, subject.name);
          if (!made?.valid) throw new Hindered('PostgreSQL left the index invalid.');
          return { state: 'applied', detail: `The index ${subject.name} was built again.` };
        } finally {
          await session.close();
        }
      } catch (error) {
        return failed(target, reversed(advice), subject, error, signal);
      }
    },
    async progress(target, subject) {
      const session = await open(target, AbortSignal.timeout(CLEAN_TIMEOUT_MS));
      try {
        const [row] = await session.query<{
          phase: string;
          done: string;
          total: string;
          lockers: string;
          lockers_done: string;
        }>(
          `SELECT p.phase, coalesce(nullif(p.blocks_done, 0), p.tuples_done)::text AS done,
                  coalesce(nullif(p.blocks_total, 0), p.tuples_total)::text AS total, p.lockers_total::text AS lockers, p.lockers_done::text AS lockers_done
           FROM pg_catalog.pg_stat_progress_create_index p JOIN pg_catalog.pg_class c ON c.oid = p.index_relid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE p.datname = pg_catalog.current_database() AND n.nspname = $1 AND c.relname LIKE $2`,
          [subject.schema, `${(subject.name ?? '').replace(/[\\%_]/g, '\\$&')}%`],
        );
        if (!row) return null;
        const total = Number(row.total);
        const waitsFor = Number(row.lockers) - Number(row.lockers_done);
        return {
          phase: row.phase,
          share: total > 0 ? Math.min(1, Number(row.done) / total) : null,
          waitsFor: waitsFor > 0 ? waitsFor : null,
        };
      } finally {
        await session.close();
      }
    },
  };
}

/** To take back is to do the opposite. */
export function reversed(advice: Applicable): Applicable {
  const { table } = advice;
  if (advice.kind === 'create_index') return { kind: 'drop_index', table, name: '', reason: '' };
  return advice.kind === 'drop_index'
    ? { kind: 'create_index', table, columns: [], method: 'btree', reason: '' }
    : advice;
}

async function findTable(
  session: TargetSession,
  table: string,
): Promise<Place & { kind: string; columns: Map<string, string> }> {
  const rows = await session.query<{
    schema: string;
    table: string;
    kind: string;
    columns: Record<string, string> | null;
  }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS "table", c.relkind::text AS kind,
            (SELECT json_object_agg(a.attname, pg_catalog.format_type(a.atttypid, NULL)) FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND ((n.nspname = 'public' AND c.relname = $1) OR n.nspname || '.' || c.relname = $1)
     ORDER BY n.nspname = 'public' DESC LIMIT 2`,
    [table],
  );
  const [row] = rows;
  if (!row) throw new Hindered(`There is no table ${table}.`);
  if (rows.length > 1) throw new Hindered(`${table} names more than one table.`);
  return { ...row, columns: new Map(Object.entries(row.columns ?? {})) };
}

async function classType(
  session: TargetSession,
  { opclass, method }: IndexSpec,
): Promise<string | null> {
  const [row] = await session.query<{ type: string }>(
    `SELECT pg_catalog.format_type(o.opcintype, NULL) AS type FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am a ON a.oid = o.opcmethod
     WHERE o.opcname = $1 AND a.amname = $2 LIMIT 1`,
    [opclass?.split('.').at(-1), method],
  );
  return row?.type ?? null;
}

async function indexState(
  session: TargetSession,
  schema: string,
  name: string,
): Promise<{ valid: boolean; table: string; definition: string; constrains: boolean } | null> {
  const [row] = await session.query<{
    valid: boolean;
    table: string;
    definition: string;
    constrains: boolean;
  }>(
    `SELECT i.indisvalid AND i.indisready AS valid, t.relname::text AS "table", pg_catalog.pg_get_indexdef(c.oid) AS definition,
            i.indisunique OR i.indisprimary OR i.indisexclusion OR i.indisreplident
              OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid)
              OR EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid) AS constrains
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
     WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, name],
  );
  return row ?? null;
}

/** REINDEX CONCURRENTLY builds a copy beside the index; an interrupted one leaves it. */
async function invalidCopies(session: TargetSession, { schema, name }: Subject): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT c.relname::text AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     WHERE n.nspname = $1 AND left(c.relname, length($2)) = $2 AND substr(c.relname, length($2) + 1) ~ '^_cc(new|old)[0-9]*$' AND NOT i.indisvalid
     LIMIT 20`,
    [schema, name],
  );
  return rows.map((row) => row.name);
}

/** The server's process that still works for a console that is gone; PostgreSQL does not notice who left until it answers. */
async function builder(
  session: TargetSession,
  { name }: Subject,
  advice: Applicable,
): Promise<number | null> {
  const words = advice.kind === 'analyze' ? 'ANALYZE' : (name ?? '');
  const [row] = await session.query<{ pid: number }>(
    `SELECT pid FROM pg_catalog.pg_stat_activity
     WHERE datname = pg_catalog.current_database() AND application_name = 'wheelhouse apply' AND pid <> pg_catalog.pg_backend_pid()
       AND state = 'active' AND strpos(query, $1) > 0 LIMIT 1`,
    [words],
  );
  return row?.pid ?? null;
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  if (error instanceof Hindered) return error.message;
  if (signal.aborted)
    return signal.reason instanceof Hindered ? signal.reason.message : 'It was cancelled.';
  if (error instanceof pg.DatabaseError) {
    if (error.code === '55P03') return 'Another transaction stood in its way for too long.';
    if (error.code === '42501') return `The role may not do this: ${error.message}.`;
    if (error.code === '53100') return 'The disk of the database is full.';
    if (error.code === '57014') return 'It was cancelled at the server.';
    return `PostgreSQL refused it: ${(error.message.split('\n')[0] ?? '').slice(0, 300)}.`;
  }
  if (error instanceof Error && 'publicMessage' in error && typeof error.publicMessage === 'string')
    return error.publicMessage;
  return 'The connection to the database was lost.';
}
