/**
 * Anomalies in one series, seen online: a point is judged by the points before it, in bounded memory (about 6 KB) and
 * constant time.
 *
 * Five views of the series say what was to be expected: the moving median of the last 24 and of the last 100 points,
 * the level at this time of day and at this time of week (or of a season that is given), and, for shifts of level, the
 * distribution of short-term means (12 points), which is the step from single errors to a likelihood in
 * Ahmad et al. 2017, "Unsupervised real-time anomaly detection for streaming data" (doi 10.1016/j.neucom.2017.04.070).
 * Each view remembers the range of its residuals. A residual outside of it is a record; by how much of the range it is
 * exceeded is the surprise, weighted by how rare a record is after n points: 2 / (n + 1) when nothing has changed, the
 * conformal tail probability. The ranges shrink slowly towards the middle, so that one old outlier does not blind the
 * detector for ever. Surprises of the views add up; after a point that surprised, smaller surprises are the same event
 * and count for nothing until the memory of it has faded.
 *
 * No view needs a distribution or a scale, so one threshold serves all series: 0.5.
 */

export const ANOMALY_THRESHOLD = 0.5;

const DAY_SECONDS = 86_400;
/** Surprise in shares of the range at which the score is 0.5. */
const HALF_SURPRISE = 0.07;
/** Surprise of one view that cannot be topped. */
const MAX_SURPRISE = 3;
/** What is left of an event after one more point. */
const EVENT_DECAY = 0.97;
/** By how much a range shrinks with each point: half in about 35 000. */
const RANGE_DECAY = 2e-5;
/** Before so many residuals a view has no say: everything is a record at first. */
const WARM_UP_POINTS = 30;
/** After so many points records count in full. */
const FULL_WEIGHT_POINTS = 2_000;
const SEASON_BINS = 144;
const SEASON_GAIN = 0.2;
/** Deviations of the band around what was expected. */
const BAND_WIDTH = 3;
/** Values beyond are held at it, so that sums of them stay finite. */
const MAX_VALUE = 1e150;
const MEAN_ABSOLUTE_TO_DEVIATION = Math.sqrt(Math.PI / 2);

export type Judgement = {
  /** 0 as ever, 0.5 and more an anomaly, never 1. */
  score: number;
  /** What the best view expected, and the band in which it would have been ordinary; null before there is one. */
  expected: number | null;
  lower: number | null;
  upper: number | null;
};
export type Detector = { push(atMs: number, value: number | null): Judgement };
export type DetectorOptions = {
  /** Null for none; absent: a day and a week. */
  seasonSeconds?: number | null;
};

/** What a view expects, and what it learns when the value has come; null while it knows nothing. */
type View = {
  expect(atMs: number): number | null;
  /** The same without what this season itself has told already, for the band. */
  foresee(atMs: number): number | null;
  learn(atMs: number, value: number): void;
};

export function createDetector(options: DetectorOptions = {}): Detector {
  const { seasonSeconds } = options;
  const seasons =
    seasonSeconds === undefined
      ? [DAY_SECONDS, 7 * DAY_SECONDS]
      : [seasonSeconds ?? 0].filter((seconds) => Number.isFinite(seconds) && seconds > 0);
  const views = [
    createMedian(24, 6),
    createMedian(100, 25),
    ...seasons.map((seconds) => createSeason(seconds * 1000)),
  ].map((view) => ({ view, range: createRange(), error: createError() }));
  const mean = createMean(12);
  const meanRange = createRange();
  let event = 0;

  const judge = (value: number, atMs: number) => {
    let surprise = 0;
    for (const { view, range, error } of views) {
      const expected = view.expect(atMs);
      if (expected !== null) surprise += range.push(value - expected, Math.abs(value));
      const foreseen = view.foresee(atMs);
      if (foreseen !== null) error.push(value - foreseen);
      view.learn(atMs, value);
    }
    const level = mean(value);
    if (level !== null) surprise += meanRange.push(level, Math.abs(value));
    const news = surprise > event ? surprise : 0;
    event = Math.max(surprise, event * EVENT_DECAY);
    return news / (news + HALF_SURPRISE);
  };
  const band = (atMs: number) => {
    let best: { expected: number; deviation: number } | null = null;
    for (const { view, error } of views) {
      const expected = view.foresee(atMs);
      const deviation = error.deviation();
      if (expected !== null && deviation !== null && !(best && best.deviation <= deviation))
        best = { expected, deviation };
    }
    if (!best) return { expected: null, lower: null, upper: null };
    const { expected, deviation } = best;
    const half = BAND_WIDTH * deviation;
    return { expected, lower: expected - half, upper: expected + half };
  };
  return {
    push(atMs, value) {
      const at = Number.isFinite(atMs) ? atMs : 0;
      const before = band(at);
      if (value === null || !Number.isFinite(value)) return { score: 0, ...before };
      return { score: judge(Math.max(-MAX_VALUE, Math.min(MAX_VALUE, value)), at), ...before };
    },
  };
}

/** The range that was seen so far, shrinking slowly; answers by what share of it a number lies outside. */
function createRange() {
  let low = 0;
  let high = 0;
  let middle = 0;
  let count = 0;
  return {
    push(x: number, scale: number): number {
      count++;
      if (count === 1) {
        low = high = middle = x;
        return 0;
      }
      const outside = Math.max(0, x - high, low - x);
      // What never moved has no range; the least that counts is a millionth of the number itself.
      const width = Math.max(high - low, scale * 1e-6, Number.MIN_VALUE);
      const rarity = count < WARM_UP_POINTS ? 0 : weight(count);
      middle += (x - middle) / Math.min(count, 1_000);
      high = Math.max(x, high - (high - middle) * RANGE_DECAY);
      low = Math.min(x, low + (middle - low) * RANGE_DECAY);
      return Math.min(MAX_SURPRISE, outside / width) * rarity;
    },
  };
}

/** Grows with the logarithm of how rare a record is by now, 2 / (count + 1); cubed, as one among few says little. */
const weight = (count: number) =>
  Math.min(1, Math.log((count + 1) / 2) / Math.log((FULL_WEIGHT_POINTS + 1) / 2)) ** 3;

/** The size of residuals, robust against single ones, as a standard deviation. */
function createError() {
  let meanAbsolute = 0;
  let count = 0;
  return {
    push(residual: number): void {
      count++;
      const size = Math.abs(residual);
      // One residual moves it by at most the size of five ordinary ones, once there are some.
      const held = count > 20 ? Math.min(size, 5 * meanAbsolute + size * 0.01) : size;
      meanAbsolute += (held - meanAbsolute) / Math.min(count, 200);
    },
    deviation: () => (count < 10 ? null : meanAbsolute * MEAN_ABSOLUTE_TO_DEVIATION),
  };
}

/** The median of the last `size` values, once there are `least`. */
function createMedian(size: number, least: number): View {
  const ring = new Float64Array(size);
  const sorted: number[] = [];
  let count = 0;
  const place = (value: number) => {
    let from = 0;
    let to = sorted.length;
    while (from < to) {
      const half = (from + to) >> 1;
      if ((sorted[half] ?? 0) < value) from = half + 1;
      else to = half;
    }
    return from;
  };
  const median = () => {
    if (sorted.length < least) return null;
    const half = sorted.length >> 1;
    const upper = sorted[half] ?? 0;
    return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
  };
  return {
    expect: median,
    foresee: median,
    learn(_at, value) {
      const slot = count % size;
      if (count >= size) sorted.splice(place(ring[slot] ?? 0), 1);
      sorted.splice(place(value), 0, value);
      ring[slot] = value;
      count++;
    },
  };
}

/** The level at each part of a season, as far as it is known, and as it was when the season began. */
function createSeason(periodMs: number): View {
  const levels = new Float64Array(SEASON_BINS).fill(Number.NaN);
  const before = new Float64Array(SEASON_BINS).fill(Number.NaN);
  const seasons = new Float64Array(SEASON_BINS).fill(Number.NaN);
  const placeOf = (atMs: number) => {
    const season = Math.floor(atMs / periodMs);
    // Multiplied first: at the edge of a bin a rounded share would fall into the one before.
    const bin = Math.floor(((atMs - season * periodMs) * SEASON_BINS) / periodMs);
    return { season, bin: Math.max(0, Math.min(SEASON_BINS - 1, bin)) };
  };
  const known = (level: number | undefined) =>
    level === undefined || Number.isNaN(level) ? null : level;
  return {
    expect: (atMs) => known(levels[placeOf(atMs).bin]),
    foresee(atMs) {
      const { season, bin } = placeOf(atMs);
      return known(seasons[bin] === season ? before[bin] : levels[bin]);
    },
    learn(atMs, value) {
      const { season, bin } = placeOf(atMs);
      const level = levels[bin] ?? Number.NaN;
      if (seasons[bin] !== season) {
        before[bin] = level;
        seasons[bin] = season;
      }
      levels[bin] = Number.isNaN(level) ? value : level + SEASON_GAIN * (value - level);
    },
  };
}

/** The mean of the last `size` values, once there are as many. */
function createMean(size: number): (value: number) => number | null {
  const ring = new Float64Array(size);
  let count = 0;
  return (value) => {
    ring[count++ % size] = value;
    if (count < size) return null;
    let sum = 0;
    for (const each of ring) sum += each / size;
    return sum;
  };
}
