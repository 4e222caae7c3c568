/** Narrow no-break space: thousands apart, and between a number and its unit. */
export const THIN = '\u202f';

const groups = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });

/** `12 345.6`: at most three significant digits after which precision is noise, thin separators. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  return groups.format(Number(value.toFixed(digits))).replaceAll(',', THIN);
}

/** `1 session`, `3 sessions`. */
export function count(value: number, one: string, many = `${one}s`): string {
  return `${formatNumber(value)} ${value === 1 ? one : many}`;
}
