import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ANOMALY_THRESHOLD, createDetector, type DetectorOptions } from './anomaly.ts';

const MINUTE = 60_000;
const start = Date.parse('2026-03-02T00:00:00Z');
type Row = { at: number; value: number | null };

const judge = (rows: readonly Row[], options?: DetectorOptions) => {
  const detector = createDetector(options);
  return rows.map(({ at, value }) => detector.push(at, value));
};
const alarms = (rows: readonly Row[], options?: DetectorOptions) =>
  judge(rows, options).flatMap(({ score }, index) => (score >= ANOMALY_THRESHOLD ? [index] : []));
const every5m = (count: number, valueAt: (index: number) => number): Row[] =>
  Array.from({ length: count }, (_, index) => ({
    at: start + index * 5 * MINUTE,
    value: valueAt(index),
  }));

/** Normal noise from a generator of its own, so that each run sees the same. */
function noise(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state + 0.5) / 2_147_483_648;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
const day = (index: number) => Math.sin((index / 288) * 2 * Math.PI);

test('a spike, a level shift and a quiet night that should be a busy one are seen as they begin', () => {
  const next = noise(1);
  const spike = every5m(2_000, (i) => 50 + next() + (i === 1_500 ? 20 : 0));
  expect(alarms(spike)).toContain(1_500);
  const shift = every5m(2_000, (i) => 50 + next() + (i >= 1_500 ? 12 : 0));
  expect(alarms(shift).filter((i) => i >= 1_500)[0]).toBe(1_500);
  // Every value is an ordinary one, only not at this time of day.
  const flat = every5m(3_000, (i) => 50 + 30 * (i >= 2_448 && i < 2_592 ? 0 : day(i)) + next());
  const seen = alarms(flat).filter((i) => i >= 2_448 && i < 2_592);
  expect(seen.length).toBeGreaterThan(0);
});

test('one event is told of once, not at each of its points', () => {
  const next = noise(2);
  const shift = every5m(2_000, (i) => 50 + next() + (i >= 1_500 && i < 1_700 ? 15 : 0));
  expect(alarms(shift).filter((i) => i >= 1_500 && i < 1_700).length).toBeLessThanOrEqual(3);
});

test('noise is quiet: in 20 series of a fortnight each, fewer than six alarms a series', () => {
  let sum = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const next = noise(seed);
    const rows = every5m(4_032, (i) => 100 + 10 * day(i) + next());
    sum += alarms(rows).filter((i) => i > 600).length;
  }
  expect(sum / 20).toBeLessThan(6);
});

test('a series that never moves is quiet, and its first move is not', () => {
  const rows = every5m(1_000, (i) => (i === 900 ? 8 : 7));
  expect(alarms(rows)).toEqual([900]);
});

test('the first points of a series are no alarm, whatever they are', () => {
  const rows = every5m(25, (i) => 7 ** i);
  expect(alarms(rows)).toEqual([]);
});

test('a short series is quiet too: 200 points of noise give less than one alarm, and a spike is still seen', () => {
  let sum = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const next = noise(seed);
    const seen = alarms(every5m(200, (i) => 50 + next() + (i === 180 ? 10 : 0)));
    expect(seen).toContain(180);
    sum += seen.length - 1;
  }
  expect(sum / 40).toBeLessThan(1);
});

test('an old outlier does not hide a lesser one for ever', () => {
  const next = noise(3);
  const rows = every5m(60_000, (i) => 50 + next() + (i === 500 ? 60 : i === 59_000 ? 50 : 0));
  expect(alarms(rows)).toContain(59_000);
});

test('the labelled failure of a real server is seen, and little else', () => {
  const file = path.join(import.meta.dirname, 'testdata/ec2_cpu_utilization_ac20cd.csv');
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  const rows = lines.map((line) => {
    const [time = '', value] = line.split(',');
    return { at: Date.parse(`${time.replace(' ', 'T')}Z`), value: Number(value) };
  });
  expect(rows).toHaveLength(4_032);
  const from = Date.parse('2014-04-14T07:49:00Z');
  const to = Date.parse('2014-04-15T17:34:00Z');
  const seen = alarms(rows)
    .filter((index) => index >= 600)
    .map((index) => rows[index]?.at ?? 0);
  expect(seen.filter((at) => at >= from && at <= to).length).toBeGreaterThan(0);
  expect(seen.filter((at) => at < from || at > to).length).toBeLessThan(3);
});

test('the band holds nearly all of an ordinary series, and follows its day', () => {
  const next = noise(4);
  const rows = every5m(4_032, (i) => 100 + 40 * day(i) + next());
  const late = judge(rows).slice(2_016);
  const inside = late.filter(({ lower, upper }, i) => {
    const value = rows[2_016 + i]?.value ?? 0;
    return lower !== null && upper !== null && value >= lower && value <= upper;
  });
  expect(inside.length / late.length).toBeGreaterThan(0.97);
  const width = late.reduce((sum, { lower, upper }) => sum + (upper ?? 0) - (lower ?? 0), 0);
  expect(width / late.length).toBeLessThan(20);
});

test('the band has no steps of its own within the first day', () => {
  const next = noise(7);
  const rows = Array.from({ length: 720 }, (_, i) => ({
    at: start + i * 30_000,
    value: 50 + next(),
  }));
  const late = judge(rows).slice(200);
  const widths = late.map(({ lower, upper }) => (upper ?? 0) - (lower ?? 0));
  expect(Math.max(...widths) / Math.min(...widths)).toBeLessThan(1.6);
});

test('a given season is used: a wave of seven minutes with its crest left out', () => {
  const wave = (i: number) => Math.sin((i / 42) * 2 * Math.PI) * 10;
  const rows = Array.from({ length: 2_000 }, (_, i) => ({
    at: start + i * 10_000,
    value: i >= 1_680 && i < 1_701 ? 0 : wave(i),
  }));
  const seen = alarms(rows, { seasonSeconds: 420 }).filter((i) => i >= 1_680 && i < 1_722);
  expect(seen.length).toBeGreaterThan(0);
});

const anyValue = fc.oneof(
  fc.double(),
  fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_VALUE, -0, 0, 5e-324),
  fc.integer({ min: -5, max: 5 }),
);
const anyRows = fc.array(fc.record({ at: fc.double(), value: anyValue }), { maxLength: 300 });
const anyOptions = fc.constantFrom<DetectorOptions>(
  {},
  { seasonSeconds: null },
  { seasonSeconds: 3_600 },
  { seasonSeconds: 0 },
  { seasonSeconds: Number.NaN },
  { seasonSeconds: 1e308 },
);

test('whatever comes, a score is 0 to 1 and what is expected is a number or null', () => {
  fc.assert(
    fc.property(anyRows, anyOptions, (rows, options) => {
      for (const { score, expected, lower, upper } of judge(rows, options)) {
        if (!(score >= 0 && score <= 1)) return false;
        for (const each of [expected, lower, upper])
          if (each !== null && !Number.isFinite(each)) return false;
        if (expected !== null && !(Number(lower) <= expected && expected <= Number(upper)))
          return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
});

test('a row is judged by the rows up to it: a prefix has the same scores', () => {
  const plain = fc.record({ at: fc.integer({ min: 0, max: 1e12 }), value: anyValue });
  fc.assert(
    fc.property(fc.array(plain, { maxLength: 200 }), fc.nat(200), (rows, cut) => {
      expect(judge(rows.slice(0, cut))).toEqual(judge(rows).slice(0, cut));
    }),
    { numRuns: 100 },
  );
});

test('scale and offset do not matter', () => {
  const next = noise(5);
  const rows = every5m(1_500, (i) => 50 + next() + (i === 1_200 ? 30 : 0));
  const scaled = rows.map(({ at, value }) => ({ at, value: (value ?? 0) * 4_096 }));
  expect(alarms(scaled)).toEqual(alarms(rows));
});

test('memory and time stay bounded: the hundred thousandth point costs what the thousandth did', () => {
  const detector = createDetector();
  const next = noise(6);
  const time = (count: number) => {
    const from = performance.now();
    for (let i = 0; i < count; i++) detector.push(start + i * MINUTE, next());
    return performance.now() - from;
  };
  time(20_000);
  const early = time(20_000);
  time(200_000);
  // A detector that kept its points would be slower by the number of them.
  expect(time(20_000)).toBeLessThan(early * 5 + 50);
});
