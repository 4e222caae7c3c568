/** Alertmanager's webhook over real HTTP on a real PostgreSQL: opens, repeats, resolves, and what is refused. */
import { describe, expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';

const clock = manualClock('2026-03-02T08:10:00Z');
const { call, keys, runtime, session, url } = await testHost({ clock });
const { incidents, db, notify } = runtime;
const { key, id: keyId } = await runtime.keys.create(testAuthority, {
  name: 'alertmanager',
  role: 'viewer',
  scopes: ['webhook'],
});
await notify.channels.create(testAuthority, {
  name: 'hook',
  kind: 'webhook',
  url: 'http://127.0.0.1:9/',
  enabled: true,
  minSeverity: 'info',
});
const path = '/api/webhooks/alertmanager';

let count = 0;
const alert = (more: object = {}) => ({
  status: 'firing',
  labels: { alertname: 'Down', severity: 'critical', instance: `i${count}` },
  annotations: { summary: `Host i${count} is down` },
  startsAt: '2026-03-02T08:00:00Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: 'http://prometheus:9090/graph',
  fingerprint: `f${count}`,
  ...more,
});
const fresh = () => {
  count += 1;
  return alert();
};
const payload = (alerts: unknown[], more: object = {}) => ({
  version: '4',
  groupKey: '{}:{alertname="Down"}',
  truncatedAlerts: 0,
  status: 'firing',
  receiver: 'wheelhouse',
  groupLabels: { alertname: 'Down' },
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://alertmanager:9093',
  notification_reason: 'firing',
  alerts,
  ...more,
});
const send = async (alerts: unknown[], more: object = {}) => {
  const answer = await call(path, json(key, payload(alerts, more)));
  return { status: answer.status, body: await answer.json() };
};
const of = async (fingerprint: string) =>
  (
    await db.prisma.incident.findMany({
      where: { key: `alert:${fingerprint}` },
      orderBy: { id: 'asc' },
      select: { id: true },
    })
  ).map(({ id }) => id);
const told = async (thread: string) =>
  (
    await db.prisma.delivery.findMany({
      where: { thread },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      select: { kind: true },
    })
  ).map(({ kind }) => kind);

describe('one alert', () => {
  test('opens one incident, says nothing twice, resolves it, and opens a new one the next time', async () => {
    const down = fresh();
    const first = await send([down]);
    expect(first).toEqual({
      status: 200,
      body: {
        received: 1,
        truncatedAlerts: 0,
        outcomes: { opened: 1, updated: 0, unchanged: 0, resolved: 0, ignored: 0 },
        rejected: [],
      },
    });
    const [id = ''] = await of(down.fingerprint);
    const detail = await incidents.get(id);
    expect(detail).toMatchObject({
      title: 'Host i1 is down',
      status: 'open',
      severity: 'critical',
      source: 'alertmanager',
      targetId: null,
      startedAt: '2026-03-02T08:00:00.000Z',
      detectMs: 600_000,
    });
    expect(detail.timeline[0]).toMatchObject({
      kind: 'opened',
      detail: 'Down: Host i1 is down',
      data: { facts: expect.arrayContaining([{ label: 'instance', value: 'i1' }]) },
    });
    expect(await told(id)).toEqual(['trigger']);

    for (let n = 0; n < 3; n++) expect((await send([down])).body.outcomes.unchanged).toBe(1);
    expect((await incidents.get(id)).timeline).toHaveLength(detail.timeline.length);

    const changed = { ...down, annotations: { summary: 'Host i1 is down, disk full' } };
    expect((await send([changed])).body.outcomes.updated).toBe(1);
    expect((await send([changed])).body.outcomes.unchanged).toBe(1);
    expect((await incidents.get(id)).timeline.at(-1)).toMatchObject({
      kind: 'updated',
      detail: 'Down: Host i1 is down, disk full',
    });

    const over = { ...changed, status: 'resolved', endsAt: '2026-03-02T08:20:00Z' };
    expect((await send([over])).body.outcomes.resolved).toBe(1);
    expect((await send([over])).body.outcomes.ignored).toBe(1);
    expect(await incidents.get(id)).toMatchObject({ status: 'resolved', resolvedBy: null });
    expect(await told(id)).toEqual(['trigger', 'resolve']);

    clock.advance(30 * 60_000);
    const again = { ...down, startsAt: '2026-03-02T08:30:00Z' };
    expect((await send([again])).body.outcomes.opened).toBe(1);
    expect(await of(down.fingerprint)).toHaveLength(2);
    // Late news of the outage before.
    expect((await send([over])).body.outcomes.ignored).toBe(1);
    const actions = await db.prisma.auditEntry.findMany({
      where: { actorId: keyId },
      orderBy: { seq: 'asc' },
      select: { action: true, rule: true, targetId: true },
    });
    expect(actions.slice(0, 2)).toEqual([
      { action: 'alerts.open', rule: 'scope:webhook', targetId: id },
      { action: 'alerts.resolve', rule: 'scope:webhook', targetId: id },
    ]);
  });

  test('that a person resolved stays resolved for the same outage only', async () => {
    const down = fresh();
    await send([down]);
    const [id = ''] = await of(down.fingerprint);
    await incidents.resolve(testAuthority, { id, note: 'known' });
    expect((await send([down])).body.outcomes.ignored).toBe(1);
    expect((await send([{ ...down, startsAt: '2026-03-02T08:05:00Z' }])).body.outcomes.opened).toBe(
      1,
    );
    expect(await of(down.fingerprint)).toHaveLength(2);
  });

  test('that is acknowledged is still resolved by Alertmanager', async () => {
    const down = fresh();
    await send([down]);
    const [id = ''] = await of(down.fingerprint);
    await incidents.acknowledge(testAuthority, id);
    await send([{ ...down, status: 'resolved', endsAt: '2026-03-02T08:11:00Z' }]);
    expect((await incidents.get(id)).status).toBe('resolved');
  });

  test('sent by several at the same moment makes one incident and one message', async () => {
    const down = fresh();
    const answers = await Promise.all(Array.from({ length: 8 }, () => send([down])));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(answers.reduce((sum, { body }) => sum + body.outcomes.opened, 0)).toBe(1);
    const ids = await of(down.fingerprint);
    expect(ids).toHaveLength(1);
    expect(await told(ids[0] ?? '')).toEqual(['trigger']);
  });
});

describe('one message', () => {
  test('holds alerts that fire, that are over and that nobody can read', async () => {
    const [a, b, c] = [fresh(), fresh(), fresh()];
    await send([a]);
    const { status, body } = await send(
      [
        { ...a, status: 'resolved', endsAt: '2026-03-02T08:12:00Z' },
        { ...b, status: 'on fire' },
        null,
        b,
        { ...c, status: 'resolved', endsAt: '2026-03-02T08:12:00Z' },
        { ...b, labels: {} },
      ],
      { truncatedAlerts: 7 },
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({
      received: 6,
      truncatedAlerts: 7,
      outcomes: { opened: 1, resolved: 1, ignored: 1, updated: 0, unchanged: 0 },
    });
    expect(body.rejected.map((one: { index: number }) => one.index)).toEqual([1, 2, 5]);
    expect(body.rejected[0]).toMatchObject({
      fingerprint: b.fingerprint,
      reason: 'status: firing or resolved',
    });
    const [id = ''] = await of(b.fingerprint);
    expect((await incidents.get(id)).timeline[0]?.data).toMatchObject({
      facts: expect.arrayContaining([
        { label: 'Left out', value: '7 more alerts of this group were not sent' },
      ]),
    });
  });

  test('with the same alert twice ends as the last one says', async () => {
    const down = fresh();
    const over = { ...down, status: 'resolved', endsAt: '2026-03-02T08:12:00Z' };
    const { body } = await send([down, over]);
    expect(body.outcomes).toMatchObject({ opened: 1, resolved: 1 });
    const [id = ''] = await of(down.fingerprint);
    expect((await incidents.get(id)).status).toBe('resolved');
  });

  test('of 500 alerts opens 500 incidents', async () => {
    const many = Array.from({ length: 500 }, (_, n) => alert({ fingerprint: `many${n}` }));
    const { body } = await send(many);
    expect(body.outcomes.opened).toBe(500);
    expect((await send(many)).body.outcomes.unchanged).toBe(500);
    const over = many.map((one) => ({
      ...one,
      status: 'resolved',
      endsAt: '2026-03-02T08:12:00Z',
    }));
    expect((await send(over)).body.outcomes.resolved).toBe(500);
  });

  test('without alerts is a message all the same', async () => {
    expect((await send([])).status).toBe(200);
  });
});

describe('refused', () => {
  const status = async (init: RequestInit) => (await call(path, init)).status;

  test('without a key, with a session, with a key that lacks the scope', async () => {
    const body = JSON.stringify(payload([fresh()]));
    const headers = { 'content-type': 'application/json' };
    expect(await status({ method: 'POST', headers, body })).toBe(401);
    const { cookie } = await session();
    expect(
      await status({ method: 'POST', headers: { ...headers, cookie, origin: url }, body }),
    ).toBe(401);
    expect(
      await status({ method: 'POST', headers: { ...headers, ...bearer('nonsense') }, body }),
    ).toBe(401);
    for (const role of ['viewer', 'admin'] as const) {
      expect(await status(json(keys[role], body))).toBe(403);
    }
    expect(await of(`f${count}`)).toEqual([]);
  });

  test.each([
    ['text that is no JSON', '{"alerts":', 400],
    ['a list', '[]', 400],
    ['null', 'null', 400],
    ['nothing', '', 400],
    ['no alerts', '{"version":"4"}', 400],
    ['another version', '{"version":"3","alerts":[]}', 400],
    ['only alerts that nobody can read', '{"version":"4","alerts":[1,{}]}', 400],
    ['a way into prototypes', '{"__proto__":{"x":1},"alerts":[]}', 400],
    ['more than 1 MiB', `{"alerts":["${'x'.repeat(1024 * 1024)}"]}`, 413],
  ])('%s', async (_name, body, expected) => {
    const answer = await call(path, json(key, body));
    expect(answer.status).toBe(expected);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect((await answer.json()).detail).not.toBe('');
  });

  test('another content type, another method', async () => {
    const form = { ...bearer(key), 'content-type': 'application/x-www-form-urlencoded' };
    expect(await status({ method: 'POST', headers: form, body: 'a=b' })).toBe(415);
    expect(await status({ headers: bearer(key) })).toBe(404);
  });

  test('control characters and broken Unicode are cleaned, not stored', async () => {
    const odd = { ...fresh(), annotations: { summary: 'a\u0000b\ud800c\nd' } };
    expect((await send([odd])).status).toBe(200);
    const [id = ''] = await of(odd.fingerprint);
    expect((await incidents.get(id)).title).toBe('a b\ufffdc d');
  });
});

test('what came in is counted', async () => {
  const text = await (await call('/metrics')).text();
  expect(text).toMatch(/^wheelhouse_alerts_received_total\{outcome="opened"\} \d+$/m);
  expect(text).toMatch(/^wheelhouse_alerts_received_total\{outcome="rejected"\} \d+$/m);
});
