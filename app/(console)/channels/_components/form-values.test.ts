import { describe, expect, test } from 'vitest';
import type { ChannelItem } from '../../../../server/notify/contract.ts';
import { checkChange, checkNew, valuesOf } from './form-values.ts';

const mail: ChannelItem = {
  id: '01a1fc6f-0000-7000-8000-000000000000',
  name: 'Mail',
  kind: 'email',
  enabled: true,
  minSeverity: 'warning',
  settings: {
    kind: 'email',
    to: ['a@example.com', 'b@example.com'],
    from: 'wh@example.com',
    host: 'mail.example.com',
    port: 587,
    secure: 'starttls',
    username: 'user',
    hasPassword: true,
  },
  createdAt: '2026-06-01T08:00:00.000Z',
  lastDeliveryAt: null,
  lastError: null,
  deadCount: 0,
  pendingCount: 0,
};
const empty = valuesOf(null);

describe('a new channel', () => {
  test('sends what its kind has, and nothing that was left empty', () => {
    const filled = {
      ...empty,
      kind: 'email' as const,
      name: ' Mail ',
      url: 'https://left.example/over',
      to: 'a@example.com, b@example.com;c@example.com',
      from: 'wh@example.com',
      host: 'mail.example.com',
    };
    expect(checkNew(filled).input).toEqual({
      kind: 'email',
      name: 'Mail',
      enabled: true,
      minSeverity: 'warning',
      to: ['a@example.com', 'b@example.com', 'c@example.com'],
      from: 'wh@example.com',
      host: 'mail.example.com',
    });
  });
  test('tells faults at their fields', () => {
    expect(checkNew(empty)).toMatchObject({
      input: null,
      faults: { name: 'Enter a name', url: 'Enter a URL that starts with https:// or http://' },
    });
    const wrong = { ...empty, kind: 'email' as const, name: 'x', host: 'h', port: 'abc', to: 'x' };
    expect(Object.keys(checkNew(wrong).faults).sort()).toEqual(['from', 'port', 'to']);
  });
});

describe('a change', () => {
  test('sends what was touched', () => {
    const { id, name, minSeverity } = mail;
    const base = { id, name, minSeverity };
    expect(checkChange(valuesOf(mail), mail).input).toEqual(base);
    expect(
      checkChange({ ...valuesOf(mail), port: '2525', password: 'new one' }, mail).input,
    ).toEqual({ ...base, port: 2525, password: 'new one' });
  });
  test('an emptied user name is taken away, an emptied recipient is a fault', () => {
    expect(checkChange({ ...valuesOf(mail), username: '' }, mail).input).toMatchObject({
      username: null,
    });
    expect(checkChange({ ...valuesOf(mail), to: '' }, mail).faults.to).toBe(
      'Enter a list of e-mail addresses',
    );
  });
});
