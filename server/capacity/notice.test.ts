import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type NoticeState, nextNotice } from './notice.ts';
import { detailOf, quantity, suggestionOf } from './sentences.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const quiet: NoticeState = { notice: 'none', since: null, wish: 'none', wishSince: null };
const look = (now: number, days: number | null, over = false) => ({
  now,
  over,
  earliest: days === null ? null : now + days * DAY,
  warnDays: 14,
  criticalDays: 3,
});
/** Looks each five minutes. */
function watch(state: NoticeState, days: (number | null)[], from = 0): NoticeState {
  return days.reduce(
    (before, each, i) => nextNotice(before, look(from + i * 5 * MINUTE, each)),
    state,
  );
}

test('one look is not enough, four in a row are', () => {
  expect(watch(quiet, [10]).notice).toBe('none');
  expect(watch(quiet, [10, 10, 10, 10])).toMatchObject({ notice: 'warn', since: 15 * MINUTE });
  expect(watch(quiet, [10, 10, null, 10, 10]).notice).toBe('none');
});
test('a wish that grows stronger does not wait anew', () => {
  expect(watch(quiet, [10, 10, 2, 2]).notice).toBe('critical');
});
test('what is over is told at once', () => {
  expect(nextNotice(quiet, look(0, null, true)).notice).toBe('critical');
});
test('at the edge it does not flap: 14 and 15 days in turn end nothing', () => {
  const warned = watch(quiet, [13, 13, 13, 13]);
  const turns = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 13.5 : 15));
  expect(watch(warned, turns, DAY).notice).toBe('warn');
});
test('it ends when three hours agree, and weakens first', () => {
  const critical = watch(quiet, [2, 2, 2, 2]);
  expect(critical.notice).toBe('critical');
  const weaker = watch(critical, Array(37).fill(8), DAY);
  expect(weaker.notice).toBe('warn');
  expect(weaker.since).toBe(critical.since);
  expect(watch(weaker, Array(36).fill(null), 2 * DAY).notice).toBe('warn');
  expect(watch(weaker, Array(37).fill(null), 2 * DAY)).toMatchObject({
    notice: 'none',
    since: null,
  });
});
test('a clock that goes back begins to wait anew', () => {
  const waiting = watch(quiet, [10, 10], DAY);
  expect(nextNotice(waiting, look(0, 10))).toMatchObject({ notice: 'none', wishSince: 0 });
});

test('whatever the dates are, a notice that was given stays for three hours at least', () => {
  const rank = { none: 0, warn: 1, critical: 2 };
  const each = fc.record({
    days: fc.oneof(fc.constant(null), fc.double({ min: 0, max: 30, noNaN: true })),
    over: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(each, { maxLength: 300 }), (looks) => {
      let state = quiet;
      let raisedAt: number | null = null;
      looks.forEach(({ days, over }, i) => {
        const now = i * 5 * MINUTE;
        const next = nextNotice(state, look(now, days, over));
        if (rank[next.notice] > rank[state.notice]) raisedAt = now;
        if (rank[next.notice] < rank[state.notice])
          expect(now - (raisedAt ?? now)).toBeGreaterThanOrEqual(180 * MINUTE);
        expect(next.since === null).toBe(next.notice === 'none');
        state = next;
      });
    }),
  );
});

test('sentences have figures', () => {
  const GiB = 1024 ** 3;
  const found = {
    state: 'crossing' as const,
    value: 300 * GiB,
    perDay: { mean: 2.1 * GiB, lower: GiB, upper: 3 * GiB },
    quickening: 0,
    at: { mean: 15 * DAY, earliest: 12 * DAY, latest: 19 * DAY },
    pValue: 0.001,
    windowFrom: 0,
    points: 100,
    dailyPeak: 0,
    notes: [],
  };
  const given = { unit: 'bytes' as const, limit: 500 * GiB, direction: 'upper' as const, now: 0 };
  expect(detailOf(found, given)).toBe('Grows 2.1 GiB a day; reaches 500 GiB in 12 to 19 days.');
  expect(suggestionOf(found, given)).toBe(
    'Grows 2.1 GiB a day. 200 GiB more give 95 days; to free 65 GiB gives 30.',
  );
  // 2.1 d + 0.05 d² are 200 GiB after 45.6 days.
  expect(suggestionOf({ ...found, quickening: 0.1 * GiB }, given)).toBe(
    'Grows 2.1 GiB a day. 200 GiB more give 45 days; to free 65 GiB gives 20.',
  );
  expect(detailOf({ ...found, state: 'over', value: 510 * GiB }, given)).toBe(
    'Over its limit: 510 GiB of 500 GiB.',
  );
  expect(suggestionOf({ ...found, state: 'steady' }, given)).toBeNull();
  expect(quantity(0.873, 'ratio')).toBe('87.3 %');
  expect(quantity(1_234_567, 'number')).toBe('1,234,567');
});
