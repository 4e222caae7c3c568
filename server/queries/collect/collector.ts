/**
 * Looks at each database once a minute. Which process looks is decided in the database: a look is claimed by moving its
 * time on, and as the counters that the last look saw are in memory, a database stays with the process that has them
 * until that one is silent for two and a half minutes. A process that was taken over writes nothing more.
 */
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Log } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { type DatabaseState, LOOK_SECONDS, type SetupCheck } from '../contract.ts';
import type { Databases, WatchedDatabase } from '../databases.ts';
import type { DatabaseIncidents } from '../incident.ts';
import { DatabaseTrouble, troubleOf } from '../problems.ts';
import type { Registry } from '../registry.ts';
import { readSetup } from '../setup.ts';
import type { TargetSession, Targets } from '../targets.ts';
import { add, type Counts, compare, type Look } from './counters.ts';
import {
  type Extension,
  type Facts,
  MARK,
  OLDEST_EXTENSION,
  OLDEST_SERVER,
  readCounters,
  readFacts,
  readTexts,
} from './read.ts';
import { readRelations } from './relations.ts';
import type { CollectStore } from './store.ts';

const TICK_MS = 2_000;
const CONCURRENCY = 4;
const LOOK_TIMEOUT_MS = 30_000;
const SILENT_MS = 2.5 * LOOK_SECONDS * 1_000;
/** A database that was never looked at has its second look soon, as the first only shows where counting starts. */
const SECOND_LOOK_MS = 10_000;
export const RELATIONS_EVERY_MS = 600_000;
/** A relation look that took long is not repeated so soon: at most a hundredth of the time goes into them. */
const RELATIONS_SHARE = 100;
const MAX_KNOWN_IDS = 100_000;
const NEW_TEXTS_AT_ONCE = 5_000;

/** What is kept of a look beside its figures. */
export type LookFacts = {
  version?: string;
  entries?: number;
  evictions?: number;
  serverMs?: number;
  tookMs?: number;
  sizeBytes?: number | null;
  countedSince?: string | null;
  relationsMs?: number;
  setup?: SetupCheck[];
  setupAt?: string;
};
export type LookResult = {
  state: Exclude<DatabaseState, 'new' | 'paused'>;
  detail: string | null;
  baseline: string | null;
  statements: number;
};

type Memory = {
  last: Look | null;
  lastAt: Date | null;
  /** By the server's query id; null for statements of the collector itself. */
  ids: Map<string, number | null>;
  relationsAt: number;
  relationsMs: number;
  /** The log of plans: file and place that were read last. */
  log: unknown;
};
export type PlanReader = (
  session: TargetSession,
  database: WatchedDatabase,
  memory: { log: unknown },
  signal: AbortSignal,
) => Promise<void>;

export type Collector = {
  /** Claims what is due and begins to look; answers how many. */
  tick(): Promise<number>;
  /** Looks now; for tests and for who asked for it. The database must be held by this process or by none. */
  look(id: string, options?: { relations?: boolean }): Promise<LookResult>;
  idle(): Promise<void>;
  start(): void;
  close(): Promise<void>;
};

export function createCollector(deps: {
  db: Db;
  bus: Bus;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  targets: Targets;
  databases: Pick<Databases, 'watched'>;
  incidents: DatabaseIncidents;
  registry: Registry;
  store: CollectStore;
  plans: PlanReader;
  replica: string;
  /** Console processes; one alone need not wait for a silent one. */
  replicas: () => number;
}): Collector {
  const { db, clock, log, targets, registry, store, replica } = deps;
  const looks = deps.metrics.counter('query_looks_total', 'Looks at watched databases.', [
    'outcome',
  ]);
  const memories = new Map<string, Memory>();
  const running = new Map<string, Promise<unknown>>();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let ticking = false;

  const memoryOf = (id: string): Memory => {
    const memory = memories.get(id) ?? {
      last: null,
      lastAt: null,
      ids: new Map(),
      relationsAt: Number.NEGATIVE_INFINITY,
      relationsMs: 0,
      log: null,
    };
    memories.set(id, memory);
    return memory;
  };

  /** Statements of query ids that are not known yet. */
  const learn = async (
    database: WatchedDatabase,
    session: TargetSession,
    extension: Extension,
    memory: Memory,
    ids: readonly string[],
    signal: AbortSignal,
  ) => {
    const texts = await readTexts(session, extension, ids);
    const others = texts.filter(({ id, text }) => {
      // Its text is gone: an entry that was evicted meanwhile.
      if (text === '<insufficient privilege>') return false;
      if (text?.includes(MARK)) memory.ids.set(id, null);
      return !text?.includes(MARK);
    });
    const known = await registry.identify(
      database.id,
      others.map(({ id, text, bytes }) => ({
        text: text ?? tooLong(bytes, id),
        nameless: id,
      })),
      signal,
    );
    others.forEach(({ id }, n) => {
      const one = known[n];
      if (one) memory.ids.set(id, one.id);
    });
    // Ids that nobody used for long go first, as they were put in first.
    for (const id of memory.ids.keys()) {
      if (memory.ids.size <= MAX_KNOWN_IDS) break;
      memory.ids.delete(id);
    }
  };

  const count = async (
    database: WatchedDatabase,
    session: TargetSession,
    facts: Facts & { extension: Extension },
    memory: Memory,
    signal: AbortSignal,
  ): Promise<{ baseline: string | null; statements: number; evicted: number; entries: number }> => {
    const look = await readCounters(session, facts);
    const since = memory.lastAt;
    const at = clock.now();
    const { baseline, deltas, evicted } = compare(memory.last, look);
    if (baseline === 'restart') memory.ids.clear();
    const found = { baseline, evicted, entries: look.entries.length };
    const keep = () => {
      memory.last = look;
      memory.lastAt = at;
    };
    if (baseline !== null || since === null) {
      keep();
      return { ...found, statements: 0 };
    }
    const fresh = [...deltas]
      .filter(([id]) => !memory.ids.has(id))
      .sort(([, a], [, b]) => b.totalMs - a.totalMs)
      .slice(0, NEW_TEXTS_AT_ONCE)
      .map(([id]) => id);
    if (fresh.length > 0) await learn(database, session, facts.extension, memory, fresh, signal);
    const counts = new Map<number, Counts>();
    let totalMs = 0;
    for (const [id, delta] of deltas) {
      const statement = memory.ids.get(id);
      // Our own work is no part of what the database does for others.
      if (statement === null) continue;
      totalMs += delta.totalMs;
      if (statement === undefined) continue;
      const sum = counts.get(statement);
      if (sum) add(sum, delta);
      else counts.set(statement, { ...delta });
    }
    signal.throwIfAborted();
    const saved = await store.saveLook({
      databaseId: database.id,
      replica,
      at,
      since,
      counts,
      totalMs,
    });
    // Only now: what could not be written is counted again by the next look.
    if (saved) keep();
    else memories.delete(database.id);
    return { ...found, statements: counts.size };
  };

  const once = async (
    database: WatchedDatabase,
    wantsRelations: boolean,
    signal: AbortSignal,
  ): Promise<
    LookResult & { facts: LookFacts; relationsAt: Date | null; problem: string | null }
  > => {
    const memory = memoryOf(database.id);
    const begun = clock.monotonicMs();
    const session = await targets.open(database.target, { purpose: 'collect', signal });
    try {
      if (session.serverVersion < OLDEST_SERVER)
        throw new DatabaseTrouble('version', 'PostgreSQL 13 is the oldest that is read.');
      let serverMs = 0;
      const timed: TargetSession = {
        ...session,
        async query(text, values) {
          const from = clock.monotonicMs();
          try {
            return await session.query(text, values);
          } finally {
            serverMs += clock.monotonicMs() - from;
          }
        },
      };
      const facts = await readFacts(timed);
      let result: Awaited<ReturnType<typeof count>> | null = null;
      let trouble: DatabaseTrouble | null = null;
      try {
        result = await count(database, timed, assertCounted(facts), memory, signal);
        if (!facts.readsAll)
          trouble = new DatabaseTrouble(
            'rights',
            'Statements of other roles are not seen; grant pg_monitor.',
          );
      } catch (error) {
        const { problem, detail } = troubleOf(error);
        if (problem !== 'statistics' && problem !== 'rights' && problem !== 'version') throw error;
        memory.last = null;
        trouble = new DatabaseTrouble(problem, detail);
      }
      const tookMs = clock.monotonicMs() - begun;
      const found: LookFacts = {
        version: facts.version,
        serverMs,
        tookMs,
        ...(result ? { entries: result.entries, evictions: result.evicted } : {}),
      };
      let relationsAt: Date | null = null;
      const asked = wantsRelations || database.relationsAt === null;
      const pause = Math.max(RELATIONS_EVERY_MS, memory.relationsMs * RELATIONS_SHARE);
      if (asked || begun - memory.relationsAt >= pause) {
        const from = clock.monotonicMs();
        const setup = await readSetup(session, {
          own: database.kind === 'own',
          applies: database.hasApply,
        });
        const relations = await readRelations(session);
        memory.relationsAt = begun;
        memory.relationsMs = clock.monotonicMs() - from;
        relationsAt = clock.now();
        signal.throwIfAborted();
        await store.saveRelations(database.id, relationsAt, relations);
        Object.assign(found, {
          sizeBytes: relations.sizeBytes,
          countedSince: relations.countedSince?.toISOString() ?? null,
          relationsMs: memory.relationsMs,
          setup: setup.checks,
          setupAt: relationsAt.toISOString(),
        } satisfies LookFacts);
      }
      await deps.plans(session, database, memory, signal);
      return {
        state: trouble ? 'partial' : 'ok',
        problem: trouble?.problem ?? null,
        detail:
          trouble?.message ?? (result && result.evicted > 0 ? evictedText(result.evicted) : null),
        baseline: result?.baseline ?? null,
        statements: result?.statements ?? 0,
        facts: found,
        relationsAt,
      };
    } finally {
      await session.close();
    }
  };

  const tell = async (database: WatchedDatabase, failed: boolean, detail: string | null) => {
    const { id, name, place, failingSince: since } = database;
    if (!since) return;
    const incident = await db.tx((tx) =>
      failed
        ? deps.incidents.failing(tx, { id, name, place, since, detail: detail ?? '' }, clock.now())
        : deps.incidents.ended(tx, id, 'a look has worked'),
    );
    if (incident) deps.incidents.announce(incident);
  };

  const look = async (database: WatchedDatabase, relations: boolean): Promise<LookResult> => {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]);
    const fresh = !memories.get(database.id)?.last;
    let found: Awaited<ReturnType<typeof once>> | null = null;
    let trouble: { problem: string | null; detail: string | null } = {
      problem: null,
      detail: null,
    };
    try {
      found = await once(database, relations, signal);
      trouble = found;
    } catch (error) {
      if (stopping.signal.aborted) throw error;
      trouble = troubleOf(error);
      if (trouble.problem === 'other')
        log.warn({ err: error, database: database.id }, 'a look at a database failed');
    }
    const state = found?.state ?? 'failed';
    looks.inc({ outcome: state });
    const soon =
      state !== 'failed' && fresh && found?.baseline === 'first' && database.lastAt === null;
    const changed = await db.pool.query(
      `UPDATE ${MARK} query_databases SET state = $3, problem = $4, detail = $5, facts = coalesce(facts, '{}') || $6::jsonb,
              failing_since = CASE WHEN $3 = 'failed' THEN coalesce(failing_since, $7) END,
              last_at = CASE WHEN $3 = 'failed' THEN last_at ELSE $7 END, relations_at = coalesce($8, relations_at),
              next_at = CASE WHEN $9 THEN least(next_at, $7::timestamptz + $10 * interval '1 millisecond') ELSE next_at END
       WHERE id = $1 AND collector = $2`,
      [
        database.id,
        replica,
        state,
        trouble.problem,
        trouble.detail,
        JSON.stringify(found?.facts ?? {}),
        clock.now(),
        // Who asked is answered, also when it failed.
        found?.relationsAt ?? (database.relationsAt === null ? clock.now() : null),
        soon,
        SECOND_LOOK_MS,
      ],
    );
    if (changed.rowCount === 0) memories.delete(database.id);
    // The console's own is told by the console's own health.
    else if (database.kind === 'external') await tell(database, state === 'failed', trouble.detail);
    deps.bus.publish({ topic: 'queries', type: 'looked', id: database.id });
    return {
      state,
      detail: trouble.detail,
      baseline: found?.baseline ?? null,
      statements: found?.statements ?? 0,
    };
  };

  const run = <T>(id: string, work: () => Promise<T>): Promise<T> => {
    const promise = work().finally(() => {
      if (running.get(id) === promise) running.delete(id);
    });
    running.set(id, promise);
    return promise;
  };

  /** Takes the next look of those that are due, or of one. What another process saw last is no base of ours. */
  const claim = async (id: string | null, limit: number): Promise<string[]> => {
    const now = clock.now();
    const { rows } = await db.pool.query<{
      id: string;
      collector: string | null;
      last_at: Date | null;
    }>(
      `WITH due AS (
         SELECT id, collector, last_at FROM query_databases
         WHERE CASE WHEN $4::uuid IS NULL
                 THEN NOT paused AND (next_at IS NULL OR next_at <= $1) AND id <> ALL($5::uuid[])
                 ELSE id = $4 END
           AND (collector IS NULL OR collector = $2 OR claimed_at < $1::timestamptz - $3 * interval '1 millisecond')
         ORDER BY next_at NULLS FIRST LIMIT $6 FOR UPDATE SKIP LOCKED)
       UPDATE ${MARK} query_databases d SET collector = $2, claimed_at = $1, next_at = $1::timestamptz + $7 * interval '1 second'
       FROM due WHERE d.id = due.id RETURNING d.id::text, due.collector, due.last_at`,
      [
        now,
        replica,
        deps.replicas() > 1 ? SILENT_MS : 0,
        id,
        [...running.keys()],
        limit,
        LOOK_SECONDS,
      ],
    );
    for (const row of rows) {
      const memory = memories.get(row.id);
      if (memory && row.collector !== replica) memories.delete(row.id);
    }
    return rows.map((row) => row.id);
  };

  const tick = async (): Promise<number> => {
    const free = CONCURRENCY - running.size;
    if (free <= 0) return 0;
    const ids = await claim(null, free);
    for (const database of await deps.databases.watched(ids)) {
      run(database.id, () => look(database, false)).catch((err) => {
        if (!stopping.signal.aborted) log.warn({ err, database: database.id }, 'a look failed');
      });
    }
    return ids.length;
  };

  return {
    tick,
    async look(id, { relations = false } = {}) {
      await running.get(id);
      const [held] = await claim(id, 1);
      const [database] = held ? await deps.databases.watched([held]) : [];
      if (!database) throw new Error('the database is gone, or another process looks at it');
      return run(id, () => look(database, relations));
    },
    async idle() {
      await Promise.allSettled(running.values());
    },
    start() {
      timer = setInterval(() => {
        if (ticking || !db.status().up) return;
        ticking = true;
        tick()
          .catch((err) => log.warn({ err }, 'databases that are due could not be read'))
          .finally(() => {
            ticking = false;
          });
      }, TICK_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      stopping.abort();
      await Promise.allSettled(running.values());
      // Another process need not wait until this one counts as silent.
      await db.pool
        .query('UPDATE query_databases SET collector = NULL, next_at = NULL WHERE collector = $1', [
          replica,
        ])
        .catch(() => undefined);
    },
  };
}

function assertCounted(facts: Facts): Facts & { extension: Extension } {
  const { extension } = facts;
  if (!extension)
    throw new DatabaseTrouble(
      'statistics',
      'pg_stat_statements is not installed in this database; see the set-up.',
    );
  if (extension.version < OLDEST_EXTENSION)
    throw new DatabaseTrouble(
      'version',
      `pg_stat_statements ${extension.text} is too old; run ALTER EXTENSION pg_stat_statements UPDATE.`,
    );
  return { ...facts, extension };
}

const evictedText = (times: number): string =>
  `pg_stat_statements had no room and dropped statements ${times} times in the last minute; raise pg_stat_statements.max.`;

/** Stands for a text that is too long to be read; does not parse. */
const tooLong = (bytes: number, id: string): string =>
  `(${bytes} bytes, too long to be read, ${id})`;
