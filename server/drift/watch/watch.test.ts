import { describe, expect, test } from 'vitest';
import { previewOf } from './preview.ts';
import { turn } from './turn.ts';
import { nextEnd, samePhase } from './windows.ts';

const DAY = 86_400_000;
const at = (text: string) => Date.parse(text);

test('columns are guessed by name, whole names first, then without regard to case and separators', () => {
  const columns = ['AMOUNT', 'amount', 'order-Total', 'user id', '***'].map((name) => ({
    name,
    type: 'categorical' as const,
    missing: 0,
    notNumeric: 0,
    distinct: 1,
    examples: [],
  }));
  const dialect = {
    format: 'csv' as const,
    encoding: 'utf-8' as const,
    bom: false,
    delimiter: ',' as const,
    decimal: '.' as const,
    header: true,
  };
  const look = { dialect, quoted: false, rows: 1, rowsExact: true, columns, sample: [], ragged: 0 };
  const features = ['amount', 'Amount', 'order_total', 'UserId', '___', 'plan'].map((name) => ({
    name,
    kind: 'categorical' as const,
  }));
  const preview = previewOf(look, features);
  if (!preview.ok) throw new Error(preview.fault);
  expect(preview.features.map(({ column }) => column)).toEqual([
    'amount',
    'AMOUNT',
    'order-Total',
    'user id',
    null,
    null,
  ]);
  expect(preview.absent).toEqual(['___', 'plan']);
});

test('windows end on whole steps', () => {
  expect(nextEnd(at('2026-01-01T10:20:00Z'), 3_600_000)).toBe(at('2026-01-01T11:00:00Z'));
  expect(nextEnd(at('2026-01-01T11:00:00Z'), 3_600_000)).toBe(at('2026-01-01T12:00:00Z'));
});

describe('rows of the same season', () => {
  test('of a year: the same weeks of other years, each with its number, also over New Year', () => {
    const times = Array.from(
      { length: 365 * 6 + 2 },
      (_, day) => at('2010-01-01T12:00:00Z') + day * DAY,
    );
    const window = { from: at('2015-12-17T00:00:00Z'), to: at('2016-01-16T00:00:00Z') };
    const { places, blocks } = samePhase(times, window, 'year');
    const days = [...places].map((place) => new Date(times[place] ?? 0).toISOString().slice(0, 10));
    expect(days.slice(0, 2)).toEqual(['2010-01-01', '2010-01-02']);
    expect(days.every((day) => /-(12-(1[5-9]|2|3)|01-(0|1[0-7]))/.test(day))).toBe(true);
    // Its own season is no reference.
    expect(days.some((day) => day > '2015-06')).toBe(false);
    expect([...new Set(blocks)]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(days.length).toBeGreaterThan(5 * 29);
  });
  test('of a day: the same hours', () => {
    const hours = Array.from(
      { length: 72 },
      (_, hour) => at('2026-01-01T00:30:00Z') + hour * 3_600_000,
    );
    const window = { from: at('2026-01-04T08:00:00Z'), to: at('2026-01-04T10:00:00Z') };
    const { places } = samePhase(hours, window, 'day');
    expect([...places].map((place) => new Date(hours[place] ?? 0).getUTCHours())).toEqual([
      8, 9, 8, 9, 8, 9,
    ]);
  });
});

describe('a run turns a monitor', () => {
  const start = { state: 'new' as const, driftedRuns: 0, quietRuns: 0 };
  const play = (verdicts: string, rule = { consecutive: 2, quietAfter: 2 }) => {
    let now: Parameters<typeof turn>[0] = start;
    return [...verdicts].map((sign) => {
      const verdict = ({ d: 'drifted', q: 'quiet', n: 'not_testable', f: 'failed' } as const)[sign];
      const { event, ...after } = turn(now, verdict ?? 'failed', rule);
      now = after;
      return event ?? after.state;
    });
  };
  test.each([
    ['dd', ['quiet', 'found']],
    ['dqd', ['quiet', 'quiet', 'quiet']],
    ['ddqq', ['quiet', 'found', 'drifting', 'ended']],
    ['ddqdqq', ['quiet', 'found', 'drifting', 'drifting', 'drifting', 'ended']],
    // What cannot be tested ends nothing and begins nothing.
    ['ddnfqq', ['quiet', 'found', 'drifting', 'drifting', 'drifting', 'ended']],
    ['nfq', ['not_testable', 'failing', 'quiet']],
    ['dnd', ['quiet', 'not_testable', 'found']],
  ])('%s', (verdicts, expected) => {
    expect(play(verdicts)).toEqual(expected);
  });
});
