/**
 * Whether the errors of a regression became larger. Pure. Two one-sided tests on absolute errors, the smaller p counted twice
 * (Bonferroni): Mann–Whitney (1947), with ties and continuity correction, sees most errors grow whatever their distribution; Welch's
 * t (1947) sees the mean pulled up by a few that ranks hardly notice. Errors lean to the right, which makes Welch's upper tail
 * cautious. And only a rise of the mean that matters counts.
 */
import { normalUpperTail, studentTwoSided } from '../platform/special-functions.ts';
import type { Judged, JudgeRule } from './judge.ts';
import { midRanks } from './performance.ts';

/** Absolute errors, perhaps of a fair sample; `labelled` counts all. */
export type ErrorSide = { labelled: number; errors: Float64Array };
export type JudgedErrors = Judged & { mae: { reference: number; current: number } };

/** Where the reference made no errors at all. */
const MOST = 1e6;
const shown = (value: number): string => String(Number(value.toPrecision(4)));
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

function moments(values: Float64Array): { n: number; mean: number; variance: number } {
  const n = values.length;
  let sum = 0;
  for (const value of values) sum += value;
  const mean = n === 0 ? 0 : sum / n;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { n, mean, variance: n > 1 ? squares / (n - 1) : 0 };
}

/** That values of `current` are larger: P of Mann–Whitney's U, by the normal approximation. */
export function rankRise(reference: Float64Array, current: Float64Array): number {
  const [n, m] = [reference.length, current.length];
  const total = n + m;
  const all = new Float64Array(total);
  all.set(current);
  all.set(reference, m);
  const ranks = midRanks(all);
  let sum = 0;
  for (let i = 0; i < m; i++) sum += ranks[i] ?? 0;
  const sorted = all.sort();
  let ties = 0;
  for (let i = 0; i < total; ) {
    let j = i + 1;
    while (j < total && sorted[j] === sorted[i]) j++;
    ties += (j - i) ** 3 - (j - i);
    i = j;
  }
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  if (!(variance > 0)) return 1;
  const above = sum - (m * (m + 1)) / 2 - (n * m) / 2;
  return normalUpperTail((above - 0.5) / Math.sqrt(variance));
}

/** That the mean of `current` is larger: P of Welch's t. */
export function meanRise(reference: Float64Array, current: Float64Array): number {
  const [before, now] = [moments(reference), moments(current)];
  const parts = [before.variance / before.n, now.variance / now.n] as const;
  const square = parts[0] + parts[1];
  const rise = now.mean - before.mean;
  if (!(square > 0)) return rise > 0 ? 0 : 1;
  const df = square ** 2 / (parts[0] ** 2 / (before.n - 1) + parts[1] ** 2 / (now.n - 1));
  const t = rise / Math.sqrt(square);
  const half = studentTwoSided(t, df) / 2;
  return t > 0 ? half : 1 - half;
}

export function judgeErrors(
  reference: ErrorSide,
  current: ErrorSide,
  rule: JudgeRule,
): JudgedErrors {
  const mae = { reference: moments(reference.errors).mean, current: moments(current.errors).mean };
  const few = (what: string, { labelled }: ErrorSide): JudgedErrors => ({
    verdict: 'learning',
    detail: `${what} has ${labelled} labelled predictions; ${rule.minimumLabelled} are needed.`,
    mae,
  });
  if (reference.labelled < rule.minimumLabelled) return few('The reference period', reference);
  if (current.labelled < rule.minimumLabelled) return few('The window', current);
  const rise = mae.current - mae.reference;
  const drop = rise === 0 ? 0 : Math.min(MOST, rise / mae.reference);
  const pValue = Math.min(
    1,
    2 *
      Math.min(
        rankRise(reference.errors, current.errors),
        meanRise(reference.errors, current.errors),
      ),
  );
  const figures = `The mean absolute error was ${shown(mae.current)} over ${current.labelled} labelled predictions, ${shown(mae.reference)} over ${reference.labelled} in the reference period`;
  if (drop > rule.maxDrop && pValue < rule.alpha) {
    const much = mae.reference === 0 ? 'a rise' : `a rise of ${percent(drop)}`;
    return {
      verdict: 'fallen',
      detail: `${figures}: ${much} that chance does not explain (p = ${pValue.toExponential(1)}).`,
      drop,
      pValue,
      mae,
    };
  }
  const why =
    drop > rule.maxDrop
      ? 'a rise that may be chance'
      : drop > 0
        ? 'no rise that matters'
        : 'no rise';
  return { verdict: 'steady', detail: `${figures}: ${why}.`, drop, pValue, mae };
}
