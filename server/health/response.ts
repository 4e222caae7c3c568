/**
 * What is done about a target that is down, or was: incident, suppression, remedy, escalation. Decided afresh each
 * time from what is known; every step is claimed in the database, so that doing it twice does nothing.
 */
import type { Incidents } from '../incidents/index.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { describeRemedy, type Healing, type SeriesRun } from './healing.ts';
import type { MaintenanceCalendar } from './maintenance.ts';
import { blockReason, effectiveMode, MAX_ATTEMPTS, type Plan, plan } from './plan.ts';
import type { Watched } from './watch.ts';

/** How long a child waits for the verdict on a parent. */
const PARENT_WAIT_MS = 30_000;
/** Children that were down first, on the timeline of the parent's incident. */
const TOLD_DEPENDENTS = 50;

/** What is known of a target that another depends on, whoever checks it. */
export type Parent = {
  id: string;
  name: string;
  down: boolean;
  failing: boolean;
  paused: boolean;
  lastCheckAt: number | null;
};
export type Responder = {
  /** One target. `runs` is null when they are to be read, as right after a change. */
  reconcile(target: Watched, runs: SeriesRun[] | null): Promise<void>;
};

export function createResponder(deps: {
  db: Db;
  bus: Bus;
  clock: Clock;
  incidents: Incidents;
  healing: Healing;
  calendar: MaintenanceCalendar;
  parentsOf(child: Watched): Parent[];
  /** Checks a target at once. */
  askSoon(id: string): void;
  /** Why healing is paused for the fleet; null when it is not. */
  frozen(): string | null;
}): Responder {
  const { db, bus, clock, incidents, healing, calendar, parentsOf, askSoon } = deps;
  const wallNow = () => clock.now().getTime();

  const reconcile = async (target: Watched, runs: SeriesRun[] | null) => {
    const { memory, config } = target;
    if (memory.observed !== 'down') {
      if (target.suppressedBy !== null) await suppress(target, null);
      // While it flaps, and while nothing is known, the incident stays.
      if (target.incidentId === null || memory.flapping || memory.observed === 'unknown') return;
      await db.tx((tx) =>
        incidents.recovered(tx, config, target.detail ?? 'checks are good again'),
      );
      incidents.announce(target.incidentId);
      target.incidentId = null;
      return;
    }
    if (!target.episode) return;
    const parents = parentsOf(target);
    const culprit = parents.find(({ down }) => down) ?? null;
    if (target.suppressedBy !== (culprit?.id ?? null)) await suppress(target, culprit);
    const excused = calendar.covers(config.id) !== null || config.paused;
    const quiet = excused || culprit !== null || awaitsParent(target, parents);
    if (!quiet && target.episode.incidentId === null) await openIncident(target);
    if (config.remedy) await heal(target, culprit, parents, runs);
  };
  /** Whether a parent may turn out to be the cause, so that alerts and remedies wait a moment. */
  const awaitsParent = (child: Watched, parents: readonly Parent[]): boolean => {
    const { episode, memory, config } = child;
    if (!episode) return false;
    // After a parent came back the child gets a fresh count before it alerts by itself.
    if (memory.failures < config.policy.failAfter) return true;
    if (wallNow() - episode.downAt > PARENT_WAIT_MS) return false;
    return parents.some(
      ({ down, failing, paused, lastCheckAt }) =>
        !down && !paused && (failing || (lastCheckAt ?? 0) < episode.firstFailureAt),
    );
  };
  /** Of a child that is held back and its parent's incident that opens, the later one sees the other. */
  const lockDependents = (tx: Tx, parentId: string) =>
    tx.$executeRaw`SELECT pg_advisory_xact_lock(x'776b'::int, hashtext(${parentId}))`;
  const heldBack = (child: string, parent: string) =>
    `${child} is down too; no alert of its own, because it depends on ${parent}`;
  const suppress = async (target: Watched, culprit: Parent | null) => {
    const { config } = target;
    const was = target.suppressedBy;
    await db.tx(async (tx) => {
      if (culprit) await lockDependents(tx, culprit.id);
      await tx.targetState.updateMany({
        where: { targetId: config.id },
        data: { suppressedBy: culprit?.id ?? null },
      });
      if (!culprit) return;
      // The parent's incident says what is held back.
      const found = await tx.$queryRaw<{ id: string }[]>`
        SELECT i.id::text FROM incident_members m JOIN incidents i ON i.id = m.incident_id
        WHERE m.target_id = ${culprit.id}::uuid AND i.status <> 'resolved' LIMIT 1`;
      if (found[0]) {
        await incidents.record(tx, found[0].id, {
          kind: 'suppressed',
          detail: heldBack(config.name, culprit.name),
        });
      }
    });
    target.suppressedBy = culprit?.id ?? null;
    if (was !== null && culprit === null && target.memory.observed === 'down') {
      target.memory = { ...target.memory, failures: 0 };
      askSoon(config.id);
    }
    bus.publish({ topic: 'health', type: 'state', id: config.id });
  };
  const openIncident = async (target: Watched) => {
    const { config, episode } = target;
    if (!episode) return;
    const opened = await db.tx(async (tx) => {
      // Once an episode, also when an operator resolved it by hand.
      const claimed = await tx.$queryRaw<{ incident_id: string | null }[]>`
        SELECT incident_id::text FROM episodes WHERE id = ${episode.id}::uuid FOR UPDATE`;
      if (!claimed[0] || claimed[0].incident_id !== null) return claimed[0]?.incident_id ?? null;
      const { id } = await incidents.open(tx, {
        target: { id: config.id, name: config.name },
        group: config.group,
        severity: 'error',
        startedAt: new Date(episode.firstFailureAt),
        detail: target.detail ?? 'checks fail',
        facts: [
          { label: 'Check', value: `${config.kind}, every ${config.intervalMs / 1000} s` },
          { label: 'Failed in a row', value: String(target.memory.failures) },
          {
            label: 'Healing',
            value: config.remedy ? `${describeRemedy(config.remedy)}, ${modeOf(target)}` : 'none',
          },
        ],
      });
      await tx.episode.update({
        where: { id: episode.id },
        data: { incidentId: id },
        select: { id: true },
      });
      await lockDependents(tx, config.id);
      const waiting = await tx.targetState.findMany({
        where: { suppressedBy: config.id },
        select: { target: { select: { name: true } } },
        take: TOLD_DEPENDENTS,
      });
      for (const child of waiting) {
        const detail = heldBack(child.target.name, config.name);
        await incidents.record(tx, id, { kind: 'suppressed', detail });
      }
      return id;
    });
    episode.incidentId = opened;
    target.incidentId = opened;
    if (opened) incidents.announce(opened);
    bus.publish({ topic: 'health', type: 'state', id: config.id });
  };
  const modeOf = ({ config }: Watched) => effectiveMode(config.remedyMode, config.demoted);
  const blockOf = (target: Watched, culprit: Parent | null, parents: readonly Parent[]) =>
    blockReason({
      frozen: deps.frozen(),
      paused: target.config.paused,
      window: calendar.covers(target.config.id)?.name ?? null,
      parentDown: culprit?.name ?? null,
      parentAwaited: awaitsParent(target, parents),
    });
  const decide = (
    target: Watched,
    culprit: Parent | null,
    parents: readonly Parent[],
    runs: readonly SeriesRun[],
  ): Plan =>
    plan({
      now: wallNow(),
      down: target.memory.observed === 'down',
      firstFailureAt: target.episode?.firstFailureAt ?? wallNow(),
      mode: modeOf(target),
      hasRemedy: target.config.remedy !== null,
      runs,
      escalated: target.episode?.escalated ?? false,
      blocked: blockOf(target, culprit, parents),
      jitter: (Number.parseInt(target.seriesId?.slice(-4) ?? '0', 16) || 0) / 65_536,
    });
  const heal = async (
    target: Watched,
    culprit: Parent | null,
    parents: readonly Parent[],
    given: SeriesRun[] | null,
  ) => {
    const { config, episode, seriesId } = target;
    if (!episode || !seriesId || !config.remedy) return;
    let runs = given ?? (await healing.runsOf([seriesId])).get(seriesId) ?? [];
    const next = decide(target, culprit, parents, runs);
    const healTarget = { id: config.id, name: config.name, remedy: config.remedy };
    let judged = false;
    for (const run of runs) {
      if (run.helped === null) judged = (await healing.settle(healTarget, run)) || judged;
    }
    if (judged) {
      await healing.review(config, episode.symptom);
      runs = (await healing.runsOf([seriesId])).get(seriesId) ?? [];
    }
    switch (next.kind) {
      case 'run':
        await healing.start({ target: healTarget, seriesId, attempt: next.attempt, episode });
        return;
      case 'propose':
        await healing.propose({ target: healTarget, seriesId, attempt: next.attempt, episode });
        return;
      case 'expire':
        for (const run of runs) await healing.expire(run, next.reason);
        return;
      case 'escalate':
        await escalate(target, next.reason, runs);
        return;
      default:
    }
  };
  const escalate = async (target: Watched, reason: string, runs: readonly SeriesRun[]) => {
    const { episode, config } = target;
    // Someone may be told only once there is an incident to look at.
    if (!episode?.incidentId) return;
    const incidentId = episode.incidentId;
    await db.tx(async (tx) => {
      const { count } = await tx.episode.updateMany({
        where: { id: episode.id, escalatedAt: null },
        data: { escalatedAt: clock.now() },
      });
      if (count === 0) return;
      const attempts = runs.filter(({ attempt }) => attempt !== null).slice(-MAX_ATTEMPTS);
      await incidents.escalate(tx, incidentId, {
        detail: `${config.name}: ${reason} A person is needed.`,
        facts: [
          ...attempts.map((run) => ({
            label: `Attempt ${run.attempt}`,
            value: run.detail ?? run.status,
          })),
          { label: 'Last check', value: target.detail ?? 'no detail' },
        ],
      });
    });
    episode.escalated = true;
    incidents.announce(incidentId);
  };

  return { reconcile };
}
