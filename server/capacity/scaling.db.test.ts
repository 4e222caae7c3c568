/** An autoscaler at the door: what it reads over HTTP, as Kubernetes' controller does it, and what it is told when there is nothing new. */
import { ObjectSerializer } from '@kubernetes/client-node/dist/serializer.js';
import { quantityToScalar } from '@kubernetes/client-node/dist/util.js';
import { beforeAll, describe, expect, test } from 'vitest';
import type { PlainAggregation } from '../metrics/contract.ts';
import { querySchema } from '../metrics/contract.ts';
import { manualClock } from '../platform/clock.ts';
import { bearer, json, testAuthority as operator, testHost } from '../platform/testing/host.ts';
import { createResourceSchema, updateResourceSchema } from './contract.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const GROUP = '/apis/external.metrics.k8s.io/v1beta1';
const clock = manualClock(new Date('2026-11-20T12:00:00Z'));
const system = await testHost({ clock });
const { runtime, call, keys } = system;
const { capacity, metricStore } = runtime;
const never = new AbortController().signal;

/** Orders a second: most at six in the evening, 10 to 90. */
const orders = (at: number) => 50 - 40 * Math.cos(((at - 6 * 3_600_000) / DAY) * 2 * Math.PI);
const write = async (metric: string, from: number, to: number, value: (at: number) => number) => {
  const at = Array.from({ length: Math.floor((to - from) / (5 * MINUTE)) + 1 }, (_, i) => i);
  const samples = at
    .map((i) => from + i * 5 * MINUTE)
    .map((each) => ({ metric, labels: { shop: 'eu' }, at: each, value: value(each) }));
  expect((await metricStore.write(samples, 'api')).rejected).toEqual([]);
};
const save = async (name: string, metric: string, aggregation: PlainAggregation) =>
  (
    await metricStore.saved.create(operator, {
      name,
      query: querySchema.parse({
        metric,
        timeRange: '24h',
        step: '1h',
        groupBy: ['shop'],
        aggregations: [aggregation],
      }),
    })
  ).id;
const make = async (name: string, savedId: string, more: object = {}) =>
  (
    await capacity.create(
      operator,
      createResourceSchema.parse({ name, savedId, limit: 1_000, incidents: false, ...more }),
    )
  ).id;
const change = (id: string, patch: object) =>
  capacity.update(operator, updateResourceSchema.parse({ id, ...patch }));

/** As the controller of HorizontalPodAutoscalers: lists, adds up, and takes an empty list for a failure. */
async function controller(metric: string, selector = ''): Promise<number> {
  const query = selector === '' ? '' : `?labelSelector=${encodeURIComponent(selector)}`;
  const answer = await call(`${GROUP}/namespaces/shop/${metric}${query}`, {
    headers: { ...bearer(keys.viewer), accept: 'application/json' },
  });
  const body = await answer.json();
  if (answer.status !== 200) {
    const status = ObjectSerializer.deserialize(body, 'V1Status');
    expect(status).toMatchObject({ kind: 'Status', status: 'Failure', code: answer.status });
    throw new Error(`${status.reason}: ${status.message}`);
  }
  expect(body).toMatchObject({
    kind: 'ExternalMetricValueList',
    apiVersion: 'external.metrics.k8s.io/v1beta1',
  });
  if (body.items.length === 0) throw new Error('no metrics returned from external metrics API');
  let sum = 0;
  for (const { metricName, timestamp, value } of body.items) {
    expect(metricName).toBe(metric);
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    sum += Number(quantityToScalar(value));
  }
  return sum;
}

let id = '';
let savedId = '';
beforeAll(async () => {
  const now = clock.now().getTime();
  await write('orders_per_second', now - 3 * DAY, now, orders);
  savedId = await save('orders', 'orders_per_second', 'avg');
  id = await make('Orders', savedId, { labels: { shop: 'eu' }, metricName: 'orders' });
});

describe('what an autoscaler reads', () => {
  test('what there is', async () => {
    const read = async (path: string, type: string) => {
      const answer = await call(path, { headers: bearer(keys.viewer) });
      return ObjectSerializer.deserialize(await answer.json(), type);
    };
    const groups = await read('/apis', 'V1APIGroupList');
    expect(groups.groups[0]?.preferredVersion.groupVersion).toBe('external.metrics.k8s.io/v1beta1');
    expect(await read('/apis/external.metrics.k8s.io', 'V1APIGroup')).toMatchObject({
      name: 'external.metrics.k8s.io',
    });
    const list = await read(GROUP, 'V1APIResourceList');
    expect(list.resources).toEqual(
      ['orders', 'orders-ahead'].map((name) => ({
        name,
        singularName: '',
        namespaced: true,
        kind: 'ExternalMetricValueList',
        verbs: ['get'],
      })),
    );
  });
  test('the value of the last minutes, of the series that its labels choose', async () => {
    const now = clock.now().getTime();
    expect(Math.abs((await controller('orders')) - orders(now))).toBeLessThan(1);
    expect(await controller('orders', 'shop=eu')).toBe(await controller('orders'));
    await expect(controller('orders', 'shop in (us)')).rejects.toThrow('no metrics returned');
  });
  test('ahead what is expected then: the evening before it comes', async () => {
    const now = clock.now().getTime();
    for (const aheadMinutes of [30, 240]) {
      await change(id, { aheadMinutes });
      const [expected, truth] = [
        await controller('orders-ahead'),
        orders(now + aheadMinutes * MINUTE),
      ];
      expect(Math.abs(expected - truth)).toBeLessThan(6);
      expect(expected).toBeGreaterThan(await controller('orders'));
    }
  });
  test('over tRPC the same, and manifests with this console’s address', async () => {
    const ask = async (name: string, input: object) => {
      const url = `/api/trpc/capacity.scaling.${name}?input=${encodeURIComponent(JSON.stringify(input))}`;
      return (await (await call(url, { headers: bearer(keys.viewer) })).json()).result.data;
    };
    const reading = await ask('get', { name: 'orders' });
    expect(reading).toMatchObject({ name: 'orders', labels: { shop: 'eu' }, windowSeconds: 300 });
    const { keda } = await ask('manifests', { id, deployment: 'orders', target: 10 });
    expect(keda).toContain(`${GROUP}/namespaces/default/orders-ahead"`);
  });
  test('a measured resource without a query too', async () => {
    await capacity.sampleLocal();
    const disk = await runtime.db.prisma.capacityResource.findFirstOrThrow({
      where: { kind: 'disk' },
    });
    await change(disk.id, { metricName: 'disk' });
    expect(await controller('disk')).toBeCloseTo(disk.value ?? Number.NaN, -6);
    await expect(controller('disk-ahead')).rejects.toThrow('NotFound: Nothing is expected');
    clock.advance(12 * MINUTE);
    await expect(controller('disk')).rejects.toThrow('NotFound: It was not measured');
    clock.advance(-12 * MINUTE);
    await change(disk.id, { metricName: null });
    await expect(controller('disk')).rejects.toThrow('There is no metric disk');
  });
});

describe('never an old value as new', () => {
  test('a series that stops: first its value is gone, and with it what was expected', async () => {
    clock.advance(6 * MINUTE);
    await expect(controller('orders')).rejects.toThrow('NotFound: It has no values');
    await expect(controller('orders-ahead')).rejects.toThrow('NotFound: It has no values');
    clock.advance(-6 * MINUTE);
  });
  test('a forecast that nobody makes any more', async () => {
    const now = clock.now().getTime();
    await runtime.db.prisma.capacityResource.update({
      where: { id },
      data: { aheadAt: new Date(now - 46 * MINUTE) },
    });
    await expect(controller('orders-ahead')).rejects.toThrow('NotFound: What is expected');
    // One from a clock that was set back neither.
    await runtime.db.prisma.capacityResource.update({
      where: { id },
      data: { aheadAt: new Date(now + DAY) },
    });
    await expect(controller('orders-ahead')).rejects.toThrow('NotFound');
    await capacity.scaling.makeDue(never);
    expect(await controller('orders-ahead')).toBeGreaterThan(0);
  });
  test('a paused resource, a query that is gone', async () => {
    await change(id, { paused: true });
    await expect(controller('orders')).rejects.toThrow('NotFound: The resource is paused.');
    await change(id, { paused: false });
    const other = await save('going', 'orders_per_second', 'avg');
    const going = await make('Going', other, { labels: { shop: 'eu' }, metricName: 'going' });
    expect(await controller('going')).toBeGreaterThan(0);
    await metricStore.saved.remove(operator, other);
    await expect(controller('going')).rejects.toThrow('NotFound: The saved query is gone.');
    await capacity.remove(operator, going);
  });
});

describe('what is refused', () => {
  test.each([
    ['nothing', {}, 401, 'Unauthorized'],
    ['a wrong key', bearer('wh_nonsense'), 401, 'Unauthorized'],
  ])('%s as credentials: a Status', async (_name, headers, code, reason) => {
    const answer = await call(`${GROUP}/namespaces/shop/orders`, {
      headers: headers as Record<string, string>,
    });
    expect(answer.status).toBe(code);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    expect(await answer.json()).toMatchObject({ kind: 'Status', reason, code });
  });
  test('unknown and senseless names, selectors that are none', async () => {
    for (const name of ['nothing', 'orders-ahead-ahead', 'Orders'])
      await expect(controller(name)).rejects.toThrow('NotFound: There is no metric');
    await expect(controller('x'.repeat(90))).rejects.toThrow('BadRequest');
    await expect(controller('orders', 'a=b=c')).rejects.toThrow('BadRequest: labelSelector');
  });
  test('an amount, which depends on how long one looks', async () => {
    const counted = await save('counted', 'orders_per_second', 'count');
    const create = make('Counted', counted, { labels: { shop: 'eu' }, metricName: 'counted' });
    await expect(create).rejects.toThrow(/use a rate, a mean/);
  });
  test('a name that another resource has, also at the same moment, and without a trace', async () => {
    const two = await Promise.allSettled(
      ['First', 'Second'].map((name) =>
        make(name, savedId, { labels: { shop: 'eu' }, metricName: 'same' }),
      ),
    );
    expect(two.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const answer = await call(
      '/api/trpc/capacity.update',
      json(keys.operator, { id, metricName: 'same' }),
    );
    expect(answer.status).toBe(400);
    expect((await answer.json()).error.data.fields).toEqual([
      { path: 'metricName', message: 'Another resource is read as same already' },
    ]);
    expect(await controller('orders')).toBeGreaterThan(0);
  });
});
