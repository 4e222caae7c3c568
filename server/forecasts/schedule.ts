/** When a forecast is made again: each at a moment of its own within the hour, so that a thousand never come at once. Pure. */
import type { Step } from './grid.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Values of an hour that is over may come this much later. */
const SETTLE_MS = 2 * MINUTE_MS;
/** A day series is looked at this often and made again when a day was completed. */
const DAY_EVERY_MS = 6 * HOUR_MS;
const MAX_PAUSE_MS = 24 * HOUR_MS;
/** Due times beyond this were written before the clock was set back. */
export const FARTHEST_MS = 2 * 24 * HOUR_MS;

export const periodOf = (step: Step): number => (step === 'hour' ? HOUR_MS : DAY_EVERY_MS);

/** A place within the period, the same each time. The last digits of an id are random. */
export function offsetOf(id: string, step: Step): number {
  const period = periodOf(step);
  const share = Number.parseInt(id.replaceAll('-', '').slice(-8), 16) / 0x1_0000_0000;
  return SETTLE_MS + Math.floor(share * (period - 2 * SETTLE_MS));
}

/** After `troubles` attempts in a row that came to nothing the pause doubles, up to a day. */
export function nextDue(id: string, step: Step, now: number, troubles: number): number {
  const period = periodOf(step);
  const offset = offsetOf(id, step);
  const next = Math.floor((now - offset) / period + 1) * period + offset;
  const pause = Math.min(MAX_PAUSE_MS, period * (2 ** Math.min(troubles, 10) - 1));
  return next + Math.floor(pause / period) * period;
}
