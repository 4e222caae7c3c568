/**
 * Whether a model's answers became worse. Pure. A one-sided test of two proportions (pooled), only where enough labels came,
 * and only for a fall that matters: at 30 labels a plain rule of ten points is wrong one time in nine.
 */
import { normalUpperTail } from '../platform/special-functions.ts';

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
  return { z, pValue: normalUpperTail(z) };
}
