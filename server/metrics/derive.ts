/** What is made from the points of a series: moving average, trend and anomaly scores. Pure; gaps stay gaps. */
import { createDetector, type DetectorOptions, type Judgement } from './anomaly.ts';

export type TimedValue = { at: number; value: number | null };

const known = (value: number | null): value is number => value !== null && Number.isFinite(value);

/**
 * The mean of the last `window` places of the list, as far as they have values; null where the value itself is null.
 * Summed anew at each place, so that one huge value leaves nothing behind.
 */
export function movingAverage(
  values: readonly (number | null)[],
  window: number,
): (number | null)[] {
  const size = Math.max(1, Math.floor(window) || 1);
  return values.map((value, index) => {
    if (!known(value)) return null;
    const near = values.slice(Math.max(0, index + 1 - size), index + 1).filter(known);
    const mean = near.reduce((sum, each) => sum + each / near.length, 0);
    // At the end of the range of numbers rounding alone can leave it.
    return Number.isFinite(mean) ? mean : null;
  });
}

export type Trend = {
  /** The line at each point's time; null where the point is a gap, and everywhere with fewer than two times. */
  values: (number | null)[];
  slopePerSecond: number | null;
};

/** The least-squares line through the points. Times are taken from their mean, so that epoch milliseconds lose nothing. */
export function trend(points: readonly TimedValue[]): Trend {
  const given = points.filter(
    (point): point is { at: number; value: number } =>
      known(point.value) && Number.isFinite(point.at),
  );
  const mean = (of: (point: { at: number; value: number }) => number) =>
    given.reduce((sum, point) => sum + of(point) / given.length, 0);
  const at = mean((point) => point.at);
  const value = mean((point) => point.value);
  let spread = 0;
  let joint = 0;
  for (const point of given) {
    const seconds = (point.at - at) / 1000;
    spread += seconds * seconds;
    joint += seconds * (point.value - value);
  }
  const slope = joint / spread;
  if (!Number.isFinite(slope)) return { values: points.map(() => null), slopePerSecond: null };
  const lineAt = (point: TimedValue) => {
    const height = value + slope * ((point.at - at) / 1000);
    return known(point.value) && known(height) ? height : null;
  };
  return { values: points.map(lineAt), slopePerSecond: slope };
}

/** A judgement for each point, each from the points before it. */
export function anomalyScores(
  points: readonly TimedValue[],
  options: DetectorOptions = {},
): Judgement[] {
  const detector = createDetector(options);
  return points.map(({ at, value }) => detector.push(at, value));
}
