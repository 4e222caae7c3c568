/**
 * How often a key will be asked for within an hour, from how often it was: the same hour of the days before and the same
 * hour of the week before that, newer ones weighing more. Hours without a count are zeros.
 */
export const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const WEEK_HOURS = 168;
const DAYS = 14;
const WEEKS = 4;
const DAY_DECAY = 0.7;
const WEEK_DECAY = 0.6;
/** How far back counts are needed. */
export const HISTORY_MS = WEEKS * WEEK_HOURS * HOUR_MS;

function weighted(
  steps: number,
  decay: number,
  countAt: (step: number) => number | null,
): number | null {
  let sum = 0;
  let weights = 0;
  for (let step = 1; step <= steps; step++) {
    const count = countAt(step);
    if (count === null) break;
    const weight = decay ** (step - 1);
    sum += weight * count;
    weights += weight;
  }
  return weights > 0 ? sum / weights : null;
}

/** `counts` by the hour's start in ms; `sinceMs` is when counting began, so that nothing before it counts as zero. */
export function expectedCount(
  counts: ReadonlyMap<number, number>,
  hourMs: number,
  sinceMs: number,
): number {
  const hoursAgo = (hours: number) => {
    const at = hourMs - hours * HOUR_MS;
    return at < sinceMs ? null : (counts.get(at) ?? 0);
  };
  const daily = weighted(DAYS, DAY_DECAY, (step) => hoursAgo(step * DAY_HOURS));
  const weekly = weighted(WEEKS, WEEK_DECAY, (step) => hoursAgo(step * WEEK_HOURS));
  // Less than a day is known: what was asked for just now goes on.
  if (daily === null) return hoursAgo(1) ?? 0;
  return weekly === null ? daily : (daily + weekly) / 2;
}
