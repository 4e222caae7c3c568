import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkCount, decodeChunk, encodeChunk } from './codec.ts';

/** Bits, so that NaN payloads and −0 count. */
const bits = (values: Float64Array) => [...new BigUint64Array(values.slice().buffer)];
const roundTrip = (times: number[] | Float64Array, values: number[] | Float64Array) => {
  const [t, v] = [Float64Array.from(times), new Float64Array(values)];
  const bytes = encodeChunk(t, v);
  expect(chunkCount(bytes)).toBe(t.length);
  const back = decodeChunk(bytes);
  expect([...back.times]).toEqual([...t]);
  expect(bits(back.values)).toEqual(bits(v));
  return bytes;
};
const regular = (n: number, stepMs: number) =>
  Array.from({ length: n }, (_, i) => 1_790_000_000_000 + i * stepMs);

test('samples in any order and of any kind come back bit by bit', () => {
  const time = fc.oneof(
    fc.integer({ min: 1.6e12, max: 2.2e12 }),
    fc.integer({ min: 1.6e15, max: 2.2e15 }).map((us) => Math.round(us) / 1000),
    fc.integer({ min: 1_790_000_000_000, max: 1_790_000_100_000 }),
  );
  const value = fc.oneof(
    fc.double(),
    fc.constantFrom(
      Number.NaN,
      Infinity,
      -Infinity,
      0,
      -0,
      5e-324,
      -5e-324,
      1.7976931348623157e308,
    ),
    fc.integer(),
    fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
    fc.integer({ min: -10_000, max: 10_000 }).map((cents) => cents / 100),
    fc.maxSafeInteger(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(time, value), { maxLength: 300 }), (samples) => {
      roundTrip(
        samples.map(([at]) => at),
        samples.map(([, v]) => v),
      );
    }),
    { numRuns: 1_000 },
  );
});

test('walks of decimals and of counters with resets come back bit by bit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -2_000, max: 1_000_000 }), { minLength: 1, maxLength: 400 }),
      fc.integer({ min: 0, max: 8 }),
      (steps, digits) => {
        let total = 0;
        roundTrip(
          regular(steps.length, 15_000),
          steps.map((step) => {
            total = step < 0 ? 0 : total + step;
            return total / 10 ** digits;
          }),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test('payloads of NaN survive', () => {
  const words = new Uint32Array([2, 0x7ff00000, 0xdeadbeef, 0xfff8abcd, 0, 0x40000000]);
  roundTrip([1, 2, 3], new Float64Array(words.buffer));
});

test.each([
  ['a constant', () => 5, 0.3],
  ['a counter that grows by chance', (i: number) => i * 137 + ((i * 7919) % 101), 1.6],
  [
    'a percentage with two digits',
    (i: number) => Math.round(5_000 + 900 * Math.sin(i / 40) + ((i * 7919) % 13)) / 100,
    1,
  ],
  ['an up gauge', (i: number) => (i % 97 === 0 ? 0 : 1), 0.5],
])('%s at 10 s takes few bytes', (_name, value, atMost) => {
  const n = 720;
  const bytes = roundTrip(
    regular(n, 10_000),
    Array.from({ length: n }, (_, i) => value(i)),
  );
  expect(bytes.length / n).toBeLessThan(atMost);
});

test('an empty chunk and one of a single sample', () => {
  roundTrip([], []);
  roundTrip([1_790_000_000_000.125], [Math.PI]);
});
