import { describe, expect, test } from 'vitest';
import { DAY_MS, dateIn, HOUR_MS, toGrid } from './grid.ts';
import { nextDue, offsetOf } from './schedule.ts';
import { alarmOf, measure, naiveScale, oracleMape, runFor } from './truth.ts';

const at = (text: string) => Date.parse(text);

describe('steps', () => {
  const options = { step: 'hour', timeZone: 'UTC', fold: 'mean', maxSteps: 100 } as const;
  test('hours without a value stay without one, also at the end', () => {
    const grid = toGrid(
      [
        { at: at('2026-11-20T10:00Z'), value: 1 },
        { at: at('2026-11-20T12:00Z'), value: null },
        { at: at('2026-11-20T13:00Z'), value: 4 },
      ],
      { ...options, now: at('2026-11-20T15:59Z') },
    );
    expect(grid?.from).toBe(at('2026-11-20T10:00Z'));
    expect([...(grid?.values ?? [])]).toEqual([1, Number.NaN, Number.NaN, 4, Number.NaN]);
  });
  test('unordered, repeated and infinite values; the hour that runs is left out', () => {
    const grid = toGrid(
      [
        { at: at('2026-11-20T13:10Z'), value: 3 },
        { at: at('2026-11-20T12:40Z'), value: 1 },
        { at: at('2026-11-20T12:10Z'), value: 2 },
        { at: at('2026-11-20T12:10Z'), value: Number.POSITIVE_INFINITY },
      ],
      { ...options, now: at('2026-11-20T13:30Z') },
    );
    expect([...(grid?.values ?? [])]).toEqual([1.5]);
  });
  test('all missing is nothing', () => {
    expect(toGrid([{ at: 0, value: null }], { ...options, now: DAY_MS })).toBeNull();
    expect(toGrid([], { ...options, now: DAY_MS })).toBeNull();
  });
  test.each([
    ['Europe/Berlin', '2026-03-27', 4],
    ['Europe/Berlin', '2026-10-23', 4],
    ['America/New_York', '2026-10-30', 4],
    ['Australia/Lord_Howe', '2026-10-02', 4],
    ['Asia/Kathmandu', '2026-10-02', 4],
  ])('days of %s around %s are whole, with 23 or 25 hours in some', (timeZone, from, days) => {
    const date = dateIn(timeZone);
    const first = at(`${from}T00:00Z`);
    const points: { at: number; value: number }[] = [];
    for (let hour = -36; hour < days * 24 + 36; hour++)
      points.push({ at: first + hour * HOUR_MS, value: 1 });
    const grid = toGrid(points, {
      step: 'day',
      timeZone,
      fold: 'sum',
      maxSteps: 50,
      now: first + (days * 24 + 37) * HOUR_MS,
    });
    const sums = [...(grid?.values ?? [])].slice(1, -1);
    expect(sums.length).toBeGreaterThanOrEqual(3);
    expect(sums.every((hours) => hours >= 23 && hours <= 25)).toBe(true);
    expect(sums.reduce((sum, hours) => sum + hours, 0)).toBe(
      points.filter((point) => {
        const day = date(point.at);
        const begin = (grid?.from ?? 0) + DAY_MS;
        return day >= begin && day < begin + sums.length * DAY_MS;
      }).length,
    );
  });
  test('a mean of shares weighs its hours by their calls', () => {
    const grid = toGrid(
      [
        { at: at('2026-11-20T01:00Z'), value: 1, weight: 99 },
        { at: at('2026-11-20T02:00Z'), value: 0, weight: 1 },
      ],
      { ...options, step: 'day', now: at('2026-11-21T01:00Z') },
    );
    expect([...(grid?.values ?? [])]).toEqual([0.99]);
    expect([...(grid?.weights ?? [])]).toEqual([100]);
  });
});

describe('measures', () => {
  const rows = [10, 12, 8, 10, 10, 12, 8, 10].map((actual) => ({
    actual,
    mean: 10,
    lower: 9,
    upper: 13,
  }));
  test('by hand', () => {
    expect(measure(rows, { scale: 2, ratio: false, eventsPerStep: null })).toEqual({
      compared: 8,
      mae: 1,
      mase: 0.5,
      wape: 10,
      mape: expect.closeTo((100 * (2 / 12 + 2 / 8) * 2) / 8, 10),
      mapeWhy: null,
      oracleMape: null,
      inside: 0.75,
    });
  });
  test('near zero a percentage says nothing, and that is said', () => {
    const found = measure([...rows, { actual: 0, mean: 1, lower: 0, upper: 2 }], {
      scale: null,
      ratio: false,
      eventsPerStep: null,
    });
    expect(found).toMatchObject({ mape: null, mase: null, compared: 9 });
    expect(found.mapeWhy).toMatch(/zero/);
    expect(measure([], { scale: 1, ratio: false, eventsPerStep: null }).mapeWhy).toMatch(/Nothing/);
  });
  test('who knows the true rate is off by as much as the simulations say', () => {
    // Simulated: 32 % at 10 events, p = 0.5 (values of zero left out of it make it larger); 5.9 % at 20, p = 0.9.
    expect(oracleMape(0.9, 20)).toBeCloseTo(5.9, 0);
    expect(oracleMape(0.5, 10)).toBeGreaterThan(24);
    expect(oracleMape(0, 10)).toBeNull();
    const found = measure(
      rows.map((row) => ({ ...row, actual: 0.5 })),
      { scale: 1, ratio: true, eventsPerStep: 10 },
    );
    expect(found.mapeWhy).toMatch(/cannot be forecast better than 25 %/);
  });
  test('the scale is what repeating the season is off by', () => {
    expect(naiveScale(Float64Array.of(1, 2, 3, 4), 2)).toBe(2);
    expect(naiveScale(Float64Array.of(5, 5, 5), 1)).toBeNull();
    expect(naiveScale(Float64Array.of(1, Number.NaN, 3), 1)).toBeNull();
    expect(naiveScale(Float64Array.of(1, 3), 24)).toBe(2);
  });
  test('the forecast of a day before is the newest that is old enough', () => {
    const heads = [0, 10, 20, 30].map((hour) => ({
      id: String(hour),
      madeAt: hour * HOUR_MS + 1,
      firstAt: hour * HOUR_MS,
    }));
    expect(runFor(heads, 35 * HOUR_MS, 0)?.id).toBe('30');
    expect(runFor(heads, 35 * HOUR_MS, 23 * HOUR_MS)?.id).toBe('10');
    expect(runFor(heads, 5 * HOUR_MS, 23 * HOUR_MS)).toBeNull();
  });
});

test('an anomaly is 3 of 4, and ends when one is left', () => {
  const policy = { count: 3, of: 4, anomalous: false };
  expect(alarmOf([true, true, false], policy).anomalous).toBe(false);
  expect(alarmOf([false, true, true, false, true], policy).anomalous).toBe(true);
  const on = { ...policy, anomalous: true };
  expect(alarmOf([true, true, false, false], on).anomalous).toBe(true);
  expect(alarmOf([true, false, false, false], on).anomalous).toBe(false);
  expect(alarmOf([null, null], on).anomalous).toBe(true);
  expect(alarmOf([], policy).anomalous).toBe(false);
});

describe('schedule', () => {
  const ids = Array.from(
    { length: 1_000 },
    (_, i) =>
      `00000000-0000-7000-8000-${((i * 2_654_435_761) >>> 0).toString(16).padStart(12, '0')}`,
  );
  test('a thousand are spread over the hour', () => {
    const minutes = new Map<number, number>();
    for (const id of ids) {
      const minute = Math.floor(offsetOf(id, 'hour') / 60_000);
      minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
    }
    expect(Math.max(...minutes.values())).toBeLessThan(40);
    expect(Math.min(...minutes.keys())).toBeGreaterThanOrEqual(2);
  });
  test('the next is later, within a period, at the same minute; trouble doubles the pause', () => {
    const now = at('2026-11-20T15:00Z');
    for (const id of ids.slice(0, 50)) {
      const due = nextDue(id, 'hour', now, 0);
      expect(due).toBeGreaterThan(now);
      expect(due - now).toBeLessThanOrEqual(HOUR_MS);
      expect(nextDue(id, 'hour', due, 0)).toBe(due + HOUR_MS);
      expect(nextDue(id, 'hour', now, 2)).toBe(due + 3 * HOUR_MS);
      expect(nextDue(id, 'hour', now, 50)).toBe(due + 24 * HOUR_MS);
    }
  });
});
