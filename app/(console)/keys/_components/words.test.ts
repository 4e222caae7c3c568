import { expect, test } from 'vitest';
import type { KeyItem, KeyVersionItem } from '../../../../server/keys/contract.ts';
import { stateOf, VersionState } from './words.tsx';

const version = (number: number, state: KeyVersionItem['state']): KeyVersionItem => ({
  version: number,
  state,
  hint: 'wh_abcd',
  createdAt: '2026-11-01T12:00:00.000Z',
  createdBy: 'Grace',
  graceEndsAt: state === 'grace' ? '2026-11-28T12:00:00.000Z' : null,
  quietDays: null,
  rehearsalEndsAt: null,
  endedAt: null,
  endedBy: null,
  lastUsedAt: null,
  lastRefusedAt: null,
});
const key = (...versions: KeyVersionItem[]): KeyItem => ({
  id: '01a1fc6f-0000-7000-8000-000000000000',
  name: 'deploys',
  role: 'viewer',
  scopes: [],
  rateLimit: null,
  addresses: [],
  owner: null,
  expiresAt: null,
  rotateDays: 90,
  rotationDueAt: '2027-01-31T12:00:00.000Z',
  state: 'active',
  createdAt: '2026-11-01T12:00:00.000Z',
  createdBy: 'Grace',
  revokedAt: null,
  lastUsedAt: null,
  versions,
});
const word = (...versions: KeyVersionItem[]) =>
  stateOf(key(...versions), Date.parse('2026-11-21T12:00:00.000Z')).word;

test('a key whose last accepted version runs out is not called rotating', () => {
  expect(word(version(1, 'active'))).toBe('Accepted');
  expect(word(version(2, 'active'), version(1, 'grace'))).toBe('Rotating');
  expect(word(version(2, 'ended'), version(1, 'grace'))).toBe('Ending');
});

test('no version of a key that is not accepted looks as if it were', () => {
  const kind = (accepted: boolean) =>
    VersionState({ version: version(1, 'active'), accepted }).props.kind;
  expect([kind(true), kind(false)]).toEqual(['ok', 'off']);
});
