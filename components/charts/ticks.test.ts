import fc from 'fast-check';
import { expect, test } from 'vitest';
import { valueTicks } from './ticks.ts';

test.each<[number, number, 'decimal' | 'binary', number[]]>([
  [0, 0, 'decimal', [0, 1]],
  [9, 0, 'decimal', [0, 2.5, 5, 7.5, 10]],
  [100, 0, 'decimal', [0, 25, 50, 75, 100]],
  [5, -5, 'decimal', [-5, -2.5, 0, 2.5, 5]],
  [0, -3, 'decimal', [-3, -2, -1, 0]],
  [1000, 0, 'binary', [0, 256, 512, 768, 1024]],
])('up to %s from %s', (max, min, base, expected) => {
  expect(valueTicks(max, base, min)).toEqual(expected);
});

test('at most five ticks, in order, around everything and zero', () => {
  const size = fc.double({ min: -1e12, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(
      size,
      size,
      fc.constantFrom('decimal' as const, 'binary' as const),
      (a, b, base) => {
        fc.pre(Math.abs(a - b) > 1e-6);
        const ticks = valueTicks(Math.max(a, b), base, Math.min(a, b));
        const slack = Math.abs(a - b) * 1e-6;
        expect(ticks.length).toBeLessThanOrEqual(5);
        expect(ticks[0]).toBeLessThanOrEqual(Math.min(0, a, b) + slack);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(Math.max(0, a, b) - slack);
        expect(ticks).toEqual(ticks.toSorted((x, y) => x - y));
      },
    ),
  );
});
