/**
 * What autoscalers read: the present value of a resource that an operator named for it, and what is expected of it some
 * minutes ahead, so that capacity is there when the load comes. What is expected is made by the forecaster every ten minutes,
 * of a week by ten minutes for a day ahead, by the replica that looks at resources, and kept. A value that is not new is never
 * served as if it were: whoever asks is told that there is none, on which an autoscaler leaves everything as it is.
 */
import { z } from 'zod';
import { type Forecaster, readSaved } from '../forecasts/index.ts';
import type { PlainAggregation } from '../metrics/contract.ts';
import type { MetricStore } from '../metrics/index.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, Prisma } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import { MAX_METRICS, type ManifestInput, type Subject } from './contract.ts';
import { AHEAD, type MetricReading } from './external-metrics.ts';
import { type ReadPast, seasonalForecast } from './history.ts';
import { type Manifests, manifestsOf } from './manifests.ts';
import { subjectOf } from './rows.ts';

const MINUTE_MS = 60_000;
/** A saved query is read over so long. */
const WINDOW_MS = 5 * MINUTE_MS;
/** The console samples each five minutes; one that was missed is forgiven. */
const OWN_AGE_MS = 11 * MINUTE_MS;
const MAKE_EVERY_MS = 10 * MINUTE_MS;
const AHEAD_AGE_MS = 45 * MINUTE_MS;
/** A day, and as long as a forecast is served. */
const AHEAD_STEPS = 150;
/** Fewer values are no forecast. */
const MIN_POINTS = 24;
/** The newest of them must be this new. */
const MAX_GAP_MS = 30 * MINUTE_MS;
/** Their figure depends on how long one looks. */
const AMOUNTS: readonly PlainAggregation[] = ['count', 'sum', 'increase', 'distinct'];

const aheadSchema = z.object({
  from: z.number(),
  stepMs: z.number().positive(),
  mean: z.array(z.number()).min(1),
});
export type Ahead = z.output<typeof aheadSchema>;

export type Scaling = {
  /** Throws NOT_FOUND, with the reason, where there is no value that is new. */
  get(name: string, signal?: AbortSignal): Promise<MetricReading>;
  /** Of all metrics that there are; few. */
  names(): Promise<string[]>;
  manifests(input: ManifestInput): Promise<Manifests>;
  /** Throws BAD_REQUEST for a query that no autoscaler can go by. */
  check(subject: Subject): Promise<void>;
  /** Makes what is expected of one now, where it may be read. */
  make(id: string, signal?: AbortSignal): Promise<void>;
  /** Makes what is expected of those that are due. */
  makeDue(signal: AbortSignal): Promise<void>;
};

export function createScaling(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  forecaster: Forecaster;
  metricStore: Pick<MetricStore, 'query' | 'saved'>;
  readPast: ReadPast;
  publicUrl: string;
}): Scaling {
  const { db, clock, log, metricStore, readPast } = deps;
  const none = (why: string) => new AppError('NOT_FOUND', why);
  const columns = {
    subject: true,
    value: true,
    valueAt: true,
    paused: true,
    aheadMinutes: true,
    ahead: true,
    aheadAt: true,
  } satisfies Prisma.CapacityResourceSelect;
  type Named = Prisma.CapacityResourceGetPayload<{ select: typeof columns }>;

  const present = async (
    row: Named,
    now: number,
    signal?: AbortSignal,
  ): Promise<Omit<MetricReading, 'name'>> => {
    const subject = subjectOf(row);
    if (subject.kind !== 'saved') {
      const at = row.valueAt?.getTime() ?? Number.NaN;
      if (row.value === null || !(Math.abs(now - at) <= OWN_AGE_MS))
        throw none('It was not measured in the last 10 minutes.');
      return { value: row.value, at: new Date(at).toISOString(), windowSeconds: null, labels: {} };
    }
    const { points } = await readSaved(metricStore, subject, lately(now, signal));
    const value = points[0]?.value ?? null;
    if (value === null || !Number.isFinite(value))
      throw none(`It has no values of the last ${WINDOW_MS / MINUTE_MS} minutes.`);
    return {
      value,
      at: new Date(now).toISOString(),
      windowSeconds: WINDOW_MS / 1_000,
      labels: subject.labels,
    };
  };

  const expected = (row: Named, now: number): { value: number; at: string } => {
    const found = aheadSchema.safeParse(row.ahead);
    if (!found.success || !row.aheadAt)
      throw none('Nothing is expected of it yet: a forecast needs four hours of values.');
    if (Math.abs(now - row.aheadAt.getTime()) > AHEAD_AGE_MS)
      throw none(`What is expected of it was last made at ${row.aheadAt.toISOString()}.`);
    const at = now + row.aheadMinutes * MINUTE_MS;
    return { value: valueAt(found.data, at), at: new Date(at).toISOString() };
  };

  const make = async (id: string, signal?: AbortSignal): Promise<void> => {
    const row = await db.prisma.capacityResource.findUnique({
      where: { id },
      select: { subject: true, metricName: true, paused: true },
    });
    if (!row || row.metricName === null || row.paused) return;
    const now = clock.now();
    let ahead: Ahead | null = null;
    try {
      const past = await readPast({ id, subject: subjectOf(row) }, now.getTime(), signal, 'near');
      const last = past.points.at(-1);
      // A series that has stopped has no next hour.
      if (past.points.length >= MIN_POINTS && last && now.getTime() - last.at <= MAX_GAP_MS) {
        const points = await seasonalForecast(deps.forecaster, past, signal, AHEAD_STEPS);
        const [first] = points;
        if (first)
          ahead = { from: first.at, stepMs: past.stepMs, mean: points.map(({ mean }) => mean) };
      }
    } catch (err) {
      if (signal?.aborted || !db.status().up) throw err;
      log.debug({ err, resource: id }, 'nothing can be expected of a resource');
    }
    await db.prisma.capacityResource.updateMany({
      where: { id, metricName: { not: null } },
      data: { ahead: ahead ?? Prisma.DbNull, aheadAt: now },
    });
  };

  return {
    make,
    async get(name, signal) {
      const base = name.endsWith(AHEAD) ? name.slice(0, -AHEAD.length) : name;
      const row = await db.prisma.capacityResource.findUnique({
        where: { metricName: base },
        select: columns,
      });
      if (!row) throw none(`There is no metric ${name}.`);
      if (row.paused) throw none('The resource is paused.');
      const now = clock.now().getTime();
      const found = await present(row, now, signal);
      if (base === name) return { name, ...found };
      return { name, labels: found.labels, windowSeconds: null, ...expected(row, now) };
    },
    async names() {
      const rows = await db.prisma.capacityResource.findMany({
        where: { metricName: { not: null } },
        orderBy: { metricName: 'asc' },
        select: { metricName: true },
        take: MAX_METRICS,
      });
      return rows.flatMap(({ metricName: name }) => (name === null ? [] : [name, name + AHEAD]));
    },
    async manifests({ id, ...input }) {
      const row = await db.prisma.capacityResource.findUnique({
        where: { id },
        select: { metricName: true },
      });
      if (!row) throw none('There is no such resource.');
      if (row.metricName === null)
        throw new AppError('CONFLICT', 'Give the resource the name of a metric first.');
      return manifestsOf({ ...input, metricName: row.metricName, publicUrl: deps.publicUrl });
    },
    async check(subject) {
      if (subject.kind !== 'saved') return;
      const range = lately(clock.now().getTime());
      const { aggregation } = await readSaved(metricStore, subject, range);
      if (!AMOUNTS.includes(aggregation)) return;
      const message = `It is read as ${aggregation}, an amount that depends on how long one looks: use a rate, a mean or a percentile`;
      throw new AppError('BAD_REQUEST', `metricName: ${message}.`, {
        fields: [{ path: 'metricName', message }],
      });
    },
    async makeDue(signal) {
      const now = clock.now().getTime();
      const rows = await db.prisma.capacityResource.findMany({
        where: {
          metricName: { not: null },
          paused: false,
          OR: [
            { aheadAt: null },
            { aheadAt: { lte: new Date(now - MAKE_EVERY_MS) } },
            // Written before the clock was set back.
            { aheadAt: { gt: new Date(now + MINUTE_MS) } },
          ],
        },
        orderBy: { aheadAt: { sort: 'asc', nulls: 'first' } },
        select: { id: true },
        take: MAX_METRICS,
      });
      for (const { id } of rows) {
        if (signal.aborted) break;
        await make(id, signal);
      }
    },
  };
}

const lately = (now: number, signal?: AbortSignal) =>
  ({ from: now - WINDOW_MS, to: now + 1, stepMs: null, signal, absent: 'empty' }) as const;

/** Between the middles of two steps on the line between them. */
function valueAt({ from, stepMs, mean }: Ahead, at: number): number {
  const place = Math.min(mean.length - 1, Math.max(0, (at - from) / stepMs - 0.5));
  const [low, high] = [Math.floor(place), Math.ceil(place)];
  const [a = Number.NaN, b = Number.NaN] = [mean[low], mean[high]];
  return a + (b - a) * (place - low);
}
