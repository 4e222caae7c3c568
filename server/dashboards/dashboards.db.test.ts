import { beforeAll, describe, expect, test } from 'vitest';
import { bearer, json, testHost } from '../platform/testing/host.ts';
import { builtIns } from './built-in.ts';
import { panelSchema } from './contract.ts';

const { call, keys, runtime } = await testHost();
const { db } = runtime;

const post = async (name: string, body: unknown, key = keys.operator) => {
  const answer = await call(`/api/trpc/dashboards.${name}`, json(key, body));
  const { result, error } = await answer.json();
  return { status: answer.status, data: result?.data, error: error?.data, message: error?.message };
};
const get = async (name: string, input: unknown = {}, key = keys.viewer) => {
  const query = encodeURIComponent(JSON.stringify(input));
  const answer = await call(`/api/trpc/dashboards.${name}?input=${query}`, {
    headers: bearer(key),
  });
  const { result, error } = await answer.json();
  return { status: answer.status, data: result?.data, error: error?.data };
};
const panel = (id: string, more: object = {}) => ({
  id,
  title: `Panel ${id}`,
  x: 0,
  y: 0,
  width: 6,
  height: 3,
  visual: 'line',
  query: { metric: 'up', timeRange: '1h', aggregations: ['avg'] },
  ...more,
});
const auditOf = (id: string) =>
  db.prisma.auditEntry.findMany({
    where: { targetId: id },
    orderBy: { seq: 'asc' },
    select: { action: true, before: true, after: true, actorName: true },
  });

test('a dashboard is made, read, changed and removed, each with its audit entry', async () => {
  const made = await post('create', { name: ' Shop ', panels: [panel('a')] });
  expect(made).toMatchObject({ status: 200, data: { version: 1 } });
  const { id } = made.data;
  expect((await get('get', { id })).data).toMatchObject({
    id,
    name: 'Shop',
    builtIn: false,
    version: 1,
    panels: [{ id: 'a', unit: 'number', query: { metric: 'up', filters: [], groupBy: [] } }],
  });
  const changed = await post('update', { id, version: 1, panels: [panel('a'), panel('b')] });
  expect(changed).toMatchObject({ status: 200, data: { version: 2 } });
  expect((await get('list', { limit: 200 })).data.items).toContainEqual(
    expect.objectContaining({ id, name: 'Shop', panels: 2, version: 2 }),
  );
  expect((await post('remove', { id })).status).toBe(200);
  expect((await get('get', { id })).status).toBe(404);
  expect((await post('remove', { id })).status).toBe(404);
  expect(await auditOf(id)).toMatchObject([
    { action: 'dashboards.create', before: null, actorName: 'operator' },
    { action: 'dashboards.update', after: { panels: [{ id: 'a' }, { id: 'b' }] } },
    { action: 'dashboards.remove', after: null },
  ]);
});

describe('two people who edit at once', () => {
  test('the second is told, and nothing of theirs is written', async () => {
    const { id } = (await post('create', { name: 'Both' })).data;
    expect((await post('update', { id, version: 1, name: 'First' })).status).toBe(200);
    const second = await post('update', { id, version: 1, name: 'Second' });
    expect(second).toMatchObject({ status: 409, error: { code: 'CONFLICT' } });
    expect(second.message).toMatch(/Somebody else changed this dashboard/);
    expect((await get('get', { id })).data).toMatchObject({ name: 'First', version: 2 });
    expect(await auditOf(id)).toHaveLength(2);
  });
  test('of ten at the same moment one wins', async () => {
    const { id } = (await post('create', { name: 'Race' })).data;
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => post('update', { id, version: 1, name: `Race ${i}` })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9);
    expect((await get('get', { id })).data.version).toBe(2);
  });
});

describe('what is shipped', () => {
  beforeAll(async () => {
    await Promise.all([runtime.dashboards.start(), runtime.dashboards.start()]);
    await runtime.dashboards.start();
  });
  const shipped = async () =>
    (await get('list', { limit: 200 })).data.items.filter(
      ({ builtIn }: { builtIn: boolean }) => builtIn,
    );

  test('is made once, by whoever starts first', async () => {
    const list = await shipped();
    expect(list).toMatchObject([{ name: 'Console', panels: 8 }]);
    expect(await auditOf(list[0].id)).toHaveLength(1);
  });
  test('keeps to the contract, without panels over each other', () => {
    for (const { panels } of builtIns) {
      expect(panels.map((each) => panelSchema.parse(each))).toEqual(panels);
      for (const [i, a] of panels.entries()) {
        for (const b of panels.slice(i + 1)) {
          const apart =
            a.x + a.width <= b.x ||
            b.x + b.width <= a.x ||
            a.y + a.height <= b.y ||
            b.y + b.height <= a.y;
          expect(apart, `${a.id} and ${b.id}`).toBe(true);
        }
      }
    }
  });
  test('can be changed, stays changed, and cannot be deleted', async () => {
    const [{ id, version }] = await shipped();
    expect((await post('update', { id, version, name: 'Our console' })).status).toBe(200);
    const refused = await post('remove', { id });
    expect(refused.status).toBe(409);
    expect(refused.message).toMatch(/shipped with the console/);
    await runtime.dashboards.start();
    expect(await shipped()).toMatchObject([{ name: 'Our console' }]);
  });
});

describe('what is refused', () => {
  test.each<[string, object, string]>([
    ['no name', { name: ' ' }, 'name'],
    ['a panel past the right edge', { name: 'x', panels: [panel('a', { x: 12 })] }, 'panels.0.x'],
    ['two panels with one id', { name: 'x', panels: [panel('a'), panel('a')] }, 'panels'],
    [
      'too many panels',
      { name: 'x', panels: Array.from({ length: 41 }, (_, i) => panel(`p${i}`)) },
      'panels',
    ],
    [
      'an unknown aggregation',
      {
        name: 'x',
        panels: [
          panel('a', { query: { metric: 'up', timeRange: '1h', aggregations: ['median'] } }),
        ],
      },
      'panels.0.query.aggregations.0',
    ],
  ])('%s is named at its field', async (_name, input, path) => {
    const answer = await post('create', input);
    expect(answer.status).toBe(400);
    expect(answer.error.fields.map((field: { path: string }) => field.path)).toContain(path);
  });
  test('more than two hundred', async () => {
    const now = new Date();
    const count = await db.prisma.dashboard.count();
    await db.prisma.dashboard.createMany({
      data: Array.from({ length: 200 - count }, (_, i) => ({
        id: `00000000-0000-7000-8000-${String(i).padStart(12, '0')}`,
        name: `d${i}`,
        panels: [],
        createdAt: now,
        createdBy: 'test',
        updatedAt: now,
      })),
    });
    expect(await post('create', { name: 'one more' })).toMatchObject({
      status: 409,
      message: 'There are 200 dashboards already.',
    });
    const first = (await get('list', { limit: 150 })).data;
    const rest = (await get('list', { limit: 150, cursor: first.nextCursor })).data;
    expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([150, 50, null]);
    expect(new Set([...first.items, ...rest.items].map(({ id }) => id)).size).toBe(200);
  });
});
