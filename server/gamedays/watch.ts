/**
 * Follows the game days that run: reads what health has written about their targets, and ends them. Any number of
 * replicas may do so at once; one of them ends each, by compare-and-swap on its status.
 */
import type { State } from '../health/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Prisma } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import { LIMIT_MS, type Outcome } from './contract.ts';
import type { FleetClient } from './fleet.ts';
import { type Score, score } from './score.ts';

/** How much longer the end may wait for a fleet that does not answer. */
const GRACE_MS = 60_000;
const BATCH = 50;

const automation: Authority = {
  actor: { kind: 'system', id: null, name: 'game days' },
  rule: 'gamedays:end',
  requestId: null,
};
const columns = {
  id: true,
  service: true,
  fault: true,
  targetId: true,
  targetName: true,
  startedAt: true,
  firstFailureAt: true,
  detectedAt: true,
  remedyAt: true,
  recoveredAt: true,
  detail: true,
} as const;
type Running = Prisma.GameDayGetPayload<{ select: typeof columns }>;
type Progress = Score & { firstFailureAt: Date | null; remedyAt: Date | null };

/** One pass over what runs; answers how many it ended. */
export function createWatch(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  fleet: FleetClient;
}): () => Promise<number> {
  const { db, bus, audit, clock, log, fleet } = deps;

  const progressOf = async (day: Running): Promise<Progress> => {
    const [transitions, failures] = await Promise.all([
      db.pool.query<{ at: Date; to: State; reason: string }>(
        `SELECT at, "to", reason FROM target_transitions WHERE target_id = $1 AND at >= $2 ORDER BY at, id LIMIT 1000`,
        [day.targetId, day.startedAt],
      ),
      db.pool.query<{ first_failure_at: Date | null; remedy_at: Date | null }>(
        `SELECT least(
           (SELECT min(first_failure_at) FROM episodes WHERE target_id = $1 AND down_at >= $2),
           (SELECT first_failure_at FROM target_states WHERE target_id = $1 AND first_failure_at >= $2)) AS first_failure_at,
           (SELECT min(started_at) FROM remedy_runs WHERE target_id = $1 AND started_at >= $2) AS remedy_at`,
        [day.targetId, day.startedAt],
      ),
    ]);
    const seen = failures.rows[0];
    const first = day.firstFailureAt ?? seen?.first_failure_at ?? null;
    return {
      ...score(transitions.rows),
      // A check that was under way may have failed for another reason just before.
      firstFailureAt: first && first < day.startedAt ? day.startedAt : first,
      remedyAt: day.remedyAt ?? seen?.remedy_at ?? null,
    };
  };
  const isWhole = async (service: string): Promise<boolean> => {
    try {
      const found = (await fleet.services()).find(({ name }) => name === service);
      return found === undefined || (found.alive && found.fault === 'none');
    } catch {
      return false;
    }
  };
  const restore = async (service: string): Promise<boolean> => {
    try {
      await fleet.setFault(service, 'none');
      return true;
    } catch (err) {
      log.warn({ err, service }, 'the fault of a game day could not be taken out');
      return false;
    }
  };
  const times = ({ firstFailureAt, detectedAt, remedyAt, recoveredAt }: Progress) => ({
    firstFailureAt,
    detectedAt,
    remedyAt,
    recoveredAt,
  });
  const end = async (
    day: Running,
    progress: Progress,
    result: { status: Outcome; detail: string },
  ): Promise<number> => {
    const detail = [day.detail, result.detail].filter(Boolean).join(' ').slice(0, 2_000);
    const ended = await db.tx(async (tx) => {
      const { count } = await tx.gameDay.updateMany({
        where: { id: day.id, status: 'running' },
        data: { ...times(progress), status: result.status, detail, endedAt: clock.now() },
      });
      if (count === 0) return 0;
      await audit.append(tx, automation, {
        action: 'gamedays.end',
        target: { kind: 'target', id: day.targetId, name: day.targetName },
        before: { gameDayId: day.id, service: day.service, fault: day.fault, status: 'running' },
        after: { status: result.status, detail },
      });
      return count;
    });
    if (ended > 0) bus.publish({ topic: 'gamedays', type: 'ended', id: day.id });
    return ended;
  };
  const note = async (day: Running, progress: Progress): Promise<void> => {
    const now = times(progress);
    const same = Object.entries(now).every(
      ([name, at]) => day[name as keyof typeof now]?.getTime() === at?.getTime(),
    );
    if (same) return;
    const { count } = await db.prisma.gameDay.updateMany({
      where: { id: day.id, status: 'running' },
      data: now,
    });
    if (count > 0) bus.publish({ topic: 'gamedays', type: 'changed', id: day.id });
  };
  const follow = async (day: Running): Promise<number> => {
    const progress = await progressOf(day);
    const seen = progress.reason ? `Seen: ${progress.reason}.` : '';
    if (progress.recoveredAt && (await isWhole(day.service))) {
      return end(day, progress, { status: 'recovered', detail: seen });
    }
    const overMs = clock.now().getTime() - day.startedAt.getTime() - LIMIT_MS;
    if (overMs < 0) {
      await note(day, progress);
      return 0;
    }
    const restored = await restore(day.service);
    if (!restored && overMs < GRACE_MS) return 0;
    const left = restored ? '' : ' The fault is still in: the fleet did not answer.';
    const minutes = LIMIT_MS / 60_000;
    if (!progress.detectedAt) {
      const why = progress.firstFailureAt
        ? `Checks failed, but the target was not called down within ${minutes} minutes.`
        : `No check failed within ${minutes} minutes.`;
      return end(day, progress, { status: 'not_detected', detail: why + left });
    }
    const why = progress.recoveredAt
      ? `It came back with the fault still in it after ${minutes} minutes.`
      : `Not back within ${minutes} minutes.${progress.remedyAt ? '' : ' No remedy ran.'}`;
    return end(day, progress, { status: 'not_recovered', detail: `${seen} ${why}${left}` });
  };
  return async () => {
    const running = await db.prisma.gameDay.findMany({
      where: { status: 'running' },
      orderBy: { id: 'asc' },
      take: BATCH,
      select: columns,
    });
    let ended = 0;
    for (const day of running) ended += await follow(day);
    return ended;
  };
}
