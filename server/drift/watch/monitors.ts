/** Monitors: when each is due, one run for each window, and what a run turns. */
import { z } from 'zod';
import type { Page } from '../../api/contract.ts';
import type { Incidents } from '../../incidents/index.ts';
import { type Models, publishModelEvent } from '../../models/index.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Prisma, Tx } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import { newId } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { FeatureDrift } from '../contract.ts';
import {
  type CreateMonitorInput,
  type DriftWindow,
  type Heatmap,
  type HeatmapInput,
  MAX_HEAT_CELLS,
  MAX_MONITORS,
  type MonitorItem,
  type MonitorListInput,
  monitorStates,
  RUN_DAYS,
  type RunItem,
  type RunListInput,
  type RunVerdict,
  runVerdicts,
  type Season,
  seasons,
  type UpdateMonitorInput,
} from './contract.ts';
import { fieldFault } from './references.ts';
import { hasDrifted, type Runner, type RunResult } from './runs.ts';
import { turn } from './turn.ts';
import { nextEnd } from './windows.ts';

const SOURCE = 'drift';
const DAY_MS = 86_400_000;
/** Windows that a monitor catches up with in one round, and monitors of one round. */
const WINDOWS_A_ROUND = 50;
const MONITORS_A_ROUND = 200;
/** Windows that a monitor may begin with in the past. */
const MAX_BACKLOG = 5_000;
const KEPT_RUNS = 2_000;
const ROWS_EVERY_MS = 60_000;
const STRIP = 40;

export type Monitors = {
  list(input: MonitorListInput): Promise<Page<MonitorItem>>;
  get(id: string): Promise<MonitorItem>;
  create(authority: Authority, input: CreateMonitorInput): Promise<{ id: string }>;
  update(authority: Authority, input: UpdateMonitorInput): Promise<void>;
  remove(authority: Authority, id: string): Promise<void>;
  pause(authority: Authority, input: { id: string; paused: boolean }): Promise<void>;
  /** Looks at the window that ends now; answers the run. */
  run(
    authority: Authority,
    id: string,
    signal: AbortSignal,
  ): Promise<{ id: string; verdict: RunVerdict; detail: string }>;
  /** Runs what is due; answers how many windows. */
  tick(now: Date, signal: AbortSignal): Promise<number>;
  runs(input: RunListInput): Promise<Page<RunItem>>;
  getRun(id: string): Promise<RunItem & { results: FeatureDrift[] }>;
  heatmap(input: HeatmapInput): Promise<Heatmap>;
  prune(now: Date): Promise<number>;
  /** Ends the incidents of a model's monitors, which go with it; answers whom to announce. */
  forget(tx: Tx, modelId: string): Promise<string[]>;
};

const columns = {
  id: true,
  name: true,
  modelId: true,
  referenceId: true,
  features: true,
  windowKind: true,
  windowSize: true,
  windowStep: true,
  graceSeconds: true,
  minimumRows: true,
  alpha: true,
  season: true,
  consecutive: true,
  quietAfter: true,
  severity: true,
  mutedUntil: true,
  paused: true,
  state: true,
  detail: true,
  since: true,
  driftedRuns: true,
  quietRuns: true,
  lastEnd: true,
  nextAt: true,
  lastRunAt: true,
  createdAt: true,
  createdBy: true,
  model: { select: { name: true } },
  reference: { select: { name: true } },
} satisfies Prisma.DriftMonitorSelect;
type Row = Prisma.DriftMonitorGetPayload<{ select: typeof columns }>;

const runColumns = {
  id: true,
  monitorId: true,
  windowStart: true,
  windowEnd: true,
  at: true,
  verdict: true,
  detail: true,
  byHand: true,
  referenceRows: true,
  currentRows: true,
  drifted: true,
  features: true,
  tookMs: true,
} satisfies Prisma.DriftRunSelect;
type RunRow = Prisma.DriftRunGetPayload<{ select: typeof runColumns }>;

const seasonOf = (text: string): Season => seasons.find((season) => season === text) ?? 'none';
const verdictOf = (text: string): RunVerdict => runVerdicts.find((one) => one === text) ?? 'failed';
const windowOf = (row: Pick<Row, 'windowKind' | 'windowSize' | 'windowStep'>): DriftWindow => ({
  kind: row.windowKind === 'rows' ? 'rows' : 'time',
  size: row.windowSize,
  step: row.windowStep,
});
const stateOf = (row: Row) => monitorStates.find((state) => state === row.state) ?? 'new';
/** Written by this module alone, as the comparison answered it. */
const storedFeature = z.custom<FeatureDrift>(
  (value) =>
    typeof value === 'object' && value !== null && 'reasons' in value && 'summary' in value,
);
const toRun = (row: RunRow): RunItem => ({
  id: row.id,
  monitorId: row.monitorId,
  from: row.windowStart.toISOString(),
  to: row.windowEnd.toISOString(),
  at: row.at.toISOString(),
  verdict: verdictOf(row.verdict),
  detail: row.detail,
  byHand: row.byHand,
  referenceRows: row.referenceRows,
  currentRows: row.currentRows,
  drifted: row.drifted,
  features: row.features,
  tookMs: row.tookMs,
});
const notFound = () => new AppError('NOT_FOUND', 'There is no such monitor.');
const keyOf = (id: string) => `${SOURCE}:${id}`;

export function createMonitors(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  bus: Bus;
  log: Log;
  models: Pick<Models, 'find' | 'reader'>;
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  runner: Runner;
}): Monitors {
  const { db, audit, clock, models, incidents, runner, bus } = deps;
  const announce = (id: string, type: 'monitor' | 'run' = 'monitor') =>
    bus.publish({ topic: 'drift', type, id });

  const stripOf = async (ids: readonly string[]) => {
    const { rows } = await db.pool.query<{ monitor_id: string; window_end: Date; verdict: string }>(
      `SELECT r.* FROM unnest($1::uuid[]) AS m(id) CROSS JOIN LATERAL (
         SELECT monitor_id, window_end, verdict FROM drift_runs WHERE monitor_id = m.id
         ORDER BY window_end DESC LIMIT ${STRIP}) r ORDER BY window_end`,
      [ids],
    );
    return Map.groupBy(rows, (row) => row.monitor_id);
  };
  const toItem = (row: Row, strip: Awaited<ReturnType<typeof stripOf>>): MonitorItem => ({
    id: row.id,
    name: row.name,
    modelId: row.modelId,
    modelName: row.model.name,
    referenceId: row.referenceId,
    referenceName: row.reference?.name ?? null,
    features: row.features,
    window: windowOf(row),
    graceSeconds: row.graceSeconds,
    minimumRows: row.minimumRows,
    alpha: row.alpha,
    season: seasonOf(row.season),
    consecutive: row.consecutive,
    quietAfter: row.quietAfter,
    severity: row.severity,
    mutedUntil: row.mutedUntil?.toISOString() ?? null,
    paused: row.paused,
    state: stateOf(row),
    detail: row.detail,
    since: row.since?.toISOString() ?? null,
    nextAt: row.paused ? null : (row.nextAt?.toISOString() ?? null),
    lastRunAt: row.lastRunAt?.toISOString() ?? null,
    strip: (strip.get(row.id) ?? []).map(({ window_end, verdict }) => ({
      at: window_end.toISOString(),
      verdict: verdictOf(verdict),
    })),
    createdAt: row.createdAt.toISOString(),
    createdBy: row.createdBy,
  });
  const unique = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'P2002') {
        const message = `There is a monitor named ${name} already`;
        throw new AppError('CONFLICT', `${message}.`, { fields: [{ path: 'name', message }] });
      }
      throw error;
    }
  };
  /** That model, reference, features and season fit together. */
  const assertFits = async (given: {
    modelId: string;
    referenceId: string | null;
    features: readonly string[];
    season: Season;
  }) => {
    const model = await models.find(given.modelId);
    if (!model) throw fieldFault('modelId', 'There is no such model');
    given.features.forEach((name, place) => {
      if (!model.features.some((one) => one.name === name && !one.gone)) {
        throw fieldFault(`features.${place}`, `The model has no feature ${name}`);
      }
    });
    const reference =
      given.referenceId &&
      (await db.prisma.driftReference.findUnique({
        where: { id: given.referenceId },
        select: { modelId: true, from: true },
      }));
    if (!reference || reference.modelId !== model.id) {
      throw fieldFault('referenceId', 'The model has no such reference');
    }
    if (given.season !== 'none' && reference.from === null) {
      throw fieldFault('season', 'The rows of this reference have no times');
    }
  };
  /** When the window after `after` is looked at. */
  const dueAfter = (window: DriftWindow, graceSeconds: number, after: number): Date =>
    window.kind === 'rows'
      ? new Date(clock.now().getTime())
      : new Date(nextEnd(after, window.step * 1_000) + graceSeconds * 1_000);

  /** Stores a run and turns the monitor, in one transaction; null when the window has a run already. */
  const record = async (
    id: string,
    window: { from: Date; to: Date },
    result: RunResult,
    more: { byHand: boolean; tookMs: number; authority: Authority | null; next: Date | null },
  ): Promise<string | null> => {
    const now = clock.now();
    const runId = newId(now);
    const told = await db.tx(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM drift_monitors WHERE id = ${id}::uuid FOR UPDATE`;
      const row = await tx.driftMonitor.findUnique({ where: { id }, select: columns });
      if (!row) return null;
      const made = await tx.driftRun.createMany({
        data: {
          id: runId,
          monitorId: id,
          windowStart: window.from,
          windowEnd: window.to,
          at: now,
          verdict: result.verdict,
          detail: result.detail.slice(0, 4_000),
          byHand: more.byHand,
          referenceRows: result.referenceRows,
          currentRows: result.currentRows,
          drifted: result.features.filter(hasDrifted).length,
          features: result.features.length,
          tookMs: more.tookMs,
        },
        skipDuplicates: true,
      });
      const schedule = more.byHand ? {} : { lastEnd: window.to, nextAt: more.next };
      if (made.count === 0) {
        await tx.driftMonitor.update({ where: { id }, data: schedule, select: { id: true } });
        return { incident: null, event: null, modelId: row.modelId, fresh: false };
      }
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
          detail: result.detail.slice(0, 4_000),
          lastRunAt: now,
          ...(after.state === before.state ? {} : { since: now }),
        },
        select: { id: true },
      });
      const incident = await tell(tx, row, {
        event,
        drifting: after.state === 'drifting',
        window,
        result,
      });
      if (more.authority) {
        await audit.append(tx, more.authority, {
          action: 'drift.monitors.run',
          target: { kind: 'monitor', id, name: row.name },
          after: { run: runId, verdict: result.verdict },
        });
      }
      return { incident, event, modelId: row.modelId, fresh: true };
    });
    if (!told?.fresh) return null;
    if (told.incident) incidents.announce(told.incident);
    announce(id, 'run');
    if (told.event) publishModelEvent(bus, { type: `drift.${told.event}`, modelId: told.modelId });
    return runId;
  };
  /** Opens, updates or ends the incident; answers whom to announce. */
  const tell = async (
    tx: Tx,
    row: Row,
    given: {
      event: 'found' | 'ended' | null;
      drifting: boolean;
      window: { from: Date; to: Date };
      result: RunResult;
    },
  ): Promise<string | null> => {
    const { event, result, window } = given;
    if (event === 'ended') {
      return incidents.ended(tx, { key: keyOf(row.id), endedAt: null, detail: result.detail });
    }
    const muted = row.mutedUntil !== null && row.mutedUntil > clock.now();
    if (!given.drifting || result.verdict !== 'drifted' || muted) return null;
    const drifted = result.features.filter(hasDrifted);
    const { id, outcome } = await incidents.report(tx, {
      key: keyOf(row.id),
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
  const lookAt = async (row: Row, window: { from: Date; to: Date }, signal: AbortSignal) => {
    const began = clock.monotonicMs();
    const result = await runner.run({ ...row, season: seasonOf(row.season) }, window, signal);
    return { result, tookMs: Math.round((clock.monotonicMs() - began) * 10) / 10 };
  };
  /** The next window that has ended, with its grace; null while there is none. */
  const nextWindow = async (
    row: Row,
    lastEnd: number,
    now: Date,
  ): Promise<{ from: Date; to: Date } | null> => {
    const window = windowOf(row);
    const latest = now.getTime() - row.graceSeconds * 1_000;
    if (window.kind === 'time') {
      const to = nextEnd(lastEnd, window.step * 1_000);
      return to > latest ? null : { from: new Date(to - window.size * 1_000), to: new Date(to) };
    }
    const model = await models.find(row.modelId);
    if (!model) return null;
    const newest = await models.reader.nth(model.no, { after: new Date(lastEnd), n: window.step });
    if (!newest || newest.getTime() >= latest) return null;
    const to = new Date(newest.getTime() + 1);
    const from = await models.reader.nth(model.no, { before: to, n: window.size });
    const oldest = from ?? (await models.reader.ends(model.no))?.first ?? to;
    return { from: oldest, to };
  };
  const catchUp = async (row: Row, now: Date, signal: AbortSignal): Promise<number> => {
    let lastEnd = (row.lastEnd ?? row.createdAt).getTime();
    const window = windowOf(row);
    for (let done = 0; done < WINDOWS_A_ROUND; done++) {
      signal.throwIfAborted();
      const next = await nextWindow(row, lastEnd, now);
      if (!next) {
        const wait =
          window.kind === 'rows'
            ? new Date(now.getTime() + ROWS_EVERY_MS)
            : dueAfter(window, row.graceSeconds, lastEnd);
        await db.prisma.driftMonitor.updateMany({ where: { id: row.id }, data: { nextAt: wait } });
        return done;
      }
      const { result, tookMs } = await lookAt(row, next, signal);
      lastEnd = next.to.getTime();
      await record(row.id, next, result, {
        byHand: false,
        tookMs,
        authority: null,
        next: dueAfter(window, row.graceSeconds, lastEnd),
      });
    }
    return WINDOWS_A_ROUND;
  };

  return {
    async list({ limit, cursor, modelId }) {
      const rows = await db.prisma.driftMonitor.findMany({
        where: { ...(modelId ? { modelId } : {}), ...(cursor ? { id: { gt: cursor } } : {}) },
        orderBy: { id: 'asc' },
        take: limit + 1,
        select: columns,
      });
      const page = rows.slice(0, limit);
      const strip = await stripOf(page.map(({ id }) => id));
      return {
        items: page.map((row) => toItem(row, strip)),
        nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
    async get(id) {
      const row = await db.prisma.driftMonitor.findUnique({ where: { id }, select: columns });
      if (!row) throw notFound();
      return toItem(row, await stripOf([id]));
    },
    async create(authority, { window, startAt, mutedUntil, ...input }) {
      await assertFits(input);
      const now = clock.now();
      const id = newId(now);
      const begin = startAt ? Math.min(Date.parse(startAt), now.getTime()) : now.getTime();
      if (window.kind === 'time' && now.getTime() - begin > MAX_BACKLOG * window.step * 1_000) {
        throw fieldFault('startAt', `That is more than ${MAX_BACKLOG} windows ago`);
      }
      // The first window is whole: it begins no earlier than asked.
      const lastEnd =
        startAt && window.kind === 'time' ? begin + (window.size - window.step) * 1_000 - 1 : begin;
      await unique(input.name, () =>
        db.tx(async (tx) => {
          if ((await tx.driftMonitor.count()) >= MAX_MONITORS) {
            throw new AppError('CONFLICT', `At most ${MAX_MONITORS} monitors are kept.`);
          }
          await tx.driftMonitor.create({
            data: {
              ...input,
              id,
              windowKind: window.kind,
              windowSize: window.size,
              windowStep: window.step,
              mutedUntil: mutedUntil === null ? null : new Date(mutedUntil),
              lastEnd: new Date(lastEnd),
              nextAt: dueAfter(window, input.graceSeconds, lastEnd),
              createdAt: now,
              createdBy: authority.actor.name,
              updatedAt: now,
            },
            select: { id: true },
          });
          await audit.append(tx, authority, {
            action: 'drift.monitors.create',
            target: { kind: 'monitor', id, name: input.name },
            after: { ...input, window, mutedUntil, startAt: startAt ?? null },
          });
        }),
      );
      announce(id);
      return { id };
    },
    async update(authority, { id, window, mutedUntil, ...patch }) {
      const known = await db.prisma.driftMonitor.findUnique({ where: { id }, select: columns });
      if (!known) throw notFound();
      const season = patch.season ?? seasonOf(known.season);
      if (patch.referenceId ?? patch.features ?? patch.season) {
        await assertFits({ ...known, ...patch, season });
      }
      await unique(patch.name ?? '', () =>
        db.tx(async (tx) => {
          await tx.$queryRaw`SELECT 1 FROM drift_monitors WHERE id = ${id}::uuid FOR UPDATE`;
          const before = await tx.driftMonitor.findUnique({ where: { id }, select: columns });
          if (!before) throw notFound();
          const graceSeconds = patch.graceSeconds ?? before.graceSeconds;
          const now = clock.now();
          const after = await tx.driftMonitor.update({
            where: { id },
            data: {
              ...patch,
              ...(window === undefined
                ? {}
                : {
                    windowKind: window.kind,
                    windowSize: window.size,
                    windowStep: window.step,
                    lastEnd: now,
                    nextAt: dueAfter(window, graceSeconds, now.getTime()),
                  }),
              ...(mutedUntil === undefined
                ? {}
                : { mutedUntil: mutedUntil === null ? null : new Date(mutedUntil) }),
              updatedAt: now,
            },
            select: columns,
          });
          await audit.append(tx, authority, {
            action: 'drift.monitors.update',
            target: { kind: 'monitor', id, name: after.name },
            before: settingsOf(before),
            after: settingsOf(after),
          });
        }),
      );
      announce(id);
    },
    async remove(authority, id) {
      const incident = await db.tx(async (tx) => {
        const row = await tx.driftMonitor.findUnique({ where: { id }, select: columns });
        if (!row) throw notFound();
        await tx.driftMonitor.delete({ where: { id }, select: { id: true } });
        const ended = await incidents.ended(tx, {
          key: keyOf(id),
          endedAt: null,
          detail: 'The monitor was removed.',
        });
        await audit.append(tx, authority, {
          action: 'drift.monitors.remove',
          target: { kind: 'monitor', id, name: row.name },
          before: settingsOf(row),
        });
        return ended;
      });
      if (incident) incidents.announce(incident);
      announce(id);
    },
    async pause(authority, { id, paused }) {
      await db.tx(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM drift_monitors WHERE id = ${id}::uuid FOR UPDATE`;
        const row = await tx.driftMonitor.findUnique({ where: { id }, select: columns });
        if (!row) throw notFound();
        const now = clock.now();
        await tx.driftMonitor.update({
          where: { id },
          data: {
            paused,
            updatedAt: now,
            // What passed while it was paused is not caught up with.
            ...(row.paused && !paused
              ? { lastEnd: now, nextAt: dueAfter(windowOf(row), row.graceSeconds, now.getTime()) }
              : {}),
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: paused ? 'drift.monitors.pause' : 'drift.monitors.resume',
          target: { kind: 'monitor', id, name: row.name },
          before: { paused: row.paused },
          after: { paused },
        });
      });
      announce(id);
    },
    async run(authority, id, signal) {
      const row = await db.prisma.driftMonitor.findUnique({ where: { id }, select: columns });
      if (!row) throw notFound();
      const window = windowOf(row);
      const to = clock.now();
      const model = window.kind === 'rows' ? await models.find(row.modelId) : null;
      const from = model
        ? ((await models.reader.nth(model.no, { before: to, n: window.size })) ??
          (await models.reader.ends(model.no))?.first ??
          to)
        : new Date(to.getTime() - window.size * 1_000);
      const { result, tookMs } = await lookAt(row, { from, to }, signal);
      const made = await record(id, { from, to }, result, {
        byHand: true,
        tookMs,
        authority,
        next: null,
      });
      if (!made) throw new AppError('CONFLICT', 'This window has a run already.');
      return { id: made, verdict: result.verdict, detail: result.detail };
    },
    async tick(now, signal) {
      const due = await db.prisma.driftMonitor.findMany({
        where: { paused: false, nextAt: { lte: now } },
        orderBy: { nextAt: 'asc' },
        take: MONITORS_A_ROUND,
        select: columns,
      });
      let count = 0;
      for (const row of due) {
        signal.throwIfAborted();
        try {
          count += await catchUp(row, now, signal);
        } catch (err) {
          if (signal.aborted) throw err;
          // One that cannot be looked at must not keep the others waiting; it comes again with the next round.
          deps.log.warn({ err, monitor: row.id }, 'a drift monitor could not run');
          const detail = `The run failed: ${err instanceof AppError ? err.publicMessage : 'see the log of the console'}`;
          await db.prisma.driftMonitor.updateMany({
            where: { id: row.id },
            data: {
              ...(row.state === 'drifting' ? {} : { state: 'failing' }),
              detail,
              nextAt: new Date(now.getTime() + ROWS_EVERY_MS),
            },
          });
          announce(row.id);
        }
      }
      return count;
    },
    async runs({ monitorId, limit, cursor, verdict }) {
      const rows = await db.prisma.driftRun.findMany({
        where: {
          monitorId,
          ...(verdict ? { verdict } : {}),
          ...(cursor ? { windowEnd: { lt: new Date(Number(cursor)) } } : {}),
        },
        orderBy: { windowEnd: 'desc' },
        take: limit + 1,
        select: runColumns,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map(toRun),
        nextCursor: rows.length > limit && last ? String(last.windowEnd.getTime()) : null,
      };
    },
    async getRun(id) {
      const row = await db.prisma.driftRun.findUnique({
        where: { id },
        select: { ...runColumns, results: { select: { detail: true }, orderBy: { name: 'asc' } } },
      });
      if (!row) throw new AppError('NOT_FOUND', 'There is no such run.');
      return {
        ...toRun(row),
        results: row.results.map(({ detail }) => storedFeature.parse(detail)),
      };
    },
    async heatmap({ monitorId, from, to }) {
      const range = { gte: new Date(from), lte: new Date(to) };
      const where = { monitorId, windowEnd: range };
      const [total, newest] = await Promise.all([
        db.prisma.driftRun.count({ where }),
        db.prisma.driftRun.findFirst({
          where: { ...where, features: { gt: 0 } },
          orderBy: { windowEnd: 'desc' },
          select: { features: true },
        }),
      ]);
      const max = Math.min(400, Math.floor(MAX_HEAT_CELLS / Math.max(1, newest?.features ?? 1)));
      const runs = await db.prisma.driftRun.findMany({
        where,
        orderBy: { windowEnd: 'desc' },
        take: max,
        select: {
          id: true,
          windowStart: true,
          windowEnd: true,
          verdict: true,
          results: { select: { name: true, drifted: true, effect: true } },
        },
      });
      runs.reverse();
      const features = [
        ...new Set(runs.flatMap(({ results }) => results.map(({ name }) => name))),
      ].sort();
      const places = new Map(features.map((name, place) => [name, place]));
      return {
        features,
        runs: runs.map((run) => ({
          id: run.id,
          from: run.windowStart.toISOString(),
          to: run.windowEnd.toISOString(),
          verdict: verdictOf(run.verdict),
        })),
        cells: runs.map(({ results }) => {
          const cells: Heatmap['cells'][number] = features.map(() => null);
          for (const { name, drifted, effect } of results)
            cells[places.get(name) ?? 0] = { drifted, effect };
          return cells;
        }),
        left: Math.max(0, total - runs.length),
      };
    },
    async forget(tx, modelId) {
      const rows = await tx.driftMonitor.findMany({
        where: { modelId, state: 'drifting' },
        select: { id: true },
      });
      const ended: string[] = [];
      for (const { id } of rows) {
        const incident = await incidents.ended(tx, {
          key: keyOf(id),
          endedAt: null,
          detail: 'The model and its monitors were removed.',
        });
        if (incident) ended.push(incident);
      }
      return ended;
    },
    async prune(now) {
      const { rowCount } = await db.pool.query(
        `DELETE FROM drift_runs WHERE window_end < $1 OR id IN (
           SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY monitor_id ORDER BY window_end DESC) AS place FROM drift_runs) r
           WHERE place > $2)`,
        [new Date(now.getTime() - RUN_DAYS * DAY_MS), KEPT_RUNS],
      );
      return rowCount ?? 0;
    },
  };
}

/** What an operator chose. */
function settingsOf(row: Row) {
  const { driftedRuns, quietRuns, state, detail, since, lastEnd, nextAt, lastRunAt, ...settings } =
    row;
  return settings;
}

/** What JSON keeps of it. */
function plainJson(value: unknown): Prisma.InputJsonValue {
  // JSON text parsed again is plain JSON.
  return JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '')) as Prisma.InputJsonValue;
}
