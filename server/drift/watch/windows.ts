/** Which window is next, and which rows of a reference belong to the same season. Pure. */
import type { DriftWindow, Season } from './contract.ts';

const DAY_MS = 86_400_000;
const seasonMs: Record<Exclude<Season, 'none'>, number> = {
  day: DAY_MS,
  week: 7 * DAY_MS,
  // The mean year, so that a phase stays where it is over decades.
  year: 365.2425 * DAY_MS,
};

/** The first end of a window after a time; ends lie on whole steps since 1970 UTC. */
export const nextEnd = (after: number, stepMs: number): number =>
  (Math.floor(after / stepMs) + 1) * stepMs;

/** When the window after one that ended at `after` is looked at; those by rows are looked for at once. */
export const dueAfter = (
  window: DriftWindow,
  graceSeconds: number,
  after: number,
  now: Date,
): Date =>
  window.kind === 'rows'
    ? new Date(now.getTime())
    : new Date(nextEnd(after, window.step * 1_000) + graceSeconds * 1_000);

/**
 * Places of the rows whose phase lies within the window's, and the number of the season each is from. Rows are in the order of
 * their times. The rows of the window itself, when the reference reaches into it, are no reference.
 */
export function samePhase(
  times: ArrayLike<number>,
  window: { from: number; to: number },
  season: Exclude<Season, 'none'>,
): { places: Uint32Array; blocks: Uint32Array } {
  const length = seasonMs[season];
  const half = (window.to - window.from) / 2;
  const centre = window.from + half;
  const places: number[] = [];
  const seasons: number[] = [];
  for (let i = 0; i < times.length; i++) {
    const at = times[i] ?? Number.NaN;
    const number = Math.round((at - centre) / length);
    if (number !== 0 && Math.abs(at - centre - number * length) <= half) {
      places.push(i);
      seasons.push(number);
    }
  }
  const first = seasons.reduce((least, number) => Math.min(least, number), 0);
  return {
    places: Uint32Array.from(places),
    blocks: Uint32Array.from(seasons, (number) => number - first),
  };
}
