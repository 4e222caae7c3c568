/**
 * What forecasts were worth: made then, compared with what has come since. Measures after Hyndman & Koehler, "Another
 * look at measures of forecast accuracy" (2006). Pure.
 */
import type { AccuracyMeasures } from './contract.ts';

export type Compared = {
  actual: number;
  mean: number | null;
  lower: number | null;
  upper: number | null;
};
/** A percentage of something that may be nothing says nothing. */
const NEAR_ZERO_SHARE = 0.1;
const MIN_COMPARED = 8;
const TARGET_MAPE = 15;

/** Mean distance between values one season apart: what a forecast that repeats the season is off by. Null when it is zero. */
export function naiveScale(values: Float64Array, season: number): number | null {
  const lag = values.length > season ? season : 1;
  let sum = 0;
  let count = 0;
  for (let i = lag; i < values.length; i++) {
    const distance = Math.abs((values[i] ?? Number.NaN) - (values[i - lag] ?? Number.NaN));
    if (Number.isNaN(distance)) continue;
    sum += distance;
    count += 1;
  }
  return count > 0 && sum > 0 ? sum / count : null;
}

/**
 * The MAPE, in per cent, of somebody who knows the true rate `p`, when each value is the share among `events` that are independent:
 * E|X/n − p| / p is √(2/π) · √((1 − p) / (n·p)) by the normal approximation. No forecast of the share can be better.
 */
export function oracleMape(p: number, events: number): number | null {
  if (!(p > 0) || !(p <= 1) || !(events > 0)) return null;
  return 100 * Math.sqrt(2 / Math.PI) * Math.sqrt((1 - p) / (events * p));
}

export function measure(
  rows: readonly Compared[],
  options: { scale: number | null; ratio: boolean; eventsPerStep: number | null },
): AccuracyMeasures {
  let count = 0;
  let absolute = 0;
  let size = 0;
  let total = 0;
  let percent = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let judged = 0;
  let inside = 0;
  for (const { actual, mean, lower, upper } of rows) {
    if (mean === null) continue;
    const error = Math.abs(actual - mean);
    count += 1;
    absolute += error;
    size += Math.abs(actual);
    total += actual;
    percent += error / Math.abs(actual);
    smallest = Math.min(smallest, Math.abs(actual));
    if (lower === null || upper === null) continue;
    judged += 1;
    if (actual >= lower && actual <= upper) inside += 1;
  }
  const oracle =
    options.ratio && options.eventsPerStep !== null && count > 0
      ? oracleMape(total / count, options.eventsPerStep)
      : null;
  if (count === 0) {
    return {
      compared: 0,
      mae: null,
      mase: null,
      wape: null,
      mape: null,
      mapeWhy: 'Nothing has been compared yet.',
      oracleMape: oracle,
      inside: null,
    };
  }
  const mae = absolute / count;
  const hard = smallest < (NEAR_ZERO_SHARE * size) / count;
  return {
    compared: count,
    mae,
    mase: options.scale === null ? null : mae / options.scale,
    wape: size > 0 ? (100 * absolute) / size : null,
    mape: hard ? null : (100 * percent) / count,
    mapeWhy: hard
      ? 'Some values are zero or close to it, where a percentage of the value says nothing: read MASE and WAPE.'
      : oracle !== null && oracle > TARGET_MAPE
        ? `A rate of so few events cannot be forecast better than ${Math.round(oracle)} %, even by who knows the true rate: read MASE and WAPE.`
        : count < MIN_COMPARED
          ? `Only ${count} values have been compared.`
          : null,
    oracleMape: oracle,
    inside: judged > 0 ? inside / judged : null,
  };
}

export type RunHead = { id: string; madeAt: number; firstAt: number };
/** The newest run that was made `leadMs` before `at` and reaches it. `heads` are in the order of `madeAt`. */
export function runFor(heads: readonly RunHead[], at: number, leadMs: number): RunHead | null {
  for (let i = heads.length - 1; i >= 0; i--) {
    const head = heads[i];
    if (head && head.madeAt <= at - leadMs && head.firstAt <= at) return head;
  }
  return null;
}

export type Alarm = { anomalous: boolean; outside: number; judged: number };
/**
 * `count` of the last `of` values outside their interval is an anomaly; it ends when at most a third of so many are,
 * so that a series at the edge does not begin and end one each hour. `outside` is in time order; null: not judged.
 */
export function alarmOf(
  outside: readonly (boolean | null)[],
  policy: { count: number; of: number; anomalous: boolean },
): Alarm {
  const recent = outside.slice(-policy.of).filter((one) => one !== null);
  const found = recent.filter(Boolean).length;
  const enough = policy.anomalous ? Math.floor(policy.count / 3) + 1 : policy.count;
  // Without a value to judge by nothing is known, and what was known stays.
  const anomalous = recent.length === 0 ? policy.anomalous : found >= enough;
  return { anomalous, outside: found, judged: recent.length };
}
