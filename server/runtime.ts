/**
 * The composition root: platform first, then modules, closed in reverse. `overrides` is for tests and for the
 * CLI, which share everything else with the running console.
 */
import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
import { createModules, type Modules } from './modules.ts';
import { createAddressGuard } from './platform/addresses.ts';
import { type Audit, createAudit } from './platform/audit.ts';
import { type Bus, createBus } from './platform/bus.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { createDb, type Db } from './platform/db/index.ts';
import { createHttpClient, type HttpClient } from './platform/http-client.ts';
import { createJobs, type Jobs } from './platform/jobs.ts';
import { createLifecycle, type Lifecycle } from './platform/lifecycle.ts';
import type { Log } from './platform/log.ts';
import { createMetrics, type Metrics } from './platform/metrics.ts';
import { createPresence, type Presence } from './platform/presence.ts';
import { createSharedStore, type SharedStore } from './platform/redis/index.ts';
import { createSecrets, type Secrets } from './platform/secrets.ts';
import { createWorkers, type Workers } from './platform/workers/index.ts';

export type Platform = {
  config: Config;
  version: string;
  database: 'embedded' | 'external';
  /** For the few that hold a connection of their own. */
  databaseUrl: string;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  db: Db;
  presence: Presence;
  store: SharedStore;
  bus: Bus;
  secrets: Secrets;
  audit: Audit;
  workers: Workers;
  http: HttpClient;
  jobs: Jobs;
  lifecycle: Lifecycle;
  /** Origin that people use, without a trailing slash. */
  publicUrl: () => string;
};
export type Runtime = Platform & Modules & { close(): Promise<void> };

export const version: string = readVersion();

export async function createRuntime(options: {
  config: Config;
  databaseUrl: string;
  database: 'embedded' | 'external';
  log: Log;
  publicUrl: () => string;
  clock?: Clock;
  /** False for the command line, which is no replica. */
  member?: boolean;
}): Promise<Runtime> {
  const { config, log } = options;
  const clock = options.clock ?? systemClock;
  const metrics = createMetrics({ version, clock });
  const db = createDb({ url: options.databaseUrl, clock, log });
  const presence = await createPresence({
    url: options.databaseUrl,
    log,
    member: options.member ?? true,
  });
  const store = await createSharedStore({ url: config.REDIS_URL, clock, log });
  const bus = createBus(store, log);
  const secrets = createSecrets(config.secret);
  const audit = createAudit(clock);
  const workers = createWorkers({ maxThreads: 2 });
  const http = createHttpClient({
    addresses: createAddressGuard({
      refuse: config.WHEELHOUSE_OUTGOING_REFUSED ?? [],
      allow: config.WHEELHOUSE_OUTGOING_ALLOWED ?? [],
    }),
  });
  const jobs = createJobs({
    db,
    clock,
    log,
    work: config.ROLE !== 'web',
    onRun: metrics.jobEnded,
  });
  const platform: Platform = {
    config,
    version,
    database: options.database,
    databaseUrl: options.databaseUrl,
    clock,
    log,
    metrics,
    db,
    presence,
    store,
    bus,
    secrets,
    audit,
    workers,
    http,
    jobs,
    lifecycle: createLifecycle(),
    publicUrl: options.publicUrl,
  };
  registerGauges(platform);
  const modules = createModules(platform);
  // Changes are refused until the policies were read once; nobody should meet that at every start.
  await modules.policies.ready;
  return {
    ...platform,
    ...modules,
    async close() {
      await jobs.close();
      await modules.close();
      await workers.close();
      await http.close();
      await store.close();
      await presence.close();
      await db.close();
    },
  };
}

function registerGauges({ metrics, db, store, jobs, workers, presence }: Platform): void {
  metrics.gauge('database_up', '1 while PostgreSQL answers.', () => (db.status().up ? 1 : 0));
  metrics.gauge(
    'database_latency_seconds',
    'Time of the last health query.',
    () => (db.status().latencyMs ?? Number.NaN) / 1000,
  );
  metrics.gauges('database_pool_connections', 'Connections of the pool by state.', 'state', () => {
    const { total, idle } = db.poolGauges();
    return { idle, used: total - idle };
  });
  metrics.gauge(
    'database_pool_connections_max',
    'Most connections of the pool.',
    () => db.poolGauges().max,
  );
  metrics.gauge(
    'database_pool_waiting',
    'Queries that wait for a connection.',
    () => db.poolGauges().waiting,
  );
  metrics.gauge('redis_configured', '1 when REDIS_URL is set.', () =>
    store.status().state === 'off' ? 0 : 1,
  );
  metrics.gauge('redis_up', '1 while state is shared through Redis.', () =>
    store.status().state === 'up' ? 1 : 0,
  );
  metrics.gauges(
    'jobs',
    'Background jobs by state; failed ones of the last hour.',
    'state',
    jobs.stats,
  );
  metrics.gauge('worker_threads', 'Running worker threads.', () => workers.stats().threads);
  metrics.gauge(
    'worker_queue',
    'Calculations that wait for a worker thread.',
    () => workers.stats().queued,
  );
  metrics.gauge('replicas', 'Console processes on this database.', presence.count);
}

function readVersion(): string {
  const parsed: unknown = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  const holder =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed : null;
  return typeof holder?.version === 'string' ? holder.version : '0.0.0';
}
