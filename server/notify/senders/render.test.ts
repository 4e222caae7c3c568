import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHttpClient } from '../../platform/http-client.ts';
import { messageKinds, severities } from '../contract.ts';
import { bounded } from '../text.ts';
import { emailSender } from './email.ts';
import { dedupKey, pagerDutySender } from './pagerduty.ts';
import { cloudEventFaults, pagerDutyFaults, slackFaults } from './payloads.suite.ts';
import type { Outgoing } from './port.ts';
import { slackSender } from './slack.ts';
import { webhookSender } from './webhook.ts';

const http = createHttpClient();
const slack = slackSender(http);
// Nothing is sent here.
const email = emailSender(http.addresses, () => {
  throw new Error('no breaker is needed to render');
});
const pagerduty = pagerDutySender(http);
const webhook = webhookSender(http);
const context = {
  id: '01a1fc6f-0000-7000-8000-000000000001',
  publicUrl: 'https://ops.example.com',
  rootId: null,
};
const plain: Outgoing = {
  key: 'k',
  kind: 'trigger',
  thread: 'incident-1',
  severity: 'critical',
  title: 'api is down',
  text: 'Three checks in a row failed.',
  facts: [{ label: 'Target', value: 'api' }],
  at: '2026-06-01T08:00:00.000Z',
  href: '/incidents/detail?id=1',
};
const hostile = [
  '<!channel> <https://evil.example|click> & <@U1>',
  '"'.repeat(3_000),
  '\\'.repeat(3_000),
  '&'.repeat(3_000),
  '<>'.repeat(1_500),
  '😀'.repeat(3_000),
  '\n'.repeat(3_000),
  '\u0000\u001b\ud800',
  '<script>alert(1)</script>',
  '__proto__',
  '',
];
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(...hostile),
  fc
    .tuple(fc.constantFrom(...hostile), fc.integer({ min: 1, max: 3 }))
    .map(([t, n]) => t.repeat(n)),
);
const anyMessage: fc.Arbitrary<Outgoing> = fc
  .record({
    kind: fc.constantFrom(...messageKinds),
    severity: fc.constantFrom(...severities),
    key: anyText,
    thread: anyText.map((text) => text || 't'),
    title: anyText,
    text: anyText,
    href: anyText,
    facts: fc.array(fc.record({ label: anyText, value: anyText }), { maxLength: 60 }),
    lines: fc.array(anyText, { maxLength: 60 }),
    more: fc.nat(10_000),
  })
  .map(({ kind, lines, more, ...rest }) => {
    const at = plain.at;
    // What is stored has been through `bounded`; a rollup's lines are titles of such messages.
    const kept = bounded({ ...rest, kind: kind === 'rollup' ? 'update' : kind, at });
    if (kind !== 'rollup') return kept;
    const title = (text: string) => bounded({ ...plain, kind: 'trigger', title: text }).title;
    return {
      ...kept,
      kind,
      more,
      lines: Array.from({ length: 500 }, (_, n) => ({
        kind: 'trigger' as const,
        severity: kept.severity,
        title: title(lines[n % Math.max(1, lines.length)] ?? ''),
        at,
        href: kept.href,
      })),
    };
  });

describe('Slack', () => {
  test('a message', () => {
    const payload = slack.render(plain, context);
    expect(payload.text).toBe('[critical] api is down');
    expect(payload.blocks.map(({ type }) => type)).toEqual([
      'header',
      'section',
      'section',
      'context',
      'actions',
    ]);
    expect(JSON.stringify(payload)).toContain('https://ops.example.com/incidents/detail?id=1');
  });
  test('mentions and links of others stay text', () => {
    const text = JSON.stringify(
      slack.render({ ...plain, title: hostile[0] ?? '', text: hostile[0] ?? '' }, context),
    );
    expect(text).not.toMatch(/<[!@#h]/);
    expect(text).toContain('&lt;!channel&gt;');
  });
  test('a rollup of 500 says how many it does not show', () => {
    const line = { kind: 'trigger', severity: 'error', at: plain.at, href: '/' } as const;
    const lines = Array.from({ length: 500 }, (_, n) => ({
      ...line,
      title: `target ${n} is down`,
    }));
    const payload = slack.render({ ...plain, kind: 'rollup', lines, more: 7 }, context);
    const text = JSON.stringify(payload);
    const shown = text.match(/• target/g)?.length ?? 0;
    expect(shown).toBeGreaterThan(100);
    expect(text).toContain(`and ${507 - shown} more`);
  });
  test('any message keeps every limit', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(slackFaults(slack.render(message, context))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('PagerDuty', () => {
  test.each([
    ['trigger', 'trigger'],
    ['update', 'trigger'],
    ['escalate', 'trigger'],
    ['reminder', 'trigger'],
    ['approval', 'trigger'],
    ['test', 'trigger'],
    ['acknowledge', 'acknowledge'],
    ['resolve', 'resolve'],
  ] as const)('%s is %s', (kind, action) => {
    const payload = pagerduty.render({ ...plain, kind }, context);
    expect(payload).toMatchObject({ event_action: action, dedup_key: 'wheelhouse:incident-1' });
    expect(payload.payload).toMatchObject({ source: 'ops.example.com', component: 'api' });
  });
  test('a long thread has a key of its own, always the same', () => {
    const long = 'x'.repeat(300);
    expect(dedupKey(long)).toBe(dedupKey(long));
    expect(dedupKey(long)).not.toBe(dedupKey(`${long}y`));
    expect(dedupKey(long).length).toBeLessThanOrEqual(255);
  });
  test('any message keeps every limit', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const payload = pagerduty.render(message, context);
        expect(pagerDutyFaults({ routing_key: 'R'.repeat(32), ...payload })).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('the webhook', () => {
  test('any message is a CloudEvent', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(cloudEventFaults(webhook.render(message, context))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

describe('e-mail', () => {
  test('a message, and what answers it', () => {
    const first = email.render(plain, context);
    expect(first).toMatchObject({
      subject: '[critical] api is down',
      messageId: '<01a1fc6f-0000-7000-8000-000000000001@ops.example.com>',
      inReplyTo: null,
    });
    expect(first.text).toContain('Target: api');
    const next = email.render(plain, { ...context, id: 'b', rootId: context.id });
    expect(next.inReplyTo).toBe(first.messageId);
  });
  test('any message: one line of subject, no markup of others', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const { subject, html } = email.render(message, context);
        expect(subject).not.toMatch(/[\r\n]/);
        expect(subject.length).toBeLessThanOrEqual(200);
        expect(html).not.toMatch(/<script|<!channel|<https|<@/);
      }),
      { numRuns: 100 },
    );
  });
});
