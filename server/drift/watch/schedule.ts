/**
 * Which monitors are due, and their windows one after another. One replica works at a time; a killed one leaves nothing half done, as
 * a window counts when its run is stored. Those that waited longest come first, so that none that is slow, fails or has much to catch up
 * with keeps the others waiting for good.
 */
import type { Models } from '../../models/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import { withLock } from '../../platform/lock.ts';
import type { Log } from '../../platform/log.ts';
import {
  type MonitorRow,
  monitorColumns,
  sameSettings,
  stateOf,
  windowOf,
} from './monitor-rows.ts';
import type { LookAt, Stretch } from './monitor-runs.ts';
import { lockMonitor } from './monitor-settings.ts';
import { dueAfter, nextEnd } from './windows.ts';

/** Windows that a monitor catches up with in one round, the time it has for that, and monitors of one round. */
const WINDOWS_A_ROUND = 50;
const MONITOR_MS = 60_000;
const MONITORS_A_ROUND = 200;
const AGAIN_MS = 60_000;
/** Clocks of replicas differ, and predictions come from a little ahead. */
const AHEAD_MS = 15 * 60_000;

export type Schedule = {
  /** Runs what is due; answers how many windows. */
  tick(now: Date, signal: AbortSignal): Promise<number>;
};

export function createSchedule(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  models: Pick<Models, 'find' | 'reader'>;
  lookAt: LookAt;
  announce(monitorId: string): void;
}): Schedule {
  const { db, clock, models, lookAt, log, announce } = deps;

  /** The next window that has ended, with its grace; null while there is none. */
  const nextWindow = async (
    row: MonitorRow,
    lastEnd: number,
    now: Date,
  ): Promise<Stretch | null> => {
    const window = windowOf(row);
    const latest = now.getTime() - row.graceSeconds * 1_000;
    if (window.kind === 'time') {
      const to = nextEnd(lastEnd, window.step * 1_000);
      return to > latest ? null : { from: new Date(to - window.size * 1_000), to: new Date(to) };
    }
    const model = await models.find(row.modelId);
    if (!model) return null;
    const newest = await models.reader.nth(model.no, { after: new Date(lastEnd), n: window.step });
    if (!newest || newest.getTime() >= latest) return null;
    const to = new Date(newest.getTime() + 1);
    const from = await models.reader.nth(model.no, { before: to, n: window.size });
    const oldest = from ?? (await models.reader.ends(model.no))?.first ?? to;
    return { from: oldest, to };
  };
  /** Nothing is due before; unless somebody changed the monitor meanwhile, which says that itself. */
  const wait = (looked: MonitorRow, nextAt: Date) =>
    db.tx(async (tx) => {
      const row = await lockMonitor(tx, looked.id);
      if (!row || !sameSettings(row, looked)) return;
      await tx.driftMonitor.update({
        where: { id: row.id },
        data: { nextAt },
        select: { id: true },
      });
    });
  /** What was looked at while the clock was ahead never was; it would be waited for until then. Answers where to go on. */
  const goBack = async (looked: MonitorRow, lastEnd: Date, now: Date): Promise<Date> => {
    const { kind, size } = windowOf(looked);
    // The first window of a monitor that began a moment ago may end that late.
    const latest = now.getTime() + (kind === 'time' ? size * 1_000 : 0) + AHEAD_MS;
    const end = lastEnd.getTime() > latest ? now : lastEnd;
    await db.tx(async (tx) => {
      const row = await lockMonitor(tx, looked.id);
      if (!row) return;
      await tx.driftRun.deleteMany({ where: { monitorId: row.id, windowEnd: { gt: now } } });
      await tx.driftMonitor.update({
        where: { id: row.id },
        data: { lastEnd: end, nextAt: now, lastRunAt: now },
        select: { id: true },
      });
    });
    log.warn({ monitor: looked.id }, 'the clock went back; the drift monitor goes on from now');
    return end;
  };
  const catchUp = async (row: MonitorRow, now: Date, signal: AbortSignal): Promise<number> => {
    const window = windowOf(row);
    const began = clock.monotonicMs();
    const known = row.lastEnd ?? row.createdAt;
    const ahead = row.lastRunAt !== null && row.lastRunAt.getTime() > now.getTime() + AHEAD_MS;
    let lastEnd = (ahead ? await goBack(row, known, now) : known).getTime();
    let count = 0;
    while (count < WINDOWS_A_ROUND && clock.monotonicMs() - began < MONITOR_MS) {
      signal.throwIfAborted();
      const next = await nextWindow(row, lastEnd, now);
      if (!next) {
        const nextAt =
          window.kind === 'rows'
            ? new Date(now.getTime() + AGAIN_MS)
            : dueAfter(window, row.graceSeconds, lastEnd, now);
        await wait(row, nextAt);
        return count;
      }
      lastEnd = next.to.getTime();
      const due = dueAfter(window, row.graceSeconds, lastEnd, now);
      const { outcome } = await lookAt(row, next, { next: due }, signal);
      if (outcome === 'gone' || outcome === 'changed') return count;
      count++;
    }
    return count;
  };
  const failed = async (looked: MonitorRow, err: unknown) => {
    const why = err instanceof AppError ? err.publicMessage : 'see the log of the console';
    const now = clock.now();
    await db.tx(async (tx) => {
      const row = await lockMonitor(tx, looked.id);
      if (!row) return;
      const turned = stateOf(row) !== 'drifting' && stateOf(row) !== 'failing';
      await tx.driftMonitor.update({
        where: { id: row.id },
        data: {
          ...(turned ? { state: 'failing', since: now } : {}),
          detail: `The run failed: ${why}`,
          lastRunAt: now,
          nextAt: new Date(now.getTime() + AGAIN_MS),
        },
        select: { id: true },
      });
    });
    announce(looked.id);
  };
  const round = async (now: Date, signal: AbortSignal): Promise<number> => {
    // What a clock that was ahead put off is due, too.
    const late = new Date(now.getTime() + AHEAD_MS);
    const due = await db.prisma.driftMonitor.findMany({
      where: { paused: false, OR: [{ nextAt: { lte: now } }, { lastRunAt: { gt: late } }] },
      orderBy: [{ lastRunAt: { sort: 'asc', nulls: 'first' } }, { nextAt: 'asc' }],
      take: MONITORS_A_ROUND,
      select: monitorColumns,
    });
    let count = 0;
    for (const row of due) {
      signal.throwIfAborted();
      try {
        count += await catchUp(row, now, signal);
      } catch (err) {
        // While the database is away nothing is wrong with a monitor; the next round tries again.
        if (signal.aborted || !(await db.ping()).up) throw err;
        log.warn({ err, monitor: row.id }, 'a drift monitor could not run');
        await failed(row, err);
      }
    }
    return count;
  };

  return {
    async tick(now, signal) {
      const done = await withLock(db.pool, 'drift.run', (lost) =>
        round(now, AbortSignal.any([signal, lost])),
      );
      return done ?? 0;
    },
  };
}
