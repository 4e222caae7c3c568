/** A console with receivers of every kind, and the words that tests of the outbox are written in. */
import { beforeEach } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { createMetrics } from '../platform/metrics.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { createChannelSchema, type NotifyMessage } from './contract.ts';
import { httpReceiver, services, smtpReceiver } from './senders/receivers.suite.ts';
import { createNotify } from './service.ts';

export const minutes = (n: number) => n * 60_000;

/** Channels are gone and receivers empty before each test. */
export async function openOutbox() {
  const clock = manualClock('2026-06-01T08:00:00Z');
  const runtime = await testRuntime({ clock });
  const { db, notify } = runtime;
  const slack = await httpReceiver(services.slack);
  const pager = await httpReceiver(services.pagerduty);
  const hook = await httpReceiver(services.webhook);
  const mail = await smtpReceiver();

  /** Another process on the same database. */
  const replica = (http = runtime.http) =>
    createNotify({
      ...runtime,
      http,
      guardOf: runtime.breakers.guard,
      metrics: createMetrics({ version: 'test', clock }),
    });
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

  return {
    clock,
    runtime,
    db,
    notify,
    slack,
    pager,
    hook,
    mail,
    replica,
    create,
    toSlack,
    toPager,
    toHook,
    toMail,
    message,
    enqueue,
    rows,
    statuses,
    pass,
  };
}
