/**
 * Runs remedies. What may run is decided by `plan.ts`; here each step is a compare-and-swap in the database, so
 * that two replicas never run the same attempt: a unique index holds (target, series, attempt), another one
 * running remedy a target, and the cap for the fleet is counted under one lock.
 */
import type { Incidents } from '../incidents/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { Remedy } from './contract.ts';
import { judgeRemedy, WITHIN_MS } from './outcome.ts';
import { MAX_ATTEMPTS, type PlannedRun, type RunStatus, VERIFY_MS } from './plan.ts';
import type { Remedies } from './remedies/index.ts';
import { openSealed } from './watch.ts';

// pg_advisory_xact_lock: who counts running remedies.
const CAP_LOCK = [0x7768, 6] as const;
// How long after its time-out a run counts as lost.
const LEASE_GRACE_MS = 15_000;
const OUTCOME_DAYS = 90;

export const automation: Authority = {
  actor: { kind: 'system', id: null, name: 'healing' },
  rule: 'remedy:automatic',
  requestId: null,
};
export type HealTarget = { id: string; name: string; remedy: Remedy };
export type SeriesRun = PlannedRun & { id: string; helped: boolean | null; detail: string | null };
export type StartInput = {
  target: HealTarget;
  seriesId: string;
  attempt: number;
  episode: { id: string; incidentId: string | null; symptom: string };
};
export type Healing = {
  runsOf(seriesIds: readonly string[]): Promise<Map<string, SeriesRun[]>>;
  /** Starts an attempt in the background; a sentence when it may not start now. */
  start(input: StartInput): Promise<{ started: true } | { started: false; reason: string }>;
  /** Puts an attempt before a person. */
  propose(input: StartInput): Promise<void>;
  expire(run: SeriesRun, detail: string): Promise<void>;
  /** Runs whose process ended under them. */
  endLost(): Promise<void>;
  /** Ends a verification that took too long. Answers whether anything moved. */
  settle(target: HealTarget, run: SeriesRun): Promise<boolean>;
  /** The target came back: judges the runs of its series, inside the caller's transaction. */
  recovered(
    tx: Tx,
    target: { id: string; name: string },
    seriesId: string,
    at: number,
  ): Promise<void>;
  /** Takes the remedy's autonomy away when the figures say that it does not help. */
  review(target: { id: string; name: string }, symptom: string): Promise<void>;
  /** An operator's decisions. */
  runNow(authority: Authority, targetId: string): Promise<{ id: string }>;
  decide(authority: Authority, id: string, approve: boolean): Promise<void>;
  stop(authority: Authority, id: string): Promise<void>;
  /** Waits for runs of this process, then ends them. */
  close(): Promise<void>;
};

export function createHealing(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  secrets: Secrets;
  incidents: Incidents;
  remedies: Remedies;
  maxRunning: number;
}): Healing {
  const { db, bus, audit, clock, log, secrets, incidents, remedies } = deps;
  const active = new Map<string, { abort: AbortController; done: Promise<void> }>();
  const changed = (targetId: string) => bus.publish({ topic: 'health', type: 'run', id: targetId });
  const recheck = (targetId: string) =>
    bus.publish({ topic: 'health', type: 'recheck', id: targetId });
  const stopListening = bus.on('health', ({ type, id }) => {
    if (type === 'stop' && id) active.get(id)?.abort.abort();
  });

  /** Under the lock: whether one more may run now. */
  const refuseStart = async (tx: Tx, targetId: string): Promise<string | null> => {
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(${CAP_LOCK[0]}, ${CAP_LOCK[1]})`;
    const control = await tx.healthControl.findUnique({
      where: { id: 1 },
      select: { frozen: true },
    });
    if (control?.frozen) return 'healing is paused for the whole fleet';
    const running = await tx.remedyRun.count({
      where: { status: 'running', leaseUntil: { gt: clock.now() } },
    });
    if (running >= deps.maxRunning) return `${running} remedies run already, the most allowed`;
    const own = await tx.remedyRun.count({ where: { targetId, status: 'running' } });
    return own > 0 ? 'a remedy of this target runs already' : null;
  };

  const execute = (
    run: { id: string; attempt: number | null; incidentId: string | null; symptom: string | null },
    target: HealTarget,
    secret: string | null,
  ) => {
    const abort = new AbortController();
    const done = (async () => {
      const startedAt = clock.now().getTime();
      const outcome = await remedies.run(target.remedy, {
        runId: run.id,
        attempt: run.attempt,
        target: { id: target.id, name: target.name },
        symptom: run.symptom,
        incidentId: run.incidentId,
        secret,
        signal: abort.signal,
      });
      await finish(run, target, outcome, startedAt, abort.signal.aborted);
    })()
      .catch((err) => log.error({ err, run: run.id }, 'the end of a remedy could not be written'))
      .finally(() => active.delete(run.id));
    active.set(run.id, { abort, done });
  };

  const finish = async (
    run: {
      id: string;
      attempt: number | null;
      incidentId: string | null;
      symptom: string | null;
    },
    target: HealTarget,
    outcome: { ok: boolean; detail: string; output: string | null },
    startedAt: number,
    aborted: boolean,
  ) => {
    const now = clock.now();
    // Without a symptom nothing was broken, so there is nothing to verify.
    const done: RunStatus = run.symptom === null ? 'verified' : 'verifying';
    const status: RunStatus = aborted ? 'cancelled' : outcome.ok ? done : 'failed';
    await db.tx(async (tx) => {
      const { count } = await tx.remedyRun.updateMany({
        where: { id: run.id, status: 'running' },
        data: {
          status,
          endedAt: now,
          detail: outcome.detail,
          output: outcome.output?.replaceAll('\0', '') ?? null,
          leaseUntil: null,
          verifyUntil: new Date(startedAt + VERIFY_MS),
        },
      });
      if (count === 0 || !run.incidentId) return;
      const which = run.attempt === null ? 'The remedy' : `Attempt ${run.attempt}`;
      await incidents.record(tx, run.incidentId, {
        kind: 'remedy',
        detail: `${target.name}: ${which} ${outcome.ok ? 'done' : 'failed'}: ${outcome.detail}`,
        data: { runId: run.id, status },
      });
    });
    if (run.incidentId) incidents.announce(run.incidentId);
    changed(target.id);
    recheck(target.id);
  };

  const secretOf = async (targetId: string): Promise<string | null> => {
    const row = await db.prisma.target.findUnique({
      where: { id: targetId },
      select: { sealed: true },
    });
    return openSealed(secrets, targetId, row?.sealed ?? null).remedySecret ?? null;
  };
  const lease = (remedy: Remedy) =>
    new Date(clock.now().getTime() + remedies.timeoutMs(remedy) + LEASE_GRACE_MS);

  return {
    async runsOf(seriesIds) {
      if (seriesIds.length === 0) return new Map();
      const { rows } = await db.pool.query<{
        id: string;
        series_id: string;
        attempt: number | null;
        status: RunStatus;
        created_at: Date;
        started_at: Date | null;
        verify_until: Date | null;
        helped: boolean | null;
        detail: string | null;
      }>(
        `SELECT id::text, series_id::text, attempt, status, created_at, started_at, verify_until, helped, detail
         FROM remedy_runs WHERE series_id = ANY($1::uuid[]) ORDER BY created_at`,
        [seriesIds],
      );
      const runs = rows.map((row) => ({
        seriesId: row.series_id,
        id: row.id,
        attempt: row.attempt,
        status: row.status,
        createdAt: row.created_at.getTime(),
        startedAt: row.started_at?.getTime() ?? null,
        verifyUntil: row.verify_until?.getTime() ?? null,
        helped: row.helped,
        detail: row.detail,
      }));
      return Map.groupBy(runs, (run) => run.seriesId);
    },
    async start({ target, seriesId, attempt, episode }) {
      const fault = remedies.fault(target.remedy);
      const now = clock.now();
      const id = newId(now);
      const secret = await secretOf(target.id);
      const refused = await db.tx(async (tx) => {
        const refusal = await refuseStart(tx, target.id);
        if (refusal) return refusal;
        const inserted = await tx.$executeRaw`
          INSERT INTO remedy_runs (id, target_id, episode_id, incident_id, series_id, attempt, kind, trigger, status,
            symptom, requested_by, created_at, started_at, ended_at, lease_until, verify_until, detail)
          VALUES (${id}::uuid, ${target.id}::uuid, ${episode.id}::uuid, ${episode.incidentId}::uuid, ${seriesId}::uuid,
            ${attempt}, ${target.remedy.kind}, 'automatic', ${fault ? 'failed' : 'running'}, ${episode.symptom},
            ${automation.actor.name}, ${now}, ${now}, ${fault ? now : null}, ${fault ? null : lease(target.remedy)},
            ${fault ? now : null}, ${fault})
          ON CONFLICT DO NOTHING`;
        if (inserted === 0) return 'another attempt runs already';
        await tx.episode.updateMany({
          where: { id: episode.id, firstRemedyAt: null },
          data: { firstRemedyAt: now },
        });
        if (episode.incidentId) {
          await incidents.record(tx, episode.incidentId, {
            kind: 'remedy',
            detail: `${target.name}: attempt ${attempt} of ${MAX_ATTEMPTS}, ${describeRemedy(target.remedy)}${fault ? `: ${fault}` : ''}`,
            data: { runId: id },
          });
        }
        await audit.append(tx, automation, {
          action: 'health.remedy.run',
          target: { kind: 'target', id: target.id, name: target.name },
          after: { runId: id, attempt, remedy: target.remedy, symptom: episode.symptom },
        });
        return null;
      });
      if (refused !== null) return { started: false, reason: refused };
      if (!fault) {
        execute(
          { id, attempt, incidentId: episode.incidentId, symptom: episode.symptom },
          target,
          secret,
        );
      }
      changed(target.id);
      if (episode.incidentId) incidents.announce(episode.incidentId);
      return { started: true };
    },
    async propose({ target, seriesId, attempt, episode }) {
      const now = clock.now();
      const id = newId(now);
      await db.tx(async (tx) => {
        const inserted = await tx.$executeRaw`
          INSERT INTO remedy_runs (id, target_id, episode_id, incident_id, series_id, attempt, kind, trigger, status,
            symptom, requested_by, created_at)
          VALUES (${id}::uuid, ${target.id}::uuid, ${episode.id}::uuid, ${episode.incidentId}::uuid, ${seriesId}::uuid,
            ${attempt}, ${target.remedy.kind}, 'approval', 'awaiting_approval', ${episode.symptom},
            ${automation.actor.name}, ${now})
          ON CONFLICT DO NOTHING`;
        if (inserted === 0) return;
        if (episode.incidentId) {
          await incidents.askApproval(tx, episode.incidentId, {
            runId: id,
            targetId: target.id,
            detail: `${target.name}: ${describeRemedy(target.remedy)} waits for approval (attempt ${attempt} of ${MAX_ATTEMPTS})`,
          });
        }
        await audit.append(tx, automation, {
          action: 'health.remedy.propose',
          target: { kind: 'target', id: target.id, name: target.name },
          after: { runId: id, attempt, remedy: target.remedy },
        });
      });
      changed(target.id);
      if (episode.incidentId) incidents.announce(episode.incidentId);
    },
    async expire(run, detail) {
      await db.prisma.remedyRun.updateMany({
        where: { id: run.id, status: 'awaiting_approval' },
        data: { status: 'expired', endedAt: clock.now(), detail },
      });
    },
    async endLost() {
      const now = clock.now();
      const { rows } = await db.pool.query<{ target_id: string }>(
        `UPDATE remedy_runs SET status = 'failed', ended_at = $1, helped = false,
           detail = 'the console ended while it ran; it may have done its work'
         WHERE status = 'running' AND lease_until <= $1 RETURNING target_id::text`,
        [now],
      );
      for (const row of rows) changed(row.target_id);
    },
    async settle(target, run) {
      const now = clock.now();
      const over = run.verifyUntil !== null && run.verifyUntil <= now.getTime();
      if (!over || (run.status !== 'verifying' && run.status !== 'failed')) return false;
      const { count } = await db.prisma.remedyRun.updateMany({
        where: { id: run.id, status: { in: ['verifying', 'failed'] }, helped: null },
        data: {
          status: 'failed',
          helped: false,
          ...(run.status === 'verifying'
            ? { detail: `${run.detail ?? 'done'}, but it was not up again in time` }
            : {}),
        },
      });
      if (count > 0) changed(target.id);
      return count > 0;
    },
    async recovered(tx, target, seriesId, at) {
      const runs = await tx.remedyRun.findMany({
        where: { targetId: target.id, seriesId, helped: null },
        select: { id: true, status: true, startedAt: true, incidentId: true, attempt: true },
        orderBy: { createdAt: 'asc' },
      });
      const last = runs.filter(({ startedAt }) => startedAt !== null).at(-1);
      for (const run of runs) {
        if (run.status === 'awaiting_approval') {
          await tx.remedyRun.updateMany({
            where: { id: run.id, status: 'awaiting_approval' },
            data: { status: 'expired', endedAt: new Date(at), detail: 'it came back by itself' },
          });
          continue;
        }
        if (run.startedAt === null) continue;
        const afterMs = Math.max(0, at - run.startedAt.getTime());
        const helped = run === last && afterMs <= WITHIN_MS;
        await tx.remedyRun.updateMany({
          where: { id: run.id, helped: null },
          data: {
            helped,
            ...(run === last ? { recoveredAfterMs: afterMs } : {}),
            ...(run.status === 'verifying' ? { status: run === last ? 'verified' : 'failed' } : {}),
          },
        });
        if (run === last && run.incidentId) {
          const which = run.attempt === null ? 'The remedy' : `Attempt ${run.attempt}`;
          await incidents.record(tx, run.incidentId, {
            kind: 'remedy',
            detail: `${target.name}: ${which} verified, up again ${Math.round(afterMs / 100) / 10} s after it began`,
            data: { runId: run.id, status: 'verified' },
          });
        }
      }
    },
    async review(target, symptom) {
      const { treated, untreated } = await proportions(db, clock.now(), target.id, symptom);
      const verdict = judgeRemedy(treated, untreated);
      if (verdict.verdict !== 'does_not_help') return;
      const reason = verdict.sentence;
      const demoted = await db.tx(async (tx) => {
        const { count } = await tx.target.updateMany({
          where: { id: target.id, demotedAt: null, remedyMode: 'automatic' },
          data: { demotedAt: clock.now(), demotedReason: reason, updatedAt: clock.now() },
        });
        if (count === 0) return false;
        await audit.append(
          tx,
          { ...automation, rule: 'remedy:outcome' },
          {
            action: 'health.remedy.demote',
            target: { kind: 'target', id: target.id, name: target.name },
            before: { mode: 'automatic' },
            after: { mode: 'approval', symptom, reason },
          },
        );
        return true;
      });
      if (demoted) bus.publish({ topic: 'health', type: 'target', id: target.id });
    },
    async runNow(authority, targetId) {
      const row = await db.prisma.target.findUnique({
        where: { id: targetId },
        select: {
          name: true,
          remedy: true,
          current: { select: { seriesId: true } },
          episodes: {
            where: { recoveredAt: null },
            select: { id: true, incidentId: true, symptom: true },
          },
        },
      });
      if (!row) throw new AppError('NOT_FOUND', 'There is no such target.');
      // Written by `targets.ts` from a checked input.
      const remedy = row.remedy as Remedy | null;
      if (!remedy) throw new AppError('CONFLICT', `${row.name} has no remedy.`);
      const fault = remedies.fault(remedy);
      if (fault) throw new AppError('CONFLICT', `${fault}.`);
      const target = { id: targetId, name: row.name, remedy };
      const episode = row.episodes[0] ?? null;
      const now = clock.now();
      const id = newId(now);
      const secret = await secretOf(targetId);
      await db.tx(async (tx) => {
        const refusal = await refuseStart(tx, targetId);
        if (refusal) throw new AppError('CONFLICT', `Not started: ${refusal}.`);
        const inserted = await tx.$executeRaw`
          INSERT INTO remedy_runs (id, target_id, episode_id, incident_id, series_id, attempt, kind, trigger, status,
            symptom, requested_by, decided_by, created_at, started_at, lease_until)
          VALUES (${id}::uuid, ${targetId}::uuid, ${episode?.id ?? null}::uuid, ${episode?.incidentId ?? null}::uuid,
            ${row.current?.seriesId ?? id}::uuid, NULL, ${remedy.kind}, 'manual', 'running', ${episode?.symptom ?? null},
            ${authority.actor.name}, ${authority.actor.name}, ${now}, ${now}, ${lease(remedy)})
          ON CONFLICT DO NOTHING`;
        if (inserted === 0) {
          throw new AppError('CONFLICT', `A remedy of ${row.name} runs already.`);
        }
        if (episode?.incidentId) {
          await incidents.record(tx, episode.incidentId, {
            kind: 'remedy',
            detail: `${row.name}: ${authority.actor.name} started ${describeRemedy(remedy)}`,
            actor: authority.actor.name,
            data: { runId: id },
          });
        }
        await audit.append(tx, authority, {
          action: 'health.remedy.run',
          target: { kind: 'target', id: targetId, name: row.name },
          after: { runId: id, remedy },
        });
      });
      execute(
        {
          id,
          attempt: null,
          incidentId: episode?.incidentId ?? null,
          symptom: episode?.symptom ?? null,
        },
        target,
        secret,
      );
      changed(targetId);
      return { id };
    },
    async decide(authority, id, approve) {
      const run = await db.prisma.remedyRun.findUnique({
        where: { id },
        select: {
          attempt: true,
          incidentId: true,
          symptom: true,
          target: { select: { id: true, name: true, remedy: true } },
        },
      });
      if (!run) throw new AppError('NOT_FOUND', 'There is no such run.');
      const remedy = run.target.remedy as Remedy | null;
      if (approve && !remedy) throw new AppError('CONFLICT', `${run.target.name} has no remedy.`);
      const now = clock.now();
      const by = authority.actor.name;
      const secret = approve ? await secretOf(run.target.id) : null;
      await db.tx(async (tx) => {
        const refusal = approve ? await refuseStart(tx, run.target.id) : null;
        if (refusal) throw new AppError('CONFLICT', `Not started: ${refusal}.`);
        const { count } = await tx.remedyRun.updateMany({
          where: { id, status: 'awaiting_approval' },
          data: approve
            ? {
                status: 'running',
                decidedBy: by,
                startedAt: now,
                ...(remedy ? { leaseUntil: lease(remedy) } : {}),
              }
            : { status: 'rejected', decidedBy: by, endedAt: now, detail: `rejected by ${by}` },
        });
        if (count === 0) {
          throw new AppError('CONFLICT', 'This run no longer waits for a decision.');
        }
        if (run.incidentId) {
          await incidents.record(tx, run.incidentId, {
            kind: 'remedy',
            detail: `${run.target.name}: ${by} ${approve ? 'approved' : 'rejected'} the remedy`,
            actor: by,
            data: { runId: id },
          });
        }
        await audit.append(tx, authority, {
          action: approve ? 'health.remedy.approve' : 'health.remedy.reject',
          target: { kind: 'target', id: run.target.id, name: run.target.name },
          after: { runId: id, attempt: run.attempt },
        });
      });
      if (approve && remedy) {
        execute({ id, ...run }, { id: run.target.id, name: run.target.name, remedy }, secret);
      }
      changed(run.target.id);
      if (run.incidentId) incidents.announce(run.incidentId);
    },
    async stop(authority, id) {
      const run = await db.prisma.remedyRun.findUnique({
        where: { id },
        select: { status: true, target: { select: { id: true, name: true } } },
      });
      if (!run) throw new AppError('NOT_FOUND', 'There is no such run.');
      await db.tx(async (tx) => {
        const { count } = await tx.remedyRun.updateMany({
          where: { id, status: 'running' },
          data: {
            status: 'cancelled',
            endedAt: clock.now(),
            leaseUntil: null,
            decidedBy: authority.actor.name,
            detail: `stopped by ${authority.actor.name}`,
          },
        });
        if (count === 0) throw new AppError('CONFLICT', 'This run is not running.');
        await audit.append(tx, authority, {
          action: 'health.remedy.stop',
          target: { kind: 'target', id: run.target.id, name: run.target.name },
          after: { runId: id },
        });
      });
      active.get(id)?.abort.abort();
      bus.publish({ topic: 'health', type: 'stop', id });
      changed(run.target.id);
    },
    async close() {
      stopListening();
      // A remedy that is under way is not cut off: it would be left half done.
      await Promise.race([
        Promise.all([...active.values()].map(({ done }) => done)),
        new Promise((resolve) => setTimeout(resolve, 5_000).unref()),
      ]);
      for (const { abort } of active.values()) abort.abort();
      await Promise.all([...active.values()].map(({ done }) => done));
    },
  };
}

export function describeRemedy(remedy: Remedy): string {
  switch (remedy.kind) {
    case 'webhook':
      return `webhook ${remedy.url}`;
    case 'command':
      return `command ${remedy.name}`;
    case 'docker':
      return `restart of container ${remedy.container}`;
    case 'kubernetes':
      return `rollout restart of ${remedy.namespace}/${remedy.deployment}`;
    case 'systemd':
      return `restart of ${remedy.unit}`;
  }
}

/** How often the remedy, and how often nothing, brought the target back within a minute. */
export async function proportions(db: Db, now: Date, targetId: string, symptom: string) {
  const since = new Date(now.getTime() - OUTCOME_DAYS * 86_400_000);
  const settled = new Date(now.getTime() - WITHIN_MS);
  const { rows } = await db.pool.query<{
    treated: number;
    treated_ok: number;
    untreated: number;
    untreated_ok: number;
  }>(
    `SELECT
       (SELECT count(*)::int FROM remedy_runs WHERE target_id = $1 AND symptom = $2 AND helped IS NOT NULL AND created_at > $3) AS treated,
       (SELECT count(*)::int FROM remedy_runs WHERE target_id = $1 AND symptom = $2 AND helped AND created_at > $3) AS treated_ok,
       count(*)::int AS untreated,
       count(*) FILTER (WHERE recovered_at <= down_at + interval '60 seconds')::int AS untreated_ok
     FROM episodes WHERE target_id = $1 AND symptom = $2 AND first_remedy_at IS NULL AND down_at > $3
       AND (recovered_at IS NOT NULL OR down_at < $4)`,
    [targetId, symptom, since, settled],
  );
  const row = rows[0];
  return {
    treated: { successes: row?.treated_ok ?? 0, trials: row?.treated ?? 0 },
    untreated: { successes: row?.untreated_ok ?? 0, trials: row?.untreated ?? 0 },
  };
}
