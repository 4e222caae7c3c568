import { setTimeout as sleep } from 'node:timers/promises';
import { createGuard, type Guard, type GuardOptions, type Transition } from '../client/index.ts';
import type { MetricStore } from '../metrics/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import type { Secrets } from '../platform/secrets.ts';
import { type Known, noSuchBreaker } from './book.ts';
import { createCallers } from './callers.ts';
import type * as contract from './contract.ts';
import { defaultPolicy } from './contract.ts';
import { type AlertSignal, createHolds } from './holds.ts';
import { createLive } from './live.ts';
import { createOutcomes } from './outcomes.ts';
import { createViews } from './views.ts';

const WRITE_EVERY_MS = 5_000;
const builtIn: Authority = {
  actor: { kind: 'system', id: null, name: 'console' },
  rule: 'built-in',
  requestId: null,
};

export type Breakers = ReturnType<typeof createBreakers>;

export function createBreakers(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  audit: Audit;
  bus: Bus;
  store: SharedStore;
  secrets: Secrets;
  metricStore: MetricStore;
  /** Console processes on this database. */
  replicas: () => number;
  /** This process, among those. */
  replica: string;
  onTransition?: (transition: Transition) => void;
}) {
  const { db, log, audit, bus } = deps;
  const live = createLive(deps);
  const { group, book, journal, known, liveOf, stateOf, change, changed, settleHolds } = live;
  const outcomes = createOutcomes(deps);
  const holds = createHolds({ ...deps, book, announce: changed });
  const callers = createCallers({ ...deps, live, outcomes });
  const views = createViews({ ...deps, live, outcomes, turnedAway: callers.turnedAway });

  const ends = [
    bus.on('breakers', ({ type, id }) => {
      if (type !== 'changed' || id === undefined) return;
      book.drop(id);
      // A new policy counts at once, where the breaker is in use.
      if (group.find(id)) {
        book.find(id).then(
          (row) => row && liveOf(row),
          () => undefined,
        );
      }
    }),
  ];
  let busy = false;
  const work = async () => {
    if (busy || !db.status().up) return;
    busy = true;
    try {
      await journal.write();
      await settleHolds();
      await outcomes.write(group.all());
    } catch (err) {
      log.warn({ err }, 'work on breakers failed; it is tried again');
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(work, WRITE_EVERY_MS);
  timer.unref();

  return {
    ...callers,
    ...views,
    events: journal.list,
    purge: journal.purge,
    group,
    holds: {
      /** What alerts say of breakers; see `holds.ts`. */
      async apply(authority: Authority, alerts: readonly AlertSignal[]): Promise<void> {
        const touched = await holds.apply(authority, alerts);
        for (const name of touched) {
          const row = await book.read(db.prisma, name);
          if (!row) continue;
          const breaker = liveOf(row);
          const mode = row.hold?.state ?? 'auto';
          const detail = row.hold?.reason ?? 'The alert is over.';
          await change(breaker, { kind: 'force', mode }, { actor: authority.actor.name, detail });
        }
      },
    },

    async upsert(
      authority: Authority,
      input: UpsertInput,
    ): Promise<{ id: string; created: boolean }> {
      const { name, ...fields } = input;
      const result = await db.tx(async (tx) => {
        const created = await book.create(tx, { ...input, by: authority.actor.name });
        const before = await book.read(tx, name);
        if (!before) throw noSuchBreaker(name);
        if (!created) await book.write(tx, before.id, fields);
        const after = created ? before : await book.read(tx, name);
        await audit.append(tx, authority, {
          action: created ? 'breakers.create' : 'breakers.update',
          target: { kind: 'breaker', id: before.id, name },
          ...(created ? {} : { before: brief(before) }),
          after: after ? brief(after) : undefined,
        });
        return { id: before.id, created };
      });
      book.drop(name);
      liveOf(await known(name));
      changed(name);
      return result;
    },

    async remove(authority: Authority, name: string): Promise<void> {
      await db.tx(async (tx) => {
        const row = await book.read(tx, name);
        if (!row) throw noSuchBreaker(name);
        if (row.builtIn) {
          throw new AppError('CONFLICT', `${name} guards calls of the console itself and stays.`);
        }
        await tx.breaker.delete({ where: { name }, select: { id: true } });
        await audit.append(tx, authority, {
          action: 'breakers.remove',
          target: { kind: 'breaker', id: row.id, name },
          before: brief(row),
        });
      });
      book.drop(name);
      const breaker = group.find(name);
      if (breaker) {
        await change(
          breaker,
          { kind: 'reset' },
          { actor: authority.actor.name, detail: 'removed' },
        );
        group.drop(name);
      }
      changed(name);
    },

    async force(
      authority: Authority,
      input: ForceInput,
    ): Promise<{ state: contract.BreakerStateName }> {
      const { name, state, reason } = input;
      const by = authority.actor.name;
      await db.tx(async (tx) => {
        const row = await book.read(tx, name);
        if (!row) throw noSuchBreaker(name);
        await book.hold(
          tx,
          row.id,
          state === 'auto' ? null : { state, kind: 'operator', by, reason },
        );
        if (state !== 'open') {
          await tx.breakerHold.updateMany({
            where: { breakerId: row.id },
            data: { released: true },
          });
        }
        await audit.append(tx, authority, {
          action: `breakers.force_${state}`,
          target: { kind: 'breaker', id: row.id, name },
          before: { hold: row.hold },
          after: { state, reason },
        });
      });
      book.drop(name);
      const breaker = liveOf(await known(name));
      await change(breaker, { kind: 'force', mode: state }, { actor: by, detail: reason });
      changed(name);
      return { state: stateOf(breaker) };
    },

    /** Opens it as if the threshold had been reached. */
    async trip(authority: Authority, input: { name: string; reason: string }) {
      return once(authority, input, 'trip');
    },
    /** Closes it with an empty window, held or not. */
    async reset(authority: Authority, input: { name: string; reason: string }) {
      return once(authority, input, 'reset');
    },

    /** A guard for calls of the console itself. The breaker is listed as soon as it is used. */
    guard(name: string, options?: GuardOptions & { description?: string }): Guard {
      const breaker = group.get(name, defaultPolicy);
      const { description, ...rest } = options ?? {};
      book
        .ensure(builtIn, [{ name, builtIn: true, ...(description ? { description } : {}) }])
        .then((rows) => {
          for (const row of rows.values()) liveOf(row);
        })
        .catch((err) => log.warn({ err, breaker: name }, 'a breaker was not written'));
      return createGuard(group, breaker, live.now, rest);
    },

    async start(): Promise<void> {
      for (const name of await journal.unwell()) {
        const row = await book.find(name);
        if (row) liveOf(row);
      }
      await settleHolds();
    },
    async close(): Promise<void> {
      clearInterval(timer);
      for (const end of ends) end();
      while (busy) await sleep(10);
      await group.close();
      if (!db.status().up) return;
      await outcomes.write(group.all()).catch(() => undefined);
      await journal.write();
    },
  };

  async function once(
    authority: Authority,
    { name, reason }: { name: string; reason: string },
    kind: 'trip' | 'reset',
  ): Promise<{ state: contract.BreakerStateName }> {
    const by = authority.actor.name;
    await db.tx(async (tx) => {
      const row = await book.read(tx, name);
      if (!row) throw noSuchBreaker(name);
      if (kind === 'reset') {
        await book.hold(tx, row.id, null);
        await tx.breakerHold.updateMany({ where: { breakerId: row.id }, data: { released: true } });
      }
      await audit.append(tx, authority, {
        action: `breakers.${kind}`,
        target: { kind: 'breaker', id: row.id, name },
        before: { hold: row.hold },
        after: { reason },
      });
    });
    book.drop(name);
    const breaker = liveOf(await known(name));
    await change(breaker, { kind }, { actor: by, detail: reason });
    changed(name);
    return { state: stateOf(breaker) };
  }
}

type UpsertInput = import('zod').output<typeof contract.breakerUpsertSchema>;
type ForceInput = import('zod').output<typeof contract.breakerForceSchema>;

const brief = ({ policy, matchers, description, hold }: Known) => ({
  policy,
  matchers,
  description,
  hold,
});
