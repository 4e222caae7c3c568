import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fallTest, judge } from './judge.ts';
import { judgeErrors, meanRise, rankRise } from './judge-errors.ts';
import { classification, regression, wilson } from './performance.ts';

const numbers = z.array(z.number());
const figures = z.record(z.string(), z.unknown());
const reference = z
  .object({
    classification: z.record(
      z.string(),
      z.object({ y: numbers, pred: numbers, score: numbers.optional(), expected: figures }),
    ),
    ab_two_proportions: z.array(
      z.object({
        x1: z.number(),
        n1: z.number(),
        x2: z.number(),
        n2: z.number(),
        expected: z.object({ z: z.number().nullable(), p_two_sided: z.number().nullable() }),
      }),
    ),
  })
  .parse(
    JSON.parse(readFileSync(new URL('./testdata/classification.json', import.meta.url), 'utf8')),
  );

const rowsOf = (name: string) => {
  const given = reference.classification[name];
  if (!given) throw new Error(name);
  const labels = [...new Set([...given.y, ...given.pred])].sort((a, b) => a - b);
  const codes = (list: number[]) => Int32Array.from(list, (value) => labels.indexOf(value));
  return {
    expected: given.expected,
    rows: {
      labels: labels.map(String),
      truth: codes(given.y),
      predicted: codes(given.pred),
      scores: Float64Array.from(given.score ?? given.y.map(() => Number.NaN)),
    },
  };
};
const near = (value: number | null | undefined, expected: unknown) =>
  expect(Math.abs((value ?? Number.NaN) - Number(expected))).toBeLessThan(1e-9);

describe('as scikit-learn computes it', () => {
  test('binary', () => {
    const { rows, expected } = rowsOf('binary');
    const found = classification(rows, '1');
    near(found.accuracy.value, expected.accuracy);
    near(found.precision?.value, expected.precision);
    near(found.recall?.value, expected.recall);
    near(found.f1, expected.f1);
    near(found.rocAuc?.value, expected.roc_auc);
    near(found.brier, expected.brier);
    near(found.logLoss, expected.log_loss);
    near(found.averagePrecision, expected.pr_auc_average_precision);
    near(found.mcc, expected.mcc);
  });
  test('several classes', () => {
    const { rows, expected } = rowsOf('multi');
    const found = classification(rows, null);
    near(found.accuracy.value, expected.accuracy);
    near(found.f1Macro, expected.f1_macro);
    near(found.f1Weighted, expected.f1_weighted);
    expect(found.confusion).toEqual(expected.confusion);
    expect(found.rocAuc).toBeNull();
  });
  test('one class: no area under the curve', () => {
    const { rows, expected } = rowsOf('one_class');
    const found = classification({ ...rows, scores: Float64Array.from(rows.truth) }, '1');
    near(found.accuracy.value, expected.accuracy);
    near(found.f1, expected.f1);
    expect(found.rocAuc).toBeNull();
  });
  test('two proportions', () => {
    expect(reference.ab_two_proportions.length).toBeGreaterThan(2);
    for (const { x1, n1, x2, n2, expected } of reference.ab_two_proportions) {
      if (expected.z === null) continue;
      const found = fallTest({ right: x1, labelled: n1 }, { right: x2, labelled: n2 });
      near(found.z, -expected.z);
      near(2 * Math.min(found.pValue, 1 - found.pValue), expected.p_two_sided);
    }
  });
});

test('scores that tie share their rank', () => {
  const rows = {
    labels: ['0', '1'],
    truth: Int32Array.of(0, 1, 0, 1),
    predicted: Int32Array.of(1, 1, 1, 1),
    scores: Float64Array.of(0.5, 0.5, 0.5, 0.5),
  };
  const found = classification(rows, '1');
  expect(found.rocAuc?.value).toBe(0.5);
  expect(found.averagePrecision).toBe(0.5);
  expect(found.calibration).toEqual({
    ece: 0,
    bins: [{ from: 0.5, to: 0.6, count: 4, meanScore: 0.5, rate: 0.5 }],
  });
});

test('nothing at all gives figures and no NaN', () => {
  const none = new Int32Array(0);
  const empty = { labels: [], truth: none, predicted: none, scores: new Float64Array(0) };
  expect(JSON.stringify(classification(empty, null))).not.toContain('NaN');
  expect(classification(empty, null)).toMatchObject({ n: 0, f1: 0, mcc: 0, rocAuc: null });
  expect(regression(new Float64Array(0), new Float64Array(0))).toMatchObject({ n: 0, r2: null });
});

test('Wilson’s interval', () => {
  // Brown, Cai, DasGupta: 5 of 10.
  const { lower, upper } = wilson(5, 10);
  expect(lower).toBeCloseTo(0.2366, 4);
  expect(upper).toBeCloseTo(0.7634, 4);
});

test('numbers: error, its root mean square, bias', () => {
  const found = regression(Float64Array.of(1, 2, 3, 4), Float64Array.of(2, 2, 4, 4));
  expect(found.mae.value).toBe(0.5);
  expect(found.rmse).toBeCloseTo(Math.SQRT1_2, 12);
  expect(found.bias.value).toBe(0.5);
  expect(found.r2).toBeCloseTo(0.6, 12);
});

describe('a fall', () => {
  const rule = { maxDrop: 0.1, minimumLabelled: 100, alpha: 0.0003 };
  const reference = { right: 3_000, labelled: 4_000 };
  test.each([
    ['too few labels', { right: 10, labelled: 99 }, 'learning'],
    ['the same', { right: 150, labelled: 200 }, 'steady'],
    ['ten points, by chance perhaps', { right: 64, labelled: 100 }, 'steady'],
    ['certain but small', { right: 68_000, labelled: 100_000 }, 'steady'],
    ['large', { right: 110, labelled: 200 }, 'fallen'],
  ])('%s', (_name, current, verdict) => {
    expect(judge(reference, current, rule).verdict).toBe(verdict);
  });
  test('is not seen in a month of days without one: less than 1 % of months', () => {
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    let alarmed = 0;
    const months = 400;
    for (let month = 0; month < months; month++) {
      let any = false;
      for (let day = 0; day < 30; day++) {
        let right = 0;
        for (let i = 0; i < 120; i++) if (random() < 0.75) right++;
        any ||= judge(reference, { right, labelled: 120 }, rule).verdict === 'fallen';
      }
      if (any) alarmed++;
    }
    expect(alarmed / months).toBeLessThanOrEqual(0.01);
  });
});

describe('errors of a regression', () => {
  const rule = { maxDrop: 0.1, minimumLabelled: 100, alpha: 0.0003 };
  let seed = 11;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed + 0.5) / 2 ** 32;
  };
  /** Lognormal: many small ones, a few large. */
  const errors = (n: number, scale = 1) =>
    Float64Array.from(
      { length: n },
      () => scale * Math.exp(Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())),
    );
  const side = (values: Float64Array) => ({ labelled: values.length, errors: values });
  const reference = side(errors(4_000));

  test('the tests are SciPy’s', () => {
    const before = Float64Array.of(0.1, 0.5, 0.5, 1.2, 2.0, 3.1, 0.0, 0.7);
    const now = Float64Array.of(0.5, 1.2, 4.0, 2.2, 3.3, 9.0);
    expect(rankRise(before, now)).toBeCloseTo(0.02575416802440342, 10);
    expect(meanRise(before, now)).toBeCloseTo(0.06030601637618548, 10);
  });
  test.each([
    ['too few labels', errors(99, 9), 'learning'],
    ['the same', errors(200), 'steady'],
    ['much smaller', errors(200, 0.2), 'steady'],
    ['certain but small', errors(20_000, 1.07), 'steady'],
    ['half as large again', errors(400, 1.5), 'fallen'],
    // Ranks see nothing of it: three in a hundred.
    ['a few very large ones', errors(2_000).map((e, i) => (i % 33 ? e : 60)), 'fallen'],
    ['one very large one', errors(200).map((e, i) => (i ? e : 1_000)), 'steady'],
    ['none at all', new Float64Array(200), 'steady'],
  ])('%s', (_name, current, verdict) => {
    expect(judgeErrors(reference, side(current), rule).verdict).toBe(verdict);
  });
  test('a model that was never wrong begins to be', () => {
    const perfect = side(new Float64Array(500));
    expect(judgeErrors(perfect, perfect, rule)).toMatchObject({ verdict: 'steady', drop: 0 });
    expect(judgeErrors(perfect, side(errors(200)), rule)).toMatchObject({ verdict: 'fallen' });
  });
  test('without a rise it speaks no more often than it may', () => {
    const often = { maxDrop: 0.001, minimumLabelled: 100, alpha: 0.05 };
    let fallen = 0;
    const windows = 1_000;
    for (let i = 0; i < windows; i++) {
      if (judgeErrors(side(errors(400)), side(errors(120)), often).verdict === 'fallen') fallen++;
    }
    expect(fallen / windows).toBeLessThanOrEqual(0.05);
    expect(fallen / windows).toBeGreaterThan(0.01);
  });
});
