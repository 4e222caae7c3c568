/** The switch for all healing: one row, read by every replica. */
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Control } from './contract.ts';

export type FleetControl = {
  get(): Promise<Control>;
  freeze(
    authority: Authority,
    input: { frozen: boolean; reason?: string | undefined },
  ): Promise<void>;
};

export function createControl(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
}): FleetControl {
  const { db, bus, audit, clock } = deps;
  return {
    async get() {
      const [row, waiting] = await Promise.all([
        db.prisma.healthControl.findUnique({
          where: { id: 1 },
          select: { frozen: true, frozenReason: true, frozenBy: true, frozenAt: true },
        }),
        db.prisma.remedyRun.count({ where: { status: 'awaiting_approval' } }),
      ]);
      return {
        frozen: row?.frozen ?? false,
        reason: row?.frozenReason ?? null,
        by: row?.frozenBy ?? null,
        at: row?.frozenAt?.toISOString() ?? null,
        waiting,
      };
    },
    async freeze(authority, { frozen, reason }) {
      await db.tx(async (tx) => {
        const { count } = await tx.healthControl.updateMany({
          where: { id: 1, frozen: !frozen },
          data: frozen
            ? {
                frozen,
                frozenReason: reason ?? null,
                frozenBy: authority.actor.name,
                frozenAt: clock.now(),
              }
            : { frozen, frozenReason: null, frozenBy: null, frozenAt: null },
        });
        if (count === 0) return;
        await audit.append(tx, authority, {
          action: frozen ? 'health.freeze' : 'health.unfreeze',
          target: { kind: 'fleet', id: null, name: 'healing' },
          after: { frozen, reason: reason ?? null },
        });
      });
      bus.publish({ topic: 'health', type: 'control', id: 'fleet' });
    },
  };
}
