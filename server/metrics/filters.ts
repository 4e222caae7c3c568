/** Filters of a query: on labels, decided once a series; on values, once a sample. Pure. */
import { RE2JS } from 're2js';
import type { Filter } from './contract.ts';
import type { Labels } from './labels.ts';

export type ValueTest =
  | { op: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte'; value: number }
  | { op: 'in' | 'nin'; value: number[] };

/** Message for a regular expression that is none; null when it is fine. RE2: its time is linear in the text. */
export function regexFault(pattern: string): string | null {
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    return `Not a regular expression (RE2): ${error instanceof Error ? error.message : 'unreadable'}`;
  }
}

/** Decides on labels; a label that is absent is the empty text. */
export function labelTest(filters: readonly Filter[]): (labels: Labels) => boolean {
  const tests = filters.flatMap((filter) => (filter.field === 'value' ? [] : [oneLabel(filter)]));
  return (labels) => tests.every((test) => test(labels));
}

function oneLabel({ field, op, value }: Filter): (labels: Labels) => boolean {
  const read = (labels: Labels) => labels[field] ?? '';
  const wanted = Array.isArray(value) ? value.map(String) : [String(value ?? '')];
  const [first = ''] = wanted;
  const number = Number(first);
  /** Compared as numbers; a label that is none never matches. */
  const ordered = (test: (value: number) => boolean) => (labels: Labels) => {
    const own = read(labels);
    return own.trim() !== '' && Number.isFinite(Number(own)) && test(Number(own));
  };
  switch (op) {
    case 'eq':
      return (labels) => read(labels) === first;
    case 'ne':
      return (labels) => read(labels) !== first;
    case 'gt':
      return ordered((own) => own > number);
    case 'gte':
      return ordered((own) => own >= number);
    case 'lt':
      return ordered((own) => own < number);
    case 'lte':
      return ordered((own) => own <= number);
    case 'in':
    case 'nin': {
      const set = new Set(wanted);
      return (labels) => set.has(read(labels)) === (op === 'in');
    }
    case 'contains':
      return (labels) => read(labels).includes(first);
    case 'regex': {
      const pattern = RE2JS.compile(first);
      // Many series share few values.
      const seen = new Map<string, boolean>();
      return (labels) => {
        const own = read(labels);
        let matches = seen.get(own);
        if (matches === undefined) {
          matches = pattern.matcher(own).find();
          if (seen.size < 10_000) seen.set(own, matches);
        }
        return matches;
      };
    }
    case 'exists':
      return (labels) => (read(labels) !== '') === (value ?? true);
  }
}

/** Tests of the sample's value; `contains` and `regex` were refused before. */
export function valueTests(filters: readonly Filter[]): ValueTest[] {
  return filters.flatMap(({ field, op, value }): ValueTest[] => {
    if (field !== 'value') return [];
    if (op === 'in' || op === 'nin') {
      return [{ op, value: (Array.isArray(value) ? value : []).map(Number) }];
    }
    if (op === 'exists' || op === 'contains' || op === 'regex') return [];
    return [{ op, value: Number(value) }];
  });
}

export function passes(value: number, tests: readonly ValueTest[]): boolean {
  for (const { op, value: wanted } of tests) {
    if (typeof wanted === 'object') {
      if (wanted.includes(value) !== (op === 'in')) return false;
    } else if (
      !(op === 'eq'
        ? value === wanted
        : op === 'ne'
          ? value !== wanted
          : op === 'gt'
            ? value > wanted
            : op === 'gte'
              ? value >= wanted
              : op === 'lt'
                ? value < wanted
                : value <= wanted)
    ) {
      return false;
    }
  }
  return true;
}
