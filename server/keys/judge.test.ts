import { expect, test } from 'vitest';
import { effectiveRole, judge, type KeyRecord, parseNetworks } from './judge.ts';

const now = new Date('2026-11-21T12:00:00Z');
const before = new Date(now.getTime() - 1);
const after = new Date(now.getTime() + 1);
const good: KeyRecord = {
  keyId: 'k',
  versionId: 'v',
  version: 1,
  name: 'n',
  role: 'operator',
  scopes: [],
  ratePerMinute: null,
  networks: [],
  expiresAt: after,
  revokedAt: null,
  graceEndsAt: after,
  rehearsalEndsAt: before,
  endedAt: null,
  owner: null,
};
const told = (change: Partial<KeyRecord>, address: string | null = '10.0.0.7') =>
  judge({ ...good, ...change }, now, address);

test('each fault has its reason, and the heaviest is told', () => {
  expect(told({})).toBeNull();
  expect(told({ revokedAt: before, endedAt: before, expiresAt: before })).toBe('revoked');
  expect(told({ endedAt: before, expiresAt: before })).toBe('ended');
  expect(told({ graceEndsAt: now })).toBe('ended');
  expect(told({ expiresAt: now })).toBe('expired');
  expect(told({ owner: 'gone' })).toBe('owner');
  expect(told({ rehearsalEndsAt: after })).toBe('rehearsal');
});

test('networks: IPv4, IPv6, IPv4 in IPv6, and what is no address', () => {
  const networks = parseNetworks(['10.0.0.0/8', '2001:db8::/32', '192.0.2.7/32']);
  for (const address of ['10.255.0.1', '::ffff:10.1.2.3', '2001:db8::1', '192.0.2.7'])
    expect([address, told({ networks }, address)]).toEqual([address, null]);
  for (const address of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '::1', 'x', '', null])
    expect([address, told({ networks }, address)]).toEqual([address, 'address']);
  // Written as IPv4 in IPv6, a network means the same.
  const mapped = parseNetworks(['::ffff:10.0.0.7/128', '::ffff:192.0.2.0/120']);
  for (const address of ['10.0.0.7', '::ffff:10.0.0.7', '192.0.2.200'])
    expect([address, told({ networks: mapped }, address)]).toEqual([address, null]);
  for (const address of ['10.0.0.8', '192.0.3.1', '::1'])
    expect([address, told({ networks: mapped }, address)]).toEqual([address, 'address']);
});

test('no key can do more than its owner', () => {
  expect(effectiveRole({ role: 'admin', owner: 'viewer' })).toBe('viewer');
  expect(effectiveRole({ role: 'viewer', owner: 'admin' })).toBe('viewer');
  expect(effectiveRole({ role: 'admin', owner: null })).toBe('admin');
});
