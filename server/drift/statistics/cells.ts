/** Values as they come (JSON, CSV) made into what the statistics take. */
import type { Cell, FeatureKind } from '../contract.ts';
import type { FeaturePair } from './compare.ts';

const MISSING = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '-', '?']);
const INFINITE = new Map([
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['+infinity', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);

/** A number, NaN for a missing one, null for a text that is none. */
export function readNumber(cell: Cell): number | null {
  if (cell === null) return Number.NaN;
  if (typeof cell === 'number') return cell;
  const text = cell.trim();
  const number = text === '' ? Number.NaN : Number(text);
  // Number() also takes 0x1f, 0b1 and 0o7, which no table means.
  if (!Number.isNaN(number) && /^[-+.\d]/.test(text) && !/^[-+]?0[xbo]/i.test(text)) return number;
  const word = text.toLowerCase();
  if (MISSING.has(word)) return Number.NaN;
  return INFINITE.get(word) ?? null;
}

/** A category, or null for a missing one. */
export function readCategory(cell: Cell): string | null {
  if (cell === null || Number.isNaN(cell)) return null;
  const text = String(cell);
  return text.trim() === '' ? null : text;
}

export function pairOf(feature: {
  name: string;
  kind: FeatureKind;
  reference: readonly Cell[];
  current: readonly Cell[];
}): FeaturePair {
  const { name, kind } = feature;
  if (kind === 'categorical') {
    const reference = feature.reference.map(readCategory);
    return { name, kind, reference, current: feature.current.map(readCategory) };
  }
  const notNumeric = { reference: 0, current: 0 };
  const side = (which: 'reference' | 'current') =>
    Float64Array.from(feature[which], (cell) => {
      const number = readNumber(cell);
      if (number === null) notNumeric[which]++;
      return number ?? Number.NaN;
    });
  return { name, kind, reference: side('reference'), current: side('current'), notNumeric };
}
