/** A window is looked at and its run stored; what it turns, and the incident that tells of it, in the same transaction. */
import type { Incidents } from '../../incidents/index.ts';
import { publishModelEvent } from '../../models/index.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Prisma, Tx } from '../../platform/db/index.ts';
import { newId } from '../../platform/ids.ts';
import type { RunVerdict } from './contract.ts';
import {
  incidentKey,
  type MonitorRow,
  SOURCE,
  sameSettings,
  seasonOf,
  stateOf,
} from './monitor-rows.ts';
import { lockMonitor } from './monitor-settings.ts';
import { hasDrifted, type Runner, type RunResult } from './runs.ts';
import { turn } from './turn.ts';

const DETAIL_LENGTH = 4_000;

export type Stretch = { from: Date; to: Date };
/**
 * `known`: the window has a run already. `changed`: somebody changed the monitor while its window was looked at, or another
 * replica went on; what was found says nothing of it any more, and nothing is stored. `gone`: there is no such monitor.
 */
export type Looked =
  | { outcome: 'stored'; id: string; verdict: RunVerdict; detail: string }
  | { outcome: 'known' | 'changed' | 'gone' };
export type LookAt = (
  row: MonitorRow,
  window: Stretch,
  /** By schedule with the time at which the next window is due, or by a person. */
  given: { next: Date } | { authority: Authority },
  signal: AbortSignal,
) => Promise<Looked>;

export function createLookAt(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  bus: Bus;
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  runner: Runner;
  announce(monitorId: string, type: 'run'): void;
}): LookAt {
  const { db, audit, clock, bus, incidents, runner, announce } = deps;

  /** Opens, updates or ends the incident; answers whom to announce. */
  const tell = async (
    tx: Tx,
    row: MonitorRow,
    given: {
      event: 'found' | 'ended' | null;
      drifting: boolean;
      window: Stretch;
      result: RunResult;
    },
  ): Promise<string | null> => {
    const { event, result, window } = given;
    const key = incidentKey(row.id);
    if (event === 'ended') {
      return incidents.ended(tx, { key, endedAt: null, detail: result.detail });
    }
    const muted = row.mutedUntil !== null && row.mutedUntil > clock.now();
    if (!given.drifting || result.verdict !== 'drifted' || muted) return null;
    const drifted = result.features.filter(hasDrifted);
    const { id, outcome } = await incidents.report(tx, {
      key,
      source: SOURCE,
      title: `The inputs of ${row.model.name} have drifted`,
      severity: row.severity,
      startedAt: window.from,
      sameOutage: false,
      detail: result.detail,
      facts: [
        { label: 'Monitor', value: row.name },
        { label: 'Window', value: `${window.from.toISOString()} to ${window.to.toISOString()}` },
        { label: 'Reference', value: row.reference?.name ?? '' },
        ...drifted.slice(0, 12).map(({ name, reason }) => ({ label: name, value: reason })),
      ],
      mark: drifted
        .map(({ name }) => name)
        .sort()
        .join(','),
    });
    return outcome === 'opened' || outcome === 'updated' ? id : null;
  };
  const store = async (
    tx: Tx,
    runId: string,
    row: MonitorRow,
    given: { window: Stretch; result: RunResult; byHand: boolean; tookMs: number },
  ): Promise<boolean> => {
    const { window, result } = given;
    const made = await tx.driftRun.createMany({
      data: {
        id: runId,
        monitorId: row.id,
        windowStart: window.from,
        windowEnd: window.to,
        at: clock.now(),
        verdict: result.verdict,
        detail: result.detail.slice(0, DETAIL_LENGTH),
        byHand: given.byHand,
        referenceRows: result.referenceRows,
        currentRows: result.currentRows,
        drifted: result.features.filter(hasDrifted).length,
        features: result.features.length,
        tookMs: given.tookMs,
      },
      skipDuplicates: true,
    });
    if (made.count === 0) return false;
    await tx.driftRunFeature.createMany({
      data: result.features.map((feature) => ({
        runId,
        name: feature.name,
        drifted: hasDrifted(feature) ? true : feature.drifted,
        effect: feature.effect,
        pValue: feature.pValue,
        reason: feature.reason,
        detail: plainJson(feature),
      })),
    });
    return true;
  };

  return async (looked, window, given, signal) => {
    const { id } = looked;
    const began = clock.monotonicMs();
    const result = await runner.run({ ...looked, season: seasonOf(looked.season) }, window, signal);
    const tookMs = Math.round((clock.monotonicMs() - began) * 10) / 10;
    const byHand = 'authority' in given;
    const now = clock.now();
    const runId = newId(now);
    const told = await db.tx(async (tx) => {
      const row = await lockMonitor(tx, id);
      if (!row) return 'gone';
      if (!sameSettings(row, looked)) return 'changed';
      if (!byHand && row.lastEnd !== null && row.lastEnd >= window.to) return 'changed';
      const schedule = byHand ? {} : { lastEnd: window.to, nextAt: given.next };
      if (!(await store(tx, runId, row, { window, result, byHand, tookMs }))) {
        await tx.driftMonitor.update({ where: { id }, data: schedule, select: { id: true } });
        return 'known';
      }
      const before = {
        state: stateOf(row),
        driftedRuns: row.driftedRuns,
        quietRuns: row.quietRuns,
      };
      const { event, ...after } = turn(before, result.verdict, row);
      await tx.driftMonitor.update({
        where: { id },
        data: {
          ...after,
          ...schedule,
          detail: result.detail.slice(0, DETAIL_LENGTH),
          lastRunAt: now,
          ...(after.state === before.state ? {} : { since: now }),
        },
        select: { id: true },
      });
      const drifting = after.state === 'drifting';
      const incident = await tell(tx, row, { event, drifting, window, result });
      if (byHand) {
        await audit.append(tx, given.authority, {
          action: 'drift.monitors.run',
          target: { kind: 'monitor', id, name: row.name },
          after: { run: runId, verdict: result.verdict },
        });
      }
      return { incident, event };
    });
    if (typeof told === 'string') return { outcome: told };
    if (told.incident) incidents.announce(told.incident);
    announce(id, 'run');
    if (told.event) {
      publishModelEvent(bus, { type: `drift.${told.event}`, modelId: looked.modelId });
    }
    return { outcome: 'stored', id: runId, verdict: result.verdict, detail: result.detail };
  };
}

/** What JSON keeps of it. */
function plainJson(value: unknown): Prisma.InputJsonValue {
  // JSON text parsed again is plain JSON.
  return JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '')) as Prisma.InputJsonValue;
}
