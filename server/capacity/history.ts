/** The past of a resource, from the metric store. */
import { type Forecaster, readSaved } from '../forecasts/index.ts';
import { querySchema } from '../metrics/contract.ts';
import type { MetricStore } from '../metrics/index.ts';
import { type Subject, USED_METRIC } from './contract.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LONG = { days: 28, stepMs: HOUR_MS };
/** While there is less than two days of it, finer. */
const SHORT = { days: 2, stepMs: HOUR_MS / 6 };
const ENOUGH = 48;
/** For what comes within the day: a week by ten minutes. */
const NEAR = { days: 7, stepMs: HOUR_MS / 6 };

export type Past = { points: { at: number; value: number }[]; stepMs: number };
export type ReadPast = (
  row: { id: string; subject: Subject },
  now: number,
  signal?: AbortSignal,
  /** `near`: a week by ten minutes, of whole steps; else as much and as fine as there is. */
  reach?: 'near',
) => Promise<Past>;

export function createReadPast(metricStore: Pick<MetricStore, 'query' | 'saved'>): ReadPast {
  const read = async (
    { id, subject }: { id: string; subject: Subject },
    range: { from: number; to: number; stepMs: number; signal: AbortSignal | undefined },
  ) => {
    if (subject.kind === 'saved') return (await readSaved(metricStore, subject, range)).points;
    const { series } = await metricStore.query(
      querySchema.parse({
        metric: USED_METRIC,
        timeRange: {
          from: new Date(range.from).toISOString(),
          to: new Date(range.to).toISOString(),
        },
        step: range.stepMs / 1_000,
        filters: [{ field: 'resource', op: 'eq', value: id }],
        aggregations: ['avg'],
      }),
      range.signal,
    );
    return (series[0]?.points ?? []).map(({ at, values }) => ({
      at: Date.parse(at),
      value: values.avg ?? null,
    }));
  };
  return async (row, now, signal, reach) => {
    const one = async ({ days, stepMs }: typeof LONG): Promise<Past> => {
      const points = await read(row, { from: now - days * DAY_MS, to: now + 1, stepMs, signal });
      return {
        stepMs,
        points: points.flatMap(({ at, value }) =>
          value === null || !Number.isFinite(value)
            ? []
            : // A step is the middle of its time, and never after now.
              [{ at: Math.min(at + stepMs / 2, now), value }],
        ),
      };
    };
    if (reach === 'near') {
      const { points, stepMs } = await one(NEAR);
      // The step that runs is not over: a part of it would pass for a fall.
      const open = Math.floor(now / stepMs) * stepMs;
      return { stepMs, points: points.filter(({ at }) => at < open) };
    }
    const long = await one(LONG);
    return long.points.length >= ENOUGH || long.points.length === 0 ? long : one(SHORT);
  };
}

/** Where a series has seasons and could reach its limit within days, the forecaster is asked too. */
export async function seasonalForecast(
  forecaster: Forecaster,
  past: Past,
  signal?: AbortSignal,
  horizon = 168,
): Promise<{ at: number; mean: number; lower: number; upper: number }[]> {
  const [first] = past.points;
  const last = past.points.at(-1);
  if (!first || !last) return [];
  const slot = (at: number) => Math.floor(at / past.stepMs);
  const known = new Map(past.points.map(({ at, value }) => [slot(at), value]));
  const series = Array.from({ length: slot(last.at) - slot(first.at) + 1 }, (_, i) => ({
    at: (slot(first.at) + i) * past.stepMs,
    value: known.get(slot(first.at) + i) ?? null,
  }));
  const { points } = await forecaster.forecast(
    { series, horizon },
    { timeoutMs: 5_000, ...(signal ? { signal } : {}) },
  );
  return points.map(({ at, ...point }) => ({ at: Date.parse(at), ...point }));
}
