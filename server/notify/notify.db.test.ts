/** Queueing, and what receivers get. */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { testAuthority } from '../platform/testing/host.ts';
import { openOutbox } from './outbox.suite.ts';
import { cloudEventFaults, pagerDutyFaults, slackFaults } from './senders/payloads.suite.ts';
import { smtpReceiver } from './senders/receivers.suite.ts';

const {
  db,
  notify,
  slack,
  pager,
  hook,
  mail,
  create,
  toSlack,
  toPager,
  toHook,
  toMail,
  message,
  enqueue,
  rows,
} = await openOutbox();

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
