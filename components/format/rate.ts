import { formatNumber, THIN } from './number.ts';

/** Per second: `12.4 /s`. */
export function formatRate(perSecond: number): string {
  return `${formatNumber(perSecond)}${THIN}/s`;
}
