/**
 * Calls that took long, one by one, and who called what how often. Both come from single calls as they are seen (the
 * console's pool, spans, plans in a log), wait in memory for at most some seconds, and are written together. What is more
 * than can be written is counted and left out.
 */
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { isUnreachable } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { MARK } from './collect/read.ts';
import type { CollectStore } from './collect/store.ts';
import { emptyTally, merge, type Tally } from './durations.ts';

export type CallSource = 'own' | 'span' | 'auto_explain';
export type SlowEntry = {
  databaseId: string;
  statementId: number;
  at: Date;
  durationMs: number;
  source: CallSource;
  caller: string | null;
  requestId: string | null;
  traceId: string | null;
  plan: unknown;
  /** Only where the database says that they are kept. */
  parameters: readonly (string | null)[] | null;
};
export type SlowLog = {
  add(entry: SlowEntry): void;
  /** Adds calls of one caller. */
  called(call: {
    databaseId: string;
    statementId: number;
    source: CallSource;
    caller: string;
    tally: Tally;
  }): void;
  flush(): Promise<void>;
};

const MAX_WAITING = 2_000;
const MAX_A_FLUSH = 500;
const MAX_CALLERS = 20_000;
/** Names of callers of one statement and day; what comes later is one. */
const MAX_CALLERS_OF_ONE = 100;
const MAX_CALLER = 200;
const OTHERS = '(others)';
const DAY_MS = 86_400_000;
const MAX_PARAMETERS = 50;
const MAX_PARAMETER = 200;

/** Text that PostgreSQL holds. */
export const storable = (text: string, max: number): string =>
  text.slice(0, max).toWellFormed().replaceAll('\0', '');

/** Values as they may be kept: as text, few and short. */
export function parameterTexts(values: readonly unknown[]): (string | null)[] {
  return values.slice(0, MAX_PARAMETERS).map((value) => {
    if (value === null || value === undefined) return null;
    if (value instanceof Date) return value.toISOString();
    if (Buffer.isBuffer(value)) return `(${value.length} bytes)`;
    const text = typeof value === 'object' ? (JSON.stringify(value) ?? '') : String(value);
    return storable(text, MAX_PARAMETER);
  });
}

type Calls = {
  databaseId: string;
  statementId: number;
  day: number;
  source: CallSource;
  caller: string;
  tally: Tally;
};

export function createSlowLog(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  store: Pick<CollectStore, 'ensure'>;
}): SlowLog {
  const { db, clock, store } = deps;
  const dropped = deps.metrics.counter(
    'query_calls_dropped_total',
    'Slow calls and callers that were not written, as too many came.',
    ['what'],
  );
  let waiting: SlowEntry[] = [];
  let calls = new Map<string, Calls>();
  let callersOf = new Map<string, Set<string>>();
  let flushing: Promise<void> | null = null;

  const writeEntries = async (entries: readonly SlowEntry[]) => {
    const days = new Set(entries.map(({ at }) => Math.floor(at.getTime() / DAY_MS)));
    for (const day of days) await store.ensure('query_slow_log', new Date(day * DAY_MS));
    await db.pool.query(
      `INSERT ${MARK} INTO query_slow_log (at, database_id, statement_id, duration_ms, source, caller, request_id, trace_id, plan, parameters)
       SELECT at, database_id, statement_id, duration_ms, source, caller, request_id, trace_id, plan, parameters
       FROM unnest($1::timestamptz[], $2::uuid[], $3::int[], $4::float8[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[], $10::jsonb[])
         AS t(at, database_id, statement_id, duration_ms, source, caller, request_id, trace_id, plan, parameters)
       WHERE database_id IN (SELECT id FROM query_databases)`,
      [
        entries.map(({ at }) => at),
        entries.map(({ databaseId }) => databaseId),
        entries.map(({ statementId }) => statementId),
        entries.map(({ durationMs }) => durationMs),
        entries.map(({ source }) => source),
        entries.map(({ caller }) => (caller === null ? null : storable(caller, MAX_CALLER))),
        entries.map(({ requestId }) => requestId),
        entries.map(({ traceId }) => traceId),
        entries.map(({ plan }) =>
          plan === null || plan === undefined ? null : JSON.stringify(plan),
        ),
        entries.map(({ parameters }) => (parameters === null ? null : JSON.stringify(parameters))),
      ],
    );
  };
  const writeCalls = async (all: readonly Calls[]) => {
    await db.pool.query(
      `INSERT ${MARK} INTO query_callers AS c (database_id, statement_id, day, source, caller, calls, total_ms, slow, max_ms, histogram, last_seen)
       SELECT database_id, statement_id, day, source, caller, calls, total_ms, slow, max_ms, histogram::int[], $11
       FROM unnest($1::uuid[], $2::int[], $3::date[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::float8[], $9::float8[], $10::text[])
         AS t(database_id, statement_id, day, source, caller, calls, total_ms, slow, max_ms, histogram)
       WHERE database_id IN (SELECT id FROM query_databases)
       ORDER BY database_id, statement_id, day, source, caller
       ON CONFLICT (database_id, statement_id, day, source, caller) DO UPDATE SET
         calls = c.calls + excluded.calls, total_ms = c.total_ms + excluded.total_ms, slow = c.slow + excluded.slow,
         max_ms = greatest(c.max_ms, excluded.max_ms), last_seen = excluded.last_seen,
         histogram = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0) FROM unnest(c.histogram, excluded.histogram) WITH ORDINALITY AS u(a, b, n) ORDER BY n)`,
      [
        all.map(({ databaseId }) => databaseId),
        all.map(({ statementId }) => statementId),
        all.map(({ day }) => new Date(day * DAY_MS).toISOString().slice(0, 10)),
        all.map(({ source }) => source),
        all.map(({ caller }) => caller),
        all.map(({ tally }) => tally.calls),
        all.map(({ tally }) => tally.totalMs),
        all.map(({ tally }) => tally.slow),
        all.map(({ tally }) => tally.maxMs),
        all.map(({ tally }) => `{${tally.histogram.join(',')}}`),
        clock.now(),
      ],
    );
  };
  const called: SlowLog['called'] = ({ databaseId, statementId, source, tally, ...rest }) => {
    const day = Math.floor(clock.now().getTime() / DAY_MS);
    const of = `${databaseId} ${statementId} ${day}`;
    const names = callersOf.get(of) ?? new Set();
    callersOf.set(of, names);
    let caller = storable(rest.caller, MAX_CALLER);
    if (!names.has(caller) && names.size >= MAX_CALLERS_OF_ONE) caller = OTHERS;
    names.add(caller);
    const key = `${of} ${source} ${caller}`;
    const one = calls.get(key);
    if (one) return merge(one.tally, tally);
    if (calls.size >= MAX_CALLERS) return dropped.inc({ what: 'callers' }, tally.calls);
    const fresh = emptyTally();
    merge(fresh, tally);
    calls.set(key, { databaseId, statementId, day, source, caller, tally: fresh });
  };

  const run = async () => {
    const today = String(Math.floor(clock.now().getTime() / DAY_MS));
    callersOf = new Map(
      [...callersOf].filter(([key]) => key.endsWith(` ${today}`)).slice(-MAX_CALLERS),
    );
    while (waiting.length > 0) {
      const entries = waiting.splice(0, MAX_A_FLUSH);
      try {
        await writeEntries(entries);
      } catch (error) {
        // While the database is away they wait, as far as there is room.
        if (isUnreachable(error)) waiting = [...entries, ...waiting].slice(0, MAX_WAITING);
        throw error;
      }
    }
    const all = [...calls.values()];
    calls = new Map();
    if (all.length === 0) return;
    try {
      await writeCalls(all);
    } catch (error) {
      if (isUnreachable(error)) for (const one of all) called(one);
      throw error;
    }
  };

  return {
    add(entry) {
      if (waiting.length >= MAX_WAITING) return dropped.inc({ what: 'slow' });
      waiting.push(entry);
    },
    called,
    flush() {
      flushing ??= run().finally(() => {
        flushing = null;
      });
      return flushing;
    },
  };
}
