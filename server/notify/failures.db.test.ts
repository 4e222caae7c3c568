/** Receivers that refuse or are away, and processes that are killed, late, or many. */

import { describe, expect, test } from 'vitest';
import { createAddressGuard } from '../platform/addresses.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { minutes, openOutbox } from './outbox.suite.ts';
import { refuse, smtpReceiver } from './senders/receivers.suite.ts';

const {
  clock,
  runtime,
  notify,
  slack,
  pager,
  hook,
  replica,
  toSlack,
  toPager,
  toHook,
  toMail,
  enqueue,
  rows,
  statuses,
  pass,
} = await openOutbox();

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
    const hanging = replica({
      addresses: createAddressGuard(),
      send: () => new Promise(() => undefined),
      close: async () => {},
    });
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
      addresses: createAddressGuard(),
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
