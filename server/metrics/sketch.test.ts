import { DDSketch } from '@datadog/sketches-js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRollup, encodeRollup, encodeSketches, rollUp, SketchReader } from './rollup.ts';
import { packed } from './samples.ts';
import { ACCURACY, add, centreOf, keyOf, quantiles, type Sketch } from './sketch.ts';

const wanted = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];
const sketchOf = (values: number[]): Sketch => {
  const sketch: Sketch = new Map();
  for (const value of values) add(sketch, keyOf(value), 1);
  return sketch;
};
const ask = (sketch: Sketch) =>
  quantiles(
    [...sketch.keys()].sort((a, b) => a - b),
    (key) => sketch.get(key) ?? 0,
    wanted,
  );
const exact = (values: number[], q: number) => {
  const sorted = Float64Array.from(values).sort();
  const rank = q * (sorted.length - 1);
  const [low = 0, high = 0] = [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]];
  return low + (high - low) * (rank % 1);
};
const positive = fc.double({ min: 1e-9, max: 1e200, noNaN: true });

test('a bin stands for its values within 1 %', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e300, max: 1e300, noNaN: true }), (value) => {
      if (Math.abs(value) < 1e-12) expect(centreOf(keyOf(value))).toBe(0);
      else
        expect(Math.abs(centreOf(keyOf(value)) - value)).toBeLessThanOrEqual(
          Math.abs(value) * ACCURACY * 1.0001,
        );
    }),
  );
});

test('quantiles are within 1 % of the exact ones, also after merging', () => {
  fc.assert(
    fc.property(
      fc.array(positive, { minLength: 1, maxLength: 300 }),
      fc.array(positive, { maxLength: 300 }),
      (a, b) => {
        const merged = sketchOf(a);
        for (const [key, count] of sketchOf(b)) add(merged, key, count);
        const all = [...a, ...b];
        ask(merged).forEach((value, i) => {
          const truth = exact(all, wanted[i] ?? 0);
          expect(Math.abs((value ?? 0) - truth)).toBeLessThanOrEqual(truth * ACCURACY * 1.001);
        });
      },
    ),
  );
});

test('agrees with the kept implementation of the same paper', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 500 }),
      (values) => {
        const theirs = new DDSketch({ relativeAccuracy: ACCURACY });
        for (const value of values) theirs.accept(value);
        const sketch = sketchOf(values);
        const sorted = [...sketch.keys()].sort((a, b) => a - b);
        for (const q of [0.25, 0.5, 0.9, 0.99]) {
          // Theirs answers the lower rank; ours at that rank is the same bin.
          const rank = Math.floor(q * (values.length - 1)) / (values.length - 1);
          const [own] = quantiles(sorted, (key) => sketch.get(key) ?? 0, [rank]);
          const other = theirs.getValueAtQuantile(q);
          expect(Math.abs((own ?? 0) - other)).toBeLessThanOrEqual(other * 2 * ACCURACY * 1.01);
        }
      },
    ),
  );
});

test('nothing counted has no quantile', () => {
  expect(ask(new Map())).toEqual(wanted.map(() => null));
});

test('roll-ups come back as they were written', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.integer({ min: 1, max: 90_000 }),
          fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
        ),
        { minLength: 1, maxLength: 200 },
      ),
      (steps) => {
        let at = 1_790_000_000_000;
        const times = Float64Array.from(steps, ([step]) => (at += step));
        const values = Float64Array.from(steps, ([, value]) => value);
        const { rollup, sketches } = rollUp({ times, values }, 60_000, {
          delta: false,
          before: null,
        });
        const { bytes } = packed([encodeRollup(rollup)]);
        expect(
          decodeRollup(bytes, [
            'count',
            'sum',
            'min',
            'max',
            'first',
            'last',
            'm2',
            'increase',
            'firstAt',
            'lastAt',
          ]),
        ).toEqual(rollup);
        expect(decodeRollup(bytes, ['max'])).toEqual({ starts: rollup.starts, max: rollup.max });
        const reader = new SketchReader(encodeSketches(sketches));
        const back: Sketch[] = [];
        while (reader.bucket < reader.buckets) {
          const sketch: Sketch = new Map();
          reader.next((key, count) => sketch.set(key, count));
          back.push(sketch);
        }
        expect(back.map((sketch) => [...sketch])).toEqual(
          sketches.map((sketch) => [...sketch].sort(([a], [b]) => a - b)),
        );
      },
    ),
  );
});
