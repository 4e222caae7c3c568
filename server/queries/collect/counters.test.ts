import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, type Entry, type Look } from './counters.ts';

const entry = (key: string, calls: number, more: Partial<Entry> = {}): Entry => ({
  key,
  queryId: key.split(':')[1] ?? key,
  calls,
  totalMs: calls * 10,
  rows: calls,
  hits: calls * 5,
  reads: 0,
  ioMs: 0,
  temps: 0,
  sinceMs: null,
  ...more,
});
const look = (atMs: number, entries: Entry[], more: Partial<Look> = {}): Look => ({
  atMs,
  startedAt: 'a',
  resetAt: 'r',
  evictions: 0,
  hidden: 0,
  entries,
  ...more,
});
const calls = (before: Look | null, after: Look) =>
  Object.fromEntries([...compare(before, after).deltas].map(([id, { calls: n }]) => [id, n]));

describe('between two looks', () => {
  const before = look(0, [entry('1:q', 100), entry('2:q', 5), entry('1:other', 7)]);
  test('users of one statement are summed; what did not run is left out', () => {
    const after = look(60, [entry('1:q', 110), entry('2:q', 8), entry('1:other', 7)]);
    expect(calls(before, after)).toEqual({ q: 13 });
  });
  test('the first look is a baseline', () => {
    expect(compare(null, before)).toMatchObject({ baseline: 'first', deltas: new Map() });
  });
  test('an entry that was not there is new: all of it counts', () => {
    expect(calls(before, look(60, [...before.entries, entry('1:new', 3)]))).toEqual({ new: 3 });
  });
  test('an entry whose counters fell was evicted and began anew', () => {
    expect(calls(before, look(60, [entry('1:q', 4)], { evictions: 2 }))).toEqual({ q: 4 });
    expect(compare(before, look(60, [], { evictions: 2 })).evicted).toBe(2);
  });
  test('an entry that began anew and has more calls by now is told by its time', () => {
    const old = look(0, [entry('1:q', 10, { totalMs: 900 })]);
    expect(calls(old, look(60, [entry('1:q', 12, { totalMs: 20 })]))).toEqual({ q: 12 });
    const timed = look(0, [entry('1:q', 10, { sinceMs: -5 })]);
    expect(calls(timed, look(60, [entry('1:q', 12, { sinceMs: 30 })]))).toEqual({ q: 12 });
  });
  test('after a reset everything was counted since', () => {
    const after = look(60, [entry('1:q', 300)], { resetAt: 's' });
    expect(compare(before, after)).toMatchObject({ reset: true, baseline: null });
    expect(calls(before, after)).toEqual({ q: 300 });
  });
  test('after a restart, on another server, or when its clock went back: a baseline', () => {
    const after = [entry('1:q', 900)];
    expect(compare(before, look(60, after, { startedAt: 'b' })).baseline).toBe('restart');
    expect(compare(before, look(-1, after)).baseline).toBe('restart');
    expect(calls(before, look(60, after, { startedAt: 'b' }))).toEqual({});
  });
  test('entries that come to light with new rights are a baseline', () => {
    const dark = look(0, [entry('1:q', 1)], { hidden: 50 });
    expect(compare(dark, look(60, [entry('1:q', 1), entry('2:x', 1e6)])).baseline).toBe('rights');
  });
  test('an entry that is older than the last look and was not seen counts nothing', () => {
    expect(calls(before, look(60, [entry('9:x', 1e6, { sinceMs: -100 })]))).toEqual({});
    expect(calls(before, look(60, [entry('9:x', 3, { sinceMs: 30 })]))).toEqual({ x: 3 });
  });
});

test('whatever happens, no figure is negative and none is larger than what ran', () => {
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('run' as const),
      key: fc.nat(5),
      times: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ kind: fc.constant('evict' as const), key: fc.nat(5) }),
    fc.record({ kind: fc.constant('reset' as const) }),
    fc.record({ kind: fc.constant('restart' as const) }),
    fc.record({ kind: fc.constant('look' as const) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.boolean(), (events, timed) => {
      let entries = new Map<number, { calls: number; since: number }>();
      let [at, resets, starts] = [0, 0, 0];
      let previous: Look | null = null;
      let ran = new Map<string, number>();
      for (const step of events) {
        at += 1;
        if (step.kind === 'run') {
          const one = entries.get(step.key) ?? { calls: 0, since: at };
          entries.set(step.key, { ...one, calls: one.calls + step.times });
          ran.set(String(step.key), (ran.get(String(step.key)) ?? 0) + step.times);
        } else if (step.kind === 'evict') entries.delete(step.key);
        else if (step.kind === 'look') {
          const seen = [...entries].map(([key, one]) =>
            entry(String(key), one.calls, { sinceMs: timed ? one.since : null }),
          );
          const next = look(at, seen, { startedAt: String(starts), resetAt: String(resets) });
          for (const [id, delta] of compare(previous, next).deltas) {
            for (const value of Object.values(delta)) expect(value).toBeGreaterThanOrEqual(0);
            expect(delta.calls).toBeLessThanOrEqual(ran.get(id) ?? 0);
          }
          previous = next;
          ran = new Map();
        } else {
          entries = new Map();
          if (step.kind === 'reset') resets += 1;
          else starts += 1;
        }
      }
    }),
    { numRuns: 300 },
  );
});
