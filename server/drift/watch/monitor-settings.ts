/** Monitors as operators make, change, pause and remove them: each change checked and audited under the monitor's own lock. */
import type { Incidents } from '../../incidents/index.ts';
import type { Model, Models } from '../../models/index.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import { uniqueName } from '../../platform/db/unique-name.ts';
import { AppError } from '../../platform/errors.ts';
import { newId } from '../../platform/ids.ts';
import {
  type CreateMonitorInput,
  MAX_MONITORS,
  type Season,
  type UpdateMonitorInput,
} from './contract.ts';
import {
  incidentKey,
  type MonitorRow,
  monitorColumns,
  noMonitor,
  seasonOf,
  settingsOf,
  windowOf,
} from './monitor-rows.ts';
import { fieldFault } from './references.ts';
import { dueAfter } from './windows.ts';

/** Windows that a monitor may begin with in the past. */
const MAX_BACKLOG = 5_000;

export type MonitorSettings = {
  create(authority: Authority, input: CreateMonitorInput): Promise<{ id: string }>;
  update(authority: Authority, input: UpdateMonitorInput): Promise<void>;
  remove(authority: Authority, id: string): Promise<void>;
  pause(authority: Authority, input: { id: string; paused: boolean }): Promise<void>;
  /** Ends the incidents of a model's monitors, which go with it; answers whom to announce. */
  forget(tx: Tx, modelId: string): Promise<string[]>;
};

/** The monitor as it stands, kept from others until the transaction ends. */
export async function lockMonitor(tx: Tx, id: string): Promise<MonitorRow | null> {
  await tx.$queryRaw`SELECT 1 FROM drift_monitors WHERE id = ${id}::uuid FOR UPDATE`;
  return tx.driftMonitor.findUnique({ where: { id }, select: monitorColumns });
}

/** That model, reference, features and season fit together; model and reference stay until the transaction ends. */
async function assertFits(
  tx: Tx,
  model: Model,
  given: { referenceId: string | null; features: readonly string[]; season: Season },
): Promise<void> {
  given.features.forEach((name, place) => {
    if (!model.features.some((one) => one.name === name && !one.gone)) {
      throw fieldFault(`features.${place}`, `The model has no feature ${name}`);
    }
  });
  // In the order in which a model that is removed takes them.
  await tx.$queryRaw`SELECT 1 FROM models WHERE id = ${model.id}::uuid FOR KEY SHARE`;
  const [reference] = given.referenceId
    ? await tx.$queryRaw<{ timed: boolean }[]>`
        SELECT "from" IS NOT NULL AS timed FROM drift_references
        WHERE id = ${given.referenceId}::uuid AND model_id = ${model.id}::uuid FOR KEY SHARE`
    : [];
  if (!reference) throw fieldFault('referenceId', 'The model has no such reference');
  if (given.season !== 'none' && !reference.timed) {
    throw fieldFault('season', 'The rows of this reference have no times');
  }
}

export function createMonitorSettings(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  models: Pick<Models, 'find'>;
  incidents: Pick<Incidents, 'ended' | 'announce'>;
  announce(monitorId: string): void;
}): MonitorSettings {
  const { db, audit, clock, models, incidents, announce } = deps;

  /** Read before the transaction, which has a connection of its own already. */
  const modelOf = async (id: string): Promise<Model> => {
    const model = await models.find(id);
    if (!model) throw fieldFault('modelId', 'There is no such model');
    return model;
  };

  return {
    async create(authority, { window, startAt, mutedUntil, ...input }) {
      const now = clock.now();
      const id = newId(now);
      const begin = startAt ? Math.min(Date.parse(startAt), now.getTime()) : now.getTime();
      if (window.kind === 'time' && now.getTime() - begin > MAX_BACKLOG * window.step * 1_000) {
        throw fieldFault('startAt', `That is more than ${MAX_BACKLOG} windows ago`);
      }
      // The first window is whole: it begins no earlier than asked.
      const lastEnd =
        startAt && window.kind === 'time' ? begin + (window.size - window.step) * 1_000 - 1 : begin;
      const model = await modelOf(input.modelId);
      await uniqueName('a monitor', input.name, () =>
        db.tx(async (tx) => {
          await assertFits(tx, model, input);
          if ((await tx.driftMonitor.count()) >= MAX_MONITORS) {
            throw new AppError('CONFLICT', `At most ${MAX_MONITORS} monitors are kept.`);
          }
          await tx.driftMonitor.create({
            data: {
              ...input,
              id,
              windowKind: window.kind,
              windowSize: window.size,
              windowStep: window.step,
              mutedUntil: mutedUntil === null ? null : new Date(mutedUntil),
              lastEnd: new Date(lastEnd),
              nextAt: dueAfter(window, input.graceSeconds, lastEnd, now),
              createdAt: now,
              createdBy: authority.actor.name,
              updatedAt: now,
            },
            select: { id: true },
          });
          await audit.append(tx, authority, {
            action: 'drift.monitors.create',
            target: { kind: 'monitor', id, name: input.name },
            after: { ...input, window, mutedUntil, startAt: startAt ?? null },
          });
        }),
      );
      announce(id);
      return { id };
    },
    async update(authority, { id, window, mutedUntil, ...patch }) {
      const known = await db.prisma.driftMonitor.findUnique({
        where: { id },
        select: { modelId: true },
      });
      if (!known) throw noMonitor();
      const { referenceId, features, season } = patch;
      const model =
        (referenceId ?? features ?? season) === undefined ? null : await modelOf(known.modelId);
      await uniqueName('a monitor', patch.name ?? '', () =>
        db.tx(async (tx) => {
          const before = await lockMonitor(tx, id);
          if (!before) throw noMonitor();
          if (model) {
            await assertFits(tx, model, {
              referenceId: referenceId ?? before.referenceId,
              features: features ?? before.features,
              season: season ?? seasonOf(before.season),
            });
          }
          const graceSeconds = patch.graceSeconds ?? before.graceSeconds;
          const now = clock.now();
          // What another window would have seen of the past is not caught up with.
          const schedule =
            window !== undefined
              ? {
                  windowKind: window.kind,
                  windowSize: window.size,
                  windowStep: window.step,
                  lastEnd: now,
                  nextAt: dueAfter(window, graceSeconds, now.getTime(), now),
                }
              : graceSeconds !== before.graceSeconds && before.lastEnd
                ? {
                    nextAt: dueAfter(windowOf(before), graceSeconds, before.lastEnd.getTime(), now),
                  }
                : {};
          const after = await tx.driftMonitor.update({
            where: { id },
            data: {
              ...patch,
              ...schedule,
              ...(mutedUntil === undefined
                ? {}
                : { mutedUntil: mutedUntil === null ? null : new Date(mutedUntil) }),
              updatedAt: now,
            },
            select: monitorColumns,
          });
          await audit.append(tx, authority, {
            action: 'drift.monitors.update',
            target: { kind: 'monitor', id, name: after.name },
            before: settingsOf(before),
            after: settingsOf(after),
          });
        }),
      );
      announce(id);
    },
    async remove(authority, id) {
      const incident = await db.tx(async (tx) => {
        const row = await lockMonitor(tx, id);
        if (!row) throw noMonitor();
        await tx.driftMonitor.delete({ where: { id }, select: { id: true } });
        const ended = await incidents.ended(tx, {
          key: incidentKey(id),
          endedAt: null,
          detail: 'The monitor was removed.',
        });
        await audit.append(tx, authority, {
          action: 'drift.monitors.remove',
          target: { kind: 'monitor', id, name: row.name },
          before: settingsOf(row),
        });
        return ended;
      });
      if (incident) incidents.announce(incident);
      announce(id);
    },
    async pause(authority, { id, paused }) {
      await db.tx(async (tx) => {
        const row = await lockMonitor(tx, id);
        if (!row) throw noMonitor();
        const now = clock.now();
        await tx.driftMonitor.update({
          where: { id },
          data: {
            paused,
            updatedAt: now,
            // What passed while it was paused is not caught up with.
            ...(row.paused && !paused
              ? {
                  lastEnd: now,
                  nextAt: dueAfter(windowOf(row), row.graceSeconds, now.getTime(), now),
                }
              : {}),
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: paused ? 'drift.monitors.pause' : 'drift.monitors.resume',
          target: { kind: 'monitor', id, name: row.name },
          before: { paused: row.paused },
          after: { paused },
        });
      });
      announce(id);
    },
    async forget(tx, modelId) {
      // A run that is being stored waits for this, and then finds no monitor.
      const rows = await tx.$queryRaw<{ id: string; state: string }[]>`
        SELECT id, state FROM drift_monitors WHERE model_id = ${modelId}::uuid ORDER BY id FOR UPDATE`;
      const ended: string[] = [];
      for (const { id, state } of rows) {
        if (state !== 'drifting') continue;
        const incident = await incidents.ended(tx, {
          key: incidentKey(id),
          endedAt: null,
          detail: 'The model and its monitors were removed.',
        });
        if (incident) ended.push(incident);
      }
      return ended;
    },
  };
}
