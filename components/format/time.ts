import { formatDuration } from './duration.ts';

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

/** `12:04:31` in the viewer's zone. */
export function formatClock(at: string | number): string {
  return clock.format(new Date(at));
}

const minutes = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });
const dayMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** For an axis over `spanMs`: seconds, then minutes, then days. */
export function formatAxisTime(at: number, spanMs: number): string {
  if (spanMs <= 20 * 60_000) return formatClock(at);
  return (spanMs <= 36 * 3_600_000 ? minutes : dayMonth).format(new Date(at));
}

/** `21 Nov 2025, 12:04:31 CET`. */
export function formatInstant(at: string | number): string {
  return full.format(new Date(at));
}

/** `21 Nov 12:04 – 13:10`, with the day again where it is another, and seconds where it is short. */
export function formatSpanOf(from: number, to: number): string {
  const [a, b] = [new Date(from), new Date(to)];
  const sameDay = a.toDateString() === b.toDateString();
  const time = to - from < 10 * 60_000 ? clock : minutes;
  const end = sameDay ? time.format(b) : `${dayMonth.format(b)} ${time.format(b)}`;
  return `${dayMonth.format(a)} ${time.format(a)} – ${end}`;
}

/** `just now`, `3 m ago`, `in 2 h`; a date past thirty days. */
export function formatRelative(at: string | number, now: number): string {
  const seconds = (now - new Date(at).getTime()) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return 'just now';
  if (size > 30 * 86_400) return day.format(new Date(at));
  const unit = size < 60 ? 1 : size < 3600 ? 60 : size < 86_400 ? 3600 : 86_400;
  const words = formatDuration(Math.floor(size / unit) * unit);
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

/** The viewer's zone, named: `Europe/Berlin`. */
export function zoneName(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
