/** Maintenance windows: kept in the database, held by each replica as a calendar that is read again every 2 s. */
import type { Page } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { MaintenanceCreate, MaintenanceItem } from './contract.ts';
import { cronFault, nextOccurrence, occurrenceAt, type Window } from './windows.ts';

const MAX_WINDOWS = 1_000;

export type MaintenanceCalendar = {
  refresh(): Promise<void>;
  /** The window that covers a target now. */
  covers(targetId: string): { id: string; name: string; until: number } | null;
};
export type Maintenance = {
  create(authority: Authority, input: MaintenanceCreate): Promise<{ id: string }>;
  /** Ends it now, or takes it from the plan. */
  cancel(authority: Authority, id: string): Promise<void>;
  list(input: {
    limit: number;
    cursor?: string | null | undefined;
    ended?: boolean | undefined;
  }): Promise<Page<MaintenanceItem>>;
  calendar(): MaintenanceCalendar;
};

const select = {
  id: true,
  name: true,
  targetIds: true,
  startsAt: true,
  endsAt: true,
  cron: true,
  timeZone: true,
  durationMinutes: true,
  createdBy: true,
  cancelledAt: true,
} as const;
type Row = {
  id: string;
  name: string;
  targetIds: string[];
  startsAt: Date | null;
  endsAt: Date | null;
  cron: string | null;
  timeZone: string;
  durationMinutes: number | null;
  createdBy: string;
  cancelledAt: Date | null;
};

const windowOf = (row: Row): Window => ({
  id: row.id,
  targetIds: row.targetIds,
  startsAt: row.startsAt?.getTime() ?? null,
  endsAt: row.endsAt?.getTime() ?? null,
  cron: row.cron,
  timeZone: row.timeZone,
  durationMs: row.durationMinutes === null ? null : row.durationMinutes * 60_000,
});

export function createMaintenance(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
}): Maintenance {
  const { db, bus, audit, clock } = deps;
  const namesOf = async (ids: readonly string[]) => {
    const rows = await db.prisma.target.findMany({
      where: { id: { in: [...ids] } },
      select: { id: true, name: true },
    });
    return new Map(rows.map(({ id, name }) => [id, name]));
  };
  const ended = (row: Row, now: number) =>
    row.cancelledAt !== null || (row.endsAt !== null && row.endsAt.getTime() <= now);

  return {
    async create(authority, input) {
      const now = clock.now();
      const timeZone = input.timeZone ?? 'UTC';
      if (!isTimeZone(timeZone)) {
        throw invalid(
          'timeZone',
          `${timeZone} is no time zone; accepted: IANA names such as Europe/Berlin`,
        );
      }
      if (input.cron && input.durationMinutes) {
        const fault = cronFault(input.cron, timeZone, input.durationMinutes);
        if (fault) throw invalid('cron', fault);
      }
      if (input.endsAt && Date.parse(input.endsAt) <= now.getTime()) {
        throw invalid('endsAt', 'Lies in the past');
      }
      const ids = [...new Set(input.targetIds)];
      const names = await namesOf(ids);
      const missing = ids.find((each) => !names.has(each));
      if (missing) throw invalid('targetIds', `There is no target ${missing}`);
      const active = await db.prisma.maintenanceWindow.count({ where: { cancelledAt: null } });
      if (active >= MAX_WINDOWS) {
        throw new AppError(
          'CONFLICT',
          `There are ${active} windows, the most allowed; remove some.`,
        );
      }
      const id = newId(now);
      const name = input.name ?? (ids.length === 0 ? 'Maintenance of the fleet' : 'Maintenance');
      await db.tx(async (tx) => {
        await tx.maintenanceWindow.create({
          data: {
            id,
            name,
            targetIds: ids,
            startsAt: input.startsAt ? new Date(input.startsAt) : null,
            endsAt: input.endsAt ? new Date(input.endsAt) : null,
            cron: input.cron ?? null,
            timeZone,
            durationMinutes: input.durationMinutes ?? null,
            createdAt: now,
            createdBy: authority.actor.name,
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'health.maintenance.create',
          target: { kind: 'maintenance', id, name },
          after: { ...input, timeZone, targetIds: ids.slice(0, 100) },
        });
      });
      bus.publish({ topic: 'health', type: 'maintenance', id });
      return { id };
    },
    async cancel(authority, id) {
      const now = clock.now();
      await db.tx(async (tx) => {
        const row = await tx.maintenanceWindow.findUnique({ where: { id }, select });
        if (!row) throw new AppError('NOT_FOUND', 'There is no such maintenance window.');
        const { count } = await tx.maintenanceWindow.updateMany({
          where: { id, cancelledAt: null },
          data: { cancelledAt: now },
        });
        if (count === 0) return;
        await audit.append(tx, authority, {
          action: 'health.maintenance.cancel',
          target: { kind: 'maintenance', id, name: row.name },
        });
      });
      bus.publish({ topic: 'health', type: 'maintenance', id });
    },
    async list(input) {
      const now = clock.now();
      const over = { OR: [{ cancelledAt: { not: null } }, { endsAt: { lte: now } }] };
      const rows = await db.prisma.maintenanceWindow.findMany({
        where: {
          ...(input.ended === undefined ? {} : input.ended ? over : { NOT: over }),
          ...(input.cursor ? { id: { lt: input.cursor } } : {}),
        },
        orderBy: { id: 'desc' },
        take: input.limit + 1,
        select,
      });
      const page = rows.slice(0, input.limit);
      const names = await namesOf([
        ...new Set(page.flatMap(({ targetIds }) => targetIds.slice(0, 50))),
      ]);
      const items = page.map((row): MaintenanceItem => {
        const window = windowOf(row);
        const over = ended(row, now.getTime());
        const active = over ? null : occurrenceAt(window, now.getTime());
        const next = over ? null : nextOccurrence(window, now.getTime());
        return {
          id: row.id,
          name: row.name,
          targets: row.targetIds.flatMap((id) => {
            const name = names.get(id);
            return name === undefined ? [] : { id, name };
          }),
          all: row.targetIds.length === 0,
          startsAt: row.startsAt?.toISOString() ?? null,
          endsAt: row.endsAt?.toISOString() ?? null,
          cron: row.cron,
          timeZone: row.timeZone,
          durationMinutes: row.durationMinutes,
          status: row.cancelledAt ? 'cancelled' : active ? 'active' : over ? 'ended' : 'planned',
          activeUntil: active ? new Date(active.to).toISOString() : null,
          nextAt: next ? new Date(next.from).toISOString() : null,
          createdBy: row.createdBy,
        };
      });
      return { items, nextCursor: rows.length > input.limit ? (items.at(-1)?.id ?? null) : null };
    },
    calendar() {
      let windows: { window: Window; name: string; targets: ReadonlySet<string> }[] = [];
      let active: {
        id: string;
        name: string;
        targets: ReadonlySet<string>;
        from: number;
        to: number;
      }[] = [];
      let computedAt = Number.NEGATIVE_INFINITY;
      const compute = (now: number) => {
        // A second is fine enough, and the clock may have jumped either way.
        if (Math.abs(now - computedAt) < 1_000) return;
        computedAt = now;
        active = windows.flatMap(({ window, name, targets }) => {
          const found = occurrenceAt(window, now);
          return found ? { id: window.id, name, targets, ...found } : [];
        });
      };
      return {
        async refresh() {
          const now = clock.now();
          const rows = await db.prisma.maintenanceWindow.findMany({
            where: { cancelledAt: null, OR: [{ endsAt: null }, { endsAt: { gt: now } }] },
            orderBy: { id: 'asc' },
            take: MAX_WINDOWS,
            select,
          });
          windows = rows.map((row) => ({
            window: windowOf(row),
            name: row.name,
            targets: new Set(row.targetIds),
          }));
          computedAt = Number.NEGATIVE_INFINITY;
        },
        covers(targetId) {
          if (windows.length === 0) return null;
          compute(clock.now().getTime());
          const found = active.find(({ targets }) => targets.size === 0 || targets.has(targetId));
          return found ? { id: found.id, name: found.name, until: found.to } : null;
        },
      };
    },
  };
}

const invalid = (path: string, message: string) =>
  new AppError('BAD_REQUEST', `${path}: ${message}.`, { fields: [{ path, message }] });

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
