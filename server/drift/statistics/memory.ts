/**
 * What a stream's memory costs: neighbours that resemble each other tell less than their number says. The sum of the
 * autocorrelations is cut where pairs of them turn negative (Geyer 1992, initial positive sequence).
 */

import { autocorrelation } from '../../platform/robust-trend.ts';

/** Memory shorter than chance would give counts as none, so that independent samples lose nothing. */
const CHANCE = 2.6;

/**
 * How many times fewer independent values a sequence is worth, at least 1. `similarity(lag)` is its autocorrelation.
 */
function inflation(length: number, similarity: (lag: number) => number): number {
  if (length < 8) return 1;
  const first = similarity(1);
  if (!(first > CHANCE / Math.sqrt(length))) return 1;
  let sum = 1 + 2 * first;
  const longest = Math.floor(length / 4);
  for (let lag = 2; lag < longest; lag += 2) {
    const pair = similarity(lag) + similarity(lag + 1);
    if (!(pair > 0)) break;
    sum += 2 * pair;
  }
  return Math.min(Math.max(1, sum), length);
}

/** Of numbers, in time order. Sorted ones have no time order, whatever they are called. */
export function memoryOf(values: Float64Array): number {
  const { length } = values;
  if (length < 8 || isSorted(values)) return 1;
  return inflation(length, autocorrelation(values));
}

/** Of categories, by how much likelier than chance a value is met again some steps later. */
export function memoryOfCategories(codes: Int32Array, shares: readonly number[]): number {
  const chance = shares.reduce((sum, share) => sum + share * share, 0);
  if (codes.length < 8 || chance >= 1 || isGrouped(codes)) return 1;
  return inflation(codes.length, (lag) => {
    let met = 0;
    for (let i = lag; i < codes.length; i++) if (codes[i] === codes[i - lag]) met++;
    return (met / (codes.length - lag) - chance) / (1 - chance);
  });
}

function isSorted(values: Float64Array): boolean {
  let up = true;
  let down = true;
  for (let i = 1; i < values.length && (up || down); i++) {
    if ((values[i] as number) < (values[i - 1] as number)) up = false;
    if ((values[i] as number) > (values[i - 1] as number)) down = false;
  }
  return up || down;
}

/** Every category in one run. */
function isGrouped(codes: Int32Array): boolean {
  const seen = new Set<number>();
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (i > 0 && code === codes[i - 1]) continue;
    if (seen.has(code)) return false;
    seen.add(code);
  }
  return true;
}
