import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { retryAfterMs } from '../platform/retry.ts';
import { backoffMs } from './backoff.ts';
import {
  createChannelSchema,
  parseSmtpUrl,
  type ShownSettings,
  updateChannelSchema,
} from './contract.ts';
import { patchSettings, type Settings, settingsOf, shownOf, withoutSecrets } from './settings.ts';
import { absoluteUrl, bounded, clean, clip } from './text.ts';

describe('backoff', () => {
  test('grows threefold to a quarter of an hour, within 20 %', () => {
    const plain = [5, 15, 45, 135, 405, 900, 900, 900].map((seconds) => seconds * 1000);
    for (const [n, ms] of plain.entries()) {
      const wait = backoffMs('01a1fc6f-0000-7000-8000-000000000000', n + 1);
      expect(wait).toBeGreaterThanOrEqual(ms * 0.8);
      expect(wait).toBeLessThanOrEqual(ms * 1.2);
    }
  });
  test('is the same when asked again, and spread over messages', () => {
    const waits = Array.from({ length: 200 }, (_, n) => backoffMs(`id-${n}`, 3));
    expect(waits).toEqual(Array.from({ length: 200 }, (_, n) => backoffMs(`id-${n}`, 3)));
    expect(new Set(waits).size).toBeGreaterThan(150);
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-06-01T08:00:00Z');
  test.each([
    ['30', 30_000],
    [' 7 ', 7_000],
    ['1.5', 1_500],
    ['0', 1_000],
    ['86400', 3_600_000],
    ['99999999999999999999', 3_600_000],
    ['Mon, 01 Jun 2026 08:02:00 GMT', 120_000],
    ['Mon, 01 Jun 2026 07:00:00 GMT', 1_000],
    ['Tue, 02 Jun 2026 08:00:00 GMT', 3_600_000],
    ['soon', null],
    ['-5', null],
    ['', null],
    ['1 potato', null],
    ['Mon, potato GMT', null],
    [undefined, null],
    [null, null],
  ])('%s', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});

describe('texts', () => {
  test('are cut between characters', () => {
    expect(clip('abcdef', 4)).toBe('abc…');
    expect(clip('abcd', 4)).toBe('abcd');
    expect(clip('ab😀', 3)).toBe('ab…');
    expect(clip('ab😀cd', 4)).toBe('ab…');
  });
  test('lose what PostgreSQL and receivers cannot hold', () => {
    expect(clean('a\u0000b\r\nc\ud800d\u001b[31m')).toBe('a b\nc\ufffdd [31m');
  });
  test('of any message have an end', () => {
    const text = fc.string({ unit: 'binary', maxLength: 400 });
    fc.assert(
      fc.property(text, text, fc.array(text, { maxLength: 80 }), (title, body, labels) => {
        const message = bounded({
          key: title,
          kind: 'trigger',
          thread: body,
          severity: 'info',
          title: title.repeat(3),
          text: body.repeat(60),
          facts: labels.map((label) => ({ label, value: body.repeat(20) })),
          at: '2026-06-01T08:00:00.000Z',
          href: title,
        });
        expect(message.title.length).toBeLessThanOrEqual(300);
        expect(message.text.length).toBeLessThanOrEqual(8_000);
        expect(message.facts.length).toBeLessThanOrEqual(50);
        expect(JSON.stringify(message)).not.toMatch(/\\u0000|\\ud[89a-f]/);
      }),
    );
  });
  test.each([
    ['/incidents/detail?id=1', 'https://ops.example.com/incidents/detail?id=1'],
    ['//evil.example/x', 'https://ops.example.com'],
    ['/\\evil.example', 'https://ops.example.com'],
    ['https://evil.example', 'https://ops.example.com'],
    ['javascript:alert(1)', 'https://ops.example.com'],
    [`/${'x'.repeat(5_000)}`, 'https://ops.example.com'],
  ])('a link to %s stays on the console', (href, url) => {
    expect(absoluteUrl('https://ops.example.com', href)).toBe(url);
  });
});

describe('settings', () => {
  const id = '01a1fc6f-0000-7000-8000-000000000000';
  const slack = {
    name: 'Ops',
    kind: 'slack',
    url: 'https://hooks.slack.com/services/T0/B0/tokentoken',
  };
  const email = { name: 'Mail', kind: 'email', to: ['ops@example.com'], from: 'wh@example.com' };
  const make = (input: unknown): Settings =>
    settingsOf(createChannelSchema.parse(input), () => 'whsec_made');
  const faultsOf = (input: unknown) =>
    createChannelSchema
      .safeParse(input)
      .error?.issues.map(({ path, message }) => [path.join('.'), message]);

  test.each([
    [{ name: 'x', kind: 'fax' }, 'kind', 'kind is one of'],
    [{ ...slack, name: ' ' }, 'name', 'Enter a name'],
    [{ ...slack, url: 'ftp://x' }, 'url', 'Enter a URL'],
    [{ ...slack, url: 'https://u:p@x.example/a' }, 'url', 'Leave user name'],
    [{ ...slack, minSeverity: 'loud' }, 'minSeverity', 'Invalid option'],
    [{ ...slack, routingKey: 'x' }, '', 'Unrecognized key'],
    [{ name: 'x', kind: 'pagerduty', routingKey: 'short' }, 'routingKey', '32 letters'],
    [{ ...email }, 'host', 'Enter the name of the mail server'],
    [{ ...email, host: 'h', to: [] }, 'to', 'at least one'],
    [{ ...email, host: 'h', to: Array(51).fill('a@b.example') }, 'to', 'At most 50'],
    [{ ...email, host: 'h', to: ['not an address'] }, 'to.0', 'Enter an e-mail'],
    [{ ...email, host: 'h', from: 'a@b\r\nBcc: c@d' }, 'from', 'Enter an address'],
    [{ ...email, host: 'h', port: 0 }, 'port', 'Enter a port'],
    [{ ...email, host: 'h', password: 'x' }, 'username', 'Enter the user name'],
    [{ ...email, smtpUrl: 'http://h' }, 'smtpUrl', 'Enter a URL such as smtp'],
    [{ name: 'x', kind: 'webhook', url: 'https://h', secret: 'short' }, 'secret', 'At least 16'],
  ])('%j is refused at %s', (input, path, message) => {
    const [fault] = faultsOf(input) ?? [];
    expect(fault?.[0]).toBe(path);
    expect(fault?.[1]).toContain(message);
  });
  test.each([
    ['smtp://mail.example.com', { host: 'mail.example.com', port: 587, secure: null }],
    ['smtps://mail.example.com', { port: 465, secure: 'tls' }],
    ['smtp://u%40x:p%2Fq@[::1]:2525', { host: '::1', username: 'u@x', password: 'p/q' }],
    ['smtp://127.0.0.1:25?ignoreTLS=true', { port: 25, secure: 'none' }],
    ['smtp://127.0.0.1:25?requireTLS=true', { secure: 'starttls' }],
    ['smtp://h?tls.rejectUnauthorized=false', null],
    ['smtp://h/path', null],
    ['smtp://%ZZ:x@h', null],
  ])('%s', (url, expected) => {
    if (expected === null) expect(parseSmtpUrl(url)).toBeNull();
    else expect(parseSmtpUrl(url)).toMatchObject(expected);
  });
  test('what is shown holds no secret', () => {
    const shown: ShownSettings[] = [
      make(slack),
      make({ ...email, smtpUrl: 'smtp://user:hunter22@mail.example.com' }),
      make({ name: 'x', kind: 'pagerduty', routingKey: 'R'.repeat(32) }),
      make({ name: 'x', kind: 'webhook', url: 'https://x.example/a?token=tokentoken' }),
    ].map(shownOf);
    expect(shown).toEqual([
      { kind: 'slack', url: 'hooks.slack.com/…' },
      expect.objectContaining({ host: 'mail.example.com', username: 'user', hasPassword: true }),
      { kind: 'pagerduty', url: 'events.pagerduty.com/…' },
      { kind: 'webhook', url: 'x.example/…' },
    ]);
    expect(JSON.stringify(shown)).not.toMatch(/tokentoken|hunter22|RRRR|whsec/);
  });
  const patch = (current: Settings, change: object) =>
    patchSettings(current, updateChannelSchema.parse({ id, ...change }));

  test('what is absent stays', () => {
    const before = make({ ...email, host: 'h', username: 'u', password: 'p' });
    expect(patch(before, { name: 'New', to: ['b@example.com'] })).toEqual({
      settings: { ...before, to: ['b@example.com'] },
    });
    expect(patch(before, { username: null })).toEqual({
      settings: { ...before, username: null, password: null },
    });
  });
  test('a secret does not move to another server by itself', () => {
    const mail = make({ ...email, host: 'h', username: 'u', password: 'p' });
    expect(patch(mail, { host: 'other' })).toMatchObject({ faults: [{ path: 'password' }] });
    expect(patch(mail, { host: 'other', password: 'q' })).toMatchObject({
      settings: { host: 'other', password: 'q' },
    });
    const pager = make({ name: 'x', kind: 'pagerduty', routingKey: 'R'.repeat(32) });
    expect(patch(pager, { url: 'https://other.example' })).toMatchObject({
      faults: [{ path: 'routingKey' }],
    });
  });
  test('settings of another kind are refused', () => {
    expect(patch(make(slack), { routingKey: 'R'.repeat(32) })).toMatchObject({
      faults: [{ path: 'routingKey', message: 'A slack channel has no such setting' }],
    });
  });
  test('secrets are taken out of what a receiver answers', () => {
    expect(
      withoutSecrets('404 no_service at /services/T0/B0/abc', ['/services/T0/B0/abc', '']),
    ).toBe('404 no_service at ***');
  });
});
