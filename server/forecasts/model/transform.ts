/** Scales on which bounded series are fitted, so that a forecast of a rate stays a rate. */
import type { Forecast } from '../contract.ts';

export type Bounds = { min?: number | undefined; max?: number | undefined };
export type Transform = {
  name: Forecast['transform'];
  forward(values: Float64Array): Float64Array;
  back(values: Float64Array): Float64Array;
};

/** Of the range, in a series of one value; it shrinks with the root of the length. */
const SMALLEST_SHARE = 0.05;

export const identity: Transform = { name: 'none', forward: (v) => v, back: (v) => v };

/**
 * Logit between two bounds, log above one; null where the series does not suit it. Values on a bound are moved inside
 * by half of the smallest distance that any other keeps from it, and by no less than a share of the range.
 */
export function transformFor(y: Float64Array, { min, max }: Bounds): Transform | null {
  if (min !== undefined && max !== undefined) {
    const edge = edgeOf(y, min, max);
    if (edge === null) return null;
    const low = min + edge;
    const high = max - edge;
    return {
      name: 'logit',
      forward: (values) =>
        values.map((value) => {
          const inside = Math.min(high, Math.max(low, value));
          return Math.log((inside - min) / (max - inside));
        }),
      back: (values) =>
        values.map(
          (value) => min + (max - min) / (1 + Math.exp(-Math.max(-700, Math.min(700, value)))),
        ),
    };
  }
  const floor = min ?? 0;
  if (max !== undefined || !y.every((value) => value >= floor)) return null;
  const edge = edgeOf(y, floor, Number.POSITIVE_INFINITY);
  if (edge === null) return null;
  // Without a bound it is a guess, for what is far from 0 and spans much.
  if (min === undefined && !y.every((value) => value > 0)) return null;
  return {
    name: 'log',
    forward: (values) => values.map((value) => Math.log(Math.max(edge, value - floor))),
    back: (values) => values.map((value) => floor + Math.exp(Math.min(700, value))),
  };
}

function edgeOf(y: Float64Array, min: number, max: number): number | null {
  let nearest = Number.POSITIVE_INFINITY;
  let off = 0;
  for (const value of y) {
    if (value < min || value > max) off++;
    if (value > min) nearest = Math.min(nearest, value - min);
    if (value < max && Number.isFinite(max)) nearest = Math.min(nearest, max - value);
  }
  // Bounds that the series itself does not keep say nothing of its shape.
  if (off > y.length / 100 || !Number.isFinite(nearest)) return null;
  // A single value next to the bound must not become the farthest of all.
  const range = Number.isFinite(max) ? max - min : median(y) - min;
  return Math.max(nearest / 2, (SMALLEST_SHARE * range) / Math.sqrt(y.length));
}

const median = (y: Float64Array) => y.slice().sort()[y.length >> 1] ?? 0;

export function within(values: Float64Array, { min, max }: Bounds): Float64Array {
  return values.map((value) =>
    Math.min(max ?? Number.POSITIVE_INFINITY, Math.max(min ?? Number.NEGATIVE_INFINITY, value)),
  );
}
