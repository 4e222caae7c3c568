/** What pages show of breakers: rows with live state, figures, and the back-test. */
import type { Breaker } from '../client/index.ts';
import { rangeOf } from '../metrics/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { backtest } from './backtest.ts';
import { type Known, noSuchBreaker } from './book.ts';
import type * as contract from './contract.ts';
import { MAX_BACKTEST_BINS } from './contract.ts';
import { stateName } from './journal.ts';
import type { LiveBreakers } from './live.ts';
import type { Outcomes } from './outcomes.ts';

const TREND_SLICES = 20;
const MAX_POINTS = 300;
const MAX_GAUGES = 500;
const STATE_NUMBERS = { closed: 0, half_open: 1, open: 2 } as const;

export function createViews(deps: {
  db: Db;
  clock: Clock;
  live: LiveBreakers;
  outcomes: Outcomes;
  turnedAway: (name: string) => number;
}) {
  const { db, clock, live, outcomes, turnedAway } = deps;
  const { group, book, replica, now, known, liveOf } = live;

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
      rejected: breaker.rejected + turnedAway(row.name),
      openedAt: openedAt === null ? null : new Date(openedAt).toISOString(),
      trialInMs: machine === 'open' ? retry : null,
      hold: row.hold,
      trend: trendOf(breaker, time),
    };
  };
  return {
    async list(
      input: ListInput,
    ): Promise<{ items: contract.BreakerItem[]; nextCursor: string | null }> {
      const names = input.unwell ? await unwell() : undefined;
      const page = await book.list({ ...input, ...(names ? { names } : {}) });
      await group.refresh(page.items.map(liveOf));
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
      await group.refresh([breaker]);
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

    async counts(): Promise<contract.BreakerCounts> {
      const time = now();
      const counts = { open: 0, halfOpen: 0, held: 0 };
      for (const breaker of group.all()) {
        const machine = breaker.machine(time);
        if (breaker.forced !== null) counts.held++;
        else if (machine === 'open') counts.open++;
        else if (machine === 'half_open') counts.halfOpen++;
      }
      return { total: await book.count(), ...counts, sharing: live.sharing(), replica };
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
  };

  async function unwell(): Promise<string[]> {
    const time = now();
    const names = new Set((await book.held()).map(({ name }) => name));
    for (const breaker of group.all()) {
      if (breaker.machine(time) !== 'closed' || breaker.forced !== null) names.add(breaker.name);
    }
    return [...names].slice(0, 10_000);
  }
}

type ListInput = import('zod').output<typeof contract.breakerListSchema>;
type BacktestInput = import('zod').output<typeof contract.breakerBacktestSchema>;

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
