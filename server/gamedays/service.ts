import type { z } from 'zod';
import type { Page } from '../api/contract.ts';
import type { State } from '../health/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Prisma } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import {
  DEFAULT_LATENCY_MS,
  type Fault,
  type FleetView,
  type GameDayItem,
  type gameDayListSchema,
  type Outcome,
  type RunInput,
  START_COMMAND,
} from './contract.ts';
import { createFleetClient, type SupervisedService } from './fleet.ts';
import { createWatch } from './watch.ts';

const TICK_MS = 1_000;
/** Without a fleet there is only to be ended what an earlier one left. */
const IDLE_TICK_MS = 60_000;
// pg_advisory_xact_lock: who starts a game day.
const START_LOCK = [0x7768, 11] as const;

const columns = {
  id: true,
  service: true,
  fault: true,
  targetId: true,
  targetName: true,
  status: true,
  startedAt: true,
  startedBy: true,
  endedAt: true,
  firstFailureAt: true,
  detectedAt: true,
  remedyAt: true,
  recoveredAt: true,
  detail: true,
} as const;
type Row = Prisma.GameDayGetPayload<{ select: typeof columns }>;
type TargetRow = { id: string; name: string; state: State };

export type GameDays = {
  /** What can be broken, and how it is. */
  services(): Promise<FleetView>;
  /** Puts a fault into a service and begins to time what follows. */
  run(authority: Authority, input: RunInput): Promise<{ id: string }>;
  /** Ends a run and takes the fault out; `restored: false` when the fleet could not be asked to. */
  cancel(authority: Authority, id: string): Promise<{ restored: boolean }>;
  /** Newest first. */
  list(input: z.output<typeof gameDayListSchema>): Promise<Page<GameDayItem>>;
  /** One look at everything that runs; answers how many ended. */
  tick(): Promise<number>;
  start(): void;
  close(): Promise<void>;
};

export function createGameDays(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  http: HttpClient;
  /** Supervisor of the demo fleet; null without one. */
  fleet: { url: string; token: string } | null;
}): GameDays {
  const { db, bus, audit, clock, log } = deps;
  const fleet = createFleetClient(deps.http, deps.fleet);
  const tick = createWatch({ db, bus, audit, clock, log, fleet });
  let timer: NodeJS.Timeout | undefined;
  let busy: Promise<unknown> | null = null;

  /** The oldest target of each name; the demo's own first. */
  const targetsOf = async (names: readonly string[]): Promise<Map<string, TargetRow>> => {
    const { rows } = await db.pool.query<TargetRow>(
      `SELECT DISTINCT ON (t.name) t.id::text, t.name, s.state
       FROM targets t JOIN target_states s ON s.target_id = t.id
       WHERE t.name = ANY($1) ORDER BY t.name, ('demo' = ANY(t.tags)) DESC, t.id`,
      [names],
    );
    return new Map(rows.map((row) => [row.name, row]));
  };
  const runningOf = async (): Promise<Map<string, string>> => {
    const rows = await db.prisma.gameDay.findMany({
      where: { status: 'running' },
      take: 200,
      select: { id: true, service: true },
    });
    return new Map(rows.map(({ id, service }) => [service, id]));
  };
  const find = async (name: string): Promise<{ service: SupervisedService; target: TargetRow }> => {
    const services = await fleet.services();
    const service = services.find((each) => each.name === name);
    if (!service) {
      const known = services.map((each) => each.name).join(', ');
      throw wrong('service', `There is no service ${name}; accepted: ${known}`);
    }
    const target = (await targetsOf([name])).get(name);
    if (!target) {
      throw new AppError(
        'CONFLICT',
        `No target is named ${name}, so nobody would notice. Add one on the Health page.`,
      );
    }
    return { service, target };
  };
  const finish = (
    authority: Authority,
    day: { id: string; service: string; target: { id: string; name: string } },
    detail: string,
  ): Promise<boolean> =>
    db.tx(async (tx) => {
      const { count } = await tx.gameDay.updateMany({
        where: { id: day.id, status: 'running' },
        data: { status: 'cancelled', endedAt: clock.now(), detail },
      });
      if (count === 0) return false;
      await audit.append(tx, authority, {
        action: 'gamedays.cancel',
        target: { kind: 'target', ...day.target },
        before: { gameDayId: day.id, service: day.service, status: 'running' },
        after: { status: 'cancelled', detail },
      });
      return true;
    });
  const restore = (service: string): Promise<boolean> =>
    fleet.setFault(service, 'none').then(
      () => true,
      (err) => {
        log.warn({ err, service }, 'the fault of a game day could not be taken out');
        return false;
      },
    );

  return {
    async services() {
      if (!deps.fleet) return { state: 'none', command: START_COMMAND };
      let found: SupervisedService[];
      try {
        found = await fleet.services();
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        log.debug({ err: error.cause ?? error }, 'the demo fleet was not read');
        return { state: 'unreachable', detail: error.publicMessage };
      }
      const [targets, running] = await Promise.all([
        targetsOf(found.map(({ name }) => name)),
        runningOf(),
      ]);
      return {
        state: 'connected',
        services: found.map(({ accepts, ...service }) => {
          const target = targets.get(service.name);
          return {
            ...service,
            accepts: accepts.filter((fault) => fault !== 'none'),
            target: target ? { id: target.id, state: target.state } : null,
            gameDayId: running.get(service.name) ?? null,
          };
        }),
      };
    },
    async run(authority, input) {
      const { service, target } = await find(input.service);
      const { name } = service;
      if (!service.accepts.includes(input.fault)) {
        const accepted = service.accepts.filter((fault) => fault !== 'none').join(', ');
        throw wrong('fault', `${name} does not know ${input.fault}; accepted: ${accepted}`);
      }
      if (!service.alive || service.fault !== 'none') {
        const what = service.alive ? `has the fault ${service.fault}` : 'is dead';
        throw new AppError('CONFLICT', `${name} ${what} already. Wait until it is whole again.`);
      }
      if (target.state === 'down') {
        throw new AppError('CONFLICT', `${name} is down already. Wait until it is up again.`);
      }
      const latencyMs =
        input.fault === 'latency' ? (input.latencyMs ?? DEFAULT_LATENCY_MS) : undefined;
      const now = clock.now();
      const id = newId(now);
      await db.tx(async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(${START_LOCK[0]}, ${START_LOCK[1]})`;
        const other = await tx.gameDay.findFirst({
          where: { service: name, status: 'running' },
          select: { id: true },
        });
        if (other) throw new AppError('CONFLICT', `A game day of ${name} runs already.`);
        await tx.gameDay.create({
          data: {
            id,
            service: name,
            fault: input.fault,
            targetId: target.id,
            targetName: target.name,
            status: 'running',
            startedAt: now,
            startedBy: authority.actor.name,
            detail: latencyMs === undefined ? null : `Answers came ${latencyMs} ms late.`,
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'gamedays.run',
          target: { kind: 'target', id: target.id, name: target.name },
          after: { gameDayId: id, service: name, fault: input.fault, latencyMs },
        });
      });
      try {
        await fleet.setFault(name, input.fault, latencyMs);
      } catch (error) {
        await finish(authority, { id, service: name, target }, 'The fault could not be put in.');
        // What timed out may have arrived all the same.
        await restore(name);
        throw error;
      } finally {
        bus.publish({ topic: 'gamedays', type: 'changed', id });
      }
      return { id };
    },
    async cancel(authority, id) {
      const row = await db.prisma.gameDay.findUnique({ where: { id }, select: columns });
      if (!row) throw new AppError('NOT_FOUND', 'There is no such game day.');
      const target = { id: row.targetId, name: row.targetName };
      const detail = [row.detail, `Cancelled by ${authority.actor.name}.`]
        .filter(Boolean)
        .join(' ');
      const cancelled = await finish(authority, { id, service: row.service, target }, detail);
      if (!cancelled) throw new AppError('CONFLICT', 'This game day is over.');
      const restored = await restore(row.service);
      bus.publish({ topic: 'gamedays', type: 'ended', id });
      return { restored };
    },
    async list({ limit, cursor }) {
      const rows = await db.prisma.gameDay.findMany({
        where: cursor ? { id: { lt: cursor } } : {},
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: columns,
      });
      const items = rows.slice(0, limit).map(toItem);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    tick,
    start() {
      timer = setInterval(
        () => {
          if (busy || !db.status().up) return;
          busy = tick()
            .catch((err) => log.warn({ err }, 'game days could not be followed'))
            .finally(() => {
              busy = null;
            });
        },
        deps.fleet ? TICK_MS : IDLE_TICK_MS,
      );
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      await busy;
    },
  };
}

function toItem(row: Row): GameDayItem {
  const { firstFailureAt, detectedAt, remedyAt, recoveredAt, startedAt, endedAt, ...plain } = row;
  const since = (at: Date | null) => (at ? at.getTime() - startedAt.getTime() : null);
  return {
    ...plain,
    // Both are written by this module alone.
    fault: row.fault as Fault,
    status: row.status as Outcome,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    timeToFirstFailureMs: since(firstFailureAt),
    timeToDetectMs: since(detectedAt),
    timeToRemedyMs: since(remedyAt),
    timeToRecoverMs: since(recoveredAt),
  };
}

function wrong(path: string, message: string): AppError {
  return new AppError('BAD_REQUEST', `${path}: ${message}.`, { fields: [{ path, message }] });
}
