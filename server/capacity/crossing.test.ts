/** Simulated disks: the truth is known, so that false dates and the coverage of intervals can be counted. */
import { describe, expect, test } from 'vitest';
import { type Crossing, crossing } from './crossing.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-11-21T00:00:00Z');
const RUNS = 100;

function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
type Kind = (hour: number, normal: () => number, memory: { x: number }) => number;

/** One run: what is found, and when the limit was really reached. */
function run(hours: number, kind: Kind, limit: number, seed: number) {
  const uniform = random(seed * 7_919 + 13);
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const memory = { x: 0 };
  const [times, values]: [number[], number[]] = [[], []];
  for (let i = 0; i < hours; i++) {
    times.push(NOW - (hours - i) * HOUR);
    values.push(kind(i, normal, memory));
  }
  let truth: number | null = null;
  for (let i = hours; i < hours + 365 * 24 && truth === null; i++)
    if (kind(i, normal, memory) >= limit) truth = NOW + (i - hours) * HOUR;
  return { found: crossing({ times, values, limit, direction: 'upper', now: NOW }), truth };
}
function simulate(hours: number, kind: Kind, limit = 100) {
  const states: Partial<Record<Crossing['state'], number>> = {};
  const errors: number[] = [];
  let covered = 0;
  for (let seed = 0; seed < RUNS; seed++) {
    const { found, truth } = run(hours, kind, limit, seed);
    states[found.state] = (states[found.state] ?? 0) + 1;
    if (found.state !== 'crossing' || truth === null) continue;
    const early = (found.at.earliest ?? found.at.mean ?? Number.NaN) - HOUR;
    const late = (found.at.latest ?? Number.POSITIVE_INFINITY) + HOUR;
    if (truth >= early && truth <= late) covered += 1;
    errors.push(((found.at.mean ?? Number.NaN) - truth) / DAY);
  }
  errors.sort((a, b) => a - b);
  return {
    states,
    dated: (states.crossing ?? 0) / RUNS,
    coverage: errors.length > 0 ? covered / errors.length : null,
    medianError: errors[errors.length >> 1] ?? null,
  };
}
const noise =
  (base: (hour: number) => number, size: number): Kind =>
  (hour, normal) =>
    base(hour) + size * normal();
const autocorrelated =
  (base: (hour: number) => number, r: number): Kind =>
  (hour, normal, memory) => {
    memory.x = r * memory.x + normal();
    return base(hour) + memory.x;
  };

describe('growth along a line', () => {
  test.each([
    ['two days', 48, 0.5],
    ['a week', 168, 0.5],
    ['a week of much noise', 168, 3],
    ['four weeks', 672, 0.5],
    ['four weeks of much noise', 672, 3],
  ])('%s: the interval holds the truth in 90 to 99 of 100', (_name, hours, size) => {
    const { dated, coverage, medianError } = simulate(
      hours,
      noise((hour) => 40 + 0.05 * hour, size),
    );
    expect(dated).toBeGreaterThan(0.97);
    expect(coverage).toBeGreaterThanOrEqual(0.9);
    expect(coverage).toBeLessThanOrEqual(0.99);
    expect(Math.abs(medianError ?? Number.NaN)).toBeLessThan(1);
  });
  test('with memory the interval is wide rather than wrong', () => {
    const { coverage } = simulate(
      168,
      autocorrelated((hour) => 40 + 0.05 * hour, 0.8),
    );
    expect(coverage).toBeGreaterThanOrEqual(0.9);
  });
  test('a small slow wobble around a clear line hides nothing', () => {
    const { dated } = simulate(168, (hour) => 40 + 0.1 * hour + 0.1 * Math.sin(hour / 3));
    expect(dated).toBe(1);
  });
  test('that wanders: at least 80 of 100', () => {
    const { coverage, dated } = simulate(672, (hour, normal, memory) => {
      if (hour === 0) memory.x = 40;
      memory.x += 0.05 + 0.1 * normal();
      return memory.x;
    });
    expect(coverage).toBeGreaterThanOrEqual(0.8);
    expect(dated).toBeGreaterThan(0.9);
  });
});

describe('no date without a trend', () => {
  test.each([
    ['two days', 48],
    ['a week', 168],
    ['four weeks', 672],
  ])('flat noise, %s: at most 5 of 100', (_name, hours) => {
    expect(
      simulate(
        hours,
        noise(() => 60, 1),
      ).dated,
    ).toBeLessThanOrEqual(0.05);
  });
  test.each([
    ['two days', 48],
    ['a week', 168],
    ['four weeks', 672],
  ])('flat with memory, %s: at most 8 of 100', (_name, hours) => {
    expect(
      simulate(
        hours,
        autocorrelated(() => 60, 0.8),
      ).dated,
    ).toBeLessThanOrEqual(0.08);
  });
  test('falling, constant, and rotated each day: never', () => {
    for (const kind of [
      noise((hour) => 60 - 0.01 * hour, 0.5),
      noise(() => 60, 0),
      noise((hour) => 50 + (hour % 24), 0.5),
    ]) {
      expect(simulate(672, kind).states).toEqual({ steady: RUNS });
    }
  });
  test('rotated each week: never, once three weeks were seen', () => {
    const { dated } = simulate(
      672,
      noise((hour) => 30 + 0.1 * (hour % 168), 0.3),
      60,
    );
    expect(dated).toBe(0);
  });
  test('just emptied: not before three days are over, unless it is near', () => {
    const kind = noise((hour) => 50 + (hour % 24), 0.5);
    expect(simulate(48, kind).dated).toBe(0);
  });
});

describe('shapes', () => {
  test('a saw-tooth that grows is full at its peak', () => {
    const { dated, coverage } = simulate(
      672,
      noise((hour) => 20 + 0.5 * (hour % 24) + 0.04 * hour, 0.5),
    );
    expect(dated).toBe(1);
    expect(coverage).toBeGreaterThanOrEqual(0.88);
  });
  test('after a step the series begins anew', () => {
    const { dated, coverage } = simulate(
      672,
      noise((hour) => (hour < 400 ? 80 : 30) + 0.05 * hour, 0.5),
    );
    expect(dated).toBe(1);
    expect(coverage).toBeGreaterThanOrEqual(0.9);
    const { found } = run(
      672,
      noise((hour) => (hour < 400 ? 80 : 30) + 0.05 * hour, 0.5),
      100,
      1,
    );
    expect(found.windowFrom).toBe(NOW - 272 * HOUR);
    expect(found.notes.join()).toMatch(/fell at once/);
  });
  test('right after a step nothing is known', () => {
    const kind = noise((hour) => (hour < 664 ? 60 : 30) + 0.05 * hour, 0.5);
    expect(simulate(672, kind).states).toEqual({ short: RUNS });
  });
  test('what begins to grow is seen by its newest part', () => {
    const { dated, coverage } = simulate(
      672,
      noise((hour) => 40 + 0.2 * Math.max(0, hour - 500), 0.3),
    );
    expect(dated).toBe(1);
    expect(coverage).toBeGreaterThanOrEqual(0.9);
  });
  test.each([
    ['as a cubic', 672, noise((hour) => 20 + 40 * (hour / 672) ** 3, 0.3), 0.9],
    ['as a square, with much noise', 672, noise((hour) => 20 + 40 * (hour / 672) ** 2, 2), 0.9],
    [
      'by a share of itself',
      672,
      noise((hour) => 15 + 5 * Math.exp((hour / 672) * 2.2), 0.3),
      0.75,
    ],
  ])(
    'growth that quickens %s: the date is not late, and the interval holds it',
    (_name, hours, kind, held) => {
      const { dated, coverage, medianError } = simulate(hours, kind);
      expect(dated).toBe(1);
      expect(coverage).toBeGreaterThanOrEqual(held);
      // The limit is reached about 7 to 11 days after the last value.
      expect(Math.abs(medianError ?? Number.NaN)).toBeLessThan(1.3);
    },
  );
  test('a rate that rose once does not rise for ever', () => {
    const { dated, coverage, medianError } = simulate(
      672,
      noise((hour) => 40 + 0.1 * Math.max(0, hour - 336), 0.3),
    );
    expect(dated).toBe(1);
    expect(coverage).toBeGreaterThanOrEqual(0.9);
    expect(Math.abs(medianError ?? Number.NaN)).toBeLessThan(0.2);
  });
  test('a lower limit is the same upside down', () => {
    const times = Array.from({ length: 200 }, (_, i) => NOW - (200 - i) * HOUR);
    const up = times.map((_, i) => 10 + 0.1 * i + Math.sin(i * 7.3));
    const below = crossing({ times, values: up, limit: 60, direction: 'upper', now: NOW });
    const above = crossing({
      times,
      values: up.map((value) => -value),
      limit: -60,
      direction: 'lower',
      now: NOW,
    });
    expect(above.at).toEqual(below.at);
    expect(below.state).toBe('crossing');
  });
});

describe('odd input', () => {
  const at = (count: number) => Array.from({ length: count }, (_, i) => NOW - (count - i) * HOUR);
  const ask = (values: number[], limit = 100) =>
    crossing({ times: at(values.length), values, limit, direction: 'upper', now: NOW });
  test('nothing, one value, three values', () => {
    for (const values of [[], [5], [5, 6, 7]]) expect(ask(values).state).toBe('short');
  });
  test('over the limit already, however short', () => {
    expect(ask([120]).state).toBe('over');
    expect(ask(at(100).map((_, i) => 50 + i)).state).toBe('over');
  });
  test('all zero, all equal, gaps', () => {
    expect(ask(at(100).map(() => 0)).state).toBe('steady');
    expect(ask(at(100).map(() => 7)).state).toBe('steady');
    const gaps = at(300).map((_, i) => (i % 3 === 0 ? Number.NaN : 20 + 0.1 * i));
    expect(ask(gaps)).toMatchObject({ state: 'crossing', points: 200 });
  });
  test('a line without noise reaches its limit on the hour', () => {
    const found = ask(at(100).map((_, i) => 50 + 0.1 * i));
    // 59.9 an hour ago.
    expect(Math.abs((found.at.mean ?? 0) - (NOW + 400 * HOUR))).toBeLessThanOrEqual(HOUR);
  });
  test('one value that is elsewhere, as of an hour that has just begun, is no step', () => {
    const values = at(160).map((_, i) => 60 + 20 * Math.sin((i / 24) * 2 * Math.PI));
    expect(ask([...values.slice(0, -1), 75])).toMatchObject({ state: 'steady', points: 160 });
  });
  test('what is farther than a year has no date', () => {
    expect(ask(at(600).map((_, i) => 50 + 0.001 * i)).state).toBe('steady');
  });
  test('the forecast of a series with seasons may be the first to reach it', () => {
    const values = at(336).map((_, i) => 50 + 20 * Math.sin((i / 24) * 2 * Math.PI));
    const forecast = Array.from({ length: 48 }, (_, i) => ({
      at: NOW + i * HOUR,
      mean: i === 20 ? 101 : 60,
      lower: 40,
      upper: i >= 18 ? 102 : 70,
    }));
    const found = crossing({
      times: at(336),
      values,
      limit: 100,
      direction: 'upper',
      now: NOW,
      forecast,
    });
    expect(found).toMatchObject({
      state: 'crossing',
      at: { mean: NOW + 20 * HOUR, earliest: NOW + 18 * HOUR, latest: null },
    });
  });
});
