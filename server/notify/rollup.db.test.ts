/** What is folded for people, where a thread of PagerDuty goes, and what is kept. */
import { describe, expect, test } from 'vitest';
import { testAuthority } from '../platform/testing/host.ts';
import type { Severity } from './contract.ts';
import { minutes, openOutbox } from './outbox.suite.ts';
import { slackFaults } from './senders/payloads.suite.ts';
import { refuse } from './senders/receivers.suite.ts';

const {
  clock,
  notify,
  slack,
  pager,
  hook,
  mail,
  replica,
  toSlack,
  toPager,
  toHook,
  toMail,
  enqueue,
  rows,
} = await openOutbox();
let serial = 0;

describe('rollup', () => {
  const burst = async (count: number, severity: Severity = 'error') => {
    for (let n = 0; n < count; n++) {
      await enqueue({ thread: `burst-${serial++}`, title: `target ${n} is down`, severity });
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
