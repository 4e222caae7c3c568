import { formatNumber, THIN } from './number.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Binary units: `212 MiB`. */
export function formatBytes(sizeBytes: number): string {
  if (!Number.isFinite(sizeBytes)) return '–';
  let value = sizeBytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${formatNumber(value)}${THIN}${units[unit]}`;
}
