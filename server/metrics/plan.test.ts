import { expect, test } from 'vitest';
import { MANY_SAMPLES, type PlanInput, plan } from './plan.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const today = Date.parse('2026-11-20T00:00:00Z');
const base: PlanInput = {
  fromMs: today - 3 * DAY,
  toMs: today + 6 * HOUR,
  stepMs: HOUR,
  nowMs: today + 6 * HOUR,
  keepDays: { raw: 7, minute: 30, hour: 396 },
  unrolled: new Set([today / DAY]),
  needsValues: false,
  rawOnly: null,
  rawSamples: 1_000,
};
const levels = (input: Partial<PlanInput>) => {
  const made = plan({ ...base, ...input });
  if ('message' in made) return made;
  return {
    stepMs: made.stepMs,
    raw: made.raw.map(({ from, to }) => [(from - today) / HOUR, (to - today) / HOUR]),
    rollups: made.rollups.map(({ day, level }) => [day - today / DAY, level]),
    notes: made.notes.length,
  };
};

test.each<[string, Partial<PlanInput>, object]>([
  [
    'whole days by the hour, today from samples',
    {},
    {
      raw: [[0, 6]],
      rollups: [
        [-3, 'hour'],
        [-2, 'hour'],
        [-1, 'hour'],
      ],
    },
  ],
  [
    'by the minute when the step is',
    { stepMs: 300_000 },
    {
      raw: [[0, 6]],
      rollups: [
        [-3, 'minute'],
        [-2, 'minute'],
        [-1, 'minute'],
      ],
    },
  ],
  ['a step of seconds needs samples', { stepMs: 30_000 }, { raw: [[-72, 6]], rollups: [] }],
  [
    'days that are asked for in part need samples',
    { fromMs: today - 30 * HOUR },
    {
      raw: [
        [-30, -24],
        [0, 6],
      ],
      rollups: [[-1, 'hour']],
    },
  ],
  [
    'days whose roll-ups are out of date need samples',
    { unrolled: new Set([today / DAY, today / DAY - 2]) },
    {
      raw: [
        [-48, -24],
        [0, 6],
      ],
      rollups: [
        [-3, 'hour'],
        [-1, 'hour'],
      ],
    },
  ],
  ['percentiles prefer samples', { needsValues: true }, { raw: [[-72, 6]], rollups: [] }],
  [
    'unless there are too many',
    { needsValues: true, rawSamples: MANY_SAMPLES + 1 },
    { raw: [[0, 6]] },
  ],
  [
    'without a step the whole days come from hours',
    { stepMs: null, fromMs: today - 30 * HOUR },
    {
      stepMs: null,
      raw: [
        [-30, -24],
        [0, 6],
      ],
      rollups: [[-1, 'hour']],
    },
  ],
  [
    'older than samples: minutes, and the step is raised',
    { fromMs: today - 9 * DAY, toMs: today - 8 * DAY, stepMs: 90_000 },
    { stepMs: 120_000, raw: [], rollups: [[-9, 'minute']], notes: 1 },
  ],
  [
    'older than minutes: hours, and the step is raised',
    { fromMs: today - 40 * DAY, toMs: today - 39 * DAY, stepMs: 60_000 },
    { stepMs: HOUR, raw: [], rollups: [[-40, 'hour']], notes: 1 },
  ],
  [
    'an old day asked for in part comes from minutes',
    { fromMs: today - 9 * DAY + HOUR, toMs: today - 8 * DAY },
    { raw: [], rollups: [[-9, 'minute']] },
  ],
  [
    'filters on values need samples',
    { rawOnly: 'filters', fromMs: today - 9 * DAY },
    { path: 'filters', message: expect.stringContaining('kept 7 days') },
  ],
  ['filters on values keep to samples', { rawOnly: 'filters' }, { raw: [[-72, 6]], rollups: [] }],
])('%s', (_name, input, wanted) => {
  expect(levels(input)).toMatchObject(wanted);
});

test('years that are not kept are not looked for', () => {
  const made = plan({ ...base, fromMs: 0 });
  expect('rollups' in made && made.rollups.length).toBeLessThan(450);
  expect('notes' in made && made.notes.join()).toContain('396 days');
});
