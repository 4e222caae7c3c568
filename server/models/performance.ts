/**
 * How good predictions were. Pure. Definitions are scikit-learn's: precision and recall are 0 where nothing was predicted or
 * true, average precision is the step-wise sum, log loss clips at machine epsilon. Intervals are 95 %: Wilson's for shares,
 * DeLong's for the area under the curve (DeLong, DeLong, Clarke-Pearson 1988, by mid-ranks after Sun and Xu 2014).
 */
import type { Calibration, Classification, Estimate, Regression } from './contract.ts';

const Z = 1.959963984540054;
const BINS = 10;

/** Classes as places in `labels`; a score that is NaN is missing. */
export type Labelled = {
  labels: readonly string[];
  truth: Int32Array;
  predicted: Int32Array;
  scores: Float64Array;
};

/** Wilson's interval of a share. */
export function wilson(count: number, n: number): Estimate {
  if (n === 0) return { value: 0, lower: 0, upper: 1 };
  const p = count / n;
  const centre = (p + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z / (1 + (Z * Z) / n)) * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  return { value: p, lower: Math.max(0, centre - half), upper: Math.min(1, centre + half) };
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const at = (list: ArrayLike<number>, place: number): number => list[place] ?? 0;

export function classification(rows: Labelled, positiveLabel: string | null): Classification {
  const { labels, truth, predicted, scores } = rows;
  const k = labels.length;
  const n = truth.length;
  const confusion = labels.map(() => new Array<number>(k).fill(0));
  for (let i = 0; i < n; i++) {
    const row = confusion[at(truth, i)];
    if (row) row[at(predicted, i)] = at(row, at(predicted, i)) + 1;
  }
  const support = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const predictedAs = labels.map((_, c) => confusion.reduce((sum, row) => sum + at(row, c), 0));
  const right = labels.map((_, c) => at(confusion[c] ?? [], c));
  const correct = right.reduce((sum, count) => sum + count, 0);
  const classes = labels.map((label, c) => ({
    label,
    support: at(support, c),
    predicted: at(predictedAs, c),
    precision: ratio(at(right, c), at(predictedAs, c)),
    recall: ratio(at(right, c), at(support, c)),
    f1: ratio(2 * at(right, c), at(predictedAs, c) + at(support, c)),
  }));
  // As scikit-learn does, over the classes that were true or predicted.
  const seen = classes.filter((one) => one.support + one.predicted > 0);
  const f1Macro = ratio(
    seen.reduce((sum, { f1 }) => sum + f1, 0),
    seen.length,
  );
  const positive = positiveLabel === null ? -1 : labels.indexOf(positiveLabel);
  const own = classes[positive];
  // A binary score is that of the positive class; any other is that of the class that was predicted.
  const hit = (i: number) =>
    positiveLabel !== null ? at(truth, i) === positive : at(truth, i) === at(predicted, i);
  const scored: { score: number; hit: boolean }[] = [];
  for (let i = 0; i < n; i++) {
    const score = scores[i] ?? Number.NaN;
    if (!Number.isNaN(score)) scored.push({ score, hit: hit(i) });
  }
  return {
    kind: 'classification',
    n,
    accuracy: wilson(correct, n),
    precision: own ? wilson(at(right, positive), own.predicted) : null,
    recall: own ? wilson(at(right, positive), own.support) : null,
    f1: positiveLabel === null ? f1Macro : (own?.f1 ?? 0),
    f1Macro,
    f1Weighted: ratio(
      classes.reduce((sum, one) => sum + one.f1 * one.support, 0),
      n,
    ),
    mcc: matthews({ n, correct, support, predictedAs }),
    labels: [...labels],
    confusion,
    classes,
    scored: scored.length,
    ...scoreFigures(scored, positiveLabel !== null),
  };
}

/** Of any number of classes (Gorodkin 2004). */
function matthews(given: {
  n: number;
  correct: number;
  support: number[];
  predictedAs: number[];
}): number {
  const { n, correct, support, predictedAs } = given;
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * at(b, i), 0);
  const below = Math.sqrt(
    (n * n - dot(predictedAs, predictedAs)) * (n * n - dot(support, support)),
  );
  return ratio(correct * n - dot(support, predictedAs), below);
}

type ScoreFigures = Pick<
  Classification,
  'rocAuc' | 'averagePrecision' | 'brier' | 'logLoss' | 'calibration'
>;

function scoreFigures(scored: { score: number; hit: boolean }[], ranked: boolean): ScoreFigures {
  const n = scored.length;
  if (n === 0) {
    return { rocAuc: null, averagePrecision: null, brier: null, logLoss: null, calibration: null };
  }
  let square = 0;
  let loss = 0;
  for (const { score, hit } of scored) {
    const y = hit ? 1 : 0;
    square += (score - y) ** 2;
    const p = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, score));
    loss -= hit ? Math.log(p) : Math.log(1 - p);
  }
  return {
    rocAuc: ranked ? rocAuc(scored) : null,
    averagePrecision: ranked ? averagePrecision(scored) : null,
    brier: square / n,
    logLoss: loss / n,
    calibration: calibration(scored),
  };
}

/** Ranks from 1 in ascending order; equal values share the mean of theirs. */
export function midRanks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => at(values, a) - at(values, b));
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let j = i + 1;
    while (j < order.length && at(values, at(order, j)) === at(values, at(order, i))) j++;
    for (let k = i; k < j; k++) ranks[at(order, k)] = (i + j + 1) / 2;
    i = j;
  }
  return ranks;
}

/** Null when only one class was true. */
function rocAuc(scored: { score: number; hit: boolean }[]): Estimate | null {
  const of = (wanted: boolean) =>
    Float64Array.from(scored.filter(({ hit }) => hit === wanted).map(({ score }) => score));
  const positives = of(true);
  const negatives = of(false);
  const [m, n] = [positives.length, negatives.length];
  if (m === 0 || n === 0) return null;
  const all = new Float64Array(m + n);
  all.set(positives);
  all.set(negatives, m);
  const [ranks, among, below] = [midRanks(all), midRanks(positives), midRanks(negatives)];
  const sum = ranks.subarray(0, m).reduce((total, rank) => total + rank, 0);
  const value = (sum - (m * (m + 1)) / 2) / (m * n);
  const variance = (count: number, part: (i: number) => number): number => {
    if (count < 2) return 0;
    let total = 0;
    for (let i = 0; i < count; i++) total += (part(i) - value) ** 2;
    return total / (count - 1) / count;
  };
  const sd = Math.sqrt(
    variance(m, (i) => (at(ranks, i) - at(among, i)) / n) +
      variance(n, (j) => 1 - (at(ranks, m + j) - at(below, j)) / m),
  );
  return { value, lower: Math.max(0, value - Z * sd), upper: Math.min(1, value + Z * sd) };
}

/** Null without positives. */
function averagePrecision(scored: { score: number; hit: boolean }[]): number | null {
  const positives = scored.filter(({ hit }) => hit).length;
  if (positives === 0) return null;
  const sorted = [...scored].sort((a, b) => b.score - a.score);
  let found = 0;
  let sum = 0;
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    let hits = 0;
    while (j < sorted.length && sorted[j]?.score === sorted[i]?.score) {
      if (sorted[j]?.hit) hits++;
      j++;
    }
    found += hits;
    sum += (hits / positives) * (found / j);
    i = j;
  }
  return sum;
}

function calibration(scored: { score: number; hit: boolean }[]): Calibration {
  const counts = new Float64Array(BINS);
  const sums = new Float64Array(BINS);
  const hits = new Float64Array(BINS);
  for (const { score, hit } of scored) {
    const bin = Math.min(BINS - 1, Math.floor(score * BINS));
    counts[bin] = at(counts, bin) + 1;
    sums[bin] = at(sums, bin) + score;
    if (hit) hits[bin] = at(hits, bin) + 1;
  }
  let ece = 0;
  const bins: Calibration['bins'] = [];
  for (let bin = 0; bin < BINS; bin++) {
    const count = at(counts, bin);
    if (count === 0) continue;
    const meanScore = at(sums, bin) / count;
    const rate = at(hits, bin) / count;
    ece += (count / scored.length) * Math.abs(meanScore - rate);
    bins.push({ from: bin / BINS, to: (bin + 1) / BINS, count, meanScore, rate });
  }
  return { ece, bins };
}

/** Of numbers; intervals are the normal ones of a mean. */
export function regression(truth: Float64Array, predicted: Float64Array): Regression {
  const n = truth.length;
  const mean = (part: (i: number) => number): Estimate => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += part(i);
    const value = ratio(sum, n);
    let square = 0;
    for (let i = 0; i < n; i++) square += (part(i) - value) ** 2;
    const half = n > 1 ? Z * Math.sqrt(square / (n - 1) / n) : 0;
    return { value, lower: value - half, upper: value + half };
  };
  const fault = (i: number) => at(predicted, i) - at(truth, i);
  const level = mean((i) => at(truth, i)).value;
  const squared = mean((i) => fault(i) ** 2).value;
  const spread = mean((i) => (at(truth, i) - level) ** 2).value;
  return {
    kind: 'regression',
    n,
    mae: mean((i) => Math.abs(fault(i))),
    rmse: Math.sqrt(squared),
    bias: mean(fault),
    r2: spread === 0 ? null : 1 - squared / spread,
  };
}
