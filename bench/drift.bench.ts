/**
 * Drift: two samples of a million values, and a hundred features of 100 000 rows. Peer: SciPy's two-sample KS alone
 * (Debian's python3-scipy), on the same numbers of values in the same run. Targets: KS, PSI and Wasserstein no slower than
 * the peer's KS; the hundred features in less than 2 s.
 */
import { compareFeatures, type FeaturePair } from '../server/drift/index.ts';
import { psi, walk } from '../server/drift/statistics/distances.ts';
import { ksAsymptotic } from '../server/drift/statistics/kolmogorov-smirnov.ts';
import { sorted } from '../server/drift/statistics/sort.ts';
import { median, ms, print, python } from './measure.ts';

const VALUES = 1_000_000;
const FEATURES = 100;
const ROWS = 100_000;
const ROUNDS = 7;

let state = 1;
const uniform = () => {
  state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
  return (state + 0.5) / 2 ** 32;
};
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
const sample = (n: number, shift: number) =>
  Float64Array.from({ length: n }, () => normal() + shift);
const timed = (work: () => unknown) => {
  const begun = performance.now();
  work();
  return performance.now() - begun;
};

const reference = sample(VALUES, 0);
const current = sample(VALUES, 0.01);
const three = median(
  Array.from({ length: ROUNDS }, () =>
    timed(() => {
      const a = sorted(reference);
      const b = sorted(current);
      ksAsymptotic(walk(a, b).ks, a.length, b.length);
      psi(a, b);
    }),
  ),
);
const whole = median(
  Array.from({ length: ROUNDS }, () =>
    timed(() => compareFeatures([{ name: 'x', kind: 'numeric', reference, current }])),
  ),
);
const peer = await python(`
import time, numpy as np
from scipy import stats
rng = np.random.default_rng(1)
a = rng.normal(size=${VALUES}); b = rng.normal(size=${VALUES}) + 0.01
times = []
for _ in range(${ROUNDS}):
    t = time.perf_counter(); stats.ks_2samp(a, b, method='asymp'); times.append(time.perf_counter() - t)
print(1000 * sorted(times)[len(times) // 2])
`);
const pairs: FeaturePair[] = Array.from({ length: FEATURES }, (_, i) => ({
  name: `f${i}`,
  kind: 'numeric',
  reference: sample(ROWS, 0),
  current: sample(ROWS, 0),
}));
const hundred = median(Array.from({ length: 3 }, () => timed(() => compareFeatures(pairs))));

const against = (own: number) =>
  peer === null ? 'no python3-scipy here' : `${(peer / own).toFixed(2)} × as fast`;
print([
  {
    what: `KS, PSI, Wasserstein on 2 × ${VALUES} values`,
    took: ms(three),
    against: against(three),
  },
  {
    what: 'the whole verdict on them (rank tests, memory, summary)',
    took: ms(whole),
    against: against(whole),
  },
  { what: 'peer: scipy.stats.ks_2samp alone', took: peer === null ? '–' : ms(peer), against: '' },
  {
    what: `${FEATURES} features of 2 × ${ROWS} rows`,
    took: ms(hundred),
    against: 'target 2000 ms',
  },
]);
