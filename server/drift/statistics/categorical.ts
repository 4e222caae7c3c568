/** One categorical feature: counts of two samples, and whether they differ. */

import { chiSquareTail } from '../../platform/special-functions.ts';
import { type CategoricalSummary, MINIMUM_VALUES, type Overlay } from '../contract.ts';
import { type Check, proportionCheck } from './checks.ts';
import { chiSquare, fisherExact, jensenShannon, stability } from './distances.ts';
import { memoryOfCategories } from './memory.ts';
import type { Analysis } from './numeric.ts';
import { percent, pText } from './words.ts';

/** In time order; null: missing. */
export type CategoricalSide = readonly (string | null)[];
export type CategoricalPair = {
  name: string;
  kind: 'categorical';
  reference: CategoricalSide;
  current: CategoricalSide;
};

/** Jensen–Shannon distance, base 2: less is too little to matter. */
export const SMALLEST_DISTANCE = 0.1;
/** A category that is expected less often than this is counted with the other rare ones (Cochran 1954). */
const SMALLEST_EXPECTED = 5;
/** Categories of which the picture, the summary and the answer speak. */
const SHOWN_CATEGORIES = 12;
const NAMED_CATEGORIES = 50;
const SENTENCE_CATEGORIES = 3;
const OTHERS = 'other';

export function analyseCategorical(pair: CategoricalPair, minimum = MINIMUM_VALUES): Analysis {
  const { names, reference, current } = countBoth(pair);
  const n = reference.counted;
  const m = current.counted;
  const missing = {
    reference: pair.reference.length - n,
    current: pair.current.length - m,
  };
  const checks: Check[] = proportionCheck('missing', 'values are missing', {
    reference: { hits: missing.reference, of: pair.reference.length },
    current: { hits: missing.current, of: pair.current.length },
  });
  const order = names
    .map((_, i) => i)
    .sort((a, b) => total(b) - total(a) || ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1));
  function total(i: number) {
    return (reference.counts[i] ?? 0) + (current.counts[i] ?? 0);
  }
  const appeared = order.filter((i) => !reference.counts[i] && current.counts[i]);
  const gone = order.filter((i) => reference.counts[i] && !current.counts[i]);
  const named = (list: number[]) => list.slice(0, NAMED_CATEGORIES).map((i) => names[i] ?? '');
  const feature: Analysis['feature'] = {
    name: pair.name,
    kind: 'categorical',
    effect: null,
    psi: null,
    missing,
    effectiveSize: { reference: n, current: m },
    summary: {
      kind: 'categorical',
      reference: summarise(names, order, reference, missing.reference),
      current: summarise(names, order, current, missing.current),
    },
    overlay: n + m === 0 ? null : overlayOf(names, order, reference.counts, current.counts),
    newCategories: n === 0 ? [] : named(appeared),
    vanishedCategories: m === 0 ? [] : named(gone),
  };
  const none = (side: string, rows: number) =>
    rows === 0 ? `The ${side} has no rows.` : `The ${side} has no value in its ${rows} rows.`;
  if (n === 0 || m === 0) {
    const why = [
      ...(n === 0 ? [none('reference', pair.reference.length)] : []),
      ...(m === 0 ? [none('current window', pair.current.length)] : []),
    ];
    return { feature, checks, calm: '', untestable: why.join(' ') };
  }
  const before = reference.counts.map((count) => count / n);
  const after = current.counts.map((count) => count / m);
  const distance = jensenShannon(before, after);
  feature.jensenShannon = distance;
  feature.effect = distance;
  feature.psi = stability(before, after);
  const plain = chiSquare(reference.counts, current.counts);
  if (plain) feature.chiSquare = { statistic: plain.statistic, pValue: plain.pValue, df: plain.df };

  const memory = {
    reference: memoryOfCategories(reference.codes, before),
    current: memoryOfCategories(current.codes, after),
  };
  const size = { reference: n / memory.reference, current: m / memory.current };
  feature.effectiveSize = {
    reference: Math.round(size.reference),
    current: Math.round(size.current),
  };
  const least = Math.min(n, m);
  if (least < minimum)
    return {
      feature,
      checks,
      calm: '',
      untestable: `The ${n < m ? 'reference' : 'current window'} has ${least} values; ${minimum} are needed.`,
    };
  if (names.length > Math.max(20, (n + m) / 2))
    return {
      feature,
      checks,
      calm: '',
      untestable: `Almost every value is different: ${names.length} categories in ${n + m} values. This looks like an identifier.`,
    };

  const dependence = (1 / size.reference + 1 / size.current) / (1 / n + 1 / m);
  const pValue = sharesTest(reference.counts, current.counts, dependence);
  const moved = order
    .filter((i) => Math.abs((after[i] ?? 0) - (before[i] ?? 0)) >= 0.01)
    .sort((a, b) => change(b) - change(a))
    .slice(0, SENTENCE_CATEGORIES)
    .map(
      (i) =>
        `${quoted(names[i])} went from ${percent(before[i] ?? 0)} to ${percent(after[i] ?? 0)}`,
    );
  function change(i: number) {
    return Math.abs((after[i] ?? 0) - (before[i] ?? 0));
  }
  const sentence = `The shares changed: ${moved.join(', ') || 'many categories by little each'} (distance ${percent(distance)} of the most that is possible).`;
  checks.unshift({
    reason: 'distribution',
    pValue,
    matters: distance >= SMALLEST_DISTANCE,
    sentence,
  });
  const count = (list: number[], counts: number[]) =>
    list.reduce((sum, i) => sum + (counts[i] ?? 0), 0);
  checks.push(
    ...proportionCheck(
      'new_categories',
      `values are of categories that the reference does not have (${list(named(appeared))})`,
      {
        reference: { hits: 0, of: n },
        current: { hits: count(appeared, current.counts), of: m },
      },
    ),
    ...proportionCheck(
      'vanished_categories',
      `values are of categories that have vanished (${list(named(gone))})`,
      {
        reference: { hits: count(gone, reference.counts), of: n },
        current: { hits: 0, of: m },
      },
    ),
  );
  const calm =
    distance >= SMALLEST_DISTANCE
      ? `No change beyond chance (p ${pText(pValue)}).`
      : `The shares lie ${percent(distance)} of the most that is possible apart, which is too little to matter.`;
  return { feature, checks, untestable: null, calm };
}

type Counted = { counts: number[]; counted: number; codes: Int32Array };

function countBoth(pair: CategoricalPair) {
  const codeOf = new Map<string, number>();
  const count = (side: CategoricalSide): Counted => {
    const counts: number[] = [];
    const codes = new Int32Array(side.length);
    let counted = 0;
    for (const value of side) {
      if (value === null) continue;
      let code = codeOf.get(value);
      if (code === undefined) {
        code = codeOf.size;
        codeOf.set(value, code);
      }
      counts[code] = (counts[code] ?? 0) + 1;
      codes[counted++] = code;
    }
    return { counts, counted, codes: codes.subarray(0, counted) };
  };
  const reference = count(pair.reference);
  const current = count(pair.current);
  const names = [...codeOf.keys()];
  for (const side of [reference, current])
    side.counts = names.map((_, code) => side.counts[code] ?? 0);
  return { names, reference, current };
}

/** The test of the shares, rare categories together, and exact where two small counts are left. */
function sharesTest(reference: number[], current: number[], dependence: number): number {
  const n = reference.reduce((a, b) => a + b, 0);
  const m = current.reduce((a, b) => a + b, 0);
  const least = Math.min(n, m) / (n + m);
  const common: [number, number][] = [];
  const rare: [number, number] = [0, 0];
  reference.forEach((r, i) => {
    const c = current[i] ?? 0;
    if ((r + c) * least >= SMALLEST_EXPECTED) common.push([r, c]);
    else {
      rare[0] += r;
      rare[1] += c;
    }
  });
  if (rare[0] + rare[1] > 0) common.push(rare);
  const test = chiSquare(
    common.map(([r]) => r),
    common.map(([, c]) => c),
  );
  if (!test) return 1;
  const [first] = common;
  if (common.length === 2 && first && test.smallestExpected < SMALLEST_EXPECTED && dependence <= 1)
    return fisherExact(first[0], n, first[1], m);
  // Rao and Scott 1984: counts of values that resemble their neighbours vary more, by the design effect.
  return chiSquareTail(test.statistic / dependence, test.df);
}

function summarise(
  names: string[],
  order: number[],
  side: Counted,
  missing: number,
): CategoricalSummary {
  return {
    count: side.counted,
    missing,
    categories: side.counts.filter((count) => count > 0).length,
    top: order
      .slice(0, SHOWN_CATEGORIES)
      .map((i) => ({ category: names[i] ?? '', count: side.counts[i] ?? 0 })),
  };
}

function overlayOf(
  names: string[],
  order: number[],
  reference: number[],
  current: number[],
): Overlay {
  const shown = order.slice(0, SHOWN_CATEGORIES);
  const rest = order.slice(SHOWN_CATEGORIES);
  const sum = (counts: number[]) => rest.reduce((all, i) => all + (counts[i] ?? 0), 0);
  return {
    kind: 'categorical',
    categories: shown.map((i) => names[i] ?? ''),
    reference: shown.map((i) => reference[i] ?? 0),
    current: shown.map((i) => current[i] ?? 0),
    others: { reference: sum(reference), current: sum(current) },
  };
}

const quoted = (name: string | undefined) => `“${(name ?? '').slice(0, 40)}”`;
const list = (all: string[]) => {
  const shown = all.slice(0, SENTENCE_CATEGORIES).map(quoted).join(', ');
  return all.length > SENTENCE_CATEGORIES
    ? `${shown} and ${all.length - SENTENCE_CATEGORIES} ${OTHERS}s`
    : shown;
};
