import { expect, test } from 'vitest';
import { bucketQuantile } from './histogram.ts';

const buckets = (...pairs: [number, number][]) => pairs.map(([le, count]) => ({ le, count }));

// Values of Prometheus' histogram_quantile for the same buckets (2.42, promql/quantile.go).
test.each<[string, { le: number; count: number }[], number, number | null]>([
  ['inside a bucket', buckets([1, 10], [2, 20], [Infinity, 20]), 0.75, 1.5],
  ['the first bucket begins at zero', buckets([1, 10], [2, 20], [Infinity, 20]), 0.25, 0.5],
  ['beyond the last bound', buckets([1, 10], [2, 20], [Infinity, 40]), 0.99, 2],
  ['a first bound that is not positive', buckets([-1, 10], [2, 20], [Infinity, 20]), 0.25, -1],
  [
    'counts that fall are taken as the highest before',
    buckets([1, 10], [2, 8], [4, 20], [Infinity, 20]),
    0.75,
    3,
  ],
  ['in any order', buckets([Infinity, 20], [2, 20], [1, 10]), 0.5, 1],
  ['no observations', buckets([1, 0], [Infinity, 0]), 0.5, null],
  ['no unbounded bucket', buckets([1, 10], [2, 20]), 0.5, null],
  ['no bounds', buckets([Infinity, 20]), 0.5, null],
])('%s', (_name, list, q, wanted) => {
  expect(bucketQuantile(list, q)).toBe(wanted);
});
