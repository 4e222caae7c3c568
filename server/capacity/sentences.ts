/** What an assessment says in words, with figures. Pure. */

import type { Unit } from './contract.ts';
import type { Crossing } from './crossing.ts';

const DAY_MS = 86_400_000;
const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A quantity as people write it. */
export function quantity(value: number, unit: Unit): string {
  const size = Math.abs(value);
  switch (unit) {
    case 'bytes': {
      const step = Math.min(steps.length - 1, size < 1 ? 0 : Math.floor(Math.log2(size) / 10));
      return `${digits(value / 1024 ** step)} ${steps[step]}`;
    }
    case 'ratio':
      return `${digits(value * 100)} %`;
    case 'seconds':
      return `${digits(value)} s`;
    case 'milliseconds':
      return `${digits(value)} ms`;
    case 'perSecond':
      return `${digits(value)}/s`;
    case 'number':
      return digits(value);
  }
}
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return Math.round(value).toLocaleString('en');
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return size >= 10 ? value.toFixed(1) : String(Number(value.toPrecision(2)));
}

export function span(ms: number): string {
  const days = ms / DAY_MS;
  if (days < 1 / 24) return 'less than an hour';
  if (days < 2) return `${Math.round(days * 24)} h`;
  return `${Math.round(days)} days`;
}

/** `in 12 to 19 days`. */
export function range(now: number, at: Crossing['at']): string {
  const early = at.earliest ?? at.mean ?? now;
  if (at.latest === null) return `in ${span(Math.max(0, early - now))} or later`;
  const [from, to] = [span(Math.max(0, early - now)), span(Math.max(0, at.latest - now))];
  if (from === to) return `in ${from}`;
  const [, unit] = to.split(' ');
  return from.endsWith(` ${unit}`)
    ? `in ${from.slice(0, -(unit?.length ?? 0) - 1)} to ${to}`
    : `in ${from} to ${to}`;
}

export function detailOf(
  found: Crossing,
  given: { unit: Unit; limit: number; direction: 'upper' | 'lower'; now: number },
): string {
  const limit = quantity(given.limit, given.unit);
  const verb = given.direction === 'upper' ? 'Grows' : 'Falls';
  switch (found.state) {
    case 'over':
      return given.direction === 'upper'
        ? `Over its limit: ${quantity(found.value, given.unit)} of ${limit}.`
        : `Below its limit: ${quantity(found.value, given.unit)}, ${limit} is the least.`;
    case 'crossing': {
      const rate = found.perDay && found.perDay.mean > 0 ? found.perDay.mean : null;
      const pace = rate ? `${verb} ${quantity(rate, given.unit)} a day; ` : '';
      return `${pace}${pace ? 'reaches' : 'Reaches'} ${limit} ${range(given.now, found.at)}.`;
    }
    case 'steady':
      return found.perDay && (found.pValue ?? 1) < 0.05 && found.perDay.mean < 0
        ? `Moves away from its limit by ${quantity(-found.perDay.mean, given.unit)} a day.`
        : 'No crossing in sight: there is no trend towards the limit that would reach it within a year.';
    case 'short':
      return 'Not enough history yet to see a trend.';
  }
}

/** What more room would give; null where nothing is to be done. */
export function suggestionOf(
  found: Crossing,
  given: { unit: Unit; limit: number; direction: 'upper' | 'lower' },
): string | null {
  const rate = found.perDay?.mean ?? 0;
  if (found.state !== 'crossing' && found.state !== 'over') return null;
  // Only of what can be had more of.
  const more = given.unit === 'bytes' || given.unit === 'number';
  if (!(rate > 0) || given.direction === 'lower' || !more) return null;
  // A rate that rises fills what is added sooner.
  const lasts = (room: number) =>
    Math.floor(
      found.quickening > 0
        ? (Math.sqrt(rate ** 2 + 2 * found.quickening * room) - rate) / found.quickening
        : room / rate,
    );
  const room = roundUp(rate * 90, given.unit);
  const gain = lasts(room);
  if (gain > 3_650) return null;
  const free = roundUp(rate * 30, given.unit);
  return (
    `Grows ${quantity(rate, given.unit)} a day. ${quantity(room, given.unit)} more give ${gain} days` +
    `; to free ${quantity(free, given.unit)} gives ${lasts(free)}.`
  );
}

/** Up to one or two digits that a person would order. */
function roundUp(value: number, unit: Unit): number {
  if (unit === 'bytes') {
    const step = 1024 ** Math.max(0, Math.floor(Math.log2(value) / 10));
    return roundUp(value / step, 'number') * step;
  }
  const scale = 10 ** Math.floor(Math.log10(value));
  return Math.ceil((value / scale) * 2) * (scale / 2);
}
