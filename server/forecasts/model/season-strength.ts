/** How seasonal a series is, and with which seasons. */

/** How much of the variance a mean for each step of the season takes away from the detrended series. */
export function seasonalStrength(y: Float64Array, s: number): number {
  const detrended = remainder(y, s);
  const profile = profileOf(detrended, s);
  const { length } = detrended;
  let mean = 0;
  for (const value of detrended) mean += value / length;
  let all = 0;
  let rest = 0;
  for (let i = 0; i < length; i++) {
    all += ((detrended[i] as number) - mean) ** 2;
    rest += ((detrended[i] as number) - (profile[i % s] as number)) ** 2;
  }
  // Means of few seasons fit noise too: the degrees of freedom that they take are given back.
  const seasons = length / s;
  return all > 0 ? 1 - (rest / all) * (seasons / Math.max(1, seasons - 1)) : 0;
}

/** The series without its moving average over a season, where that is whole. */
function remainder(y: Float64Array, s: number): Float64Array {
  const half = Math.floor(s / 2);
  const trend = movingAverage(y, s);
  const out = new Float64Array(Math.max(0, y.length - 2 * half));
  for (let i = 0; i < out.length; i++)
    out[i] = (y[i + half] as number) - (trend[i + half] as number);
  return out;
}

function profileOf(values: Float64Array, s: number): Float64Array {
  const sums = new Float64Array(s);
  const counts = new Float64Array(s);
  for (let i = 0; i < values.length; i++) {
    sums[i % s] = (sums[i % s] as number) + (values[i] as number);
    counts[i % s] = (counts[i % s] as number) + 1;
  }
  return sums.map((sum, i) => sum / Math.max(1, counts[i] as number));
}

/** Centred, over a whole season; the ends repeat the nearest. O(n). */
export function movingAverage(y: Float64Array, s: number): Float64Array {
  const n = y.length;
  const out = new Float64Array(n);
  const half = Math.floor(s / 2);
  if (n <= 2 * half) return out.fill(y.reduce((a, b) => a + b, 0) / Math.max(1, n));
  const sums = new Float64Array(n + 1);
  const shift = y[0] as number;
  for (let i = 0; i < n; i++) sums[i + 1] = (sums[i] as number) + (y[i] as number) - shift;
  for (let i = half; i < n - half; i++) {
    let sum = (sums[i + half + 1] as number) - (sums[i - half] as number);
    if (s % 2 === 0) sum -= ((y[i - half] as number) + (y[i + half] as number) - 2 * shift) / 2;
    out[i] = sum / s + shift;
  }
  out.fill(out[half] as number, 0, half);
  out.fill(out[n - half - 1] as number, n - half);
  return out;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Seasons that people and machines have. */
const NATURAL_MS = [HOUR, DAY, 7 * DAY];
/** By steps, where the times are not known or long. */
const NATURAL_STEPS = [7, 12, 24, 52, 60, 96, 144, 168, 288];
/** What a season must explain: one that nobody expects, a natural one, a short natural one, a day or a week of known steps. */
const UNEXPECTED_WEAK = 0.5;
const WEAK = 0.3;
const NATURAL_WEAK = 0.15;
const SHORT_NATURAL = 24;
const EXPECTED_WEAK = 0.05;
const SECOND_WEAK = 0.25;
const MAX_SEASON = 400;

/** Found seasons, shortest first; at most two. */
export function findSeasons(y: Float64Array, stepMs: number | null): number[] {
  const longest = Math.min(MAX_SEASON, Math.floor(y.length / 3));
  const expected = new Set(
    stepMs === null || stepMs >= 7 * DAY
      ? []
      : NATURAL_MS.map((ms) => ms / stepMs).filter((s) => s >= 2 && Number.isInteger(s)),
  );
  const natural = expected.size > 0 ? expected : NATURAL_STEPS;
  const least = (s: number) => {
    if (expected.has(s)) return EXPECTED_WEAK;
    if (expected.size > 0 || !NATURAL_STEPS.includes(s)) return UNEXPECTED_WEAK;
    return s <= SHORT_NATURAL ? NATURAL_WEAK : WEAK;
  };
  const candidates = [...new Set([...natural, ...peaks(y, longest)])]
    .filter((s) => s <= longest)
    .sort((a, b) => a - b);
  const strengths = candidates.map((s) => [s, seasonalStrength(y, s)] as const);
  const best = Math.max(0, ...strengths.map(([, strength]) => strength));
  const strong = strengths.filter(([s, strength]) => strength >= least(s));
  // A multiple of a season is as strong as the season: the shortest that is nearly as strong is meant.
  const [leading] = strong.find(([, strength]) => strength >= best - 0.1) ?? [];
  if (leading === undefined) return [];
  // A week has days in it, however much stronger it is than they are.
  const isDay = (s: number) => expected.has(s) || (s === 24 && leading === 168);
  const [short = leading] =
    strong.find(([s]) => s < leading && leading % s === 0 && isDay(s)) ?? [];
  const half = Math.floor(short / 2);
  const detrended = remainder(y, short);
  const profile = profileOf(detrended, short);
  const rest = y
    .slice(half, half + detrended.length)
    .map((value, i) => value - (profile[i % short] as number));
  const second = candidates.find(
    (s) =>
      s > short && s % short === 0 && y.length >= 3 * s && seasonalStrength(rest, s) >= SECOND_WEAK,
  );
  return second ? [short, second] : [short];
}

/** Lags at which the detrended series resembles itself most. */
function peaks(y: Float64Array, longest: number): number[] {
  const n = Math.min(y.length, 3_000);
  if (longest < 4) return [];
  const tail = y.slice(y.length - n);
  const trend = movingAverage(tail, Math.max(3, Math.min(longest, Math.floor(n / 4))));
  const z = tail.map((value, i) => value - (trend[i] as number));
  const variance = z.reduce((sum, value) => sum + value * value, 0);
  if (!(variance > 0)) return [];
  const similar = new Float64Array(longest + 2);
  for (let lag = 1; lag <= longest + 1 && lag < n; lag++) {
    let sum = 0;
    for (let i = lag; i < n; i++) sum += (z[i] as number) * (z[i - lag] as number);
    similar[lag] = sum / variance;
  }
  const found: [number, number][] = [];
  for (let lag = 3; lag <= longest; lag++) {
    const at = similar[lag] as number;
    if (at > 0.2 && at >= (similar[lag - 1] as number) && at >= (similar[lag + 1] as number))
      found.push([lag, at]);
  }
  return found
    .sort((a, b) => b[1] - a[1])
    .slice(0, 4)
    .map(([lag]) => lag);
}
