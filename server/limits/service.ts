import { LRUCache } from 'lru-cache';
import type { Page } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import { defaultBurst, tokensLeft, waitUs } from './bucket.ts';
import {
  type LimitCaller,
  type LimitItem,
  type LimitMode,
  type LimitOverrideInput,
  type LimitPage,
  type LimitRemoveInput,
  type LimitStatus,
  leastPerMinute,
  MAX_OVERRIDES,
} from './contract.ts';
import { createCounts } from './counts.ts';
import {
  builtInRules,
  type Caller,
  type Configured,
  chargesOf,
  describeRule,
  type Override,
  ruleBook,
  type Wanted,
} from './rules.ts';
import { REPORTS_KEY } from './script.ts';
import { type Asked, createTaker, type Taken } from './taker.ts';

const LOOK_EVERY_MS = 1_000;
const RELOAD_EVERY_MS = 5_000;
const REPORT_TTL_MS = 60 * 60_000;
const TOP_FRESH_MS = 15_000;
const TOP_OF_A_REPLICA = 100;
const WARN_EVERY_MS = 10_000;

type Report = {
  atMs: number;
  refused: Record<string, number>;
  callers: LimitCaller[];
};

export type Limits = {
  /** Whether a request may go on. Never throws: when the limiter itself fails it may, and that is counted. */
  ask(wanted: Wanted, caller: Caller): Taken | Promise<Taken>;
  status(): Promise<LimitStatus>;
  list(page: LimitPage): Promise<Page<LimitItem>>;
  /** Who is refused, or near it; those that were refused most first. */
  top(page: LimitPage): Promise<Page<LimitCaller>>;
  override(authority: Authority, input: LimitOverrideInput): Promise<void>;
  remove(authority: Authority, input: LimitRemoveInput): Promise<void>;
  /** For the health report. */
  component(): { name: string; status: 'ok' | 'warn'; latencyMs: null; detail: string };
  close(): void;
};

const nothing: Taken = { allowed: true, charges: [], debtsUs: [] };
const modeOf = (text: string): LimitMode => (text === 'instead' ? 'instead' : 'also');

export function createLimits(deps: {
  db: Db;
  store: SharedStore;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  configured: Configured;
  replicas: () => number;
  /** Names of all procedures. */
  procedures: () => ReadonlySet<string>;
}): Limits {
  const { db, store, bus, audit, clock, log, metrics } = deps;
  const builtIn = builtInRules(deps.configured);
  const builtInByName = new Map(builtIn.map((rule) => [rule.name, rule]));
  const taker = createTaker(deps);
  const counts = createCounts();
  const labels = new LRUCache<string, string>({ max: 10_000 });
  const replica = newId(clock.now());
  let overrides: Override[] = [];
  let book = ruleBook(builtIn, overrides);
  const own = { allowed: 0, refused: 0, errors: 0, lastErrorAt: null as string | null };

  const refusedTotal = metrics.counter(
    'rate_limited_total',
    'Requests that were refused, by limit.',
    ['limit'],
  );
  const decisions = metrics.counter(
    'rate_limit_decisions_total',
    'Decisions of the limiter by outcome; error: it failed itself and let the request through.',
    ['outcome'],
  );
  metrics.gauge('rate_limit_shared', '1 while limits are counted in Redis for all replicas.', () =>
    taker.shared() ? 1 : 0,
  );
  metrics.gauge('rate_limit_buckets', 'Buckets in the memory of this process.', taker.size);
  for (const outcome of ['allowed', 'refused', 'error']) decisions.inc({ outcome }, 0);

  const warned = new Map<string, number>();
  /** At most one line of the log in ten seconds of a kind: a flood must not flood the log. */
  const warn = (kind: string, facts: object, text: string) => {
    const now = clock.monotonicMs();
    if (now - (warned.get(kind) ?? Number.NEGATIVE_INFINITY) < WARN_EVERY_MS) return;
    warned.set(kind, now);
    log.warn(facts, text);
  };
  const failed = (err: unknown): Taken => {
    own.errors++;
    own.lastErrorAt = clock.now().toISOString();
    decisions.inc({ outcome: 'error' });
    warn('error', { err }, 'the limiter failed; requests pass unlimited');
    return nothing;
  };
  const judged = (taken: Taken): Taken => {
    if (taken.allowed) {
      own.allowed++;
      decisions.inc({ outcome: 'allowed' });
      return taken;
    }
    own.refused++;
    decisions.inc({ outcome: 'refused' });
    const nowMs = clock.now().getTime();
    for (const [i, { limit, subject, key, bucket, cost }] of taken.charges.entries()) {
      if (waitUs(bucket, taken.debtsUs[i] ?? 0, cost) <= 0) continue;
      refusedTotal.inc({ limit });
      counts.refused(limit, key, nowMs);
      warn(`refused ${limit}`, { limit, subject }, 'requests are refused');
    }
    return taken;
  };

  const readOverrides = async (tx: Pick<Tx, 'limitRule'>): Promise<Override[]> => {
    const rows = await tx.limitRule.findMany({
      orderBy: { name: 'asc' },
      take: MAX_OVERRIDES,
      select: {
        name: true,
        perMinute: true,
        burst: true,
        mode: true,
        reason: true,
        updatedAt: true,
        updatedBy: true,
      },
    });
    return rows.map(({ updatedAt, updatedBy, mode, ...row }) => ({
      ...row,
      mode: modeOf(mode),
      at: updatedAt.toISOString(),
      by: updatedBy,
    }));
  };
  let loadedAtMs = Number.NEGATIVE_INFINITY;
  let loads = 0;
  let loading = 0;
  const load = async () => {
    loadedAtMs = clock.monotonicMs();
    const turn = ++loads;
    const found = await readOverrides(db.prisma);
    // A later one may have been answered before.
    if (turn !== loads) return;
    if (JSON.stringify(found) === JSON.stringify(overrides)) return;
    overrides = found;
    book = ruleBook(builtIn, overrides);
    ordinary = new WeakMap();
  };
  const reload = async () => {
    loading++;
    await load().catch((err) => log.debug({ err }, 'limits could not be read'));
    loading--;
  };
  void reload();
  const stopListening = bus.on('limits', () => void reload());

  /** Most requests of a caller that is remembered are alike: one call of a procedure without a limit of its own. */
  let ordinary = new WeakMap<Caller, Asked>();
  const askedFor = (wanted: Wanted, caller: Caller): Asked => {
    const [name] = wanted.kind === 'procedures' ? wanted.names : [];
    const alike =
      wanted.kind === 'procedures' &&
      wanted.names.length === 1 &&
      name !== undefined &&
      book.ofProcedure(name) === undefined;
    const known = alike ? ordinary.get(caller) : undefined;
    if (known) return known;
    const asked: Asked = { charges: chargesOf(book, wanted, caller), cells: null };
    if (alike) ordinary.set(caller, asked);
    const subject = asked.charges[0]?.subject;
    if (subject && caller.label !== caller.id) labels.set(subject, caller.label);
    return asked;
  };

  const callersHere = (): LimitCaller[] => {
    const nowMs = clock.now().getTime();
    const refusals = counts.callers(nowMs);
    const found = new Map<string, LimitCaller>();
    const add = (key: string, debtUs: number) => {
      const [limit = '', subject = ''] = splitOnce(key, '|');
      const rule = book.get(limit);
      if (!rule) return;
      const refusal = refusals.get(key);
      const bucket = book.bucket(rule);
      const remaining = tokensLeft(bucket, debtUs);
      if (!refusal && remaining > bucket.burst / 2) return;
      const [kind = '', id = ''] = splitOnce(subject, ':');
      found.set(key, {
        limit,
        kind: kind === 'address' || kind === 'key' || kind === 'session' ? kind : 'console',
        id: kind === 'console' ? 'console' : id,
        label: labels.get(subject) ?? (kind === 'console' ? 'all together' : id),
        remaining,
        burst: bucket.burst,
        perMinute: rule.perMinute,
        refusedLastHour: refusal?.refused ?? 0,
        lastRefusedAt: refusal ? new Date(refusal.lastMs).toISOString() : null,
      });
    };
    for (const key of refusals.keys()) add(key, 0);
    for (const [key, debtUs] of taker.withDebt()) add(key, debtUs);
    return [...found.values()].sort(busiest).slice(0, TOP_OF_A_REPLICA);
  };
  const reportHere = (): Report => ({
    atMs: clock.now().getTime(),
    refused: counts.limits(clock.now().getTime()),
    callers: callersHere(),
  });
  /** What the other replicas last said of themselves, and this one now. */
  const reports = async (): Promise<Report[]> => {
    const mine = reportHere();
    const client = store.client();
    if (!client) return [mine];
    const stored = await client.hgetall(REPORTS_KEY).catch((): Record<string, string> => ({}));
    const others: Report[] = [];
    for (const [name, text] of Object.entries(stored)) {
      if (name === replica) continue;
      const report = parseReport(text);
      if (report && mine.atMs - report.atMs < REPORT_TTL_MS) others.push(report);
      else client.hdel(REPORTS_KEY, name).catch(() => undefined);
    }
    return [mine, ...others];
  };

  let reportedAs = '';
  let ticks = 0;
  const tick = () => {
    const everySecond = store.status().state === 'down';
    const due = everySecond || clock.monotonicMs() - loadedAtMs >= RELOAD_EVERY_MS;
    if (due && db.status().up && loading === 0) void reload();
    if (++ticks % 2 === 1) return;
    const client = store.client();
    if (!client) return;
    const report = reportHere();
    const text = JSON.stringify(report);
    const { atMs: _, ...said } = report;
    // Nothing new and nobody waits: idle replicas say it once in a while.
    const same = JSON.stringify(said) === reportedAs;
    if (same && ticks % 60 !== 0) return;
    reportedAs = JSON.stringify(said);
    client
      .multi()
      .hset(REPORTS_KEY, replica, text)
      .pexpire(REPORTS_KEY, REPORT_TTL_MS)
      .exec()
      .catch(() => undefined);
  };
  const timer = setInterval(tick, LOOK_EVERY_MS);
  timer.unref();

  const refuseWhatCannotBe = ({ name, perMinute }: LimitOverrideInput) => {
    const least = leastPerMinute(name);
    if (perMinute < least) {
      throw new AppError('BAD_REQUEST', 'The limit would lock people out of this page.', {
        fields: [{ path: 'perMinute', message: `At least ${least}, so that this page stays open` }],
      });
    }
    if (builtInByName.has(name)) return;
    const names = deps.procedures();
    const known = name.endsWith('.*')
      ? [...names].some((each) => each.startsWith(name.slice(0, -1)))
      : names.has(name);
    if (!known) {
      throw new AppError('BAD_REQUEST', 'There is no limit, procedure or module of this name.', {
        fields: [{ path: 'name', message: 'There is no limit, procedure or module of this name' }],
      });
    }
  };

  return {
    ask(wanted, caller) {
      try {
        const asked = askedFor(wanted, caller);
        if (asked.charges.length === 0) return nothing;
        const taken = taker.take(asked);
        return taken instanceof Promise ? taken.then(judged).catch(failed) : judged(taken);
      } catch (err) {
        return failed(err);
      }
    },
    async status() {
      const found = await reports();
      const sum = (pick: (report: Report) => number) =>
        found.reduce((total, report) => total + pick(report), 0);
      return {
        counting: taker.shared() ? 'shared' : 'process',
        redis: store.status().state,
        replicas: deps.replicas(),
        ...own,
        refusedLastHour: sum(({ refused }) => Object.values(refused).reduce((a, b) => a + b, 0)),
      };
    },
    async list({ limit, cursor }) {
      const found = await reports();
      const from = Number(cursor ?? 0);
      const items = book.rules.slice(from, from + limit).map((rule) =>
        describeRule(
          rule,
          builtInByName.get(rule.name),
          overrides.find(({ name }) => name === rule.name),
          found.reduce((sum, { refused }) => sum + (refused[rule.name] ?? 0), 0),
        ),
      );
      const next = from + items.length;
      return { items, nextCursor: next < book.rules.length ? String(next) : null };
    },
    async top({ limit, cursor }) {
      const fresh = clock.now().getTime() - TOP_FRESH_MS;
      const merged = new Map<string, LimitCaller>();
      for (const report of await reports()) {
        if (
          report.atMs < fresh &&
          report.callers.every(({ refusedLastHour }) => refusedLastHour === 0)
        )
          continue;
        for (const caller of report.callers) {
          const key = `${caller.limit}|${caller.kind}:${caller.id}`;
          const known = merged.get(key);
          merged.set(key, known ? together(known, caller) : caller);
        }
      }
      const all = [...merged.values()].sort(busiest);
      const from = Number(cursor ?? 0);
      const items = all.slice(from, from + limit);
      const next = from + items.length;
      return { items, nextCursor: next < all.length ? String(next) : null };
    },
    async override(authority, input) {
      refuseWhatCannotBe(input);
      const { name, perMinute, reason } = input;
      const burst = input.burst ?? defaultBurst(perMinute);
      const known = builtInByName.get(name);
      const mode = input.mode ?? (known && known.mode !== 'base' ? known.mode : 'also');
      await db.tx(async (tx) => {
        const before = await tx.limitRule.findUnique({
          where: { name },
          select: { perMinute: true, burst: true, mode: true },
        });
        if (!before && (await tx.limitRule.count()) >= MAX_OVERRIDES) {
          throw new AppError('CONFLICT', `There are ${MAX_OVERRIDES} overrides already.`);
        }
        const values = {
          perMinute,
          burst,
          mode,
          reason,
          updatedAt: clock.now(),
          updatedBy: authority.actor.name,
        };
        await tx.limitRule.upsert({
          where: { name },
          create: { name, ...values },
          update: values,
          select: { name: true },
        });
        await audit.append(tx, authority, {
          action: 'limits.override',
          target: { kind: 'limit', id: null, name },
          before: before ?? (known ? { perMinute: known.perMinute, burst: known.burst } : null),
          after: { perMinute, burst, mode, reason },
        });
      });
      await reload();
      bus.publish({ topic: 'limits', type: 'changed', id: name });
    },
    async remove(authority, { name, reason }) {
      await db.tx(async (tx) => {
        const before = await tx.limitRule.findUnique({
          where: { name },
          select: { perMinute: true, burst: true, mode: true },
        });
        if (!before) throw new AppError('NOT_FOUND', 'This limit has no override.');
        await tx.limitRule.delete({ where: { name }, select: { name: true } });
        await audit.append(tx, authority, {
          action: 'limits.remove',
          target: { kind: 'limit', id: null, name },
          before,
          after: { reason },
        });
      });
      await reload();
      bus.publish({ topic: 'limits', type: 'changed', id: name });
    },
    component() {
      const redis = store.status().state;
      const broken =
        own.lastErrorAt !== null && clock.now().getTime() - Date.parse(own.lastErrorAt) < 60_000;
      if (broken) {
        return {
          name: 'Rate limits',
          status: 'warn',
          latencyMs: null,
          detail: 'the limiter fails; requests pass unlimited',
        };
      }
      const replicas = deps.replicas();
      return {
        name: 'Rate limits',
        status: redis === 'down' ? 'warn' : 'ok',
        latencyMs: null,
        detail: taker.shared()
          ? 'counted for all replicas together'
          : `counted in this process${replicas > 1 ? `, one part in ${replicas}` : ''}`,
      };
    },
    close() {
      clearInterval(timer);
      stopListening();
    },
  };
}

function busiest(a: LimitCaller, b: LimitCaller): number {
  return b.refusedLastHour - a.refusedLastHour || a.remaining / a.burst - b.remaining / b.burst;
}

/** The same caller as two replicas see it. */
function together(a: LimitCaller, b: LimitCaller): LimitCaller {
  const [known, other] = a.label === a.id ? [b, a] : [a, b];
  return {
    ...known,
    remaining: Math.min(a.remaining, b.remaining),
    refusedLastHour: a.refusedLastHour + b.refusedLastHour,
    lastRefusedAt:
      (known.lastRefusedAt ?? '') > (other.lastRefusedAt ?? '')
        ? known.lastRefusedAt
        : other.lastRefusedAt,
  };
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + mark.length)];
}

function parseReport(text: string): Report | null {
  try {
    const value: unknown = JSON.parse(text);
    // Only `reportHere` writes there; another version's report has a time and lists, or is left out.
    const report = value as Partial<Report>;
    if (typeof report.atMs !== 'number' || !Array.isArray(report.callers)) return null;
    if (typeof report.refused !== 'object' || report.refused === null) return null;
    return report as Report;
  } catch {
    return null;
  }
}
