/** Resources on a real PostgreSQL: what comes by itself, dates, notices, faults. */
import { beforeAll, describe, expect, test } from 'vitest';
import { querySchema } from '../metrics/contract.ts';
import type { Sample } from '../metrics/index.ts';
import { manualClock } from '../platform/clock.ts';
import { testAuthority as operator } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { createResourceSchema, listResourcesSchema } from './contract.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const GiB = 1024 ** 3;
const NOON = Date.parse('2026-11-20T12:00:00Z');
const never = new AbortController().signal;

const clock = manualClock(new Date(NOON));
const runtime = await testRuntime({ clock });
const { capacity, metricStore, incidents } = runtime;

const hours = (from: number, to: number) =>
  Array.from({ length: Math.round((to - from) / HOUR) }, (_, i) => from + i * HOUR);
async function write(metric: string, at: number[], value: (at: number, i: number) => number) {
  const samples: Sample[] = at.map((each, i) => ({
    metric,
    labels: {},
    at: each,
    value: value(each, i),
  }));
  expect((await metricStore.write(samples, 'api')).rejected).toEqual([]);
}
const save = async (metric: string) =>
  (
    await metricStore.saved.create(operator, {
      name: metric,
      query: querySchema.parse({ metric, timeRange: '24h', aggregations: ['avg'] }),
    })
  ).id;
const make = (name: string, savedId: string, limit: number, more: object = {}) =>
  capacity.create(operator, createResourceSchema.parse({ name, savedId, limit, ...more }));
const list = (input: object = {}) => capacity.list(listResourcesSchema.parse(input));
const open = async () =>
  (await incidents.list({ limit: 50, unresolved: true })).items.filter(
    ({ source }) => source === 'capacity',
  );
/** Looks each five minutes, as the job does. */
async function watch(id: string, minutes: number) {
  for (let n = 0; n < minutes; n += 5) {
    await capacity.assessor.assess(id);
    clock.advance(5 * 60_000);
  }
  await capacity.assessor.assess(id);
}

describe('a volume that grows', () => {
  let id = '';
  const from = NOON - 6 * DAY;
  const size = (at: number) => 300 * GiB + ((at - from) / DAY) * 2 * GiB;
  const noisy = (at: number) => size(at) + Math.sin(at / 777_777) * 0.1 * GiB;
  beforeAll(async () => {
    await write('volume_bytes', hours(from, NOON), noisy);
    id = (await make('Volume', await save('volume_bytes'), 332 * GiB)).id;
  });

  test('is dated at once, with its rate and what would help', async () => {
    const found = await capacity.get(id);
    expect(found).toMatchObject({
      state: 'crossing',
      unit: 'bytes',
      notice: 'none',
      builtIn: false,
    });
    expect(found.detail).toMatch(
      /^Grows 2(\.0)? GiB a day; reaches 332 GiB in \d+ (to \d+ )?days\.$/,
    );
    expect(found.assessment?.suggestion).toMatch(/more give 1\d\d days/);
    const at = (moment: string | null | undefined) => (Date.parse(moment ?? '') - NOON) / DAY;
    const { earliest, mean, latest } = found.assessment?.at ?? {};
    expect(at(mean)).toBeGreaterThan(9.5);
    expect(at(mean)).toBeLessThan(10.5);
    expect(at(earliest)).toBeLessThanOrEqual(at(mean));
    expect(at(latest)).toBeGreaterThanOrEqual(at(mean));
    expect(found.history).toHaveLength(144);
    expect(found.used).toBeCloseTo(312 / 332, 2);
  });
  test('warns after a quarter of an hour, once, and turns critical three days before', async () => {
    await watch(id, 20);
    expect((await capacity.get(id)).notice).toBe('warn');
    expect(await open()).toMatchObject([
      { title: 'Volume reaches its limit', severity: 'warning' },
    ]);
    for (const days of [4, 3.5]) {
      const start = clock.now().getTime();
      clock.advance(days * DAY);
      await write('volume_bytes', hours(start - (start % HOUR), clock.now().getTime()), noisy);
    }
    await watch(id, 20);
    expect((await capacity.get(id)).notice).toBe('critical');
    expect(await open()).toMatchObject([{ severity: 'critical' }]);
  });
  test('more room ends it, by itself and not at once', async () => {
    await capacity.update(operator, { id, limit: 1_000 * GiB });
    expect((await capacity.get(id)).notice).toBe('critical');
    await watch(id, 190);
    expect((await capacity.get(id)).notice).toBe('none');
    expect(await open()).toEqual([]);
  });
  test('over its limit it says so at once', async () => {
    await capacity.update(operator, { id, limit: 100 * GiB });
    expect(await capacity.get(id)).toMatchObject({ state: 'over', notice: 'critical' });
    expect(await open()).toMatchObject([{ title: 'Volume is over its limit' }]);
    await capacity.update(operator, { id, paused: true });
    expect(await open()).toEqual([]);
  });
});

test('a series that stops ends no notice, and says since when it is silent', async () => {
  const now = Math.floor(clock.now().getTime() / HOUR) * HOUR;
  await write('stopping', hours(now - 4 * DAY, now), (at) => 100 - (now - at) / HOUR / 10);
  const { id } = await make('Stopping', await save('stopping'), 103);
  await watch(id, 20);
  expect(await capacity.get(id)).toMatchObject({ state: 'crossing', notice: 'critical' });
  clock.advance(3 * HOUR);
  await capacity.assessor.assess(id);
  expect((await capacity.get(id)).state).toBe('crossing');
  clock.advance(4 * HOUR);
  await watch(id, 190);
  const found = await capacity.get(id);
  expect(found).toMatchObject({ state: 'failed', notice: 'critical' });
  expect(found.detail).toMatch(/^No values since 20\d\d-\d\d-\d\d \d\d:\d\d UTC\.$/);
  // It comes again, with room.
  const again = clock.now().getTime();
  await write('stopping', hours(again - 3 * HOUR, again + HOUR), () => 20);
  await watch(id, 190);
  expect((await capacity.get(id)).notice).toBe('none');
  await capacity.remove(operator, id);
});

describe('ranks and faults', () => {
  let now = 0;
  beforeAll(async () => {
    now = clock.now().getTime();
    const at = hours(now - 5 * DAY, now);
    await write('fast', at, (_at, i) => i);
    await write('slow', at, (_at, i) => 10 + i / 10);
    await write('flat', at, (at) => 50 + Math.sin(at));
    await write('left', at, (_at, i) => 500 - i);
    await write('young', at.slice(-3), () => 5);
  });
  test('the most urgent first, by page', async () => {
    await make('Fast', await save('fast'), 150);
    await make('Slow', await save('slow'), 150);
    await make('Flat', await save('flat'), 150);
    await make('Left', await save('left'), 100, { direction: 'lower' });
    await make('Young', await save('young'), 150);
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof list>> = await list({ limit: 2, cursor });
      names.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor);
    expect(names).toEqual(['Volume', 'Fast', 'Left', 'Slow', 'Flat', 'Young']);
    const { items } = await list();
    expect(items.find(({ name }) => name === 'Flat')?.detail).toMatch(/No crossing in sight/);
    expect(items.find(({ name }) => name === 'Left')?.detail).toMatch(/^Falls 24\.?0? a day/);
    expect(items.find(({ name }) => name === 'Young')?.state).toBe('short');
    await expect(list({ cursor: 'nonsense' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
  test('a query that is gone says so, and the others go on', async () => {
    const savedId = (await metricStore.saved.list()).items.find(({ name }) => name === 'slow')?.id;
    await metricStore.saved.remove(operator, savedId ?? '');
    clock.advance(20 * 60_000);
    await capacity.assessor.assessDue(never);
    const { items } = await list();
    expect(items.find(({ name }) => name === 'Slow')).toMatchObject({
      state: 'failed',
      detail: 'The saved query is gone.',
    });
    expect(items.find(({ name }) => name === 'Fast')?.assessedAt).toBe(clock.now().toISOString());
    await expect(make('None', savedId ?? '', 1)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
  test('what is wrong is said at its field', async () => {
    const [item] = (await list({ search: 'Fast' })).items;
    const id = item?.id ?? '';
    await expect(capacity.update(operator, { id, criticalDays: 20 })).rejects.toMatchObject({
      fields: [{ path: 'criticalDays' }],
    });
    await expect(capacity.update(operator, { id, limit: null })).rejects.toMatchObject({
      fields: [{ path: 'limit' }],
    });
    const both = await Promise.allSettled([
      capacity.update(operator, { id, name: 'Flat' }),
      capacity.remove(operator, '00000000-0000-7000-8000-000000000000'),
    ]);
    expect(both).toMatchObject([
      { reason: { code: 'CONFLICT' } },
      { reason: { code: 'NOT_FOUND' } },
    ]);
  });
});

describe('what comes by itself', () => {
  test('disk, heap, size and connections are measured and kept', async () => {
    await runtime.queries.watching.collector.look(
      (await runtime.queries.watching.databases.list({ limit: 1 })).items[0]?.id ?? '',
    );
    await capacity.sampleLocal();
    await capacity.run(never);
    const { items } = await list();
    const of = (kind: string) => items.find(({ subject }) => subject.kind === kind);
    expect(of('disk')).toMatchObject({ unit: 'bytes', limitFrom: 'measured', builtIn: true });
    expect(of('disk')?.used).toBeGreaterThan(0);
    expect(of('disk')?.used).toBeLessThan(1);
    expect(of('database')).toMatchObject({ limit: null, state: 'unlimited' });
    expect(of('connections')?.limit).toBeGreaterThan(10);
    expect(of('connections')?.value).toBeGreaterThan(0);
    const { rows: entries } = await runtime.db.pool.query<{ action: string }>(
      `SELECT action FROM audit_entries WHERE action = 'capacity.discover'`,
    );
    expect(entries.length).toBeGreaterThan(0);
    const before = items.length;
    clock.advance(5 * 60_000);
    await capacity.sampleLocal();
    await capacity.run(never);
    expect((await list()).items).toHaveLength(before);
    const disk = of('disk')?.id ?? '';
    expect((await capacity.get(disk)).history.length).toBeGreaterThan(0);
    await expect(capacity.remove(operator, disk)).rejects.toMatchObject({ code: 'CONFLICT' });
  });
  test('a size gets a limit from a person', async () => {
    const [item] = (await list({ kind: 'database' })).items;
    const id = item?.id ?? '';
    await capacity.update(operator, { id, limit: 1 });
    expect(await capacity.get(id)).toMatchObject({ state: 'over', limitFrom: 'given' });
    await capacity.update(operator, { id, limit: null });
    expect((await capacity.get(id)).state).toBe('unlimited');
  });
  test('what is not measured for a week is gone', async () => {
    clock.advance(8 * DAY);
    await capacity.run(never);
    expect((await list({ kind: 'disk' })).items).toEqual([]);
  });
});
