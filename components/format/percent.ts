import { THIN } from './number.ts';

/** A ratio as a percentage with at most one decimal: `0.123` is `12.3 %`. */
export function formatPercent(ratio: number): string {
  if (!Number.isFinite(ratio)) return '–';
  return `${Number((ratio * 100).toFixed(1))}${THIN}%`;
}
