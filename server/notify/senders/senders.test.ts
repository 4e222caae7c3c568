import { describe } from 'vitest';
import { httpReceiver, services, smtpReceiver } from './receivers.suite.ts';
import { senderSuite } from './sender.suite.ts';

describe('Slack', () => {
  senderSuite(async () => {
    const { port, received } = await httpReceiver(services.slack);
    return {
      port,
      at: (host, p) => ({ kind: 'slack', url: `http://${host}:${p}/services/T0/B0/token` }),
      // Slack knows no id; the text is the same.
      ids: () => received.map(({ text }) => text),
    };
  });
});
describe('PagerDuty', () => {
  senderSuite(async () => {
    const { port, received } = await httpReceiver(services.pagerduty);
    return {
      port,
      at: (host, p) => ({
        kind: 'pagerduty',
        routingKey: 'R'.repeat(32),
        url: `http://${host}:${p}/v2/enqueue`,
      }),
      ids: () => received.map(({ body }) => body.dedup_key),
    };
  });
});
describe('the webhook', () => {
  senderSuite(async () => {
    const { port, received } = await httpReceiver(services.webhook);
    return {
      port,
      at: (host, p) => ({
        kind: 'webhook',
        url: `http://${host}:${p}/hooks/token`,
        secret: 'a secret of sixteen',
      }),
      ids: () => received.map(({ headers }) => headers['webhook-id']),
    };
  });
});
describe('e-mail', () => {
  senderSuite(async () => {
    const { port, mails } = await smtpReceiver();
    return {
      port,
      at: (host, p) => ({
        kind: 'email',
        to: ['ops@example.com'],
        from: 'wh@example.com',
        host,
        port: p,
        secure: null,
        username: null,
        password: null,
      }),
      ids: () => mails.map(({ messageId }) => messageId),
    };
  });
});
