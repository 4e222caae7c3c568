/**
 * Quantiles that can be merged: DDSketch (Masson, Rim and Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch
 * with Relative-Error Guarantees", VLDB 2019) with a relative accuracy of 1 %, kept sparse because a minute holds a
 * few samples. The kept library for it holds dense stores of 128 bins and cannot be packed by column; the tests check
 * this one against it.
 *
 * Keys: 0 for values nearer to zero than `TINY`, else ±(index + OFFSET) of the logarithmic bin of |value|.
 */

export const ACCURACY = 0.01;
const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);
const LOG_GAMMA = Math.log(GAMMA);
const TINY = 1e-12;
const OFFSET = 2_000;
/** Keys reach this far: |value| from 1e-12 to 1e308; infinities fall into the last bin. */
export const MAX_KEY = Math.ceil(Math.log(Number.MAX_VALUE) / LOG_GAMMA) + OFFSET + 1;

/** Bin of a value; increases with the value. NaN has none and must be left out before. */
export function keyOf(value: number): number {
  const size = Math.abs(value);
  if (size < TINY) return 0;
  const key = size === Infinity ? MAX_KEY : Math.ceil(Math.log(size) / LOG_GAMMA) + OFFSET;
  return value < 0 ? -key : key;
}
/** The value that stands for a bin: at most 1 % off any value in it. */
export function centreOf(key: number): number {
  if (key === 0) return 0;
  const size = Math.abs(key);
  if (size >= MAX_KEY) return key < 0 ? -Infinity : Infinity;
  const value = (2 * GAMMA ** (size - OFFSET)) / (GAMMA + 1);
  return key < 0 ? -value : value;
}

/** Counts by bin. Merging is adding. */
export type Sketch = Map<number, number>;

export function add(sketch: Sketch, key: number, count: number): void {
  sketch.set(key, (sketch.get(key) ?? 0) + count);
}

/**
 * Quantiles by linear interpolation between the two neighbouring ranks, as for raw samples; within 1 % of those as
 * long as both have the same sign. `keys` ascending, `wanted` (0–1) ascending. Null for each when nothing was counted.
 */
export function quantiles(
  keys: ArrayLike<number>,
  countOf: (key: number) => number,
  wanted: readonly number[],
): (number | null)[] {
  let total = 0;
  for (let i = 0; i < keys.length; i++) total += countOf(keys[i] ?? 0);
  if (total === 0) return wanted.map(() => null);
  let bin = 0;
  let before = 0;
  const atRank = (rank: number): number => {
    for (; bin < keys.length - 1; bin++) {
      const count = countOf(keys[bin] ?? 0);
      if (before + count > rank) break;
      before += count;
    }
    return centreOf(keys[bin] ?? 0);
  };
  return wanted.map((q) => {
    const rank = q * (total - 1);
    const low = atRank(Math.floor(rank));
    if (Number.isInteger(rank)) return low;
    const [savedBin, savedBefore] = [bin, before];
    const high = atRank(Math.ceil(rank));
    [bin, before] = [savedBin, savedBefore];
    return low === high ? low : low + (high - low) * (rank - Math.floor(rank));
  });
}
