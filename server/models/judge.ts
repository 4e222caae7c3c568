/**
 * Whether a model's answers became worse. Pure. A one-sided test of two proportions (pooled), only where enough labels came,
 * and only for a fall that matters: at 30 labels a plain rule of ten points is wrong one time in nine.
 */

export type Share = { right: number; labelled: number };
export type JudgeRule = { maxDrop: number; minimumLabelled: number; alpha: number };
export type Judged =
  | { verdict: 'learning'; detail: string }
  | { verdict: 'steady' | 'fallen'; detail: string; drop: number; pValue: number };

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export function judge(reference: Share, current: Share, rule: JudgeRule): Judged {
  const few = (what: string, { labelled }: Share): Judged => ({
    verdict: 'learning',
    detail: `${what} has ${labelled} labelled predictions; ${rule.minimumLabelled} are needed.`,
  });
  if (reference.labelled < rule.minimumLabelled) return few('The reference period', reference);
  if (current.labelled < rule.minimumLabelled) return few('The window', current);
  const before = reference.right / reference.labelled;
  const now = current.right / current.labelled;
  const drop = before - now;
  const { pValue } = fallTest(reference, current);
  const figures = `${percent(now)} of ${current.labelled} labelled predictions were right, ${percent(before)} of ${reference.labelled} in the reference period`;
  if (drop > rule.maxDrop && pValue < rule.alpha) {
    return {
      verdict: 'fallen',
      detail: `${figures}: a fall of ${(100 * drop).toFixed(1)} points that chance does not explain (p = ${pValue.toExponential(1)}).`,
      drop,
      pValue,
    };
  }
  const why =
    drop <= rule.maxDrop
      ? drop > 0
        ? 'no fall that matters'
        : 'no fall'
      : 'a fall that may be chance';
  return { verdict: 'steady', detail: `${figures}: ${why}.`, drop, pValue };
}

/** That the share of `current` is lower, by the pooled z. */
export function fallTest(reference: Share, current: Share): { z: number; pValue: number } {
  const pooled = (reference.right + current.right) / (reference.labelled + current.labelled);
  const sd = Math.sqrt(pooled * (1 - pooled) * (1 / reference.labelled + 1 / current.labelled));
  const drop = reference.right / reference.labelled - current.right / current.labelled;
  const z = sd === 0 ? 0 : drop / sd;
  return { z, pValue: upperTail(z) };
}

/** P(Z > z): the series of the error function where it is short, the continued fraction beyond (Abramowitz and Stegun 26.2). */
function upperTail(z: number): number {
  const x = Math.abs(z);
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  let tail: number;
  if (x < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 60; n++) {
      term *= (x * x) / (2 * n + 1);
      sum += term;
    }
    tail = 0.5 - density * sum;
  } else {
    let fraction = 0;
    for (let n = 80; n >= 1; n--) fraction = n / (x + fraction);
    tail = density / (x + fraction);
  }
  return z >= 0 ? tail : 1 - tail;
}
