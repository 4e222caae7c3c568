/**
 * A series as steps of equal length, which is what a forecaster takes. Hours are those of UTC; days are the dates of a
 * time zone, each written as the midnight of that date in UTC, so that a day of 23 or 25 hours is still one step. Pure.
 */
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

export type Step = 'hour' | 'day';
export const stepMsOf = (step: Step): number => (step === 'hour' ? HOUR_MS : DAY_MS);

/** Values by step; NaN where there was none. `weights`, where known, are the events behind each value. */
export type Grid = {
  from: number;
  stepMs: number;
  values: Float64Array;
  weights: Float64Array | null;
};
/** How hours become a day. */
export type Fold = 'mean' | 'sum' | 'min' | 'max' | 'last';
export type HourPoint = { at: number; value: number | null; weight?: number };

/** The date of a moment in a zone, as the midnight of that date in UTC. */
export function dateIn(timeZone: string): (at: number) => number {
  if (timeZone === 'UTC') return (at) => Math.floor(at / DAY_MS) * DAY_MS;
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const look = (at: number) => Date.parse(`${format.format(at)}T00:00:00Z`);
  // Formatting is dear and the date changes once a day: one look an hour of UTC is enough, as no zone changes its date within one
  // but for those that are half or a quarter of an hour off, which have quarters looked at.
  const QUARTER = HOUR_MS / 4;
  const known = new Map<number, number>();
  return (at) => {
    const quarter = Math.floor(at / QUARTER);
    let date = known.get(quarter);
    if (date === undefined) {
      date = look(quarter * QUARTER);
      if (known.size > 50_000) known.clear();
      known.set(quarter, date);
    }
    return date;
  };
}

/** The start of the first step that is not over. */
export const openStep = (step: Step, timeZone: string, now: number): number =>
  step === 'hour' ? Math.floor(now / HOUR_MS) * HOUR_MS : dateIn(timeZone)(now);

/** Lays points on steps from the first that has a value to the last complete one; null when none has. */
export function toGrid(
  points: readonly HourPoint[],
  options: { step: Step; timeZone: string; fold: Fold; now: number; maxSteps: number },
): Grid | null {
  const { step, fold } = options;
  const stepMs = stepMsOf(step);
  const dateOf = step === 'day' ? dateIn(options.timeZone) : null;
  const end = openStep(step, options.timeZone, options.now);
  const first = end - options.maxSteps * stepMs;
  const cells = new Map<number, HourPoint[]>();
  for (const point of points) {
    if (point.value === null || !Number.isFinite(point.value)) continue;
    const at = dateOf ? dateOf(point.at) : Math.floor(point.at / HOUR_MS) * HOUR_MS;
    if (at < first || at >= end) continue;
    const cell = cells.get(at);
    if (cell) cell.push(point);
    else cells.set(at, [point]);
  }
  if (cells.size === 0) return null;
  const from = Math.min(...cells.keys());
  const count = Math.round((end - from) / stepMs);
  const values = new Float64Array(count).fill(Number.NaN);
  const weighted = points.some(({ weight }) => weight !== undefined);
  const weights = weighted ? new Float64Array(count) : null;
  for (const [at, cell] of cells) {
    const place = Math.round((at - from) / stepMs);
    values[place] = folded(cell, fold);
    if (weights) weights[place] = cell.reduce((sum, { weight = 0 }) => sum + weight, 0);
  }
  return { from, stepMs, values, weights };
}

function folded(cell: readonly HourPoint[], fold: Fold): number {
  const [only] = cell;
  if (cell.length === 1 && only) return only.value ?? Number.NaN;
  let sum = 0;
  let weights = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let last = { at: Number.NEGATIVE_INFINITY, value: Number.NaN };
  for (const { at, value, weight = 1 } of cell) {
    const one = value ?? Number.NaN;
    // An hour of ten calls says less of a rate than one of a thousand.
    const share = fold === 'mean' ? weight : 1;
    sum += one * share;
    weights += share;
    min = Math.min(min, one);
    max = Math.max(max, one);
    if (at >= last.at) last = { at, value: one };
  }
  switch (fold) {
    case 'mean':
      return weights > 0 ? sum / weights : Number.NaN;
    case 'sum':
      return sum;
    case 'min':
      return min;
    case 'max':
      return max;
    case 'last':
      return last.value;
  }
}

/** How many steps have a value. */
export const presentIn = (values: Float64Array): number =>
  values.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);

/** Place of the last value; -1 without one. */
export function lastPresent(values: Float64Array): number {
  for (let i = values.length - 1; i >= 0; i--) if (!Number.isNaN(values[i])) return i;
  return -1;
}
