import { expect, test } from 'vitest';
import type { State } from '../health/contract.ts';
import { score } from './score.ts';

const start = Date.parse('2026-03-02T08:00:00Z');
const at = (second: number | null) => (second === null ? null : new Date(start + second * 1000));

test.each<[string, [number, State][], number | null, number | null]>([
  ['nothing happened', [], null, null],
  ['down', [[11, 'down']], 11, null],
  [
    'down and back',
    [
      [11, 'down'],
      [14, 'healthy'],
    ],
    11,
    14,
  ],
  [
    'down and half back',
    [
      [11, 'down'],
      [14, 'degraded'],
    ],
    11,
    14,
  ],
  [
    'half back, then well',
    [
      [11, 'down'],
      [14, 'degraded'],
      [30, 'healthy'],
    ],
    11,
    14,
  ],
  ['degraded is seen, but not mended', [[9, 'degraded']], 9, null],
  [
    'degraded, then well',
    [
      [9, 'degraded'],
      [20, 'healthy'],
    ],
    9,
    20,
  ],
  [
    'degraded, then down, then back',
    [
      [9, 'degraded'],
      [12, 'down'],
      [30, 'healthy'],
    ],
    9,
    30,
  ],
  [
    'back only for a while',
    [
      [11, 'down'],
      [14, 'healthy'],
      [40, 'down'],
    ],
    11,
    null,
  ],
  [
    'back in the end',
    [
      [11, 'down'],
      [14, 'healthy'],
      [40, 'down'],
      [75, 'healthy'],
    ],
    11,
    75,
  ],
  ['well all the time', [[2, 'healthy']], null, null],
  [
    'maintenance says nothing',
    [
      [2, 'maintenance'],
      [9, 'unknown'],
    ],
    null,
    null,
  ],
  [
    'degraded after it was well again',
    [
      [5, 'down'],
      [9, 'healthy'],
      [60, 'degraded'],
    ],
    5,
    9,
  ],
])('%s', (_, changes, detected, recovered) => {
  const transitions = changes.map(([second, to]) => ({
    at: new Date(start + second * 1000),
    to,
    reason: `${to} at ${second}`,
  }));
  const result = score(transitions);
  expect([result.detectedAt, result.recoveredAt]).toEqual([at(detected), at(recovered)]);
  expect(result.reason === null).toBe(detected === null);
});
