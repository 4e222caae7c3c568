/**
 * Background jobs on PostgreSQL through pg-boss: schedules, retries with backoff, and one runner across
 * replicas. While PostgreSQL is away nothing runs and nothing is lost; work goes on when it is back.
 */
import { PgBoss } from 'pg-boss';
import type { Clock } from './clock.ts';
import type { Db } from './db/index.ts';
import type { Log } from './log.ts';

export type JobDefinition = {
  /** `module.verb`; also the queue's name. */
  name: string;
  /** Five-field cron in UTC; absent for jobs that are only sent. */
  cron?: string;
  timeoutSeconds: number;
  retryLimit: number;
  run(context: { now: Date; signal: AbortSignal; data: unknown }): Promise<void>;
};
export type JobStats = { queued: number; active: number; failed: number };
export type Jobs = {
  /** Takes up work; call once. */
  start(definitions: readonly JobDefinition[]): Promise<void>;
  /** Queues one run; `key` keeps it from being queued twice. */
  send(name: string, data?: object, key?: string): Promise<void>;
  /** As last counted, at most ten seconds old. */
  stats(): JobStats;
  running(): boolean;
  close(): Promise<void>;
};

const STATS_EVERY_MS = 10_000;
const STOP_TIMEOUT_MS = 8_000;

export function createJobs(options: {
  db: Db;
  clock: Clock;
  log: Log;
  /** False on `ROLE=web`: jobs are sent but not run here. */
  work: boolean;
  onRun?: (name: string, outcome: 'succeeded' | 'failed', seconds: number) => void;
}): Jobs {
  const { db, clock, log } = options;
  const boss = new PgBoss({
    // As it comes: for several statements at once pg answers a list, which pg-boss unwraps itself.
    db: { executeSql: (text, values) => db.pool.query(text, values) },
    supervise: options.work,
    schedule: options.work,
  });
  boss.on('error', (err) => {
    if (db.status().up) log.error({ err }, 'job queue error');
  });
  const stopping = new AbortController();
  let stats: JobStats = { queued: 0, active: 0, failed: 0 };
  let started = false;

  const count = async () => {
    if (!db.status().up) return;
    try {
      const { rows } = await db.pool.query<JobStats>(
        `SELECT count(*) FILTER (WHERE state < 'active')::int AS queued,
                count(*) FILTER (WHERE state = 'active')::int AS active,
                count(*) FILTER (WHERE state = 'failed' AND completed_on > now() - interval '1 hour')::int AS failed
         FROM pgboss.job WHERE name NOT LIKE '\\_\\_pgboss%'`,
      );
      if (rows[0]) stats = rows[0];
    } catch (err) {
      log.debug({ err }, 'jobs could not be counted');
    }
  };
  let timer: NodeJS.Timeout | undefined;

  const runOne = async (definition: JobDefinition, data: unknown) => {
    const began = clock.monotonicMs();
    const signal = AbortSignal.any([
      stopping.signal,
      AbortSignal.timeout(definition.timeoutSeconds * 1000),
    ]);
    let outcome: 'succeeded' | 'failed' = 'failed';
    try {
      await db.calls.within(
        { kind: 'job', name: definition.name, requestId: null, traceId: null },
        () => definition.run({ now: clock.now(), signal, data }),
      );
      outcome = 'succeeded';
    } catch (err) {
      log.error({ err, job: definition.name }, 'job failed');
      throw err;
    } finally {
      options.onRun?.(definition.name, outcome, (clock.monotonicMs() - began) / 1000);
    }
  };

  return {
    async start(definitions) {
      await boss.start();
      started = true;
      for (const definition of definitions) {
        await boss.createQueue(definition.name, {
          policy: 'short',
          retryLimit: definition.retryLimit,
          retryBackoff: true,
          retryDelay: 5,
          expireInSeconds: definition.timeoutSeconds,
          deleteAfterSeconds: 7 * 24 * 3600,
        });
        if (!options.work) continue;
        if (definition.cron) await boss.schedule(definition.name, definition.cron);
        await boss.work(
          definition.name,
          { pollingIntervalSeconds: 5, batchSize: 1, localConcurrency: 1 },
          async ([job]) => {
            if (job) await runOne(definition, job.data);
          },
        );
      }
      await count();
      timer = setInterval(count, STATS_EVERY_MS);
      timer.unref();
    },
    async send(name, data, key) {
      await boss.send(name, data ?? {}, key ? { singletonKey: key } : {});
    },
    stats: () => stats,
    running: () => started,
    async close() {
      clearInterval(timer);
      stopping.abort();
      if (started) await boss.stop({ close: false, graceful: true, timeout: STOP_TIMEOUT_MS });
      started = false;
    },
  };
}
