import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import {
  type Answer,
  type Breaker,
  type BreakerGroup,
  type Change,
  createBreakerGroup,
  createGuard,
  type Guard,
  type GuardOptions,
  REJECTED,
  type Transition,
  unpackBuckets,
} from '../client/index.ts';
import { type MetricStore, rangeOf } from '../metrics/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import type { Secrets } from '../platform/secrets.ts';
import { backtest } from './backtest.ts';
import { createBook, type Known, noSuchBreaker } from './book.ts';
import type * as contract from './contract.ts';
import { defaultPolicy, MAX_BACKTEST_BINS } from './contract.ts';
import { type AlertSignal, createHolds } from './holds.ts';
import { createJournal, stateName } from './journal.ts';
import { createOutcomes } from './outcomes.ts';
import { createClaims, createPermits, PERMIT_SECONDS } from './permits.ts';
import { createRedisBreakers } from './redis-store.ts';

const TREND_SLICES = 20;
const WRITE_EVERY_MS = 5_000;
const CLIENT = 'client:';
const MAX_POINTS = 300;
const MAX_GAUGES = 500;
const STATE_NUMBERS = { closed: 0, half_open: 1, open: 2 } as const;

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
  const { db, clock, log, audit, bus, store, replica } = deps;
  const now = () => clock.monotonicMs();
  const book = createBook(deps);
  const journal = createJournal(deps);
  const outcomes = createOutcomes(deps);
  const permits = createPermits(deps.secrets.derive('breaker-permits'));
  const claim = createClaims();
  /** Who asked for the change that is under way, by breaker. */
  const reasons = new Map<string, { actor: string; detail: string }>();
  const changed = (name: string) => bus.publish({ topic: 'breakers', type: 'changed', id: name });
  const onTransition = (transition: Transition) => {
    const asked = transition.cause === 'operator' || transition.cause === 'alert';
    const why = asked ? reasons.get(transition.name) : undefined;
    journal
      .add(transition, why)
      .catch((err) => log.warn({ err }, 'a change of a breaker was not written'));
    changed(transition.name);
    deps.onTransition?.(transition);
    log.info({ breaker: transition.name, ...transition }, 'breaker changed');
  };
  const shared = store.status().state === 'off' ? null : createRedisBreakers(store, onTransition);
  const group: BreakerGroup = createBreakerGroup({
    replica,
    store: shared,
    available: () => store.client() !== null,
    now,
    onTransition,
    onAway(away, err) {
      log.warn(
        { away, err },
        away ? 'breakers go on in this process' : 'breakers are shared again',
      );
      bus.publish({ topic: 'breakers', type: 'sharing' });
    },
  });

  const known = async (name: string): Promise<Known> => {
    const found = await book.find(name);
    if (!found) throw noSuchBreaker(name);
    return found;
  };
  const liveOf = ({ name, policy }: Known): Breaker => {
    const breaker = group.get(name, policy);
    if (breaker.policy !== policy) breaker.setPolicy(policy);
    return breaker;
  };
  const open = async (name: string): Promise<Breaker> =>
    group.find(name) ?? liveOf(await known(name));
  const stateOf = (breaker: Breaker) => stateName(breaker.machine(now()), breaker.forced);
  /** Changes the state on somebody's word; `why` goes into the history. */
  const change = async (
    breaker: Breaker,
    asked: Change,
    why: { actor: string; detail: string },
  ): Promise<Answer> => {
    reasons.set(breaker.name, why);
    try {
      return await group.change(breaker, asked);
    } finally {
      reasons.delete(breaker.name);
    }
  };
  const holds = createHolds({ db, clock, audit, book, announce: changed });

  /** Brings the live state in line with what is held in the database. */
  const settleHolds = async (): Promise<void> => {
    const held = new Map((await book.held()).map((each) => [each.name, each]));
    for (const each of held.values()) {
      const breaker = liveOf(each);
      const { hold } = each;
      if (!hold || breaker.forced === hold.state) continue;
      await refresh([breaker]);
      if (breaker.forced === hold.state) continue;
      const why = { actor: hold.by, detail: hold.reason };
      await change(breaker, { kind: 'force', mode: hold.state }, why);
    }
    for (const breaker of group.all()) {
      if (breaker.forced === null || held.has(breaker.name)) continue;
      const row = await book.read(db.prisma, breaker.name);
      if (row?.hold) continue;
      const why = { actor: 'console', detail: 'Nobody holds it any more.' };
      await change(breaker, { kind: 'force', mode: 'auto' }, why);
    }
  };
  const refresh = (some: readonly Breaker[]) => group.refresh(some);

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
    bus.on('breakers', ({ type }) => {
      if (type === 'held')
        settleHolds().catch((err) => log.warn({ err }, 'holds were not settled'));
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

  /** Calls that programs turned away, by breaker; and what each told last. */
  const turnedAway = new Map<string, number>();
  const told = new LRUCache<string, number>({ max: 50_000 });
  const countRejected = (source: string, name: string, rejected: number) => {
    const key = `${source}\0${name}`;
    const before = told.get(key) ?? 0;
    told.set(key, rejected);
    // Less than before: the program was started anew.
    const more = rejected >= before ? rejected - before : rejected;
    if (more > 0) turnedAway.set(name, (turnedAway.get(name) ?? 0) + more);
  };
  const itemOf = (row: Known): contract.BreakerItem => {
    const breaker = liveOf(row);
    const time = now();
    const { calls, failures, slow } = breaker.totals(time);
    const machine = breaker.machine(time);
    const wall = clock.now().getTime();
    const retry = breaker.retryAfterMs(time);
    const openedAt = machine === 'open' ? wall - breaker.openedAgoMs(time) : null;
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      builtIn: row.builtIn,
      state: stateName(machine, breaker.forced),
      cause: breaker.cause,
      calls,
      failures,
      slow,
      rejected: breaker.rejected + (turnedAway.get(row.name) ?? 0),
      openedAt: openedAt === null ? null : new Date(openedAt).toISOString(),
      trialInMs: machine === 'open' ? retry : null,
      hold: row.hold,
      trend: trendOf(breaker, time),
    };
  };
  /** Whether a permit was recorded for the first time, here or on any replica. */
  const first = async (nonce: string): Promise<boolean> => {
    if (!claim(nonce)) return false;
    if (deps.replicas() < 2) return true;
    return store.setIfAbsent(`wheelhouse:permit:${nonce}`, replica, {
      ttlMs: PERMIT_SECONDS * 1000,
    });
  };

  return {
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

    /** `retryAfterMs` is null while the breaker is held open. */
    async permit(name: string): Promise<contract.PermitResult> {
      const breaker = await open(name);
      const token = await group.admit(breaker);
      const state = stateOf(breaker);
      if (token === REJECTED) {
        const wait = breaker.retryAfterMs(now());
        // Trial calls are under way: how they end is known soon.
        return { allowed: false, state, permit: null, retryAfterMs: wait === 0 ? 1_000 : wait };
      }
      const slot = breaker.probeOf(token);
      const permit = permits.write(name, {
        instance: replica,
        generation: slot?.generation ?? breaker.generation,
        token,
        slot: slot?.slot ?? null,
        at: Math.floor(clock.now().getTime() / 1000),
      });
      return { allowed: true, state, permit, retryAfterMs: 0 };
    },

    /** `counted` is false for what is late, doubled, or was never allowed. */
    async record(
      input: RecordInput,
    ): Promise<{ state: contract.BreakerStateName; counted: boolean }> {
      const { name, outcome, durationMs } = input;
      const breaker = await open(name);
      const not = () => ({ state: stateOf(breaker), counted: false });
      if (input.permit === null) return not();
      const permit = permits.read(name, input.permit);
      if (!permit) {
        throw new AppError('BAD_REQUEST', 'This is no permit of this breaker.', {
          fields: [{ path: 'permit', message: `Not given by breakers.permit for ${name}` }],
        });
      }
      const age = clock.now().getTime() / 1000 - permit.at;
      if (age > PERMIT_SECONDS || !(await first(permit.nonce))) return not();
      const { generation, slot } = permit;
      if (permit.instance === replica) {
        const current = permit.token < 0 || breaker.generation === generation;
        group.record(breaker, permit.token, outcome, durationMs);
        return { state: stateOf(breaker), counted: current && outcome !== 'ignored' };
      }
      // Given by another replica; without a shared store its state is not ours.
      if (shared === null || group.status().away || breaker.generation !== generation) return not();
      if (slot === null) {
        const token = breaker.admit(now());
        if (token <= 0) return not();
        group.record(breaker, token, outcome, durationMs);
      } else {
        const { slowCallMs } = breaker.policy;
        const slow = slowCallMs !== null && durationMs >= slowCallMs;
        const result =
          outcome === 'ignored'
            ? 'ignored'
            : outcome === 'success' && !slow
              ? 'success'
              : 'failure';
        await group.carry(breaker, {
          kind: 'settle',
          probe: { generation, slot, outcome: result },
        });
      }
      return { state: stateOf(breaker), counted: outcome !== 'ignored' };
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

    async list(
      input: ListInput,
    ): Promise<{ items: contract.BreakerItem[]; nextCursor: string | null }> {
      const names = input.unwell ? await unwell() : undefined;
      const page = await book.list({ ...input, ...(names ? { names } : {}) });
      await refresh(page.items.map(liveOf));
      const items = page.items.map(itemOf);
      return {
        nextCursor: page.nextCursor,
        items: input.unwell ? items.filter(({ state }) => state !== 'closed') : items,
      };
    },

    async get(name: string): Promise<contract.BreakerDetail> {
      const row = await book.read(db.prisma, name);
      if (!row) throw noSuchBreaker(name);
      const breaker = liveOf(row);
      await refresh([breaker]);
      const time = now();
      const alerts = await db.prisma.breakerHold.findMany({
        where: { breakerId: row.id },
        orderBy: { since: 'desc' },
        take: 100,
      });
      const { slots } = breaker.answer(time);
      const own = breaker.buckets(time).reduce(
        (sum, [, calls, failures, slow]) => ({
          calls: sum.calls + calls,
          failures: sum.failures + failures,
          slow: sum.slow + slow,
        }),
        { calls: 0, failures: 0, slow: 0 },
      );
      return {
        ...itemOf(row),
        policy: row.policy,
        matchers: row.matchers,
        alerts: alerts.map(({ fingerprint, title, since, released }) => ({
          fingerprint,
          title,
          released,
          since: since.toISOString(),
        })),
        buckets: mergeBuckets(breaker, time),
        shares: [...(own.calls > 0 ? [{ replica, ...own }] : []), ...breaker.shares()],
        alone: breaker.isAlone,
        trials: {
          succeeded: slots.filter((slot) => slot < 0).length,
          inFlight: slots.filter((slot) => slot > 0).length,
          of: row.policy.halfOpenProbes,
        },
        updatedAt: row.updatedAt,
      };
    },

    events: journal.list,

    async counts(): Promise<contract.BreakerCounts> {
      const time = now();
      const counts = { open: 0, halfOpen: 0, held: 0 };
      for (const breaker of group.all()) {
        const machine = breaker.machine(time);
        if (breaker.forced !== null) counts.held++;
        else if (machine === 'open') counts.open++;
        else if (machine === 'half_open') counts.halfOpen++;
      }
      const sharing = shared === null ? 'process' : group.status().away ? 'away' : 'redis';
      return { total: await book.count(), ...counts, sharing, replica };
    },

    /** For `server/client`: its outcomes, and what the console knows. */
    async sync(authority: Authority, input: SyncInput) {
      const source = CLIENT + input.replica;
      const rows = await Promise.all(
        input.offers.map(async ({ policy, ...offer }) => {
          const row = await book.ensure(authority, { name: offer.name, policy });
          const breaker = liveOf(row);
          countRejected(source, offer.name, offer.rejected ?? 0);
          if (offer.window !== null && offer.generation === breaker.generation) {
            const { bucketMs } = row.policy;
            outcomes.take(source, offer.name, bucketMs, unpackBuckets(offer.window));
          }
          return { offer: { ...offer, policy: row.policy }, policy: row.policy };
        }),
      );
      const at = group.store();
      const answers = await at.exchange(
        source,
        rows.map(({ offer }) => offer),
      );
      const news = input.since === undefined ? undefined : await at.changed(input.since);
      return {
        answers: answers.map((answer, n) => ({
          ...answer,
          policy: rows[n]?.policy ?? defaultPolicy,
        })),
        ...(news ? { version: news.version, names: news.names } : {}),
      };
    },
    async act(input: ActInput) {
      const { name, act } = input;
      const { policy } = await known(name);
      const at = group.store();
      switch (act.kind) {
        case 'acquire':
          return at.acquire(name, policy);
        case 'settle':
          return { answer: await at.settle(name, policy, act), probe: null };
        case 'open':
          return { answer: await at.change(name, policy, act), probe: null };
        case 'rejoin': {
          // What is held is the operator's to say.
          const brought = {
            ...act,
            name,
            policy,
            forced: null,
            cause: 'rejoined' as const,
            slots: [],
          };
          const [answer] = await at.rejoin([brought]);
          if (!answer) throw new AppError('INTERNAL_SERVER_ERROR', 'The store answered nothing.');
          return { answer, probe: null };
        }
      }
    },

    async backtest(input: BacktestInput): Promise<contract.BacktestResult> {
      const row = await known(input.name);
      const { fromMs, toMs } = rangeOf(input.timeRange, clock.now().getTime());
      const [from, to] = [new Date(fromMs), new Date(toMs)];
      const { stepMs, bins } = await outcomes.read(input.name, from, to, MAX_BACKTEST_BINS);
      const every = Math.max(1, Math.ceil(bins.length / MAX_POINTS));
      const points: contract.BacktestResult['points'] = [];
      for (let n = 0; n < bins.length; n += every) {
        const slice = bins.slice(n, n + every);
        points.push({
          at: new Date(slice[0]?.at ?? 0).toISOString(),
          calls: slice.reduce((sum, bin) => sum + bin.successes + bin.failures, 0),
          failures: slice.reduce((sum, bin) => sum + bin.failures, 0),
        });
      }
      const total = (pick: (bin: (typeof bins)[number]) => number) =>
        bins.reduce((sum, bin) => sum + pick(bin), 0);
      return {
        from: from.toISOString(),
        to: to.toISOString(),
        stepSeconds: stepMs / 1000,
        calls: total((bin) => bin.successes + bin.failures),
        failures: total((bin) => bin.failures),
        slow: total((bin) => bin.slow),
        proposed: backtest(bins, stepMs, input.policy),
        current: backtest(bins, stepMs, row.policy),
        points,
      };
    },

    /** A guard for calls of the console itself. The breaker is listed as soon as it is used. */
    guard(name: string, options?: GuardOptions & { description?: string }): Guard {
      const breaker = group.get(name, defaultPolicy);
      const { description, ...rest } = options ?? {};
      const maker: Authority = {
        actor: { kind: 'system', id: null, name: 'console' },
        rule: 'built-in',
        requestId: null,
      };
      book
        .ensure(maker, { name, builtIn: true, ...(description ? { description } : {}) })
        .then(liveOf)
        .catch((err) => log.warn({ err, breaker: name }, 'a breaker was not written'));
      return createGuard(group, breaker, now, rest);
    },

    purge: journal.purge,

    /** How many of those that this process knows are in which state. */
    byState(): Record<string, number> {
      const time = now();
      const counts: Record<string, number> = { closed: 0, half_open: 0, open: 0, held: 0 };
      for (const breaker of group.all()) {
        const state = breaker.forced !== null ? 'held' : breaker.machine(time);
        counts[state] = (counts[state] ?? 0) + 1;
      }
      return counts;
    },
    /** By name, for at most 500: 0 closed, 1 half open, 2 open. */
    states(): Record<string, number> {
      const time = now();
      const found: Record<string, number> = {};
      let left = MAX_GAUGES;
      for (const breaker of group.all()) {
        if (left-- <= 0) break;
        found[breaker.name] = STATE_NUMBERS[breaker.machine(time)];
      }
      return found;
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

  async function unwell(): Promise<string[]> {
    const time = now();
    const names = new Set((await book.held()).map(({ name }) => name));
    for (const breaker of group.all()) {
      if (breaker.machine(time) !== 'closed' || breaker.forced !== null) names.add(breaker.name);
    }
    return [...names].slice(0, 10_000);
  }
}

type UpsertInput = import('zod').output<typeof contract.breakerUpsertSchema>;
type RecordInput = import('zod').output<typeof contract.breakerRecordSchema>;
type ForceInput = import('zod').output<typeof contract.breakerForceSchema>;
type ListInput = import('zod').output<typeof contract.breakerListSchema>;
type SyncInput = import('zod').output<typeof contract.breakerSyncSchema>;
type ActInput = import('zod').output<typeof contract.breakerActSchema>;
type BacktestInput = import('zod').output<typeof contract.breakerBacktestSchema>;

const brief = ({ policy, matchers, description, hold }: Known) => ({
  policy,
  matchers,
  description,
  hold,
});

function mergeBuckets(breaker: Breaker, now: number): [number, number, number, number][] {
  const ages = new Map<number, [number, number, number, number]>();
  for (const [age, calls, failures, slow] of [
    ...breaker.buckets(now),
    ...breaker.othersBuckets(now),
  ]) {
    const sum = ages.get(age) ?? [age, 0, 0, 0];
    ages.set(age, [age, sum[1] + calls, sum[2] + failures, sum[3] + slow]);
  }
  return [...ages.values()].sort(([a], [b]) => a - b);
}

/** Shares of failed calls by slice of the window, oldest first. */
function trendOf(breaker: Breaker, now: number): contract.Trend {
  const { windowMs, bucketMs } = breaker.policy;
  const count = Math.min(TREND_SLICES, windowMs / bucketMs);
  const slices = Array.from({ length: count }, () => ({ calls: 0, failures: 0 }));
  const per = windowMs / bucketMs / count;
  for (const [age, calls, failures] of mergeBuckets(breaker, now)) {
    const slice = slices[count - 1 - Math.min(count - 1, Math.floor(age / per))];
    if (!slice) continue;
    slice.calls += calls;
    slice.failures += failures;
  }
  return slices.map(({ calls, failures }) => (calls === 0 ? null : failures / calls));
}
