/** What is read of monitors and runs, in pages of bounded size; and how long runs are kept. */
import type { Page } from '../../api/contract.ts';
import type { Db } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import type { FeatureDrift } from '../contract.ts';
import {
  type Heatmap,
  type HeatmapInput,
  MAX_HEAT_CELLS,
  type MonitorItem,
  type MonitorListInput,
  RUN_DAYS,
  type RunItem,
  type RunListInput,
} from './contract.ts';
import {
  monitorColumns,
  noMonitor,
  runColumns,
  storedFeature,
  toMonitor,
  toRun,
  verdictOf,
} from './monitor-rows.ts';

const DAY_MS = 86_400_000;
const KEPT_RUNS = 2_000;
const PRUNED_AT_ONCE = 2_000;
const STRIP = 40;
const MAX_HEAT_RUNS = 400;

export type MonitorViews = {
  list(input: MonitorListInput): Promise<Page<MonitorItem>>;
  get(id: string): Promise<MonitorItem>;
  runs(input: RunListInput): Promise<Page<RunItem>>;
  getRun(id: string): Promise<RunItem & { results: FeatureDrift[] }>;
  heatmap(input: HeatmapInput): Promise<Heatmap>;
  /** Removes runs that are too old or too many; answers how many. */
  prune(now: Date, signal?: AbortSignal): Promise<number>;
};

export function createMonitorViews({ db }: { db: Db }): MonitorViews {
  /** The newest runs of each, oldest first. */
  const stripOf = async (ids: readonly string[]) => {
    const { rows } = await db.pool.query<{ monitor_id: string; window_end: Date; verdict: string }>(
      `SELECT r.* FROM unnest($1::uuid[]) AS m(id) CROSS JOIN LATERAL (
         SELECT monitor_id, window_end, verdict FROM drift_runs WHERE monitor_id = m.id
         ORDER BY window_end DESC LIMIT ${STRIP}) r ORDER BY window_end`,
      [ids],
    );
    return Map.groupBy(rows, (row) => row.monitor_id);
  };
  return {
    async list({ limit, cursor, modelId }) {
      const rows = await db.prisma.driftMonitor.findMany({
        where: { ...(modelId ? { modelId } : {}), ...(cursor ? { id: { gt: cursor } } : {}) },
        orderBy: { id: 'asc' },
        take: limit + 1,
        select: monitorColumns,
      });
      const page = rows.slice(0, limit);
      const strip = await stripOf(page.map(({ id }) => id));
      return {
        items: page.map((row) => toMonitor(row, strip.get(row.id) ?? [])),
        nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
    async get(id) {
      const row = await db.prisma.driftMonitor.findUnique({
        where: { id },
        select: monitorColumns,
      });
      if (!row) throw noMonitor();
      return toMonitor(row, (await stripOf([id])).get(id) ?? []);
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
      const where = { monitorId, windowEnd: { gte: new Date(from), lte: new Date(to) } };
      const { _count: total, _max: most } = await db.prisma.driftRun.aggregate({
        where,
        _count: true,
        _max: { features: true },
      });
      const fit = Math.floor(MAX_HEAT_CELLS / Math.max(1, most.features ?? 1));
      const runs = await db.prisma.driftRun.findMany({
        where,
        orderBy: { windowEnd: 'desc' },
        take: Math.min(MAX_HEAT_RUNS, fit),
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
    async prune(now, signal) {
      const before = new Date(now.getTime() - RUN_DAYS * DAY_MS);
      let count = 0;
      for (;;) {
        signal?.throwIfAborted();
        // In parts: each run takes the figures of all its features with it.
        const { rowCount } = await db.pool.query(
          `WITH kept AS (
             SELECT m.id, greatest($1, (SELECT window_end FROM drift_runs WHERE monitor_id = m.id
               ORDER BY window_end DESC OFFSET ${KEPT_RUNS - 1} LIMIT 1)) AS since FROM drift_monitors m)
           DELETE FROM drift_runs WHERE id IN (
             SELECT r.id FROM kept JOIN drift_runs r ON r.monitor_id = kept.id AND r.window_end < kept.since
             LIMIT ${PRUNED_AT_ONCE})`,
          [before],
        );
        count += rowCount ?? 0;
        if ((rowCount ?? 0) < PRUNED_AT_ONCE) return count;
      }
    },
  };
}
