/**
 * Whether a heap leaks, from its size after full collections alone: what lives then is no garbage, so the saw teeth
 * of the collector are gone. Slope by Theil (1950) and Sen (1968), the median of the slopes of all pairs, which a third
 * of wild points cannot move; significance by Mann (1945) and Kendall (1975) with ties.
 */

import { mannKendall, median, pairSlopes } from '../platform/robust-trend.ts';
import { normalUpperTail } from '../platform/special-functions.ts';
import type { MemoryPolicy, Trend } from './contract.ts';

/** When, in ms since 1970, and how many bytes lived. */
export type Point = readonly [at: number, bytes: number];
/** The hour's beginning, and a size that nine tenths of the hour's points were below. */
export type Level = readonly [hour: number, bytes: number];

/** At most so many points of a window are judged, the smallest of each stretch: a late collection only adds to it. */
const JUDGED_POINTS = 60;
const MIN_POINTS = 8;
/** The window must be covered to this share, and so must it and the time of confirmation. */
const COVERED = 0.9;
const WHOLE_COVERED = 0.85;
const SIGNIFICANT = 0.01;
/** A growth of a tenth is measured as a little more or less; so much less still counts. */
const TOLERANCE = 0.9;
/** Growth that filled the time but for this share is what a cache does that fills and stops. */
const REST = 0.4;
/** A steady rise must describe the points better than that, by this factor of what is left over. */
const CLEARLY = 1.2;
/** The heap must be this much above what it held in any hour of the last day. */
const ABOVE_KNOWN = 1.02;
const LEVELS = 24;
const HOUR_MS = 3_600_000;
const WINDOW_POINTS = 600;

/** Keeps the smallest of each stretch, in order. */
export function thin(points: readonly Point[], from: number, to: number, most: number): Point[] {
  const stretch = (to - from) / most;
  const kept = new Map<number, Point>();
  for (const point of points) {
    if (point[0] < from || point[0] > to) continue;
    const slot = Math.min(most - 1, Math.floor((point[0] - from) / stretch));
    const known = kept.get(slot);
    if (!known || point[1] < known[1]) kept.set(slot, point);
  }
  return [...kept.values()].sort((a, b) => a[0] - b[0]);
}

/** Slope in bytes a millisecond, and the size at the time 0 of the line. NaN below two points. */
export function theilSen(points: readonly Point[]): { slope: number; intercept: number } {
  const { slope } = pairSlopes(
    Float64Array.from(points, ([, y]) => y),
    Float64Array.from(points, ([t]) => t),
  );
  return { slope, intercept: median(points.map(([t, y]) => y - slope * t)) };
}

/** Probability that values without any trend rise at least as clearly; one-sided, normal approximation with ties. */
export function chanceOfRise(values: readonly number[]): number {
  if (values.length < 3) return 1;
  const { z, deviation } = mannKendall(Float64Array.from(values));
  return deviation > 0 ? normalUpperTail(z) : 1;
}

/** The points that will be judged, bounded. */
export function keep(points: readonly Point[], now: number, policy: MemoryPolicy): Point[] {
  const from = now - (policy.windowSeconds + policy.confirmSeconds) * 1_100;
  const recent = points.filter(([at]) => at > from && at <= now);
  return recent.length <= WINDOW_POINTS ? recent : thin(recent, from, now, WINDOW_POINTS);
}

/** What the heap held in each of the last hours; the hours of the window itself are left out when it is judged. */
export function levelsWith(
  levels: readonly Level[],
  points: readonly Point[],
  warmUntil: number,
): Level[] {
  const byHour = new Map<number, number[]>();
  for (const [at, bytes] of points) {
    if (at < warmUntil) continue;
    const hour = at - (at % HOUR_MS);
    const known = byHour.get(hour);
    if (known) known.push(bytes);
    else byHour.set(hour, [bytes]);
  }
  const merged = new Map(levels);
  for (const [hour, sizes] of byHour) {
    const sorted = sizes.sort((a, b) => a - b);
    const level = sorted[Math.floor(sorted.length * 0.9)] ?? 0;
    merged.set(hour, Math.max(merged.get(hour) ?? 0, level));
  }
  return [...merged].sort((a, b) => a[0] - b[0]).slice(-LEVELS);
}

/** Judges the window that ends now. */
export function judge(
  points: readonly Point[],
  given: { startedAt: number; now: number; policy: MemoryPolicy; levels: readonly Level[] },
): Trend {
  const { now, policy } = given;
  const windowMs = policy.windowSeconds * 1000;
  const warmUntil = given.startedAt + policy.warmupSeconds * 1000;
  const from = Math.max(now - windowMs, warmUntil);
  const judged = thin(points, now - windowMs, now, JUDGED_POINTS).filter(([at]) => at >= from);
  const first = judged[0];
  const last = judged.at(-1);
  const nothing = {
    growing: false,
    sustained: false,
    points: judged.length,
    slopeBytesPerHour: null,
    growthBytes: null,
    growthRatio: null,
    pValue: null,
    fromBytes: null,
    toBytes: last?.[1] ?? null,
    fromAt: first ? new Date(first[0]).toISOString() : null,
    toAt: last ? new Date(last[0]).toISOString() : null,
  };
  if (now < warmUntil)
    return { ...nothing, why: 'It has just started; growth of this time does not count.' };
  if (!first || !last || judged.length < MIN_POINTS || last[0] - first[0] < windowMs * COVERED) {
    return { ...nothing, why: 'There are not enough full collections within the window yet.' };
  }
  const { slope, intercept } = theilSen(judged);
  const fromBytes = intercept + slope * first[0];
  const toBytes = intercept + slope * last[0];
  // Over a whole window, also when its edges have no point.
  const growthBytes = slope * windowMs;
  const growthRatio = fromBytes > 0 ? growthBytes / fromBytes : 0;
  const pValue = chanceOfRise(judged.map(([, bytes]) => bytes));
  const known = given.levels
    .filter(([hour]) => hour + HOUR_MS <= now - windowMs && hour > now - (LEVELS + 1) * HOUR_MS)
    .reduce((most, [, bytes]) => Math.max(most, bytes), 0);
  const figures = {
    ...nothing,
    slopeBytesPerHour: Math.round(slope * HOUR_MS),
    growthBytes: Math.round(growthBytes),
    growthRatio,
    pValue,
    fromBytes: Math.round(fromBytes),
    toBytes: Math.round(toBytes),
  };
  const no = (why: string): Trend => ({ ...figures, why });
  if (!(growthRatio >= policy.growthRatio * TOLERANCE))
    return no('It does not grow fast enough to matter.');
  if (growthBytes < policy.growthBytes) return no('It grows by too little to matter.');
  if (pValue >= SIGNIFICANT) return no('The growth may be chance.');
  if (toBytes < known * ABOVE_KNOWN) return no('It has held as much before within a day.');
  const whole = windowMs + policy.confirmSeconds * 1000;
  const longer = thin(points, now - whole, now, JUDGED_POINTS).filter(([at]) => at >= warmUntil);
  const against = notSustained(longer, whole, policy);
  return {
    ...figures,
    growing: true,
    sustained: against === null,
    why: against ?? 'It grows steadily, and nothing that it gained was given back.',
  };
}

/** Why growth may yet be something else, seen over a window and the time of confirmation; null when it is a leak. */
function notSustained(
  points: readonly Point[],
  wholeMs: number,
  policy: MemoryPolicy,
): string | null {
  const from = points[0]?.[0] ?? 0;
  const to = points.at(-1)?.[0] ?? 0;
  if (to - from < wholeMs * WHOLE_COVERED)
    return 'It grows; whether that goes on is being watched.';
  const { slope, intercept } = theilSen(points);
  const ratio = (slope * policy.windowSeconds * 1000) / (intercept + slope * from);
  if (!(ratio >= policy.growthRatio * TOLERANCE)) return 'It grows, but has not done so for long.';
  const straight = misfit(points, from, to);
  for (let rest = 0; rest <= REST; rest += REST / 6) {
    // Level, then growth, then level again: level for the share REST of the time in all.
    const begin = from + (to - from) * rest;
    const bent = misfit(points, begin, to - (to - from) * (REST - rest));
    if (!(bent >= straight * CLEARLY)) {
      return 'It grew, but may be coming to rest, as a cache does that fills.';
    }
  }
  return null;
}

/** What is left when a line that rises from `begin` to `end` and is level before and after is laid through the points. */
function misfit(points: readonly Point[], begin: number, end: number): number {
  const n = points.length;
  let [sx, sy, sxx, sxy, syy] = [0, 0, 0, 0, 0];
  const base = points[0]?.[1] ?? 0;
  for (const [at, bytes] of points) {
    const x = (Math.min(end, Math.max(begin, at)) - begin) / (end - begin);
    const y = bytes - base;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
    syy += y * y;
  }
  const slope = Math.max(0, (n * sxy - sx * sy) / (n * sxx - sx * sx));
  const level = (sy - slope * sx) / n;
  return syy - level * sy - slope * sxy;
}

export type Watch = {
  verdict: 'learning' | 'steady' | 'suspected' | 'leak';
  /** Since when it has been suspected. */
  suspectedAt: number | null;
  /** When growth was last seen. */
  growingAt: number | null;
};

/** A moment without growth, shorter than half the time of confirmation, changes nothing; a leak is over when it is without for all of it. */
export function advance(watch: Watch, trend: Trend, now: number, policy: MemoryPolicy): Watch {
  const confirmMs = policy.confirmSeconds * 1000;
  const settled = trend.slopeBytesPerHour === null ? 'learning' : 'steady';
  if (trend.growing) {
    const suspectedAt = watch.suspectedAt ?? now;
    const verdict = watch.verdict === 'leak' || trend.sustained ? 'leak' : 'suspected';
    return { verdict, suspectedAt, growingAt: now };
  }
  const patience = watch.verdict === 'leak' ? confirmMs : confirmMs / 2;
  if (watch.growingAt !== null && now - watch.growingAt < patience) return watch;
  return { verdict: settled, suspectedAt: null, growingAt: null };
}
