import { Writable } from 'node:stream';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { createMetrics } from '../platform/metrics.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { createChannelSchema } from './contract.ts';
import { httpReceiver, refuse, services, smtpReceiver } from './senders/receivers.suite.ts';
import { createNotify } from './service.ts';

const system = await testHost();
const { call, keys, runtime } = system;
const { db, notify } = runtime;
const slack = await httpReceiver(services.slack);
const hook = await httpReceiver(services.webhook);
const SECRETS = [
  'tokentoken',
  'hunter22secret',
  'Q'.repeat(32),
  'a secret of mine'.replaceAll(' ', '-'),
];

const post = async (name: string, body: unknown, key = keys.admin) => {
  const answer = await call(`/api/trpc/${name}`, json(key, body));
  const { result, error } = await answer.json();
  return { status: answer.status, data: result?.data, error: error?.data, message: error?.message };
};
const get = async (name: string, input: unknown = {}, key = keys.viewer) => {
  const query = encodeURIComponent(JSON.stringify(input));
  const answer = await call(`/api/trpc/${name}?input=${query}`, { headers: bearer(key) });
  const { result, error } = await answer.json();
  return { status: answer.status, data: result?.data, error: error?.data };
};
const message = (more: object = {}) => ({
  key: `k${Math.random()}`,
  kind: 'trigger' as const,
  thread: 't',
  severity: 'critical' as const,
  title: 'api is down',
  text: 'It does not answer.',
  facts: [],
  at: new Date().toISOString(),
  href: '/incidents',
  ...more,
});

describe('channels', () => {
  test('are made by an admin, and seen by a viewer without a secret', async () => {
    const made = [
      { name: 'Slack', kind: 'slack', url: slack.url },
      {
        name: 'Mail',
        kind: 'email',
        to: ['ops@example.com'],
        from: 'wh@example.com',
        host: 'mail.example.com',
        username: 'wheelhouse',
        password: SECRETS[1],
      },
      { name: 'Pager', kind: 'pagerduty', routingKey: SECRETS[2] },
      { name: 'Hook', kind: 'webhook', url: hook.url, secret: SECRETS[3] },
      { name: 'Hook with a secret of ours', kind: 'webhook', url: hook.url },
    ];
    const answers = [];
    for (const input of made) answers.push(await post('notify.channels.create', input));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers.map(({ data }) => typeof data.secret)).toEqual([
      ...Array(4).fill('undefined'),
      'string',
    ]);
    const ours = String(answers[4]?.data.secret);
    expect(ours).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { status, data } = await get('notify.channels.list', { limit: 200 });
    expect(status).toBe(200);
    expect(data.items).toHaveLength(5);
    expect(data.items[0]).toMatchObject({
      name: 'Slack',
      kind: 'slack',
      enabled: true,
      minSeverity: 'warning',
      settings: { url: `127.0.0.1:${slack.port}/…` },
      lastDeliveryAt: null,
      lastError: null,
      deadCount: 0,
      pendingCount: 0,
    });
    await post('notify.channels.update', { id: data.items[3].id, secret: `${SECRETS[3]}-2` });
    await post('notify.channels.remove', { id: data.items[2].id });
    const audit = await get('audit.list', { limit: 200 }, keys.admin);
    const stored = await db.prisma.channel.findMany();
    const seen = JSON.stringify([data, audit.data, stored]);
    for (const secret of [...SECRETS, ours]) expect(seen).not.toContain(secret);
    expect(audit.data.items.map(({ action }: { action: string }) => action)).toEqual(
      expect.arrayContaining([
        'notify.channels.create',
        'notify.channels.update',
        'notify.channels.remove',
      ]),
    );
  });
  test.each(['viewer', 'operator'] as const)(
    'a %s may not make, change or test one',
    async (role) => {
      const [{ id } = { id: '' }] = (await get('notify.channels.list')).data.items;
      for (const name of ['create', 'update', 'remove', 'test']) {
        const { status } = await post(`notify.channels.${name}`, { id }, keys[role]);
        expect([name, status]).toEqual([name, 403]);
      }
    },
  );
  test('a viewer may neither send again nor let go; an operator may', async () => {
    const id = '01a1fc6f-0000-7000-8000-000000000000';
    for (const name of ['notify.resend', 'notify.cancel']) {
      expect((await post(name, { id }, keys.viewer)).status).toBe(403);
      expect((await post(name, { id }, keys.operator)).status).toBe(404);
    }
  });
  test('faults are told at their fields', async () => {
    const missing = await post('notify.channels.create', { name: 'x', kind: 'slack' });
    expect(missing.error.fields).toEqual([
      { path: 'url', message: 'Enter a URL that starts with https:// or http://' },
    ]);
    const metadata = await post('notify.channels.create', {
      name: 'x',
      kind: 'webhook',
      url: 'http://169.254.169.254/latest',
    });
    expect([metadata.status, metadata.error.fields[0].path]).toEqual([400, 'url']);
    const kind = await post('notify.channels.create', { name: 'x', kind: 'fax' });
    expect(kind.message).toContain('kind is one of slack, email, pagerduty, webhook');
    const [{ id } = { id: '' }] = (await get('notify.channels.list')).data.items;
    const foreign = await post('notify.channels.update', { id, routingKey: 'Q'.repeat(32) });
    expect([foreign.status, foreign.error.fields[0].path]).toEqual([400, 'routingKey']);
  });
  test('a test says how it went, and is in the list', async () => {
    const { data } = await post('notify.channels.create', {
      name: 'Tested',
      kind: 'slack',
      url: slack.url,
      enabled: false,
    });
    const { id } = data;
    slack.answerNext(refuse(404, 'no_service'));
    const bad = await post('notify.channels.test', { id });
    expect(bad.data).toMatchObject({ delivered: false, status: 404, detail: '404 no_service' });
    const good = await post('notify.channels.test', { id });
    expect(good.data).toMatchObject({ delivered: true, status: 200, tookMs: expect.any(Number) });
    const { items } = (await get('notify.deliveries', { channelId: id })).data;
    expect(items).toMatchObject([
      { kind: 'test', status: 'delivered', channelName: 'Tested', lastStatus: 200 },
      { kind: 'test', status: 'dead', lastError: '404 no_service', lastStatus: 404 },
    ]);
    const listed = (await get('notify.channels.list', { limit: 200 })).data.items;
    const channel = listed.find((each: { id: string }) => each.id === id);
    expect(channel).toMatchObject({ deadCount: 0, pendingCount: 0 });
    expect(channel.lastDeliveryAt).not.toBeNull();
  });
});

describe('deliveries', () => {
  test('are paged and filtered; what is dead is sent again, which is in the audit log', async () => {
    await db.prisma.channel.deleteMany();
    const { data } = await post('notify.channels.create', {
      name: 'Hook',
      kind: 'webhook',
      url: hook.url,
    });
    for (let n = 0; n < 5; n++) {
      hook.answerNext(refuse(n === 2 ? 400 : 200));
      await db.tx((tx) => notify.enqueue(tx, message({ thread: `t${n}`, title: `message ${n}` })));
      await notify.tick();
    }
    const first = (await get('notify.deliveries', { limit: 3 })).data;
    const second = (await get('notify.deliveries', { limit: 3, cursor: first.nextCursor })).data;
    expect([...first.items, ...second.items]).toHaveLength(5);
    expect(second.nextCursor).toBeNull();
    const dead = (await get('notify.deliveries', { status: 'dead' })).data.items;
    expect(dead).toMatchObject([
      {
        channelId: data.id,
        channelName: 'Hook',
        kind: 'trigger',
        title: 'message 2',
        attempts: 1,
        lastStatus: 400,
        maybeTwice: false,
        foldedInto: null,
        href: '/incidents',
      },
    ]);
    const figures = (await get('notify.channels.list')).data.items[0];
    expect(figures).toMatchObject({ deadCount: 1, pendingCount: 0, lastError: '400' });
    expect((await post('notify.resend', { id: dead[0].id }, keys.operator)).status).toBe(200);
    await notify.tick();
    expect((await post('notify.resend', { id: dead[0].id }, keys.operator)).status).toBe(409);
    expect((await post('notify.cancel', { id: dead[0].id }, keys.operator)).status).toBe(409);
    const entries = (await get('audit.list', { action: 'notify.resend' }, keys.admin)).data.items;
    expect(entries[0]).toMatchObject({ target: { name: 'message 2 to Hook' } });
    expect((await get('notify.deliveries', { status: 'dead' })).data.items).toEqual([]);
  });
  test('counters tell how attempts ended', async () => {
    const text = await runtime.metrics.registry.metrics();
    expect(text).toMatch(/wheelhouse_notify_deliveries_total\{kind="webhook",outcome="dead"\} 1/);
    expect(text).toMatch(/wheelhouse_notify_outbox\{state="pending"\}/);
  });
});

test('no secret reaches a log line or a stored error', async () => {
  const lines: string[] = [];
  const log = pino(
    { level: 'trace' },
    new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    }),
  );
  const metrics = createMetrics({ version: 'test', clock: runtime.clock });
  const own = createNotify({ ...runtime, guardOf: runtime.breakers.guard, log, metrics });
  const guarded = await smtpReceiver({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, callback) => callback(new Error(`wrong: ${password}`)),
  });
  await db.prisma.channel.deleteMany();
  // Receivers that tell back what they were sent.
  slack.answerNext((response, { path }) => response.writeHead(404).end(`no ${path}`));
  hook.answerNext((response, { body }) => response.writeHead(400).end(`bad ${body.routing_key}`));
  for (const input of [
    { kind: 'slack', url: slack.url },
    { kind: 'pagerduty', url: hook.url, routingKey: SECRETS[2] },
    {
      kind: 'email',
      to: ['a@example.com'],
      from: 'b@example.com',
      smtpUrl: `smtp://user:${SECRETS[1]}@127.0.0.1:${guarded.port}`,
    },
  ]) {
    await own.channels.create(testAuthority, createChannelSchema.parse({ name: 'x', ...input }));
  }
  await db.tx((tx) => own.enqueue(tx, message()));
  expect(await own.tick()).toBe(3);
  const stored = await db.prisma.delivery.findMany();
  expect(stored.map(({ status }) => status)).toEqual(['dead', 'dead', 'dead']);
  expect(lines.length).toBe(3);
  for (const secret of SECRETS)
    expect(lines.join('') + JSON.stringify(stored)).not.toContain(secret);
});
