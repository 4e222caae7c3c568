import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, earlyMs, encode, refreshEarly } from './envelope.ts';
import { expectedCount, HOUR_MS } from './forecast.ts';
import { matchesGlob, toRedisGlob } from './glob.ts';
import { parseChange } from './message.ts';

describe('patterns', () => {
  test.each([
    ['dashboards:*', 'dashboards:get:1', true],
    ['dashboards:*', 'queries:get:1', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['*', '', true],
    ['exact', 'exact', true],
    ['exact', 'exactly', false],
    ['[a-z]?*', 'b?x', false],
    ["'; DROP TABLE x; --*", "'; DROP TABLE x; --1", true],
    ['<script>*', '<script>alert(1)', true],
  ])('%s and %s', (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected);
  });
  test('mean the same as a regular expression would, and end in time', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 12 });
    const plain = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 16 });
    fc.assert(
      fc.property(letters, plain, (pattern, text) => {
        const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*');
        expect(matchesGlob(pattern, text)).toBe(new RegExp(`^${source}$`, 's').test(text));
      }),
      { numRuns: 2_000 },
    );
    expect(matchesGlob(`${'*a'.repeat(140)}*b`, 'a'.repeat(300))).toBe(false);
  });
  test('are quoted for Redis', () => {
    expect(toRedisGlob('a[b]?^-\\*')).toBe('a\\[b\\]\\?\\^\\-\\\\*');
  });
});

describe('what lies in Redis', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), fc.array(fc.string()), (value, at, versions) => {
        const there = decode(encode({ value, loadedAtMs: at, tookMs: 3, versions }));
        expect(there).toEqual({
          value: JSON.parse(JSON.stringify(value)),
          loadedAtMs: at,
          tookMs: 3,
          versions,
        });
      }),
    );
  });
  test.each([
    '',
    'null',
    '[]',
    '{',
    '{"v":1}',
    '{"v":1,"a":"x","t":1,"n":[]}',
    '{"v":1,"a":1,"t":1,"n":[1]}',
  ])('%s is nothing', (text) => {
    expect(decode(text)).toBeNull();
  });
  test('messages that are none are dropped', () => {
    for (const text of ['', '{}', '{"from":1,"tags":[]}', '{"from":"a","tags":[1]}']) {
      expect(parseChange(text)).toBeNull();
    }
    expect(parseChange('{"from":"a","tags":["x"],"pattern":"y"}')).toEqual({
      from: 'a',
      tags: ['x'],
      pattern: 'y',
    });
  });
});

test('the nearer the end and the dearer the load, the likelier it is fetched early', () => {
  expect(refreshEarly({ leftMs: 1_000, tookMs: 100, random: 1 })).toBe(false);
  expect(refreshEarly({ leftMs: 50, tookMs: 100, random: 0.5 })).toBe(true);
  expect(refreshEarly({ leftMs: earlyMs(100), tookMs: 100, random: Math.E ** -9 })).toBe(false);
});

describe('the forecast of looks', () => {
  const now = Date.parse('2026-03-02T09:00:00Z');
  const ago = (hours: number) => now - hours * HOUR_MS;
  test('the same hour of yesterday weighs more than that of last week', () => {
    const counts = new Map([
      [ago(24), 100],
      [ago(24 * 6), 10],
    ]);
    const young = expectedCount(counts, now, ago(24 * 6));
    expect(young).toBeGreaterThan(30);
    expect(young).toBeLessThan(60);
  });
  test('a weekly habit is seen', () => {
    const mondays = new Map([
      [ago(168), 80],
      [ago(336), 80],
    ]);
    const others = new Map([[ago(72), 80]]);
    expect(expectedCount(mondays, now, ago(400))).toBeGreaterThan(
      expectedCount(others, now, ago(400)),
    );
  });
  test('within the first day what was asked for just now goes on', () => {
    expect(expectedCount(new Map([[ago(1), 7]]), now, ago(3))).toBe(7);
    expect(expectedCount(new Map(), now, ago(3))).toBe(0);
  });
});
