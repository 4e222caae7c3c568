/**
 * Puts the values at some ranks where sorting would put them, without sorting the rest: quickselect (Hoare, "Algorithm
 * 65: Find", 1961) for several ranks at once, with the median of three as pivot. Where pivots go wrong too often the part
 * is sorted, so the worst case is that of sorting. Pure; no NaN.
 */

const SMALL = 48;

/** `ranks` ascending, counted from `from`; `values[from, to)` is reordered. */
export function selectRanks(
  values: Float64Array,
  from: number,
  to: number,
  ranks: readonly number[],
): void {
  narrow(values, from, to, ranks, {
    first: 0,
    last: ranks.length,
    base: from,
    depth: 2 * Math.log2(to - from + 2),
  });
}

function narrow(
  values: Float64Array,
  from: number,
  to: number,
  ranks: readonly number[],
  span: { first: number; last: number; base: number; depth: number },
): void {
  let { first, last, depth } = span;
  let [low, high] = [from, to];
  while (first < last) {
    if (high - low <= SMALL || depth-- <= 0) {
      values.subarray(low, high).sort();
      return;
    }
    const a = values[low] as number;
    const b = values[(low + high) >>> 1] as number;
    const c = values[high - 1] as number;
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let i = low;
    let j = high - 1;
    while (i <= j) {
      while ((values[i] as number) < pivot) i++;
      while ((values[j] as number) > pivot) j--;
      if (i > j) break;
      const swap = values[i] as number;
      values[i++] = values[j] as number;
      values[j--] = swap;
    }
    // [low, j] ≤ pivot, [i, high) ≥ pivot, and what lies between equals it.
    let left = first;
    while (left < last && (ranks[left] ?? 0) + span.base <= j) left++;
    let right = left;
    while (right < last && (ranks[right] ?? 0) + span.base < i) right++;
    if (left > first) narrow(values, low, j + 1, ranks, { ...span, first, last: left, depth });
    first = right;
    low = i;
  }
}
