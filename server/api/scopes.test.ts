import { expect, test } from 'vitest';
import { mayGrant, scopesAllow, scopesSchema, unknownScopes } from './scopes.ts';

test('capabilities restrict nothing, procedure scopes leave only what they name', () => {
  expect(scopesAllow([], 'keys.create')).toBe(true);
  expect(scopesAllow(['ingest', 'metrics:read'], 'keys.create')).toBe(true);
  expect(scopesAllow(['ingest', 'breakers.*'], 'breakers.permit')).toBe(true);
  expect(scopesAllow(['ingest', 'breakers.*'], 'keys.create')).toBe(false);
  expect(scopesAllow(['health.targets.*'], 'health.targets.list')).toBe(true);
  expect(scopesAllow(['health.targets.*'], 'health.report')).toBe(false);
  expect(scopesAllow(['breakers.permit'], 'breakers.permitted')).toBe(false);
  expect(scopesAllow(['break.*'], 'breakers.permit')).toBe(false);
});

test('what is no scope is refused, and what stands twice counts once', () => {
  for (const scope of ['', '*', '.*', 'a.', 'A.b', 'a b', 'a.*.b', 'a.**', 'ingest;', 'a..b', 'x:'])
    expect([scope, scopesSchema.safeParse([scope]).success]).toEqual([scope, false]);
  expect(scopesSchema.parse(['ingest', 'ingest', 'metrics:read', 'a.b', 'a.b.*'])).toEqual([
    'ingest',
    'metrics:read',
    'a.b',
    'a.b.*',
  ]);
});

test('a scope that names no procedure is found', () => {
  const procedures = ['breakers.permit', 'health.targets.list'];
  expect(
    unknownScopes(['ingest', 'breaker.*', 'breakers.*', 'health.targets.list', 'x.y'], procedures),
  ).toEqual(['breaker.*', 'x.y']);
  // The live stream is no procedure, and may be named all the same.
  expect(unknownScopes(['stream.read', 'stream.*', 'stream.write'], procedures)).toEqual([
    'stream.write',
  ]);
});

test('who is restricted hands on no more than they have', () => {
  expect(mayGrant([], ['keys.create', 'ingest'])).toBe(true);
  expect(mayGrant(['ingest'], [])).toBe(true);
  const own = ['tokens.*', 'breakers.permit', 'ingest'];
  expect(mayGrant(own, ['tokens.check', 'breakers.permit', 'ingest'])).toBe(true);
  expect(mayGrant(own, ['tokens.*'])).toBe(true);
  // Without a procedure scope a token could call everything.
  for (const wanted of [
    [],
    ['ingest'],
    ['keys.create'],
    ['breakers.*'],
    ['tokens.check', 'webhook'],
  ])
    expect([wanted, mayGrant(own, wanted)]).toEqual([wanted, false]);
});
