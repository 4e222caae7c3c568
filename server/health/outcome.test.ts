import { describe, expect, test } from 'vitest';
import { judgeRemedy, newcombe, wilson } from './outcome.ts';

const Z95 = 1.959963984540054;

describe('intervals', () => {
  // Newcombe (1998), Statistics in Medicine 17:857–872, table I, method 3, and 17:873–890, table II, method 10.
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('Wilson %i/%i', (successes, trials, low, high) => {
    const interval = wilson({ successes, trials }, Z95);
    expect(interval?.low).toBeCloseTo(low, 4);
    expect(interval?.high).toBeCloseTo(high, 4);
  });
  test.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [10, 10, 0, 10, 0.6075, 1],
    [0, 10, 0, 10, -0.2775, 0.2775],
  ])('Newcombe %i/%i against %i/%i', (a, m, b, n, low, high) => {
    const lift = newcombe({ successes: a, trials: m }, { successes: b, trials: n }, Z95);
    expect(lift?.low).toBeCloseTo(low, 4);
    expect(lift?.high).toBeCloseTo(high, 4);
  });
  test('nothing from nothing', () => {
    expect(wilson({ successes: 0, trials: 0 })).toBe(null);
    expect(newcombe({ successes: 1, trials: 1 }, { successes: 0, trials: 0 })).toBe(null);
  });
});

describe('verdicts', () => {
  test.each([
    ['nine of ten against three of eight', 9, 10, 3, 8, 'helps'],
    ['none of five', 0, 5, 0, 0, 'does_not_help'],
    ['none of four is too little', 0, 4, 0, 0, 'not_enough_data'],
    ['no better than waiting', 5, 8, 7, 9, 'does_not_help'],
    ['always, and never seen without', 8, 8, 0, 0, 'helps'],
    ['half and half says nothing', 3, 6, 1, 3, 'not_enough_data'],
  ])('%s', (_name, a, m, b, n, verdict) => {
    const judged = judgeRemedy({ successes: a, trials: m }, { successes: b, trials: n });
    expect(judged.verdict).toBe(verdict);
    expect(judged.sentence).toContain(`${a}/${m}`);
  });
});
