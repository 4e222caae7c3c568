/**
 * Which series there are. Known ones are found in memory by their key; unknown ones are written down in one statement
 * for all of a call. A metric may have only so many series within an hour (cardinality limit): labels with unbounded
 * values are a mistake that would otherwise take the whole store down.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { canonical, type Labels } from './labels.ts';

/** A series that nobody wrote to for so long leaves memory and stops counting against the limit. */
const IDLE_MS = 3_600_000;
const SLICE = 5_000;

export type Series = { id: number; metric: string; usedAt: number };
export type Wanted = { key: string; metric: string; labels: Labels; delta: boolean };
export type Registry = {
  /** By key; also says that it is in use. */
  find(key: string): Series | undefined;
  /** Makes series known; each is answered by its series or by the reason why not. */
  create(wanted: readonly Wanted[]): Promise<Map<string, Series | string>>;
  stats(): { series: number };
  /** Drops idle ones. */
  sweep(): void;
};

export function createRegistry(deps: {
  db: Db;
  clock: Clock;
  perMetricMax: number;
  totalMax: number;
}): Registry {
  const { db, clock, perMetricMax, totalMax } = deps;
  const known = new Map<string, Series>();
  const perMetric = new Map<string, number>();
  const metricIds = new Map<string, number>();
  let last: Promise<unknown> = Promise.resolve();

  const remember = (key: string, series: Series) => {
    if (known.has(key)) return;
    known.set(key, series);
    perMetric.set(series.metric, (perMetric.get(series.metric) ?? 0) + 1);
  };
  const idsOf = async (names: string[]): Promise<void> => {
    const unknown = [...new Set(names)].filter((name) => !metricIds.has(name));
    if (unknown.length === 0) return;
    await db.pool.query(
      `INSERT INTO metric_names (name, created_at)
       SELECT name, $2 FROM unnest($1::text[]) AS name
       WHERE NOT EXISTS (SELECT 1 FROM metric_names m WHERE m.name = name.name) ON CONFLICT DO NOTHING`,
      [unknown, clock.now()],
    );
    const { rows } = await db.pool.query<{ id: number; name: string }>(
      'SELECT id, name FROM metric_names WHERE name = ANY($1)',
      [unknown],
    );
    for (const { id, name } of rows) metricIds.set(name, id);
  };

  const createSlice = async (
    wanted: readonly Wanted[],
    out: Map<string, Series | string>,
  ): Promise<void> => {
    const now = clock.monotonicMs();
    const fresh: Wanted[] = [];
    const growing = new Map<string, number>();
    for (const one of wanted) {
      const found = known.get(one.key);
      if (found) {
        out.set(one.key, found);
        continue;
      }
      const count = (perMetric.get(one.metric) ?? 0) + (growing.get(one.metric) ?? 0);
      if (count >= perMetricMax) {
        out.set(
          one.key,
          `labels: ${one.metric} has ${count} series within the last hour; at most ${perMetricMax} are accepted. Look for a label whose values never end`,
        );
      } else if (known.size + fresh.length >= totalMax) {
        out.set(one.key, `labels: ${totalMax} series are in use; no more are accepted`);
      } else {
        growing.set(one.metric, (growing.get(one.metric) ?? 0) + 1);
        fresh.push(one);
      }
    }
    if (fresh.length === 0) return;
    await idsOf(fresh.map(({ metric }) => metric));
    const metrics = fresh.map(({ metric }) => metricIds.get(metric) ?? 0);
    const digests = fresh.map(({ key }) => hash('sha256', key, 'hex').slice(0, 32));
    const find = async () =>
      (
        await db.pool.query<{ id: number; n: number }>(
          `SELECT s.id, w.n::int FROM unnest($1::int[], $2::text[]) WITH ORDINALITY AS w(metric_id, digest, n)
           JOIN metric_series s ON s.metric_id = w.metric_id AND s.digest = decode(w.digest, 'hex')`,
          [metrics, digests],
        )
      ).rows;
    let rows = await find();
    if (rows.length < fresh.length) {
      const found = new Set(rows.map(({ n }) => n - 1));
      const missing = fresh.flatMap((one, i) => (found.has(i) ? [] : [{ one, i }]));
      await db.pool.query(
        `INSERT INTO metric_series (metric_id, digest, labels, delta, created_at)
         SELECT metric_id, decode(digest, 'hex'), labels, delta, $5
         FROM unnest($1::int[], $2::text[], $3::jsonb[], $4::boolean[]) AS w(metric_id, digest, labels, delta)
         ON CONFLICT DO NOTHING`,
        [
          missing.map(({ i }) => metrics[i]),
          missing.map(({ i }) => digests[i]),
          missing.map(({ one }) => JSON.stringify(canonical(one.labels))),
          missing.map(({ one }) => one.delta),
          clock.now(),
        ],
      );
      rows = await find();
    }
    for (const { id, n } of rows) {
      const one = fresh[n - 1];
      if (!one) continue;
      const series = { id, metric: one.metric, usedAt: now };
      remember(one.key, series);
      out.set(one.key, series);
    }
  };

  return {
    find(key) {
      const series = known.get(key);
      if (series) series.usedAt = clock.monotonicMs();
      return series;
    },
    create(wanted) {
      // One after the other, so that the limit holds and no series is made twice.
      const done = last.then(async () => {
        const out = new Map<string, Series | string>();
        for (let i = 0; i < wanted.length; i += SLICE) {
          await createSlice(wanted.slice(i, i + SLICE), out);
        }
        return out;
      });
      last = done.catch(() => undefined);
      return done;
    },
    stats: () => ({ series: known.size }),
    sweep() {
      const before = clock.monotonicMs() - IDLE_MS;
      for (const [key, series] of known) {
        if (series.usedAt >= before) continue;
        known.delete(key);
        perMetric.set(series.metric, (perMetric.get(series.metric) ?? 1) - 1);
      }
      for (const [metric, count] of perMetric) if (count <= 0) perMetric.delete(metric);
    },
  };
}
