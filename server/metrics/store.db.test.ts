/** The store on a real PostgreSQL: whatever path samples took, the same questions get the same answers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testDatabase, testRuntime } from '../platform/testing/index.ts';
import type { Aggregation, ParsedQuery } from './contract.ts';
import { querySchema } from './contract.ts';
import type { Sample } from './labels.ts';
import { growth, MAX_STEP_MS } from './rollup.ts';

const NOON = Date.parse('2026-11-20T12:00:00Z');
const HOUR = 3_600_000;
const never = new AbortController().signal;
const all: Aggregation[] = [
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'first',
  'last',
  'stddev',
  'rate',
  'increase',
  'distinct',
  'percentiles',
];
const ask = (query: object): ParsedQuery => querySchema.parse(query);
const iso = (at: number) => new Date(at).toISOString();

/** The same questions, answered in the plainest way. */
function naive(samples: Sample[], from: number, to: number, step: number | null) {
  const series = new Map<string, Map<number, number>>();
  for (const { labels, at, value } of samples) {
    const key = JSON.stringify(labels);
    series.set(key, (series.get(key) ?? new Map()).set(at, value));
  }
  const buckets = new Map<
    number,
    { all: { at: number; value: number }[]; increase: number; steps: number }
  >();
  for (const points of series.values()) {
    const sorted = [...points].sort(([a], [b]) => a - b);
    sorted.forEach(([at, value], i) => {
      if (at < from || at >= to) return;
      const start = step === null ? from : Math.floor(at / step) * step;
      const bucket = buckets.get(start) ?? { all: [], increase: 0, steps: 0 };
      buckets.set(start, bucket);
      bucket.all.push({ at, value });
      const before = sorted[i - 1];
      if (before && at - before[0] <= MAX_STEP_MS) {
        bucket.increase += growth(before[0], before[1], at, value);
        bucket.steps++;
      }
    });
  }
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([start, { all, increase, steps }]) => {
      const values = all.map(({ value }) => value).sort((a, b) => a - b);
      const sum = values.reduce((total, value) => total + value, 0);
      const mean = sum / values.length;
      const quantile = (q: number) => {
        const rank = q * (values.length - 1);
        const [low = 0, high = 0] = [values[Math.floor(rank)], values[Math.ceil(rank)]];
        return low + (high - low) * (rank % 1);
      };
      const seconds = (Math.min(start + (step ?? to - from), to) - Math.max(start, from)) / 1000;
      return {
        at: iso(start),
        values: {
          count: values.length,
          sum,
          avg: mean,
          min: values[0] ?? null,
          max: values.at(-1) ?? null,
          stddev: Math.sqrt(
            values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length,
          ),
          increase: steps > 0 ? increase : null,
          rate: steps > 0 ? increase / seconds : null,
          distinct: new Set(values).size,
          p50: quantile(0.5),
          p75: quantile(0.75),
          p90: quantile(0.9),
          p95: quantile(0.95),
          p99: quantile(0.99),
        } as Record<string, number | null>,
      };
    });
}

function near(
  actual: number | null | undefined,
  wanted: number | null | undefined,
  tolerance: number,
) {
  if (wanted === null || wanted === undefined || actual === null || actual === undefined) {
    expect(actual ?? null).toBe(wanted ?? null);
    return;
  }
  expect(Math.abs(actual - wanted)).toBeLessThanOrEqual(
    Math.max(1e-9, Math.abs(wanted) * tolerance),
  );
}

describe('one series of questions at each stage of a sample’s life', async () => {
  const clock = manualClock(new Date(NOON));
  const { metricStore: store } = await testRuntime({ clock });
  let n = 0;
  const metricOf = () => `life_${++n}`;

  async function check(
    metric: string,
    samples: Sample[],
    from: number,
    to: number,
    step: number | null,
    approximate: boolean,
  ) {
    const result = await store.query(
      ask({
        metric,
        timeRange: { from: iso(from), to: iso(to) },
        ...(step === null ? {} : { step: step / 1000 }),
        aggregations: approximate ? all.filter((name) => name !== 'distinct') : all,
      }),
    );
    const wanted = naive(samples, from, to, step);
    const points = result.series[0]?.points ?? [];
    expect(points.map(({ at }) => at)).toEqual(wanted.map(({ at }) => at));
    points.forEach((point, i) => {
      const reference = wanted[i]?.values ?? {};
      for (const [name, value] of Object.entries(reference)) {
        if (approximate && name === 'distinct') continue;
        near(point.values[name], value, /^p\d/.test(name) && approximate ? 0.0101 : 1e-9);
      }
    });
    return result;
  }

  test('recent, packed, settled: exactly the same', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            host: fc.constantFrom('a', 'b', 'c'),
            // Three slots, with many equal times and any order.
            at: fc.integer({ min: 0, max: 1_800 }).map((tens) => NOON - 5 * HOUR + tens * 10_000),
            value: fc.oneof(
              fc.integer({ min: 0, max: 1_000 }),
              fc.double({ min: 0.001, max: 1e6, noNaN: true }),
            ),
          }),
          { minLength: 1, maxLength: 200 },
        ),
        fc.array(fc.constantFrom('flush', 'settle', 'none'), { minLength: 1, maxLength: 4 }),
        async (list, stages) => {
          const metric = metricOf();
          const samples = list.map(({ host, at, value }) => ({
            metric,
            labels: { host },
            at,
            value,
          }));
          const size = Math.ceil(samples.length / stages.length);
          for (const [i, stage] of stages.entries()) {
            const part = samples.slice(i * size, (i + 1) * size);
            expect(await store.write(part, 'api')).toEqual({ accepted: part.length, rejected: [] });
            if (stage !== 'none') await store.compaction.flush();
            if (stage === 'settle') await store.compaction.settle(clock.now(), never);
          }
          for (const step of [60_000, 7_000_000, null]) {
            await check(metric, samples, NOON - 5 * HOUR, NOON + 1, step, false);
            await check(metric, samples, NOON - 3 * HOUR - 30_000, NOON - HOUR, step, false);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test('rolled up: the same figures, percentiles within 1 %, and it says so', {
    timeout: 60_000,
  }, async () => {
    const metric = metricOf();
    const midnight = Date.parse('2026-11-20T00:00:00Z');
    const samples: Sample[] = [];
    let total = 0;
    for (let at = midnight - 26 * HOUR; at < NOON; at += 30_000) {
      total = samples.length % 997 === 996 ? 0 : total + ((at / 30_000) % 7);
      for (const host of ['a', 'b'])
        samples.push({ metric, labels: { host }, at, value: total + (host === 'a' ? 0 : 0.5) });
    }
    for (let i = 0; i < samples.length; i += 5_000)
      await store.write(samples.slice(i, i + 5_000), 'api');
    await store.compaction.flush();
    await store.compaction.settle(clock.now(), never);
    expect(await store.compaction.roll(clock.now(), never)).toBeGreaterThan(0);
    // While raw samples are there, questions for every value take them.
    const raw = await check(metric, samples, midnight - 24 * HOUR, NOON, HOUR, false);
    expect(raw).toMatchObject({ resolution: 'raw', percentiles: 'exact' });
    const sums = await store.query(
      ask({
        metric,
        timeRange: { from: iso(midnight - 24 * HOUR), to: iso(NOON) },
        step: '1h',
        aggregations: ['sum', 'increase', 'stddev', 'max'],
      }),
    );
    expect(sums).toMatchObject({ resolution: 'mixed', percentiles: null });
    sums.series[0]?.points.forEach((point, i) => {
      for (const name of ['sum', 'increase', 'stddev', 'max']) {
        near(point.values[name], raw.series[0]?.points[i]?.values[name], 1e-9);
      }
    });
    // Nine days later only roll-ups can answer.
    clock.advance(9 * 24 * HOUR);
    await store.compaction.prune(clock.now());
    const late = await check(metric, samples, midnight - 24 * HOUR, midnight, HOUR, true);
    expect(late).toMatchObject({ resolution: 'hour', percentiles: 'approximate' });
    const minutes = await check(metric, samples, midnight - 24 * HOUR, midnight, 300_000, true);
    expect(minutes).toMatchObject({ resolution: 'minute', percentiles: 'approximate', notes: [] });
    const raised = await store.query(
      ask({
        metric,
        timeRange: { from: iso(midnight - HOUR), to: iso(midnight) },
        step: '10s',
        aggregations: ['avg'],
      }),
    );
    expect(raised.stepSeconds).toBe(60);
    expect(raised.notes.join()).toContain('raised');
    await expect(
      store.query(
        ask({
          metric,
          timeRange: { from: iso(midnight - HOUR), to: iso(midnight) },
          filters: [{ field: 'value', op: 'gt', value: 1 }],
          aggregations: ['count'],
        }),
      ),
    ).rejects.toThrow(/filters: Needs raw samples/);
  });

  test('a late sample changes a day that was rolled up already', { timeout: 30_000 }, async () => {
    const metric = metricOf();
    const day = Date.parse('2026-11-26T00:00:00Z');
    const samples: Sample[] = Array.from({ length: 24 }, (_, hour) => ({
      metric,
      labels: {},
      at: day + hour * HOUR,
      value: hour,
    }));
    const settle = async () => {
      await store.compaction.flush();
      await store.compaction.settle(clock.now(), never);
      await store.compaction.roll(clock.now(), never);
    };
    await store.write(samples, 'api');
    await settle();
    const late = { metric, labels: {}, at: day + 90 * 60_000, value: 1_000 };
    await store.write([late], 'api');
    const question = ask({
      metric,
      timeRange: { from: iso(day), to: iso(day + 24 * HOUR) },
      step: '1h',
      aggregations: ['max'],
    });
    expect((await store.query(question)).series[0]?.points[1]?.values.max).toBe(1_000);
    await settle();
    const after = await store.query(question);
    expect(after.resolution).toBe('hour');
    expect(after.series[0]?.points[1]?.values.max).toBe(1_000);
    expect(after.series[0]?.points).toHaveLength(24);
  });
});

test('two processes write at once: each sees all; what an ended one left is taken over', async () => {
  const databaseUrl = await testDatabase();
  const clock = manualClock(new Date(NOON));
  const one = (await testRuntime({ databaseUrl, clock })).metricStore;
  const two = (await testRuntime({ databaseUrl, clock })).metricStore;
  const samples = (host: string, count: number): Sample[] =>
    Array.from({ length: count }, (_, i) => ({
      metric: 'shared',
      labels: { host, n: String(i % 5) },
      at: NOON - i * 1_000,
      value: i,
    }));
  await Promise.all([
    one.write(samples('a', 500), 'api'),
    two.write(samples('b', 300), 'api'),
    one.write(samples('both', 100), 'api'),
    two.write(samples('both', 100), 'api'),
  ]);
  const count = async (store: typeof one) =>
    (await store.query(ask({ metric: 'shared', timeRange: '24h', aggregations: ['count'] })))
      .series[0]?.points[0]?.values.count;
  expect(await count(one)).toBe(900);
  expect(await count(two)).toBe(900);
  await one.compaction.flush();
  expect(await count(two)).toBe(900);
  await one.write(samples('c', 50), 'api');
  await one.close();
  expect(await two.wal.adopt()).toBe(50);
  expect(await count(two)).toBe(950);
  await two.compaction.flush();
  await two.compaction.settle(new Date(NOON + 4 * HOUR), never);
  expect(await count(two)).toBe(950);
});

test('many small rows of the log become few, and nothing is lost', async () => {
  const { metricStore: store, db } = await testRuntime();
  const now = Date.now();
  for (let i = 0; i < 600; i++) {
    await store.write([{ metric: 'small', labels: {}, at: now - i * 10, value: i }], 'api');
  }
  const { rows } = await db.pool.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM metric_batches',
  );
  expect(rows[0]?.n).toBeLessThan(300);
  const result = await store.query(
    ask({ metric: 'small', timeRange: '1h', aggregations: ['count', 'sum'] }),
  );
  expect(result.series[0]?.points[0]?.values).toEqual({ count: 600, sum: (599 * 600) / 2 });
});

test('while samples are written, packed and settled on two processes, no question ever misses one', {
  timeout: 60_000,
}, async () => {
  const databaseUrl = await testDatabase();
  const stores = [
    (await testRuntime({ databaseUrl })).metricStore,
    (await testRuntime({ databaseUrl })).metricStore,
  ];
  const base = Math.floor(Date.now() / HOUR) * HOUR - 5 * HOUR;
  let [sent, acknowledged, writing] = [0, 0, true];
  const write = async (store: (typeof stores)[number], lane: string) => {
    for (let i = 0; i < 120; i++) {
      const samples = Array.from({ length: 20 }, (_, n) => ({
        metric: 'busy',
        labels: { lane, n: String(n % 4) },
        // Over three slots that are long over, so that each may be settled at any moment.
        at: base + ((i * 20 + n) % 3) * 2 * HOUR + (i * 20 + n) * 10,
        value: 1,
      }));
      sent += samples.length;
      await store.write(samples, 'api');
      acknowledged += samples.length;
    }
  };
  const writers = Promise.all(stores.map((store, i) => write(store, String(i)))).finally(() => {
    writing = false;
  });
  const packing = stores.map(async ({ compaction }, i) => {
    while (writing) {
      await compaction.flush();
      await compaction.settle(new Date(base + 12 * HOUR), never);
      if (i === 0) await compaction.roll(new Date(base + 48 * HOUR), never);
    }
  });
  let questions = 0;
  const asking = stores.map(async (store) => {
    while (writing) {
      const before = acknowledged;
      const { series } = await store.query(
        ask({
          metric: 'busy',
          timeRange: { from: iso(base), to: iso(base + 24 * HOUR) },
          aggregations: ['count', 'sum'],
        }),
      );
      const count = series[0]?.points[0]?.values.count ?? 0;
      expect(count).toBeGreaterThanOrEqual(before);
      expect(count).toBeLessThanOrEqual(sent);
      expect(series[0]?.points[0]?.values.sum ?? 0).toBe(count);
      questions++;
    }
  });
  await Promise.all([writers, ...packing, ...asking]);
  expect(questions).toBeGreaterThan(10);
});

test('what is kept shorter goes earlier, what is kept longer stays', async () => {
  const clock = manualClock(new Date(NOON));
  const { metricStore: store, db } = await testRuntime({ clock });
  const metrics = ['usual', 'short', 'long'];
  await store.write(
    metrics.map((metric) => ({ metric, labels: {}, at: NOON - 5 * 24 * HOUR, value: 1 })),
    'api',
  );
  await store.compaction.flush();
  await store.compaction.settle(clock.now(), never);
  await store.compaction.roll(clock.now(), never);
  await store.setRetention(testAuthority, {
    metric: 'short',
    rawDays: 2,
    minuteDays: 3,
    hourDays: 4,
  });
  await store.setRetention(testAuthority, {
    metric: 'long',
    rawDays: 40,
    minuteDays: null,
    hourDays: null,
  });
  const rows = async (table: string) =>
    (
      await db.pool.query<{ name: string }>(
        `SELECT m.name FROM ${table} t JOIN metric_series s ON s.id = t.series_id JOIN metric_names m ON m.id = s.metric_id ORDER BY 1`,
      )
    ).rows.map(({ name }) => name);
  await store.compaction.prune(clock.now());
  expect(await rows('metric_chunks')).toEqual(['long', 'usual']);
  expect(await rows('metric_minutes')).toEqual(['long', 'usual']);
  expect(await rows('metric_hours')).toEqual(['long', 'usual']);
  clock.advance(10 * 24 * HOUR);
  await store.compaction.prune(clock.now());
  expect(await rows('metric_chunks')).toEqual(['long']);
  expect(await rows('metric_minutes')).toEqual(['long', 'usual']);
  clock.advance(40 * 24 * HOUR);
  expect((await store.compaction.prune(clock.now())).length).toBeGreaterThan(0);
  expect(await rows('metric_chunks')).toEqual([]);
  expect(await rows('metric_hours')).toEqual(['long', 'usual']);
});

test('a histogram answers by its base name', async () => {
  const clock = manualClock(new Date(NOON));
  const { metricStore: store } = await testRuntime({ clock });
  const counts: Record<string, [number, number]> = {
    '0.1': [10, 60],
    '0.5': [20, 110],
    '+Inf': [20, 110],
  };
  for (const [i, at] of [NOON - 60_000, NOON - 1_000].entries()) {
    await store.write(
      ['a', 'b'].flatMap((route) => [
        ...Object.entries(counts).map(([le, pair]) => ({
          metric: 'request_seconds_bucket',
          labels: { route, le },
          at,
          value: pair[i] ?? 0,
        })),
        { metric: 'request_seconds_count', labels: { route }, at, value: i === 0 ? 20 : 110 },
        { metric: 'request_seconds_sum', labels: { route }, at, value: i === 0 ? 4 : 22 },
      ]),
      'api',
    );
  }
  store.describe([{ metric: 'request_seconds', kind: 'histogram', help: 'Time of requests.' }]);
  await store.writeDescriptions();
  expect(await store.catalog.describe('request_seconds')).toMatchObject({
    kind: 'histogram',
    series: 2,
    labels: [{ name: 'route', values: ['a', 'b'], more: false }],
  });
  const question = { metric: 'request_seconds', timeRange: '2m' };
  const one = await store.query(
    ask({ ...question, aggregations: ['count', 'sum', 'avg', 'p50', 'p90'] }),
  );
  expect(one.percentiles).toBe('approximate');
  // 50 of 90 lie up to 0.1, 90 up to 0.5, for each of two routes.
  expect(one.series).toEqual([
    {
      labels: {},
      points: [
        {
          at: expect.any(String),
          values: {
            count: 180,
            sum: 36,
            avg: 0.2,
            p50: expect.closeTo(0.09, 9),
            p90: expect.closeTo(0.41, 9),
          },
        },
      ],
    },
  ]);
  const each = await store.query(
    ask({ ...question, groupBy: ['*'], aggregations: ['p50', 'rate', 'trend'] }),
  );
  expect(each.series.map(({ labels }) => labels)).toEqual([{ route: 'a' }, { route: 'b' }]);
  expect(each.series[0]?.points[0]?.values).toEqual({
    p50: expect.closeTo(0.09, 9),
    rate: 90 / 120,
    trend: null,
  });
  await expect(store.query(ask({ ...question, aggregations: ['avg', 'max'] }))).rejects.toThrow(
    /aggregations.1: Not for a histogram/,
  );
});
