/**
 * Which share of a table's rows a predicate keeps, from the planner's own statistics: most common values before the number
 * of distinct ones, the histogram for ranges. Source: PostgreSQL documentation, "Row Estimation Examples". Pure.
 */
import type { Predicate } from '../statement/facts.ts';
import type { Column, ColumnStats } from './catalog.ts';

const RANGE = 1 / 3;
const MATCH = 0.005;

/** `value` is the constant, or undefined when it is not known. */
export function equals(stats: ColumnStats | null, value: unknown): number {
  if (!stats) return 0.005;
  const text = value === undefined || value === null ? undefined : String(value);
  const commonShare = [...stats.common.values()].reduce((sum, share) => sum + share, 0);
  if (text !== undefined) {
    const share =
      stats.common.get(text) ??
      stats.common.get(text === 'true' ? 't' : text === 'false' ? 'f' : text);
    if (share !== undefined) return share;
  }
  const others = stats.distinct - stats.common.size;
  const rest = Math.max(0, 1 - commonShare - stats.nullFraction);
  // Every value seemed to be known, and this one is not: rarer than the rarest.
  if (others <= 0 && text !== undefined)
    return Math.min(rest, ...stats.common.values(), MATCH) || 1e-5;
  if (others > 0 && (text !== undefined || stats.common.size === 0)) return rest / others;
  // Not known which: what a row picked at random would find.
  const squares = [...stats.common.values()].reduce((sum, share) => sum + share * share, 0);
  return squares + (others > 0 ? (rest * rest) / others : 0);
}

const asNumber = (text: string, category: string): number =>
  category === 'D' ? Date.parse(/\d[Z+]|[+-]\d\d$/.test(text) ? text : `${text}Z`) : Number(text);

/** Share of values below `value`; null when it cannot be told. */
export function below(column: Column, value: unknown): number | null {
  const bounds = column.stats?.histogram ?? [];
  if (value === undefined || value === null || bounds.length < 2) return null;
  const wanted = asNumber(String(value), column.category);
  if (Number.isNaN(wanted)) return null;
  const numbers = bounds.map((bound) => asNumber(bound, column.category));
  if (numbers.some(Number.isNaN)) return null;
  const at = numbers.findIndex((bound) => bound > wanted);
  if (at === 0) return 0;
  if (at < 0) return 1;
  const low = numbers[at - 1] ?? wanted;
  const high = numbers[at] ?? wanted;
  return (at - 1 + (high > low ? (wanted - low) / (high - low) : 0.5)) / (numbers.length - 1);
}

const firstOf = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value);

/** The share of a lower and an upper bound together; the planner's default when one of them is not known. */
export const within = (shares: readonly number[]): number =>
  shares.some((share) => share === RANGE)
    ? MATCH
    : Math.max(1e-5, shares.reduce((sum, share) => sum + share, 0) - (shares.length - 1));

/** `known` gives what is known of a constant or parameter. */
export function selectivity(
  predicate: Predicate,
  column: Column,
  known: (operand: Predicate['right']) => unknown,
): number {
  const { stats } = column;
  const value = known(predicate.right);
  switch (predicate.op) {
    case '=':
      // Several sets of values are known: what they keep on average.
      return Array.isArray(value) && value.length > 0
        ? value.reduce<number>((sum, each) => sum + equals(stats, each), 0) / value.length
        : equals(stats, value);
    case 'in': {
      const values = Array.isArray(value) ? value : (predicate.values ?? []).map(known);
      const count = Math.max(1, values.length);
      const shares = values.map((each) => equals(stats, each));
      return Math.min(
        1,
        values.length > 0
          ? shares.reduce((sum, share) => sum + share, 0)
          : count * equals(stats, undefined),
      );
    }
    case 'null':
      return stats?.nullFraction ?? MATCH;
    case 'notnull':
      return 1 - (stats?.nullFraction ?? 0);
    case 'true':
      return equals(stats, 't');
    case 'false':
      return equals(stats, 'f');
    case '<':
    case '<=':
      return below(column, firstOf(value)) ?? RANGE;
    case '>':
    case '>=': {
      const share = below(column, firstOf(value));
      return share === null ? RANGE : 1 - share;
    }
    case 'between':
      return 0.05;
    default:
      return MATCH;
  }
}
