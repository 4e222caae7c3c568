import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { createMetrics } from '../platform/metrics.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { createChannelSchema, type NotifyMessage, type Severity } from './contract.ts';
import { cloudEventFaults, pagerDutyFaults, slackFaults } from './senders/payloads.suite.ts';
import { httpReceiver, refuse, services, smtpReceiver } from './senders/receivers.suite.ts';
import { createNotify } from './service.ts';

const clock = manualClock('2026-06-01T08:00:00Z');
const runtime = await testRuntime({ clock });
const { db, notify } = runtime;
const slack = await httpReceiver(services.slack);
const pager = await httpReceiver(services.pagerduty);
const hook = await httpReceiver(services.webhook);
const mail = await smtpReceiver();

/** Another process on the same database. */
const replica = (http = runtime.http) =>
  createNotify({ ...runtime, http, metrics: createMetrics({ version: 'test', clock }) });
const create = (input: object) =>
  notify.channels.create(testAuthority, createChannelSchema.parse({ name: 'Test', ...input }));
const toSlack = (more: object = {}) => create({ kind: 'slack', url: slack.url, ...more });
const toPager = (more: object = {}) =>
  create({ kind: 'pagerduty', routingKey: 'A'.repeat(32), url: pager.url, ...more });
const toHook = (more: object = {}) => create({ kind: 'webhook', url: hook.url, ...more });
const toMail = (more: object = {}) =>
  create({
    kind: 'email',
    to: ['ops@example.com'],
    from: 'Wheelhouse <wh@example.com>',
    host: '127.0.0.1',
    port: mail.port,
    ...more,
  });

let serial = 0;
const message = (more: Partial<NotifyMessage> = {}): NotifyMessage => ({
  key: `event-${serial++}`,
  kind: 'trigger',
  thread: 'incident-1',
  severity: 'critical',
  title: `api is down ${serial}`,
  text: 'Three checks in a row failed.',
  facts: [{ label: 'Target', value: 'api' }],
  at: clock.now().toISOString(),
  href: '/incidents/detail?id=1',
  ...more,
});
const enqueue = (more: Partial<NotifyMessage> = {}) => {
  // Those of one millisecond have no order among threads.
  clock.advance(1);
  return db.tx((tx) => notify.enqueue(tx, message(more)));
};
const rows = async () => (await notify.deliveries.list({ limit: 200 })).items.reverse();
const statuses = async () => (await rows()).map(({ kind, status }) => `${kind} ${status}`);
const minutes = (n: number) => n * 60_000;
/** Lets `ms` pass as the poll would see it. */
async function pass(ms: number, step = 5_000) {
  for (let left = ms; left > 0; left -= step) {
    clock.advance(Math.min(step, left));
    await notify.tick();
  }
}

beforeEach(async () => {
  await db.prisma.channel.deleteMany();
  for (const receiver of [slack, pager, hook]) {
    receiver.clear();
    receiver.answerAlways(null);
  }
  mail.mails.length = 0;
});

describe('queueing', () => {
  test('goes to enabled channels that want the severity, once an event', async () => {
    await toHook({ name: 'all', minSeverity: 'info' });
    await toHook({ name: 'critical', minSeverity: 'critical' });
    await toHook({ name: 'off', enabled: false });
    expect(await enqueue({ severity: 'warning', key: 'same' })).toBe(1);
    expect(await enqueue({ severity: 'warning', key: 'same' })).toBe(0);
    expect(await enqueue({ severity: 'critical', thread: 'incident-2' })).toBe(2);
    const names = (await rows()).map(({ channelName }) => channelName);
    expect(names.sort()).toEqual(['all', 'all', 'critical']);
  });
  test('is undone with the transaction that it is part of', async () => {
    await toHook();
    const failed = db.tx(async (tx) => {
      expect(await notify.enqueue(tx, message())).toBe(1);
      throw new Error('the change did not work out');
    });
    await expect(failed).rejects.toThrow('did not work out');
    expect(await rows()).toEqual([]);
  });
  test('what follows goes to the channels of the trigger, whatever its severity', async () => {
    await toHook({ name: 'told', minSeverity: 'critical' });
    await enqueue();
    await toHook({ name: 'came later', minSeverity: 'info' });
    for (const kind of ['update', 'acknowledge', 'resolve'] as const) {
      expect(await enqueue({ kind, severity: 'info' })).toBe(1);
    }
    expect(await enqueue({ kind: 'resolve', thread: 'never opened' })).toBe(0);
    expect(new Set((await rows()).map(({ channelName }) => channelName))).toEqual(
      new Set(['told']),
    );
  });
  test('a channel that was first told by an escalation gets the resolve', async () => {
    await toPager({ minSeverity: 'critical' });
    expect(await enqueue({ severity: 'warning' })).toBe(0);
    expect(await enqueue({ kind: 'escalate', severity: 'critical' })).toBe(1);
    expect(await enqueue({ kind: 'resolve', severity: 'warning' })).toBe(1);
  });
  test('a resolve waits for a channel that is disabled meanwhile', async () => {
    const { id } = await toPager();
    await enqueue();
    await notify.tick();
    await notify.channels.update(testAuthority, { id, enabled: false });
    expect(await enqueue({ kind: 'update' })).toBe(0);
    expect(await enqueue({ kind: 'resolve' })).toBe(1);
    expect(await notify.tick()).toBe(0);
    await notify.channels.update(testAuthority, { id, enabled: true });
    await notify.tick();
    expect(pager.received.map(({ body }) => body.event_action)).toEqual(['trigger', 'resolve']);
  });
  test('holds what PostgreSQL could not', async () => {
    await toHook();
    const odd = 'a\u0000b\ud800';
    const long = 'x'.repeat(50_000);
    await enqueue({
      title: odd,
      text: long,
      key: long,
      thread: long,
      facts: [{ label: odd, value: odd }],
    });
    await notify.tick();
    expect(cloudEventFaults(hook.received[0]?.body)).toEqual([]);
  });
});

describe('delivery', () => {
  test('each receiver gets what it documents, exactly once and in order', async () => {
    await Promise.all([toSlack(), toPager(), toHook(), toMail()]);
    const kinds = ['trigger', 'acknowledge', 'update', 'resolve'] as const;
    for (const kind of kinds) await enqueue({ kind, title: `now ${kind}` });
    expect(await notify.tick()).toBe(16);
    expect(await notify.tick()).toBe(0);
    expect(new Set((await rows()).map(({ status }) => status))).toEqual(new Set(['delivered']));
    expect(slack.received.map(({ body }) => body.text)).toEqual(
      kinds.map((kind) => `[critical] now ${kind}`),
    );
    expect(slack.received.flatMap(({ body }) => slackFaults(body))).toEqual([]);
    expect(pager.received.flatMap(({ body }) => pagerDutyFaults(body))).toEqual([]);
    expect(pager.received.map(({ body }) => [body.event_action, body.dedup_key])).toEqual([
      ['trigger', 'wheelhouse:incident-1'],
      ['acknowledge', 'wheelhouse:incident-1'],
      ['trigger', 'wheelhouse:incident-1'],
      ['resolve', 'wheelhouse:incident-1'],
    ]);
    expect(hook.received.flatMap(({ body }) => cloudEventFaults(body))).toEqual([]);
    expect(hook.received.map(({ body }) => body.type)).toEqual(
      kinds.map((kind) => `dev.wheelhouse.incident.${kind}`),
    );
    expect(mail.mails.map(({ subject }) => subject)).toEqual(
      kinds.map((kind) => `[critical] now ${kind}`),
    );
  });
  test('mails of a thread answer its first', async () => {
    await toMail({ to: ['a@example.com', 'b@example.com'] });
    for (const kind of ['trigger', 'update', 'resolve'] as const) await enqueue({ kind });
    await notify.tick();
    const [first, ...later] = mail.mails;
    expect(first?.recipients).toEqual(['a@example.com', 'b@example.com']);
    expect(first?.from).toMatchObject({ name: 'Wheelhouse', address: 'wh@example.com' });
    expect(first?.messageId).toMatch(/^<[0-9a-f-]{36}@localhost>$/);
    expect(later.map(({ inReplyTo, references }) => [inReplyTo, references])).toEqual([
      [first?.messageId, first?.messageId],
      [first?.messageId, first?.messageId],
    ]);
  });
  test('the order of a thread is that of queueing, also within a millisecond', async () => {
    await toHook();
    await db.tx(async (tx) => {
      for (let n = 0; n < 20; n++) {
        await notify.enqueue(tx, message({ kind: n === 0 ? 'trigger' : 'update', title: `${n}` }));
      }
    });
    await notify.tick();
    expect(hook.received.map(({ body }) => body.data.title)).toEqual(
      Array.from({ length: 20 }, (_, n) => `${n}`),
    );
  });
  test('the webhook is signed', async () => {
    const { secret } = await toHook();
    await enqueue();
    await notify.tick();
    const [event] = hook.received;
    if (!event) throw new Error('nothing came');
    const { headers, text, body } = event;
    expect(headers['content-type']).toBe('application/cloudevents+json');
    expect(headers['webhook-id']).toBe(body.id);
    const key = Buffer.from(secret?.slice('whsec_'.length) ?? '', 'base64');
    expect(key).toHaveLength(32);
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
    expect(headers['webhook-signature']).toBe(
      `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
    );
  });
  test('mail is sent with user name and password, and a wrong password is dead at once', async () => {
    const seen: string[] = [];
    const guarded = await smtpReceiver({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth({ username, password }, _session, callback) {
        seen.push(`${username}:${password}`);
        if (password === 'hunter22') callback(null, { user: username });
        else callback(new Error('Invalid username or password'));
      },
    });
    const smtpUrl = (password: string) => `smtp://user:${password}@127.0.0.1:${guarded.port}`;
    await create({
      kind: 'email',
      to: ['a@b.example'],
      from: 'wh@b.example',
      smtpUrl: smtpUrl('hunter22'),
    });
    await enqueue();
    await notify.tick();
    expect([seen, guarded.mails.length]).toEqual([['user:hunter22'], 1]);
    await create({
      kind: 'email',
      to: ['a@b.example'],
      from: 'wh@b.example',
      smtpUrl: smtpUrl('wrong-one'),
    });
    await enqueue({ thread: 'incident-2' });
    await notify.tick();
    const dead = (await rows()).find(({ status }) => status === 'dead');
    expect(dead).toMatchObject({ lastStatus: 535, attempts: 1 });
    expect(JSON.stringify(dead)).not.toContain('wrong-one');
  });
  test('a recipient that the server does not know is dead at once; one of two is noted', async () => {
    const picky = await smtpReceiver({
      onRcptTo({ address }, _session, callback) {
        const unknown = Object.assign(new Error('No such user'), { responseCode: 550 });
        callback(address.startsWith('nobody') ? unknown : null);
      },
    });
    await toMail({ port: picky.port, to: ['nobody@example.com'] });
    await enqueue();
    await notify.tick();
    expect(await rows()).toMatchObject([{ status: 'dead', lastStatus: 550, attempts: 1 }]);
    await db.prisma.channel.deleteMany();
    const { id } = await toMail({ port: picky.port, to: ['nobody@example.com', 'a@example.com'] });
    expect(await notify.channels.test(testAuthority, id)).toMatchObject({
      delivered: true,
      detail: expect.stringContaining('1 of 2 recipients refused'),
    });
  });
  test('STARTTLS that is asked for and not there is an error, not plain text', async () => {
    await toMail({ secure: 'starttls' });
    await enqueue();
    await notify.tick();
    expect(mail.mails).toEqual([]);
    expect(await rows()).toMatchObject([{ status: 'pending', attempts: 1 }]);
  });
});

describe('failures', () => {
  test('429 with Retry-After is honoured', async () => {
    await toSlack();
    slack.answerNext(refuse(429, 'rate_limited', { 'retry-after': '90' }));
    await enqueue();
    await notify.tick();
    const due = new Date(clock.now().getTime() + 90_000).toISOString();
    expect(await rows()).toMatchObject([
      { status: 'pending', lastStatus: 429, attempts: 1, nextAttemptAt: due },
    ]);
    clock.advance(89_000);
    expect(await notify.tick()).toBe(0);
    clock.advance(1_000);
    expect(await notify.tick()).toBe(1);
    expect(await statuses()).toEqual(['trigger delivered']);
  });
  test('5xx is tried again with growing pauses, and dead after 25 times', async () => {
    await toHook();
    hook.answerAlways(refuse(503));
    await enqueue();
    await notify.tick();
    for (const seconds of [5, 15, 45, 135, 405, 900]) {
      const [{ nextAttemptAt } = { nextAttemptAt: '' }] = await rows();
      const wait = Date.parse(nextAttemptAt) - clock.now().getTime();
      expect(wait).toBeGreaterThanOrEqual(seconds * 800);
      expect(wait).toBeLessThanOrEqual(seconds * 1_200);
      clock.advance(wait);
      await notify.tick();
    }
    for (let n = 0; n < 18; n++) {
      clock.advance(minutes(18));
      await notify.tick();
    }
    expect(await rows()).toMatchObject([{ status: 'dead', attempts: 25, lastStatus: 503 }]);
    expect(hook.received).toHaveLength(25);
    expect(new Set(hook.received.map(({ body }) => body.id)).size).toBe(1);
  });
  test.each([
    ['slack', 404, 'dead'],
    ['slack', 400, 'dead'],
    ['slack', 500, 'pending'],
    ['pagerduty', 400, 'dead'],
    ['pagerduty', 429, 'pending'],
    ['webhook', 401, 'dead'],
    ['webhook', 408, 'pending'],
    ['webhook', 425, 'pending'],
    ['webhook', 302, 'pending'],
  ] as const)('%s %i: %s', async (kind, status, expected) => {
    const [make, receiver] = {
      slack: [toSlack, slack] as const,
      pagerduty: [toPager, pager] as const,
      webhook: [toHook, hook] as const,
    }[kind];
    await make();
    receiver.answerNext(refuse(status, 'no'));
    await enqueue();
    await notify.tick();
    expect(await rows()).toMatchObject([{ status: expected, lastStatus: status, attempts: 1 }]);
  });
  test('200 without ok is no delivery for Slack', async () => {
    await toSlack();
    slack.answerNext(refuse(200, '<html>Sign in to the network</html>'));
    await enqueue();
    await notify.tick();
    expect(await rows()).toMatchObject([{ status: 'pending', attempts: 1 }]);
  });
  test('mail that is down for ten minutes arrives afterwards, in order and once', async () => {
    const server = await smtpReceiver();
    await toMail({ port: server.port });
    await server.stop();
    await enqueue({ title: 'first' });
    await notify.tick();
    await enqueue({ kind: 'resolve', title: 'second' });
    await pass(minutes(10), 10_000);
    expect(await statuses()).toEqual(['trigger pending', 'resolve pending']);
    await server.start();
    await pass(minutes(20), 30_000);
    expect(server.mails.map(({ subject }) => subject)).toEqual([
      '[critical] first',
      '[critical] second',
    ]);
    expect(await statuses()).toEqual(['trigger delivered', 'resolve delivered']);
  });
  test('a dead trigger holds its resolve; sent again, both arrive in order', async () => {
    await toPager();
    pager.answerNext(refuse(400, '{"status":"invalid event"}'));
    await enqueue();
    await notify.tick();
    await enqueue({ kind: 'resolve' });
    await enqueue({ thread: 'incident-2' });
    await notify.tick();
    await pass(minutes(60), minutes(10));
    expect(await statuses()).toEqual(['trigger dead', 'resolve pending', 'trigger delivered']);
    const dead = (await rows()).find(({ status }) => status === 'dead');
    await notify.deliveries.resend(testAuthority, dead?.id ?? '');
    await notify.tick();
    expect(pager.received.map(({ body }) => body.event_action)).toEqual([
      'trigger',
      'trigger',
      'trigger',
      'resolve',
    ]);
    expect(await statuses()).toEqual([
      'trigger delivered',
      'resolve delivered',
      'trigger delivered',
    ]);
    await expect(notify.deliveries.resend(testAuthority, dead?.id ?? '')).rejects.toThrow(
      'Only a dead message',
    );
  });
  test('a dead one that is let go no longer holds the others', async () => {
    await toHook();
    hook.answerNext(refuse(410));
    await enqueue();
    await enqueue({ kind: 'update' });
    await notify.tick();
    const [dead] = await rows();
    await notify.deliveries.cancel(testAuthority, dead?.id ?? '');
    await notify.tick();
    expect(await statuses()).toEqual(['trigger cancelled', 'update delivered']);
  });
  test('one channel that hangs does not hold the others', async () => {
    const held: (() => void)[] = [];
    hook.answerAlways((response) => held.push(() => response.writeHead(204).end()));
    await toHook();
    await toPager();
    for (let n = 0; n < 12; n++) await enqueue({ thread: `incident-${n}` });
    const ticking = notify.tick();
    await expect.poll(() => pager.received.length, { timeout: 5_000 }).toBe(12);
    expect(hook.received).toHaveLength(2);
    hook.answerAlways(null);
    for (const answer of held) answer();
    expect(await ticking).toBe(24);
  });
});

describe('processes', () => {
  test('one that is killed while sending loses nothing: sent again with the same id', async () => {
    await toHook();
    const hanging = replica({ send: () => new Promise(() => undefined), close: async () => {} });
    await enqueue();
    void hanging.tick();
    await expect.poll(statuses).toEqual(['trigger sending']);
    expect(await notify.tick()).toBe(0);
    clock.advance(59_000);
    expect(await notify.tick()).toBe(0);
    clock.advance(2_000);
    expect(await notify.tick()).toBe(1);
    const [row] = await rows();
    expect(row).toMatchObject({ status: 'delivered', maybeTwice: true, attempts: 2 });
    expect(hook.received.map(({ body }) => body.id)).toEqual([row?.id]);
  });
  test('one that comes back late changes nothing', async () => {
    await toHook();
    let answer: (() => void) | undefined;
    const late = replica({
      send: (request) =>
        new Promise((resolve, reject) => {
          answer = () => runtime.http.send(request).then(resolve, reject);
        }),
      close: async () => {},
    });
    await enqueue();
    const ticking = late.tick();
    await expect.poll(() => answer !== undefined).toBe(true);
    clock.advance(61_000);
    await notify.tick();
    const before = await rows();
    hook.answerNext(refuse(400));
    answer?.();
    await ticking;
    expect(await rows()).toEqual(before);
    expect(before).toMatchObject([{ status: 'delivered', attempts: 2, maybeTwice: true }]);
  });
  test('two at once never send one message twice, and keep the order of threads', async () => {
    await Promise.all([toHook(), toPager()]);
    for (let n = 0; n < 40; n++) {
      const thread = `incident-${n % 10}`;
      await enqueue({ thread, kind: n < 10 ? 'trigger' : 'update', title: `${n}` });
    }
    const others = [replica(), replica()];
    await Promise.all([notify.tick(), ...others.map((other) => other.tick())]);
    await notify.tick();
    const ids = hook.received.map(({ body }) => body.id);
    expect([ids.length, new Set(ids).size, pager.received.length]).toEqual([40, 40, 40]);
    for (let thread = 0; thread < 10; thread++) {
      const titles = hook.received
        .filter(({ body }) => body.subject === `incident-${thread}`)
        .map(({ body }) => Number(body.data.title));
      expect(titles).toEqual(titles.toSorted((a, b) => a - b));
    }
    expect((await rows()).every(({ attempts, maybeTwice }) => attempts === 1 && !maybeTwice)).toBe(
      true,
    );
  });
  test('one that is started looks when another queues', async () => {
    await toHook();
    const other = replica();
    expect(await enqueue()).toBe(1);
    notify.wake();
    expect(hook.received).toEqual([]);
    other.start();
    await expect.poll(() => hook.received.length, { timeout: 5_000 }).toBe(1);
    await enqueue({ kind: 'update' });
    notify.wake();
    await expect.poll(() => hook.received.length, { timeout: 5_000 }).toBe(2);
    await other.close();
    await enqueue({ kind: 'resolve' });
    notify.wake();
    expect(await statuses()).toEqual(['trigger delivered', 'update delivered', 'resolve pending']);
  });
});

describe('rollup', () => {
  const burst = async (count: number, severity: Severity = 'error') => {
    for (let n = 0; n < count; n++) {
      await enqueue({ thread: `burst-${serial}`, title: `target ${n} is down`, severity });
    }
  };

  test('people get four, then one with the rest; pagers and programs get all at once', async () => {
    await Promise.all([toSlack(), toMail(), toPager(), toHook()]);
    await burst(10);
    await notify.tick();
    expect([slack, pager, hook].map(({ received }) => received.length)).toEqual([4, 10, 10]);
    expect(mail.mails).toHaveLength(4);
    clock.advance(minutes(4));
    await burst(2, 'critical');
    await notify.tick();
    expect(slack.received).toHaveLength(4);
    clock.advance(minutes(1));
    await notify.tick();
    expect(slack.received).toHaveLength(5);
    expect(mail.mails).toHaveLength(5);
    const rollup = slack.received[4]?.body;
    expect(slackFaults(rollup)).toEqual([]);
    expect(rollup.text).toBe('[critical] 8 more messages');
    expect(JSON.stringify(rollup).match(/• target/g)).toHaveLength(8);
    expect(mail.mails[4]?.text?.match(/^- target/gm)).toHaveLength(8);
    const slackRows = (await rows()).filter(({ channelKind }) => channelKind === 'slack');
    const folded = slackRows.filter(({ status }) => status === 'folded');
    const sent = slackRows.find(({ kind }) => kind === 'rollup');
    expect(folded).toHaveLength(8);
    expect(
      folded.every(({ foldedInto, deliveredAt }) => foldedInto === sent?.id && deliveredAt),
    ).toBe(true);
    expect(await notify.tick()).toBe(0);
  });
  test('ten minutes later messages go by themselves again', async () => {
    await toSlack();
    await burst(5);
    await notify.tick();
    clock.advance(minutes(5));
    await notify.tick();
    clock.advance(minutes(5));
    await burst(1);
    await notify.tick();
    expect(slack.received).toHaveLength(6);
  });
  test('a resolve never overtakes a trigger that is folded', async () => {
    await toSlack();
    await burst(4);
    await enqueue({ thread: 'folded', title: 'it opens' });
    await notify.tick();
    clock.advance(minutes(4));
    await enqueue({ thread: 'folded', kind: 'resolve', title: 'it is over' });
    await notify.tick();
    clock.advance(minutes(1));
    slack.answerNext(refuse(500));
    await notify.tick();
    await enqueue({ thread: 'folded', kind: 'update', title: 'a late word' });
    clock.advance(minutes(9));
    await notify.tick();
    const texts = slack.received.map(({ text }) => text);
    const rollups = texts.filter((text) => text.includes('it opens'));
    expect(rollups).toHaveLength(2);
    expect(rollups[1]?.indexOf('it opens')).toBeLessThan(rollups[1]?.indexOf('it is over') ?? 0);
    expect(texts.at(-1)).toContain('a late word');
    expect((await rows()).filter(({ deliveredAt }) => deliveredAt === null)).toEqual([]);
  });
  test('two processes count together', async () => {
    await toSlack();
    await burst(30);
    await Promise.all([notify.tick(), replica().tick(), replica().tick()]);
    await notify.tick();
    expect(slack.received).toHaveLength(4);
    expect((await rows()).filter(({ status }) => status === 'folded')).toHaveLength(26);
  });
  test('a rollup that is let go takes its lines along', async () => {
    await toSlack();
    await burst(6);
    await notify.tick();
    const rollup = (await rows()).find(({ kind }) => kind === 'rollup');
    await notify.deliveries.cancel(testAuthority, rollup?.id ?? '');
    clock.advance(minutes(6));
    expect(await notify.tick()).toBe(0);
    expect((await rows()).filter(({ status }) => status === 'cancelled')).toHaveLength(3);
  });
  test('tests are never folded', async () => {
    const { id } = await toSlack();
    await burst(6);
    await notify.tick();
    expect(await notify.channels.test(testAuthority, id)).toMatchObject({
      delivered: true,
      status: 200,
    });
    expect(slack.received).toHaveLength(5);
  });
});

describe('PagerDuty keys', () => {
  const key = (letter: string) => letter.repeat(32);
  const keys = () => pager.received.map(({ body }) => body.routing_key[0]);

  test('a thread ends where it began, also when the key is changed meanwhile', async () => {
    const { id } = await toPager({ routingKey: key('A') });
    await enqueue();
    await notify.tick();
    await notify.channels.update(testAuthority, { id, routingKey: key('B') });
    await enqueue({ kind: 'escalate' });
    await enqueue({ thread: 'incident-2' });
    await enqueue({ kind: 'resolve' });
    await notify.tick();
    expect(
      pager.received.map(({ body }) => `${body.routing_key[0]} ${body.dedup_key}`).sort(),
    ).toEqual([
      'A wheelhouse:incident-1',
      'A wheelhouse:incident-1',
      'A wheelhouse:incident-1',
      'B wheelhouse:incident-2',
    ]);
  });
  test('a trigger that was refused for its key is sent again with the new one', async () => {
    const { id } = await toPager({ routingKey: key('A') });
    pager.answerNext(refuse(400));
    await enqueue();
    await notify.tick();
    await notify.channels.update(testAuthority, { id, routingKey: key('B') });
    await notify.deliveries.resend(testAuthority, (await rows())[0]?.id ?? '');
    await enqueue({ kind: 'resolve' });
    await notify.tick();
    expect(keys()).toEqual(['A', 'B', 'B']);
  });
});

describe('purge', () => {
  test('takes what is over, and leaves what is dead, waits, or has a resolve to come', async () => {
    await toHook();
    hook.answerNext(refuse(400));
    await enqueue({ thread: 'dead' });
    await notify.tick();
    await enqueue({ thread: 'over' });
    await enqueue({ thread: 'over', kind: 'resolve' });
    await enqueue({ thread: 'open' });
    await enqueue({ thread: 'open', kind: 'update' });
    await notify.tick();
    const { signal } = new AbortController();
    expect(await notify.deliveries.purge(signal)).toBe(0);
    clock.advance(minutes(91 * 24 * 60));
    expect(await notify.deliveries.purge(signal)).toBe(3);
    expect((await rows()).map(({ thread, status }) => `${thread} ${status}`)).toEqual([
      'dead dead',
      'open delivered',
    ]);
    expect(await enqueue({ thread: 'open', kind: 'resolve' })).toBe(1);
    clock.advance(minutes(320 * 24 * 60));
    expect(await notify.deliveries.purge(signal)).toBeGreaterThan(1);
  });
});
