/** What is forecast: reads a subject's past as steps. */
import type { Health } from '../health/index.ts';
import {
  type ParsedQuery,
  type PlainAggregation,
  plainAggregations,
  type QueryResult,
  querySchema,
} from '../metrics/contract.ts';
import type { MetricStore } from '../metrics/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Measure, Subject, Unit } from './contract.ts';
import {
  DAY_MS,
  type Fold,
  type Grid,
  HOUR_MS,
  type HourPoint,
  openStep,
  type Step,
  stepMsOf,
  toGrid,
} from './grid.ts';

/** As far back as a forecast learns: four weeks of hours, a year of days. */
export const HISTORY_STEPS = { hour: 28 * 24, day: 365 } as const satisfies Record<Step, number>;
/** The health history answers by the hour up to so many days at once. */
const HEALTH_DAYS = 60;
/** As many as a query may have. */
const MAX_FILTERS = 20;

export type Series = {
  grid: Grid | null;
  ratio: boolean;
  /** What the values are of, where that may change: a saved query. */
  key: string | null;
};
export type Subjects = {
  /** Throws NOT_FOUND for what is gone and BAD_REQUEST for a series that is not one. */
  read(
    wanted: { subject: Subject; step: Step; timeZone: string; steps?: number },
    now: number,
    signal?: AbortSignal,
  ): Promise<Series>;
  /** Whether there is such a thing, and what its values are. Throws as `read`. */
  check(
    subject: Subject,
  ): Promise<{ unit: Unit; bounds: { min: number | null; max: number | null } }>;
};

const gone = (what: string) => new AppError('NOT_FOUND', `${what} is gone.`);
const bad = (path: string, message: string) =>
  new AppError('BAD_REQUEST', `${path}: ${message}.`, { fields: [{ path, message }] });

export function createSubjects(deps: {
  health: { history: Pick<Health['history'], 'read'> };
  metricStore: Pick<MetricStore, 'query' | 'saved'>;
}): Subjects {
  const { health, metricStore } = deps;

  const ofTarget = async (
    { targetId, measure }: { targetId: string; measure: Measure },
    from: number,
    to: number,
  ): Promise<HourPoint[]> => {
    const points: HourPoint[] = [];
    for (let begin = from; begin < to; begin += HEALTH_DAYS * DAY_MS) {
      const end = Math.min(to, begin + HEALTH_DAYS * DAY_MS);
      // A shorter range would come by the minute.
      const history = await health.history.read({
        id: targetId,
        from: new Date(Math.min(begin, end - 3 * DAY_MS)).toISOString(),
        to: new Date(end).toISOString(),
      });
      for (const { at, checks, failures, latencyMs } of history.points) {
        const moment = Date.parse(at);
        if (checks === 0 || moment < begin) continue;
        points.push(
          measure === 'latency'
            ? { at: moment, value: latencyMs, weight: checks - failures }
            : {
                at: moment,
                value: (measure === 'errors' ? failures : checks - failures) / checks,
                weight: checks,
              },
        );
      }
    }
    return points;
  };

  const query = (given: Asked, range: Range) => ask(metricStore, given, range);

  const ofService = async (
    subject: Extract<Subject, { kind: 'service' }>,
    range: Range,
  ): Promise<HourPoint[]> => {
    const { service, of, measure } = subject;
    const here = { field: 'service', op: 'eq' as const, value: service };
    if (measure === 'latency') {
      const metric = of === 'spans' ? 'span_duration_seconds' : 'event_duration_seconds';
      const found = await query({ metric, filters: [here], aggregations: ['p95', 'count'] }, range);
      return pointsOf(found, 'p95', 'count');
    }
    // Events are counted where they come in, spans by their durations.
    const metric = of === 'spans' ? 'span_duration_seconds' : 'events';
    const count = of === 'spans' ? 'count' : 'increase';
    const [all, failed] = await Promise.all([
      query({ metric, filters: [here], aggregations: [count] }, range),
      query(
        {
          metric,
          filters: [here, { field: 'status', op: 'eq', value: 'error' }],
          aggregations: [count],
        },
        range,
      ),
    ]);
    const errors = new Map(pointsOf(failed, count).map(({ at, value }) => [at, value ?? 0]));
    return pointsOf(all, count).flatMap(({ at, value }) => {
      if (!value || value <= 0) return [];
      const share = Math.min(1, (errors.get(at) ?? 0) / value);
      return [{ at, value: measure === 'errors' ? share : 1 - share, weight: value }];
    });
  };

  return {
    async read({ subject, step, timeZone, steps }, now, signal) {
      const maxSteps = Math.min(steps ?? HISTORY_STEPS[step], HISTORY_STEPS[step]);
      const to = openStep(step, timeZone, now) + (step === 'day' ? 2 * DAY_MS : 0);
      const from = openStep(step, timeZone, now) - (maxSteps + 1) * stepMsOf(step);
      // Days of UTC are summed up where the samples are; those of other zones are made of hours.
      const direct = step === 'day' && timeZone === 'UTC';
      const range: Range = {
        from,
        to: Math.min(to, now),
        stepMs: direct ? DAY_MS : HOUR_MS,
        signal,
      };
      const laid = (points: HourPoint[], fold: Fold) =>
        toGrid(points, { step, timeZone, fold, now, maxSteps });
      switch (subject.kind) {
        case 'target':
          return {
            grid: laid(await ofTarget(subject, from, range.to), 'mean'),
            ratio: subject.measure !== 'latency',
            key: null,
          };
        case 'service':
          return {
            grid: laid(await ofService(subject, range), 'mean'),
            ratio: subject.measure !== 'latency',
            key: null,
          };
        case 'saved': {
          const { points, aggregation, key } = await readSaved(metricStore, subject, range);
          return { grid: laid(points, foldOf(aggregation)), ratio: false, key };
        }
      }
    },
    async check(subject) {
      if (subject.kind !== 'saved') {
        const unit =
          subject.measure !== 'latency'
            ? 'ratio'
            : subject.kind === 'target'
              ? 'milliseconds'
              : 'seconds';
        return { unit, bounds: { min: 0, max: unit === 'ratio' ? 1 : null } };
      }
      const saved = await savedQuery(metricStore, subject.savedId);
      const unit = unitOf(saved.metric, subject.aggregation ?? firstOf(saved));
      return {
        unit,
        bounds: { min: unit === 'number' ? null : 0, max: unit === 'ratio' ? 1 : null },
      };
    },
  };
}

type Store = Pick<MetricStore, 'query' | 'saved'>;
type Asked = Partial<ParsedQuery> & { metric: string };
/** Without a step there is one point for all of it. */
type Range = {
  from: number;
  to: number;
  stepMs: number | null;
  signal: AbortSignal | undefined;
  /** Of a range that may well be without values: no points rather than NOT_FOUND. */
  absent?: 'empty';
};

const ask = (metricStore: Store, given: Asked, range: Range) =>
  metricStore.query(
    querySchema.parse({
      filters: [],
      aggregations: ['avg'],
      ...given,
      timeRange: {
        from: new Date(range.from).toISOString(),
        to: new Date(range.to).toISOString(),
      },
      step: range.stepMs === null ? undefined : range.stepMs / 1_000,
    }),
    range.signal,
  );

async function savedQuery(metricStore: Store, savedId: string): Promise<ParsedQuery> {
  const { items } = await metricStore.saved.list();
  const found = items.find(({ id }) => id === savedId);
  if (!found) throw gone('The saved query');
  return found.query;
}

/** One series of a saved query, step by step. Throws NOT_FOUND for what is gone, BAD_REQUEST where it has several. */
export async function readSaved(
  metricStore: Store,
  subject: Pick<Extract<Subject, { kind: 'saved' }>, 'savedId' | 'aggregation' | 'labels'>,
  range: Range,
): Promise<{
  points: HourPoint[];
  aggregation: PlainAggregation;
  metric: string;
  /** The same while the query asks for the same values. */
  key: string;
}> {
  const saved = await savedQuery(metricStore, subject.savedId);
  const aggregation = subject.aggregation ?? firstOf(saved);
  const wanted = Object.entries(subject.labels);
  // Asked for where it is stored: a query of a thousand series is not read for one of them.
  const grouped = wanted.filter(([name]) => saved.groupBy.some((by) => by === name || by === '*'));
  const filters = [
    ...saved.filters,
    ...grouped.map(([field, value]) => ({ field, op: 'eq' as const, value })),
  ].slice(0, MAX_FILTERS);
  const found = await ask(metricStore, { ...saved, filters, aggregations: [aggregation] }, range);
  const series = found.series.filter(({ labels }) =>
    wanted.every(([name, value]) => (labels[name] ?? '') === value),
  );
  if (series.length > 1) {
    throw bad('labels', `The query has ${series.length} such series; choose one by its labels`);
  }
  if (series.length === 0 && wanted.length > 0 && range.absent !== 'empty')
    throw gone('The series of the saved query');
  const { metric, filters: asked, groupBy, sourceId = null } = saved;
  return {
    points: pointsOf({ series }, aggregation),
    aggregation,
    metric,
    key: JSON.stringify([metric, aggregation, asked, groupBy, sourceId]),
  };
}

const foldOf = (aggregation: PlainAggregation): Fold => {
  switch (aggregation) {
    case 'sum':
    case 'count':
    case 'increase':
      return 'sum';
    case 'min':
    case 'max':
      return aggregation;
    case 'first':
    case 'last':
      return 'last';
    default:
      return 'mean';
  }
};

/** The first aggregation of a query that is a plain number. */
function firstOf({ aggregations }: ParsedQuery): PlainAggregation {
  for (const one of aggregations) {
    const plain = plainAggregations.find((name) => name === one);
    if (plain) return plain;
    if (one === 'percentiles') return 'p95';
  }
  return 'avg';
}

export function unitOf(metric: string, aggregation: PlainAggregation): Unit {
  if (aggregation === 'count' || aggregation === 'distinct') return 'number';
  if (aggregation === 'rate') return 'perSecond';
  if (/_seconds$/.test(metric)) return 'seconds';
  if (/_milliseconds$|_ms$/.test(metric)) return 'milliseconds';
  if (/_bytes$/.test(metric)) return 'bytes';
  if (/_ratio$/.test(metric)) return 'ratio';
  return 'number';
}

function pointsOf(
  { series }: Pick<QueryResult, 'series'>,
  aggregation: string,
  weight?: string,
): HourPoint[] {
  return (series[0]?.points ?? []).map(({ at, values }) => ({
    at: Date.parse(at),
    value: values[aggregation] ?? null,
    ...(weight === undefined ? {} : { weight: values[weight] ?? 0 }),
  }));
}
