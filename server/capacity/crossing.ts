/**
 * When a series reaches a limit. Pure; own algorithm, made of known parts:
 *
 * 1. What repeats each day (a log that is rotated, a nightly backup) is taken out as the median of each hour of the day
 *    and put back as its peak: a disk is full when it is full once.
 * 2. A step (a clean-up, a volume moved) is a change between neighbours of more than eight times the usual that stays;
 *    the series begins anew behind the last one. Steps at even distances are a rotation of several days: then its
 *    peaks are the series.
 * 3. The window is shortened by halves while its newest third grows at another rate than the whole. When the rate goes on
 *    to rise within what is left, the line is bent by that rise.
 * 4. A line through what is left: Sen's slope, Mann and Kendall's test, both for series with memory (`robust.ts`).
 * 5. Its interval at a time ahead is made of the interval of the level, that of the slope, and how far the series
 *    wanders by itself in that time, added as squares.
 * 6. A date is given when the test says that there is a trend towards the limit and it lies within a year.
 */
import { median, spread } from '../platform/robust-trend.ts';
import { memoryOf, passage, type Slope, senSlope } from './robust.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Fewer points say nothing of a trend, nor does less time. */
export const MIN_POINTS = 12;
export const MIN_SPAN_MS = 3 * HOUR_MS;
export const HORIZON_DAYS = 365;
const ALPHA = 0.05;
const ALPHA_CHOSEN = 0.02;
const MAX_LINE_POINTS = 200;
const MIN_PEAKS = 4;
const STEP_SPREADS = 8;
const STEP_SIDE = 3;
const SEASON_DAYS = 3;
const NEAR_MS = 12 * HOUR_MS;
/** −ln of the chance that no value has passed the limit yet: 97.5 %, one half, 2.5 %. */
const Z95 = 1.959964;
/** One-sided, 10 %, of a rise that was sure before: what it costs to miss one is a date that is late by half. */
const SURE = 1.281552;
const PASSED = [0.0253, Math.LN2, 3.689] as const;
/** What repeats each day counts when it explains this share of what moves around the line. */
const SEASON_SHARE = 0.5;

export type CrossingInput = {
  /** In time order, evenly spaced as far as there are values. */
  times: readonly number[];
  values: readonly number[];
  limit: number;
  direction: 'upper' | 'lower';
  now: number;
  /** What a forecaster expects of the days ahead, where the series has seasons. */
  forecast?: readonly { at: number; mean: number; lower: number; upper: number }[];
};
export type Crossing = {
  state: 'short' | 'steady' | 'crossing' | 'over';
  value: number;
  /** Towards the limit is positive. */
  perDay: { mean: number; lower: number; upper: number } | null;
  /** By how much the rate rises each day; 0 where it does not clearly do so. */
  quickening: number;
  /** When it is reached: as expected, at the earliest and at the latest; null: not within a year. */
  at: { mean: number | null; earliest: number | null; latest: number | null };
  pValue: number | null;
  /** The part of the series that counts. */
  windowFrom: number;
  points: number;
  /** Height of what repeats each day, from its median to its peak; 0 without. */
  dailyPeak: number;
  /** Why the window begins where it does, and what else is worth knowing. */
  notes: string[];
};

export function crossing(input: CrossingInput): Crossing {
  const sign = input.direction === 'upper' ? 1 : -1;
  const limit = input.limit * sign;
  let times: number[] = [];
  let values: number[] = [];
  input.values.forEach((value, i) => {
    const at = input.times[i];
    if (at === undefined || !Number.isFinite(value)) return;
    times.push(at);
    values.push(value * sign);
  });
  const last = values.at(-1) ?? Number.NaN;
  const notes: string[] = [];
  const answer = (state: Crossing['state'], more: Partial<Crossing> = {}): Crossing => ({
    state,
    value: last * sign,
    perDay: null,
    quickening: 0,
    at: { mean: null, earliest: null, latest: null },
    pValue: null,
    windowFrom: times[0] ?? input.now,
    points: values.length,
    dailyPeak: 0,
    notes,
    ...more,
  });
  const over = last >= limit;

  const season = dailyPattern(times, values);
  let smooth = values.map((value, i) => value - (season?.at(times[i] ?? 0) ?? 0));
  const steps = findSteps(times, smooth);
  const rotation = rotationOf(steps, times);
  let emptiedAt: number | null = null;
  if (rotation) {
    const peaks = peaksBetween(steps, times, values);
    notes.push(
      `It is emptied about every ${Math.round(rotation / DAY_MS)} days; the peaks before are looked at.`,
    );
    times = peaks.times;
    values = peaks.values;
    smooth = values;
  } else {
    const step = steps.at(-1);
    if (step !== undefined) {
      const rose = (smooth[step] ?? 0) > (smooth[step - 1] ?? 0);
      if (!rose) emptiedAt = times[step] ?? null;
      notes.push(
        `It ${rose === sign > 0 ? 'rose' : 'fell'} at once at ${minuteOf(times[step] ?? 0)}; only what came after is looked at.`,
      );
      times = times.slice(step);
      smooth = smooth.slice(step);
    }
  }
  const peak = rotation ? 0 : (season?.peak ?? 0);
  if (rotation && smooth.length < MIN_PEAKS && !over) {
    const highest = Math.max(...smooth.slice(0, -1));
    if ((smooth.at(-1) ?? 0) <= highest + spread(smooth)) return answer('steady');
  }
  const enough = rotation
    ? smooth.length >= MIN_PEAKS
    : smooth.length >= MIN_POINTS && (times.at(-1) ?? 0) - (times[0] ?? 0) >= MIN_SPAN_MS;
  if (!enough) {
    notes.push(
      smooth.length === 1
        ? 'One value is not enough to see a trend.'
        : `${smooth.length} values are not enough to see a trend.`,
    );
    return answer(over ? 'over' : 'short', { dailyPeak: peak, windowFrom: times[0] ?? input.now });
  }
  const { line, from, quickening } = newestLine(times, smooth, rotation === null ? 3 : 0);
  if (from > 0) notes.push('The rate changed: only the newest part is looked at.');
  const windowFrom = times[from] ?? input.now;
  if (!line) return answer(over ? 'over' : 'short', { dailyPeak: peak, windowFrom });
  const residuals = around(line, times.slice(from), smooth.slice(from));
  const wander = rotation ? 0 : wandering(residuals, typicalGap(times));
  const bend = bendOf(times.slice(from), smooth.slice(from), quickening);
  // Of the newest value, not of the middle of the line.
  const risen = bend ? bend.mean * ((times.at(-1) ?? 0) - line.middle) : 0;
  const [rate, rateLow, rateHigh] = [line.slope, line.lower, line.upper].map(
    (each) => (each + risen) * DAY_MS,
  );
  if (bend) notes.push('Its rate rises by itself; the date counts that in.');
  const found = {
    perDay: { mean: rate ?? 0, lower: rateLow ?? 0, upper: rateHigh ?? 0 },
    quickening: bend ? bend.mean * DAY_MS ** 2 : 0,
    pValue: line.pValue,
    windowFrom,
    points: smooth.length - from,
    dailyPeak: peak,
  };
  if (over) return answer('over', found);
  // A window that was chosen by what is in it has to be surer.
  const towards = line.slope > 0 && line.pValue < (from > 0 ? ALPHA_CHOSEN : ALPHA);
  const span = Math.max(1, (times.at(-1) ?? 0) - windowFrom);
  // A series that wanders leads any line astray by as much as it wandered while the line was drawn.
  const least = 1.96 * Math.sqrt(wander / span);
  const [rateDown, rateUp] = [
    Math.max(line.slope - line.lower, least),
    Math.max(line.upper - line.slope, least),
  ];
  // Of values that are alike several count as one.
  const memory = memoryOf(residuals);
  const noise = spread(residuals);
  const gap = typicalGap(times) * ((1 + memory) / (1 - memory));
  const perDeviation = line.slope > 0 && !rotation ? noise / (line.slope * gap) : 0;
  const [early, usual, late] = PASSED.map((passed) => passage(perDeviation, passed) * noise);
  const reach = (which: -1 | 0 | 1) =>
    firstReach(
      (at) => {
        const ahead = at - line.middle;
        const beyond = Math.max(0, at - input.now);
        const straight =
          line.level +
          line.slope * ahead +
          (usual ?? 0) +
          (season && !rotation ? season.at(at) : 0);
        // A line through a curve lies a little beside its middle. At the latest the rate stays as it is.
        const curve = bend && which >= 0 ? (bend.mean / 2) * (ahead ** 2 - span ** 2 / 12) : 0;
        const mean = straight + Math.max(0, curve);
        if (which === 0) return mean;
        const single = which > 0 ? (early ?? 0) - (usual ?? 0) : (usual ?? 0) - (late ?? 0);
        // Growth that quickens may go on to do so.
        const quick =
          which > 0 ? (bend ? bend.half / 2 : Math.max(0, quickening) / 2) * ahead ** 2 : 0;
        const rate = (which > 0 ? rateUp : rateDown) * ahead;
        return (
          mean +
          which * Math.hypot(line.levelHalf, rate, single, quick, 1.96 * Math.sqrt(wander * beyond))
        );
      },
      limit,
      input.now,
    );
  const seasonal = seasonalReach(input, sign, limit);
  if (!towards && seasonal === null) return answer('steady', found);
  let at = towards
    ? { mean: reach(0), earliest: reach(1), latest: reach(-1) }
    : { mean: null, earliest: null, latest: null };
  if (seasonal) {
    notes.push('The forecast of the next days reaches the limit.');
    const first = (a: number | null, b: number | null) =>
      a === null ? b : b === null ? a : Math.min(a, b);
    at = {
      mean: first(at.mean, seasonal.mean),
      earliest: first(at.earliest, seasonal.earliest),
      latest: first(at.latest, seasonal.latest),
    };
  }
  if (at.mean === null) return answer('steady', { ...found, at });
  // What was just emptied may be emptied again tomorrow: a date needs three days of growth, or has to be near.
  if (
    emptiedAt !== null &&
    input.now - emptiedAt < SEASON_DAYS * DAY_MS &&
    at.mean - input.now > NEAR_MS
  ) {
    notes.push('It was emptied less than three days ago: whether that repeats is not known yet.');
    return answer('steady', found);
  }
  return answer('crossing', { ...found, at });
}

/** What is left of each hour of the day when the slow part is gone; null where little repeats. */
function dailyPattern(times: readonly number[], values: readonly number[]) {
  const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
  if (span < SEASON_DAYS * DAY_MS || values.length < SEASON_DAYS * 12) return null;
  // The slow part: medians of whole days, joined by lines.
  const days = new Map<number, number[]>();
  const begin = times.at(-1) ?? 0;
  times.forEach((at, i) => {
    const day = Math.floor((at - begin - 1) / DAY_MS);
    const list = days.get(day);
    if (list) list.push(values[i] ?? 0);
    else days.set(day, [values[i] ?? 0]);
  });
  const knots = [...days]
    .filter(([, list]) => list.length >= 8)
    .map(([day, list]) => ({ at: begin + (day + 0.5) * DAY_MS, value: median(list) }))
    .sort((a, b) => a.at - b.at);
  if (knots.length < SEASON_DAYS) return null;
  const slow = times.map((at) => between(knots, at));
  const around = values.map((value, i) => value - (slow[i] ?? 0));
  const hours = Array.from({ length: 24 }, (): number[] => []);
  times.forEach((at, i) => {
    hours[Math.floor(at / HOUR_MS) % 24]?.push(around[i] ?? 0);
  });
  const pattern = hours.map((list) => (list.length >= 2 ? median(list) : 0));
  const centre = median(pattern);
  const centred = pattern.map((value) => value - centre);
  const before = spread(around);
  const at = (moment: number) => centred[Math.floor(moment / HOUR_MS) % 24] ?? 0;
  const after = spread(around.map((value, i) => value - at(times[i] ?? 0)));
  if (before === 0 || after > before * Math.sqrt(1 - SEASON_SHARE)) return null;
  return { at, peak: Math.max(0, ...centred) };
}

function between(knots: readonly { at: number; value: number }[], at: number): number {
  const [first, second] = knots;
  if (!first) return 0;
  if (!second) return first.value;
  let right = knots.findIndex((knot) => knot.at > at);
  if (right === -1) right = knots.length - 1;
  if (right === 0) right = 1;
  const [a, b] = [knots[right - 1] ?? first, knots[right] ?? second];
  return a.value + ((b.value - a.value) * (at - a.at)) / (b.at - a.at);
}

/** Places where the series jumps and stays. */
function findSteps(times: readonly number[], values: readonly number[]): number[] {
  const n = values.length;
  if (n < 2 * STEP_SIDE + 2) return [];
  const moves = values.slice(1).map((value, i) => value - (values[i] ?? 0));
  const usual = median(moves);
  // A series that mostly stands still has no spread; a thousandth of its own then counts as usual.
  const scale = Math.max(spread(moves), (spread(values) || Math.abs(median(values))) * 1e-3);
  if (!(scale > 0)) return [];
  const steps: number[] = [];
  // One value has not stayed yet, and the newest may be of an hour that has just begun.
  for (let i = 1; i < n - 1; i++) {
    const gap = Math.max(1, ((times[i] ?? 0) - (times[i - 1] ?? 0)) / typicalGap(times));
    const move = (moves[i - 1] ?? 0) - usual * gap;
    if (Math.abs(move) <= STEP_SPREADS * scale * Math.sqrt(gap)) continue;
    const left = values.slice(Math.max(0, i - STEP_SIDE), i);
    const right = values.slice(i, i + STEP_SIDE);
    if (right.length < Math.min(STEP_SIDE, n - i) || left.length === 0) continue;
    const stays = median(right) - median(left);
    if (Math.sign(stays) === Math.sign(move) && Math.abs(stays) >= Math.abs(move) / 2)
      steps.push(i);
  }
  return steps;
}

function typicalGap(times: readonly number[]): number {
  const first = times[0] ?? 0;
  const last = times.at(-1) ?? first;
  return Math.max(1, (last - first) / Math.max(1, times.length - 1));
}

/** The distance of steps that come evenly; null otherwise. */
function rotationOf(steps: readonly number[], times: readonly number[]): number | null {
  if (steps.length < 3) return null;
  const gaps = steps.slice(1).map((step, i) => (times[step] ?? 0) - (times[steps[i] ?? 0] ?? 0));
  const usual = median(gaps);
  return usual >= DAY_MS && gaps.every((gap) => Math.abs(gap - usual) <= usual / 4) ? usual : null;
}

function peaksBetween(
  steps: readonly number[],
  times: readonly number[],
  values: readonly number[],
) {
  const edges = [0, ...steps];
  const peaks = { times: [] as number[], values: [] as number[] };
  edges.slice(0, -1).forEach((from, n) => {
    const to = edges[n + 1] ?? values.length;
    let best = from;
    for (let i = from; i < to; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
    // The part before the first step may be cut off anywhere.
    if (n === 0 && steps.length > 4) return;
    peaks.times.push(times[best] ?? 0);
    peaks.values.push(values[best] ?? 0);
  });
  return peaks;
}

/**
 * The line through the longest newest part that grows at one rate. A part is halved while its last two thirds grow at
 * different rates, or its line passes by its newest sixth. `quickening` is how fast the rate rises, where it does.
 */
function newestLine(
  times: readonly number[],
  values: readonly number[],
  halvings: number,
): { line: Slope | null; from: number; quickening: number } {
  let from = 0;
  let quickening = 0;
  for (let round = 0; round < halvings; round++) {
    const count = times.length - from;
    const third = Math.floor(count / 3);
    if (third < MIN_POINTS) break;
    const cut = times.length - third;
    const whole = lineOf(times.slice(from), values.slice(from));
    const newest = lineOf(times.slice(cut), values.slice(cut));
    const before = lineOf(times.slice(cut - third, cut), values.slice(cut - third, cut));
    if (!whole || !newest || !before) break;
    const differs = newest.lower > before.upper || newest.upper < before.lower;
    const end = times.length - Math.max(MIN_POINTS, Math.floor(count / 6));
    const [lastTimes, lastValues] = [times.slice(end), values.slice(end)];
    const last = lineOf(lastTimes, lastValues);
    const missed = Math.abs(median(around(whole, lastTimes, lastValues)));
    const passesBy = last !== null && missed > 2 * spread(around(last, lastTimes, lastValues));
    if (!differs && !passesBy) break;
    quickening = (newest.slope - before.slope) / (newest.middle - before.middle);
    from = times.length - Math.floor(count / 2);
  }
  return { line: lineOf(times.slice(from), values.slice(from)), from, quickening };
}

type Bend = {
  /** How much the rate rises by unit of time, and half its interval. */
  mean: number;
  half: number;
};

/**
 * Whether the rate goes on rising within the newest part as it did before it; null where that is not clear. A rate that
 * rose once, such as when a second writer came, is the same in both halves of the newest part; one that grows all the
 * time is not. The smaller of the two rises counts. A rate that fades is not followed: a date too early costs less than none.
 */
function bendOf(times: readonly number[], values: readonly number[], before: number): Bend | null {
  if (!(before > 0)) return null;
  const half = Math.floor(times.length / 2);
  if (half < MIN_POINTS) return null;
  const first = lineOf(times.slice(0, half), values.slice(0, half));
  const second = lineOf(times.slice(half), values.slice(half));
  if (!first || !second) return null;
  const apart = second.middle - first.middle;
  const found = (second.slope - first.slope) / apart;
  const error =
    Math.hypot(second.upper - second.lower, first.upper - first.lower) / (2 * Z95) / apart;
  if (!(found > SURE * error)) return null;
  return { mean: Math.min(found, before), half: Z95 * error };
}

const around = (line: Slope, times: readonly number[], values: readonly number[]): number[] =>
  values.map((value, i) => value - line.level - line.slope * ((times[i] ?? 0) - line.middle));

/** Medians of equal parts when there are more points than pairs can be made of. */
function lineOf(times: readonly number[], values: readonly number[]): Slope | null {
  const size = Math.ceil(values.length / MAX_LINE_POINTS);
  if (size <= 1) return senSlope(times, values);
  const [t, v]: [number[], number[]] = [[], []];
  for (let end = values.length; end > 0; end -= size) {
    const from = Math.max(0, end - size);
    t.unshift(median(times.slice(from, end)));
    v.unshift(median(values.slice(from, end)));
  }
  return senSlope(t, v);
}

/**
 * How fast the series leaves its line by itself, as variance by millisecond: what differences over an eighth of the window
 * vary more than those of neighbours, which hold the noise of single values. Zero for noise around a line.
 */
function wandering(residuals: readonly number[], gap: number): number {
  if (memoryOf(residuals) < 0.3) return 0;
  const lag = Math.max(2, Math.floor(residuals.length / 8));
  const variance = (step: number) => {
    let sum = 0;
    let count = 0;
    for (let i = step; i < residuals.length; i++) {
      sum += ((residuals[i] ?? 0) - (residuals[i - step] ?? 0)) ** 2;
      count += 1;
    }
    return count > 0 ? sum / count : 0;
  };
  return Math.max(0, variance(lag) - variance(1)) / ((lag - 1) * gap);
}

/** The first time within a year that `value` reaches the limit, to a quarter of an hour; null without. */
function firstReach(value: (at: number) => number, limit: number, now: number): number | null {
  if (value(now) >= limit) return now;
  for (let at = now + HOUR_MS; at <= now + HORIZON_DAYS * DAY_MS; at += HOUR_MS) {
    if (value(at) < limit) continue;
    let early = at;
    while (early - HOUR_MS / 4 > at - HOUR_MS && value(early - HOUR_MS / 4) >= limit)
      early -= HOUR_MS / 4;
    return early;
  }
  return null;
}

function seasonalReach(input: CrossingInput, sign: 1 | -1, limit: number) {
  const points = input.forecast ?? [];
  const first = (pick: (point: (typeof points)[number]) => number) =>
    points.find((point) => point.at >= input.now && pick(point) * sign >= limit)?.at ?? null;
  const mean = first((point) => point.mean);
  if (mean === null) return null;
  return {
    mean,
    earliest: first((point) => (sign > 0 ? point.upper : point.lower)) ?? mean,
    latest: first((point) => (sign > 0 ? point.lower : point.upper)),
  };
}

export const minuteOf = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
