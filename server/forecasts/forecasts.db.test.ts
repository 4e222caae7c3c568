/** Kept forecasts on a real PostgreSQL and in real worker threads. */
import { beforeAll, describe, expect, test } from 'vitest';
import { querySchema } from '../metrics/contract.ts';
import type { Sample } from '../metrics/index.ts';
import { manualClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { testAuthority as operator } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { createForecastSchema, listForecastsSchema, type Subject } from './contract.ts';
import { createForecaster, createForecasts } from './index.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.parse('2026-11-20T12:00:00Z');
const never = new AbortController().signal;

const clock = manualClock(new Date(NOON));
const runtime = await testRuntime({ clock });
const { metricStore, incidents, db } = runtime;
const { forecasts, refreshDue, discover } = runtime.forecastKeeper;

const wave = (at: number) => 50 + 20 * Math.sin((at / DAY) * 2 * Math.PI);
/** Noise that is the same each time. */
const jitter = (at: number) => {
  const scattered = Math.sin((at / HOUR) * 12.9898) * 43_758.5453;
  return (scattered - Math.floor(scattered)) * 8 - 4;
};
const hours = (from: number, to: number) =>
  Array.from({ length: Math.round((to - from) / HOUR) }, (_, i) => from + i * HOUR);
async function write(metric: string, at: number[], value: (at: number) => number, labels = {}) {
  const samples: Sample[] = at.map((each) => ({
    metric,
    labels,
    at: each,
    value: value(each),
  }));
  expect((await metricStore.write(samples, 'api')).rejected).toEqual([]);
}
const save = async (name: string, metric: string, groupBy: string[] = []) =>
  (
    await metricStore.saved.create(operator, {
      name,
      query: querySchema.parse({ metric, timeRange: '24h', groupBy, aggregations: ['avg'] }),
    })
  ).id;
const make = (name: string, subject: Subject | object, more: object = {}) =>
  forecasts.create(operator, createForecastSchema.parse({ name, subject, ...more }));
const list = (input: object = {}) => forecasts.list(listForecastsSchema.parse(input));
const dueNow = (id: string) =>
  db.pool.query('UPDATE forecasts SET due_at = $2 WHERE id = $1', [id, clock.now()]);

describe('a saved query, hour by hour', () => {
  let id = '';
  beforeAll(async () => {
    await write('load_wave', hours(NOON - 6.5 * DAY, NOON), (at) => wave(at) + jitter(at));
    const savedId = await save('wave', 'load_wave');
    id = (await make('Load', { kind: 'saved', savedId }, { incidents: true })).id;
    await refreshDue(never);
  });

  test('is foretold for a week, with the floor among the candidates', async () => {
    const found = await forecasts.get(id);
    expect(found).toMatchObject({ state: 'ok', unit: 'number', stepMs: HOUR, horizon: 168 });
    expect(found.newest?.points).toHaveLength(168);
    expect(found.newest?.points[0]?.at).toBe(new Date(NOON).toISOString());
    expect(found.newest?.seasons).toContain(24);
    expect(found.newest?.candidates.some(({ floor }) => floor)).toBe(true);
    expect(found.newest?.candidates.filter(({ chosen }) => chosen)).toHaveLength(1);
    expect(found.history).toHaveLength(156);
    expect(found.last?.at).toBe(new Date(NOON - HOUR).toISOString());
    // A sine is nearly known.
    for (const { at, mean } of found.newest?.points.slice(0, 24) ?? [])
      expect(Math.abs(mean - wave(Date.parse(at)))).toBeLessThan(10);
    const [item] = (await list({ search: 'loa' })).items;
    expect(item?.nextDay?.mean).toBeCloseTo(50, -1);
    expect(item?.nextDay?.lower).toBeLessThan(item?.nextDay?.mean ?? 0);
    expect(item?.spark.history).toHaveLength(48);
    expect(item?.spark.mean).toHaveLength(24);
  });
  test('what comes is joined with what was expected of it', async () => {
    for (let n = 0; n < 26; n++) {
      await write('load_wave', [clock.now().getTime()], (at) => wave(at) + jitter(at));
      clock.advance(HOUR);
      await refreshDue(never);
      if (n % 13 === 0) expect((await forecasts.get(id)).truths).toHaveLength(n + 1);
    }
    const found = await forecasts.get(id);
    expect(found.truths).toHaveLength(26);
    expect(found.truths.every(({ outside }) => outside !== null)).toBe(true);
    // The first was made at noon: what it says of a day ahead is judged 23 hours later.
    expect(found.truths.filter(({ mean }) => mean !== null)).toHaveLength(3);
    expect(found.accuracy?.near).toMatchObject({ compared: 26, mapeWhy: null });
    expect(found.accuracy?.near.mase).toBeLessThan(1.5);
    expect(found.accuracy?.near.inside).toBeGreaterThan(0.8);
    expect(found.accuracy?.day.compared).toBe(3);
    expect(found.past.map(({ ago }) => ago)).toEqual(['day']);
    expect(found.anomalousSince).toBeNull();
  });
  test('three of four outside are an anomaly and an incident, which end by themselves', async () => {
    const step = async (value: (at: number) => number) => {
      await write('load_wave', [clock.now().getTime()], value);
      clock.advance(HOUR);
      await refreshDue(never);
      return forecasts.get(id);
    };
    const odd = (at: number) => wave(at) + 150;
    expect((await step(odd)).anomalousSince).toBeNull();
    expect((await step(odd)).anomalousSince).toBeNull();
    const found = await step(odd);
    expect(found.anomalousSince).toBe(clock.now().toISOString());
    expect(found.events[0]).toMatchObject({ kind: 'anomalous' });
    expect(found.events[0]?.detail).toMatch(/^3 of the last \d values are outside/);
    expect(await list({ show: 'anomalous' })).toMatchObject({ items: [{ id }] });
    const open = async () =>
      (await incidents.list({ limit: 50, unresolved: true })).items.filter(
        ({ source }) => source === 'forecasts',
      );
    expect(await open()).toMatchObject([{ title: 'Load is not as expected' }]);
    // Back to the usual; the forecaster may take some hours to believe it.
    let last = found;
    for (let n = 0; n < 12 && last.anomalousSince !== null; n++)
      last = await step((at) => wave(at) + jitter(at));
    expect(last.anomalousSince).toBeNull();
    expect(last.events[0]?.kind).toBe('normal');
    expect(await open()).toEqual([]);
  }, 60_000);
  test('hours without a value stay empty and are no zeros', async () => {
    clock.advance(5 * HOUR);
    await refreshDue(never);
    const found = await forecasts.get(id);
    expect(found.history.slice(-5).map(({ value }) => value)).toEqual(Array(5).fill(null));
    expect(found.newest?.points[0]?.at).toBe(
      new Date(Math.floor(clock.now().getTime() / HOUR) * HOUR).toISOString(),
    );
  });
  test('runs are kept for two days, then one a day', async () => {
    clock.advance(3 * DAY);
    await dueNow(id);
    await refreshDue(never);
    const { rows } = await db.pool.query<{ day: string; n: string }>(
      `SELECT date_trunc('day', made_at)::text AS day, count(*) AS n FROM forecast_runs WHERE forecast_id = $1 GROUP BY 1`,
      [id],
    );
    expect(rows.length).toBeGreaterThanOrEqual(2);
    expect(rows.map(({ n }) => Number(n))).toEqual(rows.map(() => 1));
  });
  test('paused it rests, and its incident ends', async () => {
    await forecasts.update(operator, { id, paused: true });
    clock.advance(DAY);
    expect(await refreshDue(never)).toBe(0);
    await expect(forecasts.refresh(operator, id)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await list({ show: 'paused' })).items).toHaveLength(1);
  });
});

test('a saved query that asks for something else: what was said of the other is forgotten', async () => {
  const now = Math.floor(clock.now().getTime() / HOUR) * HOUR;
  await write('old_load', hours(now - 4 * DAY, now), wave);
  await write('new_load', hours(now - 4 * DAY, now), (at) => 9_000 + wave(at));
  const savedId = await save('changing', 'old_load');
  const id = (await make('Changing', { kind: 'saved', savedId }, { incidents: true })).id;
  await refreshDue(never);
  // Unusual at the moment, as its incident says.
  for (let n = 0; n < 4; n++) {
    await write('old_load', [clock.now().getTime()], () => 500);
    await write('new_load', [clock.now().getTime()], (at) => 9_000 + wave(at));
    clock.advance(HOUR);
    await dueNow(id);
    await refreshDue(never);
  }
  expect((await forecasts.get(id)).anomalousSince).not.toBeNull();
  await metricStore.saved.update(operator, {
    id: savedId,
    query: querySchema.parse({ metric: 'new_load', timeRange: '24h', aggregations: ['avg'] }),
  });
  await dueNow(id);
  await refreshDue(never);
  const found = await forecasts.get(id);
  expect(found).toMatchObject({ state: 'ok', anomalousSince: null, past: [], truths: [] });
  expect(found.newest?.points[0]?.mean).toBeGreaterThan(8_900);
  expect(
    (await incidents.list({ limit: 50, unresolved: true })).items.filter(
      ({ title }) => title === 'Changing is not as expected',
    ),
  ).toEqual([]);
  await forecasts.remove(operator, id);
}, 30_000);

describe('what cannot be forecast says why', () => {
  let now = 0;
  beforeAll(() => {
    now = clock.now().getTime();
  });
  const state = async (name: string) => {
    const item = (await list({ search: name })).items.find((one) => one.name === name);
    return { state: item?.state, detail: item?.detail, nextAt: item?.nextAt };
  };
  test('three points, nothing at all, a query that is gone, several series', async () => {
    await write('three', hours(now - 3 * HOUR, now), () => 1);
    await write('two_series', hours(now - 2 * DAY, now), () => 1, { host: 'a' });
    await write('two_series', hours(now - 2 * DAY, now), () => 2, { host: 'b' });
    const gone = await save('gone', 'three');
    const several = await save('several', 'two_series', ['host']);
    await make('Three points', { kind: 'saved', savedId: await save('three', 'three') });
    await make('Nothing', { kind: 'saved', savedId: await save('nothing', 'no_such_metric') });
    await make('Query gone', { kind: 'saved', savedId: gone });
    await make('Several', { kind: 'saved', savedId: several });
    await make('One of several', { kind: 'saved', savedId: several, labels: { host: 'b' } });
    await make('Zeros', { kind: 'saved', savedId: several, labels: { host: 'a' } });
    await metricStore.saved.remove(operator, gone);
    await refreshDue(never);
    expect(await state('Three points')).toMatchObject({
      state: 'short',
      detail: 'Too short: 3 points, 14 are needed.',
    });
    expect(await state('Nothing')).toMatchObject({
      state: 'short',
      detail: 'Too short: 0 points, 14 are needed.',
    });
    expect(await state('Query gone')).toMatchObject({
      state: 'failed',
      detail: 'The saved query is gone.',
    });
    expect((await state('Several')).detail).toMatch(/2 such series; choose one by its labels/);
    expect(await state('One of several')).toMatchObject({ state: 'ok', detail: null });
    // It is tried less and less often.
    const first = Date.parse((await state('Query gone')).nextAt ?? '') - now;
    expect(first).toBeGreaterThan(HOUR);
  });
  test('a series of zeros is foretold as zeros', async () => {
    await write('zeros', hours(now - 3 * DAY, now), () => 0);
    const { id } = await make('All zeros', {
      kind: 'saved',
      savedId: await save('zeros', 'zeros'),
    });
    await refreshDue(never);
    const found = await forecasts.get(id);
    expect(found.state).toBe('ok');
    expect(found.newest?.points.every(({ mean }) => mean === 0)).toBe(true);
  });
  test('a horizon longer than the history is made and doubted', async () => {
    await write('brief', hours(now - 40 * HOUR, now), jitter);
    const { id } = await make(
      'Brief',
      { kind: 'saved', savedId: await save('brief', 'brief') },
      { horizon: 168 },
    );
    await refreshDue(never);
    const found = await forecasts.get(id);
    expect(found.newest?.points).toHaveLength(168);
    expect(found.newest?.notes.join()).toMatch(/longer than the history/);
  });
  test('days of a zone, one step a day', async () => {
    await write('daily', hours(now - 6.9 * DAY, now), () => 10);
    const savedId = await save('daily', 'daily');
    const { id } = await make(
      'Days',
      { kind: 'saved', savedId, aggregation: 'sum' },
      { step: 'day', timeZone: 'Europe/Berlin' },
    );
    await refreshDue(never);
    const found = await forecasts.get(id);
    expect(found).toMatchObject({ state: 'short', stepMs: DAY, horizon: 7 });
    expect(found.history.at(-1)?.value).toBe(240);
    const subject = { kind: 'saved', savedId };
    const input = { name: 'No zone', subject, timeZone: 'Mars/Olympus' };
    expect(createForecastSchema.safeParse(input).error?.issues[0]?.path).toEqual(['timeZone']);
  });
});

describe('one at a time, and again after a fault', () => {
  const other = (timeoutMs?: number) => {
    const real = createForecaster(runtime);
    return createForecasts({
      ...runtime,
      log: silentLog(),
      forecaster: {
        forecast: (input, options) =>
          real.forecast(input, { ...options, ...(timeoutMs === undefined ? {} : { timeoutMs }) }),
      },
    });
  };
  test('two replicas share what is due', async () => {
    const now = clock.now().getTime();
    await write('shared', hours(now - 3 * DAY, now), jitter);
    const savedId = await save('shared', 'shared');
    const ids = await Promise.all(
      Array.from({ length: 8 }, (_, n) => make(`Shared ${n}`, { kind: 'saved', savedId })),
    );
    const second = other();
    const counts = await Promise.all([refreshDue(never), second.refreshDue(never)]);
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(8);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    const { rows } = await db.pool.query<{ n: string }>(
      'SELECT count(*) AS n FROM forecast_runs WHERE forecast_id = ANY($1::uuid[]) GROUP BY forecast_id',
      [ids.map(({ id }) => id)],
    );
    expect(rows.map(({ n }) => n)).toEqual(Array(8).fill('1'));
  });
  test('a forecaster that takes too long fails; what was made before stays', async () => {
    const [item] = (await list({ search: 'Shared 0' })).items;
    const id = item?.id ?? '';
    await dueNow(id);
    expect(await other(1).refreshDue(never)).toBe(1);
    const found = await forecasts.get(id);
    expect(found).toMatchObject({ state: 'failed', detail: 'The calculation took too long.' });
    expect(found.newest?.points.length).toBeGreaterThan(0);
    await dueNow(id);
    await refreshDue(never);
    expect((await forecasts.get(id)).state).toBe('ok');
  });
  test('what was cut off in the middle is made by another a minute later', async () => {
    const [item] = (await list({ search: 'Shared 1' })).items;
    const id = item?.id ?? '';
    await dueNow(id);
    const stop = new AbortController();
    const cut = refreshDue(stop.signal);
    stop.abort();
    // Either it had not begun, or it is left in the middle.
    await cut.catch(() => undefined);
    clock.advance(61_000);
    await refreshDue(never);
    expect(Date.parse((await forecasts.get(id)).refreshedAt ?? '')).toBe(clock.now().getTime());
  });
  test('a clock that was set back by a week stops nothing', async () => {
    const [item] = (await list({ search: 'Shared 2' })).items;
    const id = item?.id ?? '';
    await db.pool.query('UPDATE forecasts SET due_at = $2 WHERE id = $1', [
      id,
      new Date(clock.now().getTime() + 7 * DAY),
    ]);
    await refreshDue(never);
    expect(Date.parse((await forecasts.get(id)).nextAt) - clock.now().getTime()).toBeLessThan(DAY);
  });
  test('of two people who take one name, one is told', async () => {
    const savedId = (await metricStore.saved.list()).items[0]?.id ?? '';
    const both = await Promise.allSettled([
      make('One name', { kind: 'saved', savedId }),
      make('One name', { kind: 'saved', savedId }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'CONFLICT' },
    });
  });
  test('pages by name', async () => {
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof list>> = await list({ limit: 4, cursor });
      names.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor);
    expect(names).toHaveLength((await forecasts.counts()).all);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('targets get forecasts by themselves', () => {
  let targetId = '';
  beforeAll(async () => {
    const created = await runtime.health.targets.create(operator, {
      name: 'shop',
      kind: 'http',
      url: 'http://127.0.0.1:9/',
    });
    targetId = created.id;
    const now = clock.now();
    const begin = new Date(now.getTime() - 6 * DAY);
    await runtime.health.history.ensurePartitions(
      Array.from({ length: 7 }, (_, n) => ({ at: begin.getTime() + n * DAY })),
    );
    // Every two minutes; one in ten fails in the morning.
    await db.pool.query(
      `INSERT INTO health_checks (ref, at, ok, latency_ms, excluded)
       SELECT t.ref, at, NOT (extract(hour FROM at) < 6 AND extract(minute FROM at)::int % 20 = 0), 40 + extract(hour FROM at), false
       FROM targets t, generate_series($2::timestamptz, $3::timestamptz - interval '1 minute', interval '2 minutes') AS at
       WHERE t.id = $1`,
      [targetId, begin, now],
    );
    for (let n = 0; n < 4; n++) await runtime.health.history.rollUp(now, never);
  });
  test('success rate and latency, in their bounds, and once', async () => {
    expect(await discover()).toEqual({ added: 2, removed: 0 });
    expect(await discover()).toEqual({ added: 0, removed: 0 });
    const { items } = await list({ kind: 'target' });
    expect(items.map(({ name, unit }) => [name, unit])).toEqual([
      ['shop: latency', 'milliseconds'],
      ['shop: success rate', 'ratio'],
    ]);
    for (const { id } of items) await dueNow(id);
    await refreshDue(never);
    const [latency, success] = await Promise.all(items.map(({ id }) => forecasts.get(id)));
    expect(success).toMatchObject({ state: 'ok', bounds: { min: 0, max: 1 } });
    for (const { mean, lower, upper } of success?.newest?.points ?? []) {
      expect(lower).toBeGreaterThanOrEqual(0);
      expect(upper).toBeLessThanOrEqual(1);
      expect(mean).toBeGreaterThanOrEqual(lower);
      expect(mean).toBeLessThanOrEqual(upper);
    }
    expect(latency?.newest?.points.every(({ lower }) => lower >= 0)).toBe(true);
    expect(latency?.last?.value).toBeGreaterThan(39);
  });
  test('it cannot be removed, as it would come again; off, none is listed', async () => {
    const [item] = (await list({ kind: 'target' })).items;
    await expect(forecasts.remove(operator, item?.id ?? '')).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await forecasts.setBuiltIn(operator, false);
    expect((await list({ kind: 'target' })).items).toEqual([]);
    await forecasts.setBuiltIn(operator, true);
    expect((await list({ kind: 'target' })).items).toHaveLength(2);
  });
  test('when the target goes they go', async () => {
    const { items } = await list({ kind: 'target' });
    await runtime.health.targets.remove(operator, [targetId]);
    for (const { id } of items) await dueNow(id);
    await refreshDue(never);
    expect((await list({ kind: 'target' })).items[0]).toMatchObject({
      state: 'failed',
      detail: 'There is no such target.',
    });
    expect(await discover()).toEqual({ added: 0, removed: 2 });
    expect((await list({ kind: 'target' })).items).toEqual([]);
  });
});

describe('services and long histories', () => {
  const now = () => clock.now().getTime();
  test('errors and latency of a service that sends spans, and of one that sends events', async () => {
    const samples: Sample[] = [];
    for (const at of hours(now() - 4 * DAY, now())) {
      for (let n = 0; n < 10; n++) {
        const status = n === 0 ? 'error' : 'ok';
        samples.push(
          {
            metric: 'span_duration_seconds',
            labels: { service: 'shop', span: 'GET /', span_kind: 'server', status },
            at: at + n * 1_000,
            value: 0.1 + n / 100,
          },
          {
            metric: 'events',
            labels: { service: 'agent', event: 'fix', status },
            at: at + n * 1_000,
            value: 1,
            delta: true,
          },
          {
            metric: 'event_duration_seconds',
            labels: { service: 'agent', event: 'fix', status },
            at: at + n * 1_000,
            value: 2,
          },
        );
      }
    }
    for (let from = 0; from < samples.length; from += 1_000)
      await metricStore.write(samples.slice(from, from + 1_000), 'otlp');
    expect(await discover()).toEqual({ added: 4, removed: 0 });
    const { items } = await list({ kind: 'service' });
    expect(items.map(({ name, unit }) => [name, unit])).toEqual([
      ['agent: error rate', 'ratio'],
      ['agent: latency', 'seconds'],
      ['shop: error rate', 'ratio'],
      ['shop: latency', 'seconds'],
    ]);
    for (const { id } of items) await dueNow(id);
    await refreshDue(never);
    const last = (await list({ kind: 'service' })).items.map((item) => item.last?.value);
    expect(last[0]).toBeCloseTo(0.1, 6);
    expect(last[1]).toBeCloseTo(2, 6);
    expect(last[2]).toBeCloseTo(0.1, 6);
    expect(last[3]).toBeCloseTo(0.1855, 3);
  });
  test('days of a zone over a change of the clocks, from hours of a hundred days', async () => {
    const { id: targetId } = await runtime.health.targets.create(operator, {
      name: 'old shop',
      kind: 'http',
      url: 'http://127.0.0.1:9/',
    });
    for (const month of ['08', '09', '10', '11', '12']) {
      const next =
        month === '12' ? '2027-01' : `2026-${String(Number(month) + 1).padStart(2, '0')}`;
      await db.pool.query(
        `CREATE TABLE IF NOT EXISTS health_hours_2026${month} PARTITION OF health_hours
         FOR VALUES FROM ('2026-${month}-01T00:00:00Z') TO ('${next}-01T00:00:00Z')`,
      );
    }
    // One check in an hour of New York's night fails, so that days are told from each other by where they begin.
    await db.pool.query(
      `INSERT INTO health_hours (ref, hour, checks, failures, latency_sum, latency_max)
       SELECT t.ref, hour, 60, CASE WHEN extract(hour FROM hour AT TIME ZONE 'America/New_York') = 0 THEN 6 ELSE 0 END, 6000, 200
       FROM targets t, generate_series($2::timestamptz, $3::timestamptz, interval '1 hour') AS hour
       WHERE t.id = $1 ON CONFLICT DO NOTHING`,
      [targetId, new Date(now() - 100 * DAY), new Date(now() - HOUR)],
    );
    const { id } = await make(
      'Old shop by day',
      { kind: 'target', targetId, measure: 'success' },
      { step: 'day', timeZone: 'America/New_York' },
    );
    await refreshDue(never);
    const found = await forecasts.get(id);
    expect(found).toMatchObject({ state: 'ok', stepMs: DAY, horizon: 7 });
    expect(found.history.length).toBeGreaterThan(97);
    expect(found.newest?.points).toHaveLength(7);
    const whole = found.history.slice(1).map(({ at, value }) => [at.slice(0, 10), value] as const);
    for (const [date, value] of whole) {
      // The first of November has 25 hours there.
      const checks = date === '2026-11-01' ? 25 * 60 : 24 * 60;
      expect(value, date).toBeCloseTo(1 - 6 / checks, 9);
    }
  });
});
