import { formatNumber, THIN } from './number.ts';

/** As people say it: `420 µs`, `12.4 ms`, `3 m 12 s`, `2 d 4 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds === 0) return `0${THIN}ms`;
  const size = Math.abs(seconds);
  if (size < 0.001) return `${formatNumber(Math.round(seconds * 1e6))}${THIN}µs`;
  if (size < 1) return `${formatNumber(seconds * 1000)}${THIN}ms`;
  if (size < 60) return `${formatNumber(Number(seconds.toFixed(1)))}${THIN}s`;
  return formatSpan(seconds);
}

/** The two largest of days, hours, minutes, seconds. */
function formatSpan(seconds: number): string {
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor((whole % 86_400) / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'm'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${THIN}${unit}`)
    .join(' ');
}
