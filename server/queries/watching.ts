/** Everything that watches: databases, looks, single calls, and what is read of them. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Incidents } from '../incidents/index.ts';
import type { AddressGuard } from '../platform/addresses.ts';
import type { Audit } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Secrets } from '../platform/secrets.ts';
import { type Collector, createCollector } from './collect/collector.ts';
import { createPlanReader } from './collect/plans.ts';
import { createCollectStore } from './collect/store.ts';
import { createDatabases, type Databases, type WatchedDatabase } from './databases.ts';
import { createDatabaseIncidents } from './incident.ts';
import { createListing, type Listing } from './listing.ts';
import { createOwn, type Own } from './own.ts';
import { createRanking, type Ranking } from './ranking.ts';
import { createRegistry, type Registry } from './registry.ts';
import { createSlowLog, type SlowLog } from './slow-log.ts';
import { createSpans, type SpanRow, type Spans } from './spans.ts';
import type { Statements } from './statement/service.ts';
import type { Targets } from './targets.ts';
import { createHash } from './trails.ts';
import { createWorkloads, type Workloads } from './workloads.ts';

const DRAIN_MS = 10_000;
const RELOAD_MS = 15_000;
const REFRESH_MS = 30_000;
const ASK_MS = 250;

export type Watching = {
  databases: Databases;
  collector: Collector;
  registry: Registry;
  ranking: Ranking;
  listing: Listing;
  workloads: Workloads;
  /** For telemetry: spans as they come in. */
  take(rows: readonly SpanRow[]): void;
  /** Has a database looked at now, with its tables, indexes and set-up, by the process that has it. */
  refresh(id: string, signal?: AbortSignal): Promise<{ state: string; detail: string | null }>;
  /** Writes what waits; for tests and at the end. */
  drain(): Promise<void>;
  prune(now: Date): Promise<void>;
  /** Takes note of single calls; on every role, as each has a pool and may be sent spans. */
  listen(): void;
  /** Begins to look at databases. */
  start(): void;
  close(): Promise<void>;
};

export function createWatching(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  secrets: Secrets;
  addresses: AddressGuard;
  targets: Targets;
  statements: Statements;
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  databaseUrl: string;
  /** This process, told from other replicas. */
  replica: string;
  /** Console processes. */
  replicas: () => number;
}): Watching {
  const { db, log, clock } = deps;
  const incidents = createDatabaseIncidents(deps.incidents);
  const store = createCollectStore(deps);
  const kept = createDatabases({ ...deps, incidents });
  const databases: Databases = {
    ...kept,
    async remove(authority, id) {
      await kept.remove(authority, id);
      // Millions of rows perhaps: nobody waits for them.
      store.forget(id).catch((err) => log.warn({ err }, 'figures of a removed database are left'));
    },
  };
  const registry = createRegistry(deps);
  const slowLog: SlowLog = createSlowLog({ ...deps, store });
  const seed = deps.secrets.derive('values of parameters').readInt32LE(0);
  const hash = createHash(seed);
  let known: readonly WatchedDatabase[] = [];
  const own: Own = createOwn({
    ...deps,
    registry,
    slowLog,
    hash,
    database: () => known.find(({ kind, paused }) => kind === 'own' && !paused) ?? null,
  });
  const lost = deps.metrics.counter(
    'query_spans_dropped_total',
    'Database spans that were left out, as too many came at once.',
    [],
  );
  const spans: Spans = createSpans({
    clock,
    registry,
    slowLog,
    hash,
    databases: () => known.filter(({ paused }) => !paused),
    onDropped: (count) => lost.inc(count),
  });
  const collector = createCollector({
    ...deps,
    databases,
    incidents,
    registry,
    store,
    plans: createPlanReader({ clock, registry, slowLog, seen }),
  });

  async function seen(databaseId: string, fingerprints: readonly string[]) {
    const { rows } = await db.pool.query<{ fingerprint: string }>(
      `SELECT fingerprint FROM query_statements s WHERE database_id = $1 AND fingerprint = ANY($2::text[])
       AND EXISTS (SELECT FROM query_hours h WHERE h.statement_id = s.id)`,
      [databaseId, fingerprints],
    );
    return new Set(rows.map(({ fingerprint }) => fingerprint));
  }
  const reload = async () => {
    known = await databases.all();
  };
  const drain = async () => {
    await own.drain();
    await spans.drain();
    await slowLog.flush();
  };
  const forget = deps.bus.on('queries', ({ type }) => {
    if (type === 'changed')
      reload().catch((err) => log.warn({ err }, 'watched databases are not known'));
  });
  let timers: NodeJS.Timeout[] = [];
  let draining: Promise<void> | null = null;
  /** By the clock: one at a time, and not while the database is away. */
  const every = (ms: number, what: string, work: () => Promise<void>): NodeJS.Timeout => {
    let busy = false;
    const timer = setInterval(() => {
      if (busy || !db.status().up) return;
      busy = true;
      draining = work()
        .catch((err) => log.warn({ err }, what))
        .finally(() => {
          busy = false;
        });
    }, ms);
    return timer.unref();
  };

  return {
    databases,
    collector,
    registry,
    ranking: createRanking(deps),
    listing: createListing(deps),
    workloads: createWorkloads({ db, clock, own, spans, registry, databases }),
    take: spans.take,
    async refresh(id, signal) {
      const { paused } = await databases.find(id);
      if (paused) throw new AppError('CONFLICT', 'The database is paused.');
      const { rowCount } = await db.pool.query(
        'UPDATE query_databases SET next_at = NULL, relations_at = NULL WHERE id = $1',
        [id],
      );
      if (rowCount === 0) throw new AppError('NOT_FOUND', 'There is no such database.');
      const deadline = clock.monotonicMs() + REFRESH_MS;
      while (clock.monotonicMs() < deadline) {
        await sleep(ASK_MS, undefined, signal ? { signal } : {});
        const { rows } = await db.pool.query<{ state: string; detail: string | null }>(
          'SELECT state, detail FROM query_databases WHERE id = $1 AND relations_at IS NOT NULL',
          [id],
        );
        if (rows[0]) return rows[0];
      }
      throw new AppError(
        'SERVICE_UNAVAILABLE',
        'Nobody has looked yet; the look comes when a process of the console is free for it.',
      );
    },
    async drain() {
      await reload();
      await drain();
    },
    async prune(now) {
      await store.prune(now);
      registry.clear();
    },
    listen() {
      if (timers.length > 0) return;
      reload().catch((err) => log.warn({ err }, 'watched databases are not known yet'));
      own.start();
      timers = [
        every(DRAIN_MS, 'calls were not written', drain),
        every(RELOAD_MS, 'watched databases are not known', reload),
      ];
    },
    start: collector.start,
    async close() {
      for (const timer of timers) clearInterval(timer);
      forget();
      own.close();
      await collector.close();
      await draining;
      if (timers.length > 0 && db.status().up)
        await drain().catch((err) => log.debug({ err }, 'last calls were not written'));
    },
  };
}
