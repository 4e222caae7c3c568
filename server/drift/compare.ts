/** Comparisons, in a worker thread when there is much to compare. */
import type { Workers } from '../platform/workers/index.ts';
import type { Comparison } from './contract.ts';
import { type CompareOptions, compareFeatures, type FeaturePair } from './statistics/compare.ts';

const COMPUTE = new URL('./compute.ts', import.meta.url);
/** Up to so many values are compared at once, as handing them over would take longer: about 2 ms. */
const AT_ONCE = 5_000;
const TIMEOUT_MS = 60_000;

export type Comparer = {
  compare(
    pairs: FeaturePair[],
    options?: CompareOptions,
    limits?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<Comparison>;
};

export function createComparer({ workers }: { workers: Workers }): Comparer {
  return {
    async compare(pairs, options = {}, { timeoutMs = TIMEOUT_MS, signal } = {}) {
      const values = pairs.reduce((sum, p) => sum + p.reference.length + p.current.length, 0);
      if (values <= AT_ONCE) return compareFeatures(pairs, options);
      return workers.run<Comparison>(
        COMPUTE,
        'compareTask',
        { pairs, options },
        { timeoutMs, ...(signal ? { signal } : {}) },
      );
    },
  };
}
