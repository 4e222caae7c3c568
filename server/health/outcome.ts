/**
 * Did the remedy help? Compares how often a target was up within 60 s of a remedy with how often it came back by
 * itself in the same time, for the same symptom. Proportions with Wilson's score interval (Wilson 1927), their
 * difference with Newcombe's hybrid score interval (Newcombe 1998, method 10). Pure.
 */
export type Proportion = { successes: number; trials: number };
export type Interval = { low: number; high: number };
export type Verdict = {
  treated: Proportion & { interval: Interval | null };
  untreated: Proportion & { interval: Interval | null };
  /** Difference of the shares and its 90 % interval; null while one side has no data. */
  lift: ({ value: number } & Interval) | null;
  verdict: 'helps' | 'does_not_help' | 'not_enough_data';
  /** Plain sentence with the figures. */
  sentence: string;
};

/** Two-sided 90 %. */
export const Z90 = 1.6448536269514722;
export const WITHIN_MS = 60_000;
const MIN_TREATED = 5;
const MIN_BOTH = 8;

export function wilson({ successes, trials }: Proportion, z = Z90): Interval | null {
  if (trials === 0) return null;
  const p = successes / trials;
  const z2 = z * z;
  const centre = (p + z2 / (2 * trials)) / (1 + z2 / trials);
  const half =
    (z / (1 + z2 / trials)) * Math.sqrt((p * (1 - p)) / trials + z2 / (4 * trials * trials));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

export function newcombe(
  a: Proportion,
  b: Proportion,
  z = Z90,
): ({ value: number } & Interval) | null {
  const [ia, ib] = [wilson(a, z), wilson(b, z)];
  if (!ia || !ib) return null;
  const [pa, pb] = [a.successes / a.trials, b.successes / b.trials];
  const value = pa - pb;
  return {
    value,
    low: value - Math.hypot(pa - ia.low, ib.high - pb),
    high: value + Math.hypot(ia.high - pa, pb - ib.low),
  };
}

/**
 * Does not help: five attempts or more and even the interval's upper end is below one half; or, with eight of
 * each kind, no better than waiting. Helps: the lift's interval lies above zero, or the untreated side is thin
 * and the treated interval lies above one half.
 */
export function judgeRemedy(treated: Proportion, untreated: Proportion): Verdict {
  const ti = wilson(treated);
  const ui = wilson(untreated);
  const lift = newcombe(treated, untreated);
  const enoughBoth = treated.trials >= MIN_BOTH && untreated.trials >= MIN_BOTH;
  let verdict: Verdict['verdict'] = 'not_enough_data';
  if (ti && treated.trials >= MIN_TREATED) {
    if (ti.high < 0.5 || (enoughBoth && lift && lift.value <= 0)) verdict = 'does_not_help';
    else if ((lift && lift.low > 0) || (untreated.trials < MIN_BOTH && ti.low > 0.5))
      verdict = 'helps';
  }
  const share = ({ successes, trials }: Proportion) => `${successes}/${trials}`;
  const natural = untreated.trials > 0 ? share(untreated) : 'never seen';
  return {
    treated: { ...treated, interval: ti },
    untreated: { ...untreated, interval: ui },
    lift,
    verdict,
    sentence: `The remedy brought it back within 60 s in ${share(treated)} cases; untreated ${natural}.`,
  };
}
