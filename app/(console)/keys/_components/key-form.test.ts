import { expect, test } from 'vitest';
import type { KeyItem } from '../../../../server/keys/contract.ts';
import { check, valuesOf } from './key-form.ts';

const item: KeyItem = {
  id: '01a1fc6f-0000-7000-8000-000000000000',
  name: 'deploys',
  role: 'admin',
  scopes: ['breakers.*'],
  rateLimit: null,
  addresses: ['10.0.0.0/8'],
  owner: { id: '01a1fc6f-0000-7000-8000-000000000001', name: 'Grace', state: 'active' },
  // Expired, at a moment that no form offers.
  expiresAt: '2026-01-31T12:34:56.789Z',
  rotateDays: 90,
  rotationDueAt: null,
  state: 'expired',
  createdAt: '2025-11-21T12:00:00.000Z',
  createdBy: 'Grace',
  revokedAt: null,
  lastUsedAt: null,
  versions: [],
};

test('a change sends what was changed, so that what somebody else changed meanwhile stays', () => {
  const values = valuesOf(item, 'me');
  expect(check(values, item)).toEqual({
    input: { kind: 'update', data: { id: item.id } },
    faults: {},
  });
  expect(check({ ...values, name: 'rollouts', addresses: '' }, item).input).toEqual({
    kind: 'update',
    data: { id: item.id, name: 'rollouts', addresses: [] },
  });
  expect(check({ ...values, expiresAt: '' }, item).input?.data).toEqual({
    id: item.id,
    expiresAt: null,
  });
});

test('a day that is over is a fault, unless it stands there already', () => {
  const over = { ...valuesOf(item, 'me'), expiresAt: '2026-01-01' };
  expect(check(over, item)).toMatchObject({
    input: null,
    faults: { expiresAt: 'This day is over' },
  });
});
