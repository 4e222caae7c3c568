/**
 * Availability by time, from transitions. Pure.
 *
 * Uptime = time healthy or degraded ÷ time healthy, degraded or down. Maintenance and unknown time count for
 * neither side, so a maintenance window changes nothing, and fast rechecks during an outage weigh no more than
 * slow ones.
 */
import type { State } from './contract.ts';

export type Stretch = { from: number; to: number; state: State };
export type Flip = { at: number; from: State; to: State };

/** Covers `[from, to)` without gaps; `flips` in order of time, `current` is the state after the last. */
export function stretches(
  flips: readonly Flip[],
  current: State,
  from: number,
  to: number,
): Stretch[] {
  const result: Stretch[] = [];
  const first = flips.find(({ at }) => at > from);
  let state = first?.from ?? current;
  let at = from;
  for (const flip of flips) {
    if (flip.at <= from) continue;
    if (flip.at >= to) break;
    if (flip.at > at) result.push({ from: at, to: flip.at, state });
    state = flip.to;
    at = flip.at;
  }
  if (to > at) result.push({ from: at, to, state });
  return result;
}

/** 0–1, or null when nothing is known of the time. */
export function uptime(parts: readonly Stretch[]): number | null {
  let up = 0;
  let known = 0;
  for (const { from, to, state } of parts) {
    if (state === 'maintenance' || state === 'unknown') continue;
    known += to - from;
    if (state !== 'down') up += to - from;
  }
  return known === 0 ? null : up / known;
}

const rank: Record<State, number> = {
  unknown: 0,
  healthy: 1,
  maintenance: 2,
  degraded: 3,
  down: 4,
};
const letters: Record<State, string> = {
  unknown: 'u',
  healthy: 'h',
  maintenance: 'm',
  degraded: 'd',
  down: 'x',
};

/** The worst state of each of `cells` equal parts, a letter each: h d x m u. */
export function stateBar(
  parts: readonly Stretch[],
  from: number,
  to: number,
  cells: number,
): string {
  const width = (to - from) / cells;
  const worst: State[] = Array.from({ length: cells }, () => 'unknown');
  for (const part of parts) {
    const begin = Math.max(0, Math.floor((part.from - from) / width));
    const end = Math.min(cells - 1, Math.ceil((part.to - from) / width) - 1);
    for (let cell = begin; cell <= end; cell++) {
      const known = worst[cell];
      if (known && rank[part.state] > rank[known]) worst[cell] = part.state;
    }
  }
  return worst.map((state) => letters[state]).join('');
}
