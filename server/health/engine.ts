/**
 * The loop: what is due is checked, what a check says is taken in, and what is down is dealt with.
 *
 * Each replica checks the targets of its shards and no others. Changes of state are written at once with all that
 * follows from them; everything else is written each half second in one statement. What is to be done about a
 * target that is down (incident, suppression, remedy, escalation) is decided afresh each second from what is
 * known, so that nothing hangs on an event that could be missed.
 */
import { randomInt } from 'node:crypto';
import type { Incidents } from '../incidents/index.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { isUnreachable } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Secrets } from '../platform/secrets.ts';
import { createChecker } from './checker.ts';
import { type Prober, saysNothingArrived } from './checks/index.ts';
import type { CheckResult } from './contract.ts';
import type { Healing } from './healing.ts';
import type { HistoryWriter } from './history.ts';
import { createLanes } from './lanes.ts';
import type { MaintenanceCalendar } from './maintenance.ts';
import { isLoopback, type Online } from './online.ts';
import { SERIES_RESET_MS } from './plan.ts';
import { createResponder, type Parent } from './response.ts';
import { createSchedule, nextDue, phaseOf } from './schedule.ts';
import { type Shards, shardOf } from './shards.ts';
import { isUnsettled, observe } from './state.ts';
import { type CheckRow, createStore } from './store.ts';
import { shownState, type Watched } from './watch.ts';

const TICK_MS = 100;
const FLUSH_MS = 500;
const RECONCILE_MS = 1_000;
const RELOAD_MS = 2_000;
const RELOAD_SOON_MS = 300;
const BALANCE_MS = 5_000;
const SWEEP_MS = 30_000;
const RECHECK_MS = 5_000;
const CLOSE_WATCH_MS = 1_000;
const CLOSE_WATCH_FOR_MS = 30_000;
const HEARTBEAT_LOOK_MS = 15_000;
const MAX_CHECK_ROWS = 50_000;
const RECONCILE_AT_ONCE = 8;

export type Engine = {
  start(): Promise<void>;
  /** One pass over everything that is due now; settles when it is done. For tests with their own clock. */
  step(): Promise<void>;
  stats(): { watched: number; running: number; shards: number; down: number };
  close(): Promise<void>;
};

export function createEngine(deps: {
  db: Db;
  bus: Bus;
  clock: Clock;
  log: Log;
  secrets: Secrets;
  incidents: Incidents;
  healing: Healing;
  prober: Prober;
  online: Online;
  shards: Shards;
  calendar: MaintenanceCalendar;
  history: HistoryWriter;
  maxRunning: number;
  onCheck?: (outcome: 'ok' | 'failed', lagSeconds: number) => void;
}): Engine {
  const { db, bus, clock, log, incidents, healing, prober, online, shards, calendar } = deps;
  const store = createStore(deps);
  const stopped = new AbortController();
  const check = createChecker({ clock, prober, store, signal: stopped.signal });
  const schedule = createSchedule();
  const watched = new Map<string, Watched>();
  const foreign = new Map<string, Parent>();
  const dirty = new Set<Watched>();
  /** What is being done with a target, one thing after the other. */
  const lanes = createLanes();
  let rows: CheckRow[] = [];
  let running = 0;
  let dropped = 0;
  let frozen: { frozen: boolean; reason: string | null } = { frozen: false, reason: null };
  const wallNow = () => clock.now().getTime();

  // ---- which targets are ours

  const add = (fresh: Watched) => {
    const { id, ref, intervalMs } = fresh.config;
    const before = watched.get(id);
    if (before) {
      fresh.running = before.running;
      fresh.watchedSince = before.watchedSince;
      fresh.closeWatchUntil = before.closeWatchUntil;
      fresh.memory = { ...fresh.memory, recent: before.memory.recent };
      dirty.delete(before);
    }
    watched.set(id, fresh);
    if (fresh.config.paused) return schedule.remove(id);
    if (fresh.running || (before && !before.config.paused && schedule.has(id))) return;
    const now = clock.monotonicMs();
    // Never checked: at once. Else where it stands in its interval, spread over all targets.
    const wait = fresh.lastCheckAt === null ? 0 : phaseOf(ref) * Math.min(intervalMs, 60_000);
    schedule.set(id, now + wait);
  };
  const forget = (id: string) => {
    const gone = watched.get(id);
    if (!gone) return;
    watched.delete(id);
    dirty.delete(gone);
    schedule.remove(id);
  };
  const forgetAll = () => {
    for (const id of [...watched.keys()]) forget(id);
  };
  const known = new Set<number>();
  let balanceSoon = false;
  shards.onLost(() => {
    forgetAll();
    known.clear();
    balanceSoon = true;
  });

  const balance = async () => {
    const { surplus } = await shards.balance();
    const giveBack = new Set(surplus);
    for (const [id, { config }] of watched) if (giveBack.has(shardOf(config.ref))) forget(id);
    if (surplus.length > 0) {
      await flush();
      await shards.release(surplus);
      bus.publish({ topic: 'health', type: 'shards', id: 'free' });
    }
    const held = shards.held();
    for (const shard of known) if (!held.has(shard)) known.delete(shard);
    const gained = [...held].filter((shard) => !known.has(shard));
    if (gained.length === 0) return;
    for (const fresh of await store.load(gained, wallNow(), null)) add(fresh);
    for (const shard of gained) known.add(shard);
  };
  let reloadedAt: Date | null = null;
  const reload = async () => {
    const begun = clock.now();
    // An overlap, for transactions that were under way.
    const since = reloadedAt ? new Date(reloadedAt.getTime() - 15_000) : null;
    await calendar.refresh();
    frozen = await readControl();
    if (known.size > 0 && since) {
      const isKnown = (id: string, updatedAt: number, version: number) => {
        const own = watched.get(id);
        return own?.config.updatedAt === updatedAt && own.version === version;
      };
      for (const fresh of await store.load([...known], wallNow(), since, isKnown)) {
        const before = watched.get(fresh.config.id);
        // What is known here is newer than the row, unless another process wrote it.
        if (before && before.version === fresh.version) adopt(before, fresh);
        else if (!lanes.has(fresh.config.id)) add(fresh);
      }
    }
    reloadedAt = begun;
    await readForeignParents();
  };
  const sweep = async () => {
    const ids = await store.ids([...known]);
    for (const id of watched.keys()) if (!ids.has(id)) forget(id);
    await healing.endLost();
  };
  const readControl = async () => {
    const { rows } = await db.pool.query<{ frozen: boolean; frozen_reason: string | null }>(
      'SELECT frozen, frozen_reason FROM health_control WHERE id = 1',
    );
    return { frozen: rows[0]?.frozen ?? false, reason: rows[0]?.frozen_reason ?? null };
  };
  const readForeignParents = async () => {
    const wanted = new Set<string>();
    for (const { config } of watched.values()) {
      for (const id of config.parents) if (!watched.has(id)) wanted.add(id);
    }
    foreign.clear();
    if (wanted.size === 0) return;
    for (const row of await store.states([...wanted])) {
      foreign.set(row.target_id, {
        id: row.target_id,
        name: row.name,
        down: row.observed === 'down',
        failing: row.failures > 0,
        paused: row.paused,
        lastCheckAt: row.last_check_at?.getTime() ?? null,
      });
    }
  };
  const parentsOf = (child: Watched): Parent[] =>
    child.config.parents.flatMap((id) => {
      const own = watched.get(id);
      if (!own) return foreign.get(id) ?? [];
      return {
        id,
        name: own.config.name,
        down: own.memory.observed === 'down',
        failing: own.memory.failures > 0,
        paused: own.config.paused,
        lastCheckAt: own.lastCheckAt,
      };
    });
  const adopt = (target: Watched, fresh: Watched) => {
    const { config } = target;
    if (JSON.stringify(config) === JSON.stringify(fresh.config)) return;
    target.config = fresh.config;
    if (fresh.config.paused) schedule.remove(config.id);
    else if (!target.running) schedule.set(config.id, clock.monotonicMs());
    if (config.paused && !fresh.config.paused) target.watchedSince = wallNow();
  };
  const askSoon = (id: string) => {
    const own = watched.get(id);
    if (own && !own.config.paused && !own.running) schedule.set(id, clock.monotonicMs());
  };
  const stopListening = bus.on('health', ({ type, id }) => {
    if (!id) return;
    if (type === 'target') reloadSoon = true;
    if (type === 'shards') balanceSoon = true;
    if (type === 'removed') forget(id);
    if (type === 'recheck') {
      const own = watched.get(id);
      if (own && own.memory.observed !== 'healthy') {
        own.closeWatchUntil = clock.monotonicMs() + CLOSE_WATCH_FOR_MS;
      }
      askSoon(id);
    }
  });
  let reloadSoon = false;

  // ---- checking

  const dispatch = (wait: Promise<void>[]) => {
    const now = clock.monotonicMs();
    while (running < deps.maxRunning) {
      const next = schedule.pop(now);
      if (!next) return;
      const target = watched.get(next.key);
      if (!target || target.running || target.config.paused) continue;
      target.running = true;
      running += 1;
      const lagMs = now - next.due;
      wait.push(
        checkOne(target, lagMs)
          .catch((err) => log.error({ err, target: target.config.id }, 'a check failed inside'))
          .finally(() => {
            running -= 1;
            // Edited meanwhile: the fresh record goes on.
            const current = watched.get(next.key) ?? target;
            current.running = false;
            target.running = false;
            if (watched.has(next.key)) reschedule(current, next.due);
          }),
      );
    }
  };
  const reschedule = (target: Watched, due: number) => {
    const { config, memory } = target;
    if (config.paused) return;
    const now = clock.monotonicMs();
    const interval =
      config.kind === 'heartbeat'
        ? Math.min(config.intervalMs, HEARTBEAT_LOOK_MS)
        : config.intervalMs;
    if (now < target.closeWatchUntil && memory.observed !== 'healthy') {
      return schedule.set(config.id, now + Math.min(interval, CLOSE_WATCH_MS));
    }
    if (isUnsettled(memory, config.policy)) {
      return schedule.set(config.id, now + Math.min(interval, RECHECK_MS));
    }
    schedule.set(config.id, nextDue(due, interval, now, randomInt(1_000) / 1_000));
  };

  const checkOne = async (target: Watched, lagMs: number) => {
    const { config } = target;
    const result = await check(target);
    deps.onCheck?.(result.ok ? 'ok' : 'failed', lagMs / 1000);
    if (stopped.signal.aborted || watched.get(config.id) === undefined) return;
    const nothing = saysNothingArrived(result.symptom);
    let inconclusive = false;
    if (config.host && !isLoopback(config.host) && config.kind !== 'heartbeat') {
      online.note(config.host, !nothing, wallNow());
      if (nothing) inconclusive = await online.isOffline(config.host, wallNow());
    }
    await lanes.run(config.id, async () => {
      const current = watched.get(config.id);
      if (current) await takeIn(current, result, inconclusive);
    });
  };
  const takeIn = async (target: Watched, result: CheckResult, inconclusive: boolean) => {
    const { config } = target;
    const at = Date.parse(result.at);
    // Nobody has called in yet, and it is not late: nothing is known.
    const silent = config.kind === 'heartbeat' && target.lastBeatAt === null && result.ok;
    if (silent) return;
    rows.push({
      ref: config.ref,
      at,
      latencyMs: result.latencyMs,
      ok: result.ok,
      excluded: inconclusive || calendar.covers(config.id) !== null,
      detail:
        result.ok && result.impaired === null
          ? null
          : (result.impaired ?? result.detail).slice(0, 500),
    });
    if (rows.length > MAX_CHECK_ROWS) {
      dropped += rows.length - MAX_CHECK_ROWS;
      rows = rows.slice(-MAX_CHECK_ROWS);
    }
    const before = { ...target };
    const seen = observe(target.memory, config.policy, {
      at,
      ok: result.ok,
      impaired: result.impaired,
      inconclusive,
      detail: result.detail,
    });
    target.memory = seen.memory;
    target.lastCheckAt = at;
    target.latencyMs = result.latencyMs;
    target.detail = result.impaired ?? result.detail;
    target.symptom = result.symptom;
    if (result.tlsExpiresAt) target.tlsExpiresAt = Date.parse(result.tlsExpiresAt);
    dirty.add(target);
    if (!result.ok && seen.memory.failures === 1) askParents(target);
    const reason = seen.change?.reason ?? '';
    if (seen.change || shownNow(target) !== target.shown) await move(target, before, reason, at);
  };
  const askParents = (child: Watched) => {
    for (const id of child.config.parents) {
      if (watched.has(id)) askSoon(id);
      else bus.publish({ topic: 'health', type: 'recheck', id });
    }
  };
  const shownNow = (target: Watched) =>
    shownState(target.memory.observed, {
      paused: target.config.paused,
      maintenance: calendar.covers(target.config.id) !== null,
    });
  const { reconcile } = createResponder({
    ...deps,
    parentsOf,
    askSoon,
    frozen: () => (frozen.frozen ? (frozen.reason ?? '') : null),
  });

  /** Writes a change of state and all that follows from it; puts the memory back when the database is away. */
  const move = async (target: Watched, before: Watched, reason: string, at: number) => {
    const { config } = target;
    const from = before.shown;
    const to = shownNow(target);
    target.shown = to;
    if (from !== to) target.shownSince = at;
    const wentDown = target.memory.observed === 'down' && before.memory.observed !== 'down';
    const cameBack = target.memory.observed !== 'down' && before.memory.observed === 'down';
    if (wentDown) {
      // Degraded in between is still up: the count is from the last recovery.
      const ended = target.recoveredAt === null || at - target.recoveredAt >= SERIES_RESET_MS;
      if (target.seriesId === null || ended) target.seriesId = newId(new Date(at));
    }
    try {
      const saved = await db.tx(async (tx) => {
        if (!(await store.saveTransition(tx, target, { from, to, reason, at }))) return false;
        if (wentDown) target.episode = await openEpisode(tx, target, at);
        if (cameBack && target.episode) {
          await tx.episode.updateMany({
            where: { id: target.episode.id, recoveredAt: null },
            data: { recoveredAt: new Date(at) },
          });
          if (target.seriesId) await healing.recovered(tx, config, target.seriesId, at);
        }
        if (target.incidentId && from !== to) {
          await incidents.record(tx, target.incidentId, {
            kind: 'state',
            detail: `${config.name}: ${from} → ${to}. ${reason}`,
          });
        }
        return true;
      });
      if (!saved) return void (await reread(config.id));
      target.version += 1;
      dirty.delete(target);
      const ended = cameBack ? target.episode : null;
      if (cameBack) {
        target.episode = null;
        target.recoveredAt = at;
      }
      bus.publish({ topic: 'health', type: 'state', id: config.id });
      if (ended && config.remedy) await healing.review(config, ended.symptom);
    } catch (error) {
      Object.assign(target, before);
      if (!isUnreachable(error)) throw error;
      log.warn(
        { target: config.id },
        'a change of state could not be written; it is checked again',
      );
      target.closeWatchUntil = clock.monotonicMs() + CLOSE_WATCH_FOR_MS;
      return;
    }
    await reconcile(target, null);
  };
  const openEpisode = async (
    tx: Parameters<Parameters<Db['tx']>[0]>[0],
    target: Watched,
    at: number,
  ) => {
    const id = newId(new Date(at));
    const firstFailureAt = target.memory.firstFailureAt ?? at;
    const symptom = target.symptom ?? 'other';
    await tx.$executeRaw`
      INSERT INTO episodes (id, target_id, symptom, first_failure_at, down_at)
      VALUES (${id}::uuid, ${target.config.id}::uuid, ${symptom}, ${new Date(firstFailureAt)}, ${new Date(at)})
      ON CONFLICT DO NOTHING`;
    return { id, downAt: at, firstFailureAt, symptom, incidentId: null, escalated: false };
  };
  const reread = async (id: string) => {
    const fresh = await store.loadOne(id, wallNow());
    if (fresh) add(fresh);
    else forget(id);
  };

  // ---- dealing with what is down

  const needsAttention = (target: Watched) =>
    target.memory.observed === 'down' || target.incidentId !== null || target.suppressedBy !== null;

  const reconcileAll = async () => {
    for (const target of watched.values()) {
      if (lanes.has(target.config.id) || shownNow(target) === target.shown) continue;
      const window = calendar.covers(target.config.id);
      const reason = target.config.paused
        ? 'Paused'
        : window
          ? `Maintenance: ${window.name}`
          : target.shown === 'maintenance'
            ? 'Maintenance ended'
            : 'Checks go on';
      await exclusively(target, () => move(target, { ...target }, reason, wallNow()));
    }
    const attention = [...watched.values()].filter(needsAttention);
    const series = attention.flatMap(({ seriesId, config, episode }) =>
      seriesId && config.remedy && episode ? seriesId : [],
    );
    const runs = await healing.runsOf(series);
    for (let i = 0; i < attention.length; i += RECONCILE_AT_ONCE) {
      await Promise.all(
        attention.slice(i, i + RECONCILE_AT_ONCE).map(async (target) => {
          await exclusively(target, () =>
            reconcile(target, runs.get(target.seriesId ?? '') ?? []),
          ).catch((err) => {
            // While the database is away everything waits for the next second.
            if (!isUnreachable(err)) {
              log.error({ err, target: target.config.id }, 'a target was not dealt with');
            }
          });
        }),
      );
    }
  };
  /** Unless something is being done with it already: it comes round again in a second. */
  const exclusively = async (target: Watched, work: () => Promise<void>) => {
    const { id } = target.config;
    if (lanes.has(id) || watched.get(id) !== target) return;
    await lanes.run(id, work);
  };

  // ---- the loop

  const flush = async () => {
    const batch = [...dirty];
    const checks = rows;
    rows = [];
    dirty.clear();
    try {
      await deps.history.ensurePartitions(checks);
      await store.saveChecks(checks);
      await store.saveMemories(batch);
    } catch (error) {
      // Kept for the next time, within the bound.
      rows = [...checks, ...rows].slice(-MAX_CHECK_ROWS);
      for (const each of batch) if (watched.get(each.config.id) === each) dirty.add(each);
      throw error;
    }
    if (dropped > 0) {
      log.warn({ dropped }, 'results of checks were dropped: the database was away for too long');
      dropped = 0;
    }
  };
  const chores = [
    { every: BALANCE_MS, work: balance, at: Number.NEGATIVE_INFINITY },
    { every: RELOAD_MS, work: reload, at: Number.NEGATIVE_INFINITY },
    { every: SWEEP_MS, work: sweep, at: Number.NEGATIVE_INFINITY },
    { every: FLUSH_MS, work: flush, at: Number.NEGATIVE_INFINITY },
    { every: RECONCILE_MS, work: reconcileAll, at: Number.NEGATIVE_INFINITY },
  ];
  const runChores = async () => {
    for (const chore of chores) {
      const now = clock.monotonicMs();
      // A change is taken up quickly, a thousand changes together.
      const soon = (chore.work === reload && reloadSoon) || (chore.work === balance && balanceSoon);
      const asked = soon && now - chore.at >= RELOAD_SOON_MS;
      if (now - chore.at < chore.every && !asked) continue;
      if (chore.work === reload) reloadSoon = false;
      if (chore.work === balance) balanceSoon = false;
      chore.at = now;
      try {
        await chore.work();
      } catch (err) {
        if (db.status().up && !isUnreachable(err))
          log.error({ err }, 'a chore of the health engine failed');
      }
    }
  };
  let timer: NodeJS.Timeout | undefined;
  let doing: Promise<void> | null = null;
  const inFlight = new Set<Promise<void>>();
  const tick = () => {
    const begun: Promise<void>[] = [];
    dispatch(begun);
    for (const each of begun) {
      inFlight.add(each);
      void each.finally(() => inFlight.delete(each));
    }
    doing ??= runChores().finally(() => {
      doing = null;
    });
  };

  return {
    async start() {
      await runChores();
      timer = setInterval(tick, TICK_MS);
    },
    async step() {
      await runChores();
      const wait: Promise<void>[] = [];
      dispatch(wait);
      await Promise.all(wait);
      await reconcileAll();
      await flush();
    },
    stats: () => ({
      watched: watched.size,
      running,
      shards: shards.held().size,
      down: [...watched.values()].filter(({ memory }) => memory.observed === 'down').length,
    }),
    async close() {
      clearInterval(timer);
      stopListening();
      stopped.abort();
      await Promise.race([
        Promise.all(inFlight),
        new Promise((resolve) => setTimeout(resolve, 2_000).unref()),
      ]);
      await doing;
      await flush().catch((err) => log.warn({ err }, 'the last checks were not written'));
      await shards.close();
    },
  };
}
