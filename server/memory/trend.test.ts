import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { policySchema, type Trend } from './contract.ts';
import {
  advance,
  chanceOfRise,
  judge,
  keep,
  type Level,
  levelsWith,
  type Point,
  theilSen,
  thin,
  type Watch,
} from './trend.ts';

// Hundreds of days, minute by minute: seconds on a machine that has nothing else to do.
vi.setConfig({ testTimeout: 60_000 });

const MB = 1024 * 1024;
const MINUTE = 60_000;
const policy = policySchema.parse({});
const START = Date.UTC(2026, 0, 5);

/** Small, fast, and the same on every machine (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Feeds a course of the heap as the service does, minute by minute; answers when it was first called a leak, in minutes. */
function watchCourse(points: readonly Point[], startedAt = START): number | null {
  let window: Point[] = [];
  let levels: Level[] = [];
  let watch: Watch = { verdict: 'learning', suspectedAt: null, growingAt: null };
  const last = points.at(-1)?.[0] ?? 0;
  let next = 0;
  for (let now = startedAt + MINUTE; now <= last + MINUTE; now += MINUTE) {
    const fresh: Point[] = [];
    for (let point = points[next]; point && point[0] <= now; point = points[++next])
      fresh.push(point);
    window = keep([...window, ...fresh], now, policy);
    levels = levelsWith(levels, fresh, startedAt + policy.warmupSeconds * 1000);
    const trend = judge(window, { startedAt, now, policy, levels });
    watch = advance(watch, trend, now, policy);
    if (watch.verdict === 'leak') return (now - startedAt) / MINUTE;
  }
  return null;
}

/** Points each 30 s to 4 min, `live(minutes)` plus noise that is mostly upward: what is collected late still counts. */
function course(
  minutes: number,
  seed: number,
  noise: number,
  live: (minute: number) => number,
): Point[] {
  const random = seeded(seed);
  const points: Point[] = [];
  for (let minute = 0.5; minute < minutes; minute += 0.5 + random() * 3.5) {
    const late = Math.abs(random() + random() + random() - 1.5) * noise;
    points.push([START + minute * MINUTE, Math.round(live(minute) * (1 + late))]);
  }
  return points;
}

/** A day of a program that is well: load that comes and goes, caches that fill and are dropped, steps, teeth. */
function ordinaryDay(seed: number): Point[] {
  const random = seeded(seed * 7919);
  const base = (60 + random() * 600) * MB;
  const daily = random() * 0.1;
  const toothMinutes = 5 + random() * 25;
  const tooth = random() * 0.12;
  const slowHours = 4 + random() * 8;
  const slow = random() * 0.1;
  const fills = Array.from({ length: 3 }, (_, index) => ({
    // Two that follow each other at once are one that fills for long, which looks like a leak until it stops.
    at: index * 450 + 20 + random() * 250,
    minutes: 2 + random() * 43,
    size: random() * 0.5,
    dropsAfter: 60 + random() * 400,
  }));
  return course(1_440, seed, 0.005 + random() * 0.04, (minute) => {
    let factor = 1 + daily * Math.sin((minute / 1_440) * 2 * Math.PI + seed);
    factor += tooth * ((minute % toothMinutes) / toothMinutes);
    factor += slow * ((minute % (slowHours * 60)) / (slowHours * 60));
    for (const fill of fills) {
      const since = minute - fill.at;
      if (since > 0 && since < fill.dropsAfter)
        factor += fill.size * Math.min(1, since / fill.minutes);
    }
    // What a start needs goes again.
    if (minute < 8) factor += 0.3 * (1 - minute / 8);
    return base * factor;
  });
}

describe('a healthy heap is not called a leak', () => {
  test('100 days of saw teeth, tides, steps and caches', () => {
    const alarms: string[] = [];
    for (let seed = 1; seed <= 100; seed++) {
      const found = watchCourse(ordinaryDay(seed));
      if (found !== null) alarms.push(`day ${seed} at minute ${found}`);
    }
    expect(alarms).toEqual([]);
  });
  test.each([
    ['in 10 minutes', 10],
    ['in half an hour', 30],
    ['in three quarters of an hour', 45],
  ])('a cache that fills %s and stops', (_name, minutes) => {
    for (let seed = 1; seed <= 10; seed++) {
      const points = course(
        300,
        seed,
        0.02,
        (minute) => 150 * MB * (1 + 0.6 * Math.min(1, Math.max(0, minute - 30) / minutes)),
      );
      expect(watchCourse(points), `seed ${seed}`).toBeNull();
    }
  });
  test('a cache that fills ever more slowly', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const points = course(
        600,
        seed,
        0.02,
        (minute) => 150 * MB * (1 + 0.8 * (1 - Math.exp(-minute / 25))),
      );
      expect(watchCourse(points), `seed ${seed}`).toBeNull();
    }
  });
  test('a large heap whose growth is too slow, and a small one whose growth is too little', () => {
    expect(
      watchCourse(course(600, 3, 0.01, (minute) => 800 * MB * (1 + (0.06 * minute) / 60))),
    ).toBeNull();
    expect(
      watchCourse(course(240, 4, 0.01, (minute) => 30 * MB * (1 + (0.3 * minute) / 60))),
    ).toBeNull();
  });
  test('a recording of the console under load, and two hours of it', () => {
    const file = new URL('./testdata/console-heap.json', import.meta.url);
    const { points: steps }: { points: [number, number][] } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    let [seconds, kib] = [0, 0];
    const recorded = steps.map(([dt, dv]): Point => {
      seconds += dt;
      kib += dv;
      return [START + seconds * 1000, kib * 1024];
    });
    expect(seconds).toBeGreaterThan(3_600);
    expect(watchCourse(recorded)).toBeNull();
    // What followed the start, once more: two hours in all.
    const warm = recorded.filter(([at]) => at > START + 10 * MINUTE);
    const again = warm.map(([at, bytes]): Point => [at + (seconds - 600) * 1000, bytes]);
    const both = [...recorded, ...again];
    expect((both.at(-1)?.[0] ?? 0) - START).toBeGreaterThan(110 * MINUTE);
    expect(watchCourse(both)).toBeNull();
    // The same hours with a leak of 40 % an hour on top of them do give one.
    const leaking = both.map(
      ([at, bytes]): Point => [at, bytes + (0.4 * 75 * MB * (at - START)) / 3_600_000],
    );
    expect(watchCourse(leaking)).toBeLessThanOrEqual(95);
  });
  test('what a start allocates', () => {
    expect(
      watchCourse(course(120, 5, 0.01, (minute) => 100 * MB * (1 + Math.min(1, minute / 10)))),
    ).toBeNull();
  });
});

describe('a leak is found', () => {
  test.each([220, 400, 900])('of a tenth an hour within 90 minutes, on %d MB', (size) => {
    const found = Array.from({ length: 20 }, (_, seed) =>
      watchCourse(course(200, seed + 1, 0.02, (minute) => size * MB * 1.1 ** (minute / 60))),
    );
    expect(found.filter((minute) => minute === null || minute > 90)).toEqual([]);
  });
  test('that begins after hours of an even heap, within 90 minutes of its beginning', () => {
    const found = Array.from({ length: 20 }, (_, seed) =>
      watchCourse(
        course(
          480,
          seed + 1,
          0.02,
          (minute) => 300 * MB * (1 + (0.12 * Math.max(0, minute - 240)) / 60),
        ),
      ),
    );
    expect(found.filter((minute) => minute === null || minute < 240 || minute > 330)).toEqual([]);
  });
  test('also beneath saw teeth', () => {
    const found = Array.from({ length: 10 }, (_, seed) =>
      watchCourse(
        course(
          200,
          seed + 1,
          0.02,
          (minute) => 300 * MB * (1 + (0.15 * minute) / 60 + 0.06 * ((minute % 7) / 7)),
        ),
      ),
    );
    expect(found.filter((minute) => minute === null || minute > 90)).toEqual([]);
  });
});

describe('the verdict', () => {
  const trend = (level: number): Trend => ({
    growing: level > 0,
    sustained: level > 1,
    points: 20,
    slopeBytesPerHour: 1,
    growthBytes: 1,
    growthRatio: 1,
    pValue: 0,
    fromBytes: 1,
    toBytes: 1,
    fromAt: null,
    toAt: null,
    why: '',
  });
  test('needs growth that is sustained, forgives a moment without it, and is taken back', () => {
    let watch: Watch = { verdict: 'steady', suspectedAt: null, growingAt: null };
    const seen: string[] = [];
    const growing = [
      0,
      ...Array(9).fill(1),
      0,
      ...Array(9).fill(1),
      2,
      2,
      2,
      2,
      ...Array(20).fill(0),
    ];
    for (const [minute, grows] of growing.entries()) {
      watch = advance(watch, trend(grows), START + minute * MINUTE, policy);
      seen.push(watch.verdict);
    }
    expect(seen.slice(0, 20)).toEqual(['steady', ...Array(19).fill('suspected')]);
    expect(seen[20]).toBe('leak');
    expect(seen[36]).toBe('leak');
    expect(seen.at(-1)).toBe('steady');
  });
});

describe('the statistics', () => {
  const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  test('Theil–Sen recovers a line exactly, also with a quarter of the points thrown far off', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1_000, max: 1_000 }),
        fc.integer({ min: -1_000_000, max: 1_000_000 }),
        fc.integer({ min: 9, max: 60 }),
        fc.integer({ min: 0, max: 1_000 }),
        (slope, intercept, n, seed) => {
          const random = seeded(seed);
          const points: Point[] = Array.from({ length: n }, (_, i) => [
            i,
            i % 5 === 2 ? (random() - 0.5) * 1e9 : slope * i + intercept,
          ]);
          const line = theilSen(points);
          expect(Math.abs(line.slope - slope)).toBeLessThan(1e-6 + 0.5 * Math.abs(slope) + 1e8 / n);
          const clean: Point[] = points.map(([t]) => [t, slope * t + intercept]);
          expect(theilSen(clean).slope).toBeCloseTo(slope, 6);
          expect(theilSen(clean).intercept).toBeCloseTo(intercept, 3);
        },
      ),
    );
  });
  test('Mann–Kendall: published values', () => {
    // scipy.stats.kendalltau agrees on S; p by the normal approximation with continuity correction.
    expect(chanceOfRise([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toBeCloseTo(4.16e-5, 6);
    expect(chanceOfRise([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])).toBeCloseTo(1, 3);
    expect(chanceOfRise([5, 5, 5, 5, 5, 5, 5, 5])).toBe(1);
    expect(chanceOfRise([1, 2])).toBe(1);
  });
  test('Mann–Kendall looks at the order alone', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 3, maxLength: 40 }), (values) => {
        const ranks = [...new Set(values)].sort((a, b) => a - b);
        expect(chanceOfRise(values.map((value) => ranks.indexOf(value)))).toBeCloseTo(
          chanceOfRise(values),
          12,
        );
      }),
    );
  });
  test('thinning keeps the order, the bound and the smallest', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 1, max: 1e9 })), {
          maxLength: 300,
        }),
        (given) => {
          const kept = thin(given, 0, 10_000, 50);
          expect(kept.length).toBeLessThanOrEqual(50);
          expect(kept.map(([at]) => at)).toEqual(kept.map(([at]) => at).sort((a, b) => a - b));
          if (given.length > 0) {
            expect(Math.min(...kept.map(([, bytes]) => bytes))).toBe(
              Math.min(...given.map(([, bytes]) => bytes)),
            );
          }
        },
      ),
    );
  });
  test('nothing, one point and equal times are judged without an error', () => {
    const given = { startedAt: START - 1e8, now: START, policy, levels: [] };
    for (const points of [[], [[START, 1]], Array(20).fill([START, 5])] satisfies Point[][]) {
      expect(judge(points, given)).toMatchObject({ growing: false, slopeBytesPerHour: null });
    }
  });
});
