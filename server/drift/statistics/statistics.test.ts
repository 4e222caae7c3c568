import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  normalQuantile,
  normalTwoSided,
  studentTwoSided,
} from '../../platform/special-functions.ts';
import type { Cell } from '../contract.ts';
import { pairOf, readNumber } from './cells.ts';
import { compareFeatures, type FeaturePair } from './compare.ts';
import { benjaminiHochberg } from './distances.ts';
import { ksAsymptotic, ksExact, ksOneSample } from './kolmogorov-smirnov.ts';
import { sorted } from './sort.ts';

type Numeric = {
  name: string;
  reference: (number | null)[];
  current: (number | null)[];
  expected: Record<
    'ks' | 'asymptotic' | 'exact' | 'wasserstein' | 'normalised' | 'psi',
    number | null
  >;
};
type Categorical = {
  name: string;
  reference: number[];
  current: number[];
  expected: Record<'chi2' | 'p' | 'df' | 'jensenShannon' | 'psi', number>;
};
const values: {
  numeric: Numeric[];
  categorical: Categorical[];
  multipleTesting: { p: number[]; benjaminiHochberg: number[] };
} = JSON.parse(readFileSync(path.join(import.meta.dirname, '../testdata/reference.json'), 'utf8'));

/** A linear congruential generator: the same numbers in every run. */
function random(seed: number) {
  let state = seed;
  const uniform = () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return (state + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const stream = (n: number, memory = 0) => {
    let last = normal() / Math.sqrt(1 - memory * memory);
    return Float64Array.from({ length: n }, () => {
      last = memory * last + normal();
      return last;
    });
  };
  return { uniform, normal, stream };
}

const numeric = (reference: readonly Cell[], current: readonly Cell[]) => {
  const pair = pairOf({ name: 'x', kind: 'numeric', reference, current });
  const [feature] = compareFeatures([pair]).features;
  if (!feature) throw new Error('no answer');
  return feature;
};
const categorical = (reference: readonly Cell[], current: readonly Cell[]) => {
  const pair = pairOf({ name: 'x', kind: 'categorical', reference, current });
  const [feature] = compareFeatures([pair]).features;
  if (!feature) throw new Error('no answer');
  return feature;
};
const close = (actual: number | null | undefined, expected: number | null, relative: number) => {
  expect(actual).not.toBeNull();
  const off = Math.abs((actual ?? Number.NaN) - (expected ?? Number.NaN));
  expect(off).toBeLessThanOrEqual(relative * Math.abs(expected ?? 0) + 1e-300);
};

describe('statistics equal SciPy’s', () => {
  test.each(values.numeric.map((each) => [each.name, each] as const))('%s', (_, each) => {
    const { ks, psi, wasserstein, wassersteinNormalised, drifted } = numeric(
      each.reference,
      each.current,
    );
    const { expected } = each;
    if (expected.ks === null) {
      expect(ks).toBeUndefined();
      expect(drifted).toBeNull();
      return;
    }
    close(ks?.statistic, expected.ks, 1e-9);
    close(wasserstein, expected.wasserstein, 1e-9);
    close(wassersteinNormalised, expected.normalised, 1e-9);
    close(psi, expected.psi, 1e-9);
    const n = each.reference.filter((value) => value !== null).length;
    const m = each.current.filter((value) => value !== null).length;
    expect(ksAsymptotic(ks?.statistic ?? 0, n, m)).toBeCloseTo(expected.asymptotic ?? -1, 6);
    if (expected.exact !== null) {
      expect(ks?.method).toBe('exact');
      expect(ks?.pValue).toBeCloseTo(expected.exact, 8);
      close(ks?.pValue, expected.exact, 1e-6);
    } else expect(ks?.method).toBe('asymptotic');
  });
  test.each(values.categorical.map((each) => [each.name, each] as const))('%s', (_, each) => {
    const rows = (counts: number[]) =>
      counts.flatMap((count, i) => Array<string>(count).fill(`c${i}`));
    const { chiSquare, jensenShannon, psi } = categorical(rows(each.reference), rows(each.current));
    close(chiSquare?.statistic, each.expected.chi2, 1e-9);
    expect(chiSquare?.pValue).toBeCloseTo(each.expected.p, 6);
    expect(chiSquare?.df).toBe(each.expected.df);
    close(jensenShannon, each.expected.jensenShannon, 1e-9);
    close(psi, each.expected.psi, 1e-9);
  });
  test('Benjamini and Hochberg', () => {
    const { p, benjaminiHochberg: expected } = values.multipleTesting;
    for (const [i, value] of benjaminiHochberg(p).entries())
      close(value, expected[i] ?? null, 1e-9);
  });
  test('the one-sample distribution in each of its ways (scipy.stats.kstwo.sf)', () => {
    const known = [
      [2, 0.35, 0.92],
      [50, 0.19, 0.046989328202061253],
      [120, 0.06, 0.7576061990085964],
      [141, 0.0716, 0.44446199430403166],
      [141, 0.04, 0.9710682269013183],
      [141, 0.1264, 0.020121896147629995],
      [10000, 0.0136, 0.04903580807632146],
      [200000, 0.003, 0.0545369786611305],
      [500, 0.12, 9.88394350588572e-7],
    ] as const;
    for (const [n, d, p] of known) expect(ksOneSample(d, n)).toBeCloseTo(p, 7);
  });
  test('exact p-values of hand-countable cases', () => {
    // Of the C(4, 2) = 6 orders of two and two values only two separate them.
    expect(ksExact(1, 2, 2)).toBeCloseTo(2 / 6, 12);
    expect(ksExact(1, 30, 40)).toBeCloseTo(3.6135170070159586e-20, 30);
  });
  test('the normal and Student’s t', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(normalQuantile(1e-12)).toBeCloseTo(-7.034483825301131, 9);
    expect(normalTwoSided(1.959963984540054)).toBeCloseTo(0.05, 12);
    expect(studentTwoSided(2.2281388519649385, 10)).toBeCloseTo(0.05, 10);
    expect(studentTwoSided(12.706204736432095, 1)).toBeCloseTo(0.05, 10);
  });
  test('sorting by bits', () => {
    const { stream } = random(3);
    const mixed = stream(5_000).map((value, i) =>
      i % 7 === 0
        ? value * 1e300
        : i % 5 === 0
          ? 0
          : i % 11 === 0
            ? Number.NEGATIVE_INFINITY
            : value,
    );
    expect([...sorted(mixed)]).toEqual([...mixed.slice().sort()]);
  });
});

describe('false alarms', () => {
  test('twenty clean features raise one in at most 5 % of the runs', () => {
    const { stream, uniform } = random(11);
    let alarms = 0;
    const runs = 200;
    for (let run = 0; run < runs; run++) {
      const pairs: FeaturePair[] = Array.from({ length: 20 }, (_, i) =>
        i % 4 === 0
          ? pairOf({
              name: `f${i}`,
              kind: 'categorical',
              reference: Array.from(
                { length: 200 },
                () => 'abc'[Math.floor(3 * uniform() ** 2)] ?? '',
              ),
              current: Array.from(
                { length: 200 },
                () => 'abc'[Math.floor(3 * uniform() ** 2)] ?? '',
              ),
            })
          : { name: `f${i}`, kind: 'numeric', reference: stream(200), current: stream(200) },
      );
      if (compareFeatures(pairs).drifted) alarms++;
    }
    expect(alarms / runs).toBeLessThanOrEqual(0.06);
    expect(alarms).toBeGreaterThan(0);
  });
  test.each([
    [0.8, 300],
    [0.5, 300],
    [0.9, 1_000],
  ])('neighbours that resemble each other (AR %d, %d values)', (memory, n) => {
    const { stream } = random(5);
    let alarms = 0;
    let plain = 0;
    const runs = 200;
    for (let run = 0; run < runs; run++) {
      const both = stream(2 * n, memory);
      const feature = compareFeatures([
        { name: 'x', kind: 'numeric', reference: both.slice(0, n), current: both.slice(n) },
      ]).features[0];
      if (feature?.drifted) alarms++;
      if ((feature?.ks?.pValue ?? 1) < 0.05) plain++;
    }
    expect(alarms / runs).toBeLessThanOrEqual(0.06);
    // The test would be worth nothing if the plain one did not fail it.
    expect(plain / runs).toBeGreaterThan(0.2);
  });
  test('a shift too small to matter is none, however sure it is', () => {
    const { stream } = random(7);
    const feature = compareFeatures([
      {
        name: 'x',
        kind: 'numeric',
        reference: stream(50_000),
        current: stream(50_000).map((value) => value + 0.03),
      },
    ]).features[0];
    expect(feature?.ks?.pValue).toBeLessThan(0.01);
    expect(feature).toMatchObject({
      drifted: false,
      reason: expect.stringContaining('too little'),
    });
  });
  test('whole numbers that were moved by a hundredth', () => {
    const { uniform } = random(31);
    const counts = (size: number) =>
      Array.from({ length: size }, () => Math.floor(-2 * Math.log(uniform())));
    const pairs = Array.from({ length: 100 }, () =>
      numeric(
        counts(500),
        counts(200).map((count) => count + 0.04),
      ),
    );
    const plain = pairs.filter(({ ks }) => (ks?.pValue ?? 1) < 0.05);
    expect(plain.length).toBeGreaterThan(90);
    expect(pairs.filter(({ drifted }) => drifted).length).toBeLessThanOrEqual(10);
  });
});

describe('what is found', () => {
  const { stream } = random(9);
  const [base, again] = [stream(400), stream(400)];
  const cells = (all: Float64Array): Cell[] => [...all];
  const change = (change: (value: number, i: number) => Cell) => [...again].map(change);
  test.each<[string, Cell[], string[], RegExp]>([
    [
      'a shift',
      change((v) => v + 0.6),
      ['distribution'],
      /Values are higher: the median went from/,
    ],
    ['less', change((v) => v - 0.6), ['distribution'], /Values are lower/],
    ['spread', change((v) => v * 1.6), ['spread'], /spread wider/],
    ['tails', change((v, i) => (i % 10 === 0 ? v + 5 : v)), ['tails'], /upper end changed/],
    ['a sensor that is stuck', change(() => 0.1), ['constant'], /Every value is 0.1;/],
    [
      'missing ones',
      change((v, i) => (i % 4 === 0 ? null : v)),
      ['missing'],
      /25 % of the values are missing; in the reference 0 %/,
    ],
    ['infinite ones', change((v, i) => (i % 10 === 0 ? 'Infinity' : v)), ['infinite'], /infinite/],
    [
      'texts',
      change((v, i) => (i % 10 === 0 ? 'oops' : v)),
      ['not_numeric'],
      /10 % of the values are no numbers/,
    ],
    ['another unit', change((v) => v * 1e9), ['spread'], /spread wider/],
  ])('%s', (_, current, reasons, sentence) => {
    const found = numeric(cells(base), current);
    expect(found).toMatchObject({ drifted: true, reasons });
    expect(found.reason).toMatch(sentence);
  });
  test.each([1e-9, 1, 1e9])('at a scale of %d', (scale) => {
    const reference = [...base].map((value) => value * scale);
    expect(
      numeric(
        reference,
        [...again].map((v) => v * scale),
      ).drifted,
    ).toBe(false);
    expect(
      numeric(
        reference,
        [...again].map((v) => (v + 0.6) * scale),
      ).drifted,
    ).toBe(true);
  });
  test('categories that are new, vanished and moved', () => {
    const rows = (counts: Record<string, number>) =>
      Object.entries(counts).flatMap(([name, count]) => Array<string>(count).fill(name));
    const found = categorical(rows({ a: 200, b: 150, c: 50 }), rows({ a: 60, b: 200, d: 140 }));
    expect(found).toMatchObject({
      drifted: true,
      newCategories: ['d'],
      vanishedCategories: ['c'],
      reasons: ['distribution', 'new_categories', 'vanished_categories'],
    });
    expect(found.reason).toContain('“a” went from 50 % to 15 %');
    expect(categorical(rows({ a: 100, b: 100 }), rows({ a: 98, b: 101, e: 1 })).drifted).toBe(
      false,
    );
  });
});

test('figures are told apart in a sentence', () => {
  const { stream } = random(3);
  const at = (level: number) => [...stream(300)].map((value) => value + level);
  expect(numeric(at(1e9), at(1e9 + 1)).reason).toContain(
    'median went from 1000000000.02 to 1000000001.07, ',
  );
});

describe('what cannot be tested says so', () => {
  const some = Array.from({ length: 50 }, (_, i) => (i * 7919) % 101);
  test.each<[string, Cell[], Cell[], RegExp]>([
    ['no rows', [], [], /reference has no rows.*current window has no rows/],
    ['one value', some, [1], /current window has 1 value; 20 are needed/],
    [
      'all missing',
      some,
      Array<null>(50).fill(null),
      /no number among its 50 rows.*100 % of the values are missing/,
    ],
    ['texts only', some, Array<string>(50).fill('x'), /no number/],
    ['three', [1, 2, 3], [4, 5, 6], /3 values; 20 are needed/],
  ])('%s', (_, reference, current, reason) => {
    const found = numeric(reference, current);
    expect(found.drifted).toBeNull();
    expect(found.reason).toMatch(reason);
  });
  test('nearly all missing is a change, though what is left is too little to test', () => {
    const current = Array.from({ length: 100 }, (_, i) => (i < 95 ? null : i));
    expect(numeric([...some, ...some], current)).toMatchObject({
      drifted: true,
      reasons: ['missing'],
      reason: expect.stringMatching(/has 5 values; 20 are needed\. 95 % of the values are missing/),
    });
  });
  test('statistics are given all the same', () => {
    expect(numeric([1, 2, 3], [4, 5, 6])).toMatchObject({
      drifted: null,
      ks: { statistic: 1, pValue: expect.closeTo(0.1, 12), method: 'exact' },
      wasserstein: expect.closeTo(3, 12),
    });
  });
  test('an identifier', () => {
    const ids = (from: number) => Array.from({ length: 100 }, (_, i) => `id-${from + i}`);
    expect(categorical(ids(0), ids(1_000))).toMatchObject({
      drifted: null,
      reason: expect.stringContaining('looks like an identifier'),
    });
  });
  test('two constants', () => {
    const constant = (value: number) => Array<number>(30).fill(value);
    expect(numeric(constant(5), constant(5)).drifted).toBe(false);
    expect(numeric(constant(5), constant(6))).toMatchObject({ drifted: true });
  });
});

test('texts that are numbers', () => {
  expect([' 1.5 ', '-2e3', '0', '+7'].map(readNumber)).toEqual([1.5, -2000, 0, 7]);
  expect(['', ' ', 'NaN', 'null', 'N/A', null].map(readNumber)).toEqual(Array(6).fill(Number.NaN));
  expect(['-inf', 'Infinity'].map(readNumber)).toEqual([-Infinity, Infinity]);
  expect(['0x1f', '1,5', '12 kg', 'true'].map(readNumber)).toEqual([null, null, null, null]);
});

test('seasons that differ honestly are no drift; a shift beyond them is', () => {
  const { normal, stream } = random(21);
  const seasons = 20;
  const perSeason = 60;
  const levels = Array.from({ length: seasons + 1 }, () => normal() * 0.5);
  const season = (i: number) => stream(perSeason, 0.5).map((value) => value + (levels[i] ?? 0));
  const reference = Float64Array.from(levels.slice(0, seasons).flatMap((_, i) => [...season(i)]));
  const referenceBlocks = Uint32Array.from(reference, (_, i) => Math.floor(i / perSeason));
  const judge = (current: Float64Array) =>
    compareFeatures([{ name: 'x', kind: 'numeric', reference, referenceBlocks, current }])
      .features[0];
  expect(judge(season(seasons))?.drifted).toBe(false);
  expect(judge(season(seasons).map((value) => value + 3))?.drifted).toBe(true);
});
