import fc from 'fast-check';
import { expect, test } from 'vitest';
import { selectRanks } from './select.ts';

const list = fc.oneof(
  fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 400 }),
  fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 400 }),
);

test('the values at the ranks are those of the sorted list, and the rest is still there', () => {
  fc.assert(
    fc.property(
      list,
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.nat({ max: 50 }),
      (values, picks, before) => {
        const ranks = picks.map((pick) => pick % values.length).sort((a, b) => a - b);
        const all = Float64Array.from([...Array.from({ length: before }, () => 7), ...values, 7]);
        selectRanks(all, before, before + values.length, ranks);
        const own = all.subarray(before, before + values.length);
        const sorted = Float64Array.from(values).sort();
        for (const rank of ranks) expect(own[rank]).toBe(sorted[rank]);
        expect(own.slice().sort()).toEqual(sorted);
        expect(all.subarray(0, before).every((value) => value === 7) && all.at(-1) === 7).toBe(
          true,
        );
      },
    ),
    { numRuns: 2_000 },
  );
});

test.each<[string, (i: number) => number]>([
  ['rising', (i) => i],
  ['falling', (i) => -i],
  ['equal', () => 1],
  ['organ pipe', (i) => Math.min(i, 100_000 - i)],
])('%s lists do not make it slow', (_name, of) => {
  const values = Float64Array.from({ length: 100_000 }, (_, i) => of(i));
  const sorted = values.slice().sort();
  selectRanks(values, 0, values.length, [50_000, 95_000, 99_000]);
  for (const rank of [50_000, 95_000, 99_000]) expect(values[rank]).toBe(sorted[rank]);
});
