import { describe, expect, test } from 'vitest';
import type { SourceItem } from '../../../../server/sources/contract.ts';
import { checkChange, checkNew, type Values, valuesOf } from './form-values.ts';

const fresh: Values = { ...valuesOf(null), name: 'node', url: 'http://10.0.0.5:9100/metrics' };
const stored: SourceItem = {
  id: '01a1fdeb-4855-7693-9791-c956c3e5a2d5',
  name: 'node',
  kind: 'scrape',
  url: 'http://10.0.0.5:9100/metrics',
  auth: 'basic',
  username: 'ada',
  headers: ['X-Scope-OrgID'],
  verifyTls: false,
  paused: false,
  intervalSeconds: 30,
  timeoutMs: 5_000,
  labels: { team: 'ops' },
  lastAt: null,
  lastError: null,
  lastSamples: null,
  createdBy: 'ada',
  createdAt: '2026-03-02T10:00:00.000Z',
  updatedAt: '2026-03-02T10:00:00.000Z',
};

describe('a new source', () => {
  test('takes labels and headers line by line', () => {
    const { input, faults } = checkNew({
      ...fresh,
      labels: 'team=ops\n env = prod=eu \n',
      headers: 'X-Scope-OrgID: shop:eu',
    });
    expect(faults).toEqual({});
    expect(input).toMatchObject({
      kind: 'scrape',
      intervalSeconds: 15,
      labels: { team: 'ops', env: 'prod=eu' },
      headers: { 'X-Scope-OrgID': 'shop:eu' },
      auth: { kind: 'none' },
    });
  });
  test('of the kind prometheus has neither interval nor labels', () => {
    const { input } = checkNew({ ...fresh, kind: 'prometheus', labels: 'a=b' });
    expect(input).not.toHaveProperty('intervalSeconds');
    expect(input).not.toHaveProperty('labels');
  });
  test.each<[Partial<Values>, string]>([
    [{ name: ' ' }, 'name'],
    [{ url: 'nowhere' }, 'url'],
    [{ intervalSeconds: '' }, 'intervalSeconds'],
    [{ intervalSeconds: '5', timeoutMs: '9000' }, 'timeoutMs'],
    [{ auth: 'basic', username: 'ada' }, 'password'],
    [{ auth: 'bearer' }, 'token'],
    [{ labels: '9=x' }, 'labels'],
    [{ headers: 'Host: x' }, 'headers'],
  ])('%j is told at %s', (more, field) => {
    const { input, faults } = checkNew({ ...fresh, ...more });
    expect(input).toBeNull();
    expect(faults).toHaveProperty(field);
  });
});

describe('a change', () => {
  test('leaves secrets that are not typed anew as they are', () => {
    const { input } = checkChange({ ...valuesOf(stored), name: 'other' }, stored);
    expect(input).toMatchObject({ name: 'other', labels: { team: 'ops' }, verifyTls: false });
    expect(input).not.toHaveProperty('auth');
    expect(input).not.toHaveProperty('headers');
  });
  test('of the way to sign in needs its secret', () => {
    expect(checkChange({ ...valuesOf(stored), auth: 'bearer' }, stored).faults).toHaveProperty(
      'token',
    );
    expect(checkChange({ ...valuesOf(stored), username: 'eve' }, stored).faults).toHaveProperty(
      'password',
    );
    expect(checkChange({ ...valuesOf(stored), auth: 'none' }, stored).input).toMatchObject({
      auth: { kind: 'none' },
    });
  });
});
