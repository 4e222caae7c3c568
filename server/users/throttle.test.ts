import { expect, test } from 'vitest';
import {
  accountPolicy,
  addressPolicy,
  afterAttempt,
  lockedMs,
  type ThrottleRecord,
} from './throttle.ts';

const start = new Date('2026-01-01T00:00:00Z');
/** Attempts in a row, each as soon as it is allowed; the waits between them in seconds. */
function waits(policy: typeof accountPolicy, attempts: number): number[] {
  let record: ThrottleRecord | null = null;
  let now = start;
  return Array.from({ length: attempts }, () => {
    record = afterAttempt(record, now, policy);
    const wait = lockedMs(record, now);
    now = new Date(now.getTime() + wait);
    return wait / 1000;
  });
}

test('five attempts are free, then waits double up to a quarter of an hour', () => {
  expect(waits(accountPolicy, 12)).toEqual([0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
});
test('an address has 25', () => {
  expect(waits(addressPolicy, 26).indexOf(30)).toBe(24);
});
test('a record is forgotten an hour after the last attempt', () => {
  let record: ThrottleRecord | null = null;
  for (let i = 0; i < 8; i++) record = afterAttempt(record, start, accountPolicy);
  const later = new Date(start.getTime() + 60 * 60_000);
  expect(afterAttempt(record, later, accountPolicy)).toEqual({
    failures: 1,
    lastAt: later,
    lockedUntil: null,
  });
});
test('a clock that jumps back never gives a negative wait, and forward frees', () => {
  let record: ThrottleRecord | null = null;
  for (let i = 0; i < 5; i++) record = afterAttempt(record, start, accountPolicy);
  expect(lockedMs(record, new Date(start.getTime() + 31_000))).toBe(0);
  expect(lockedMs(null, start)).toBe(0);
});
