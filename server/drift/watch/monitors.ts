/** Monitors: when each is due, one run for each window, and what a run turns. Their parts stand beside this file. */
import type { Incidents } from '../../incidents/index.ts';
import type { Models } from '../../models/index.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import type { RunVerdict } from './contract.ts';
import { type MonitorRow, monitorColumns, noMonitor, windowOf } from './monitor-rows.ts';
import { createLookAt, type Stretch } from './monitor-runs.ts';
import { createMonitorSettings, type MonitorSettings } from './monitor-settings.ts';
import { createMonitorViews, type MonitorViews } from './monitor-views.ts';
import type { Runner } from './runs.ts';
import { createSchedule, type Schedule } from './schedule.ts';

const refusals = {
  known: 'This window has a run already.',
  changed: 'The monitor was changed meanwhile; run it again.',
} as const;

export type Monitors = MonitorViews &
  MonitorSettings &
  Schedule & {
    /** Looks at the window that ends now; answers the run. */
    run(
      authority: Authority,
      id: string,
      signal: AbortSignal,
    ): Promise<{ id: string; verdict: RunVerdict; detail: string }>;
  };

export function createMonitors(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  bus: Bus;
  log: Log;
  models: Pick<Models, 'find' | 'reader'>;
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  runner: Runner;
}): Monitors {
  const { db, clock, models, bus } = deps;
  const announce = (id: string, type: 'monitor' | 'run' = 'monitor') =>
    bus.publish({ topic: 'drift', type, id });
  const given = { ...deps, announce };
  const lookAt = createLookAt(given);
  const schedule = createSchedule({ ...given, lookAt });

  const windowUntil = async (row: MonitorRow, to: Date): Promise<Stretch> => {
    const window = windowOf(row);
    if (window.kind === 'time') return { from: new Date(to.getTime() - window.size * 1_000), to };
    const model = await models.find(row.modelId);
    if (!model) throw noMonitor();
    const from = await models.reader.nth(model.no, { before: to, n: window.size });
    return { from: from ?? (await models.reader.ends(model.no))?.first ?? to, to };
  };

  return {
    ...createMonitorViews(given),
    ...createMonitorSettings(given),
    ...schedule,
    async run(authority, id, signal) {
      const row = await db.prisma.driftMonitor.findUnique({
        where: { id },
        select: monitorColumns,
      });
      if (!row) throw noMonitor();
      const window = await windowUntil(row, clock.now());
      const found = await lookAt(row, window, { authority }, signal);
      if (found.outcome === 'gone') throw noMonitor();
      if (found.outcome !== 'stored') throw new AppError('CONFLICT', refusals[found.outcome]);
      return { id: found.id, verdict: found.verdict, detail: found.detail };
    },
  };
}
