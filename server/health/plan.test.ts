import { describe, expect, test } from 'vitest';
import { blockReason, effectiveMode, type PlanInput, type PlannedRun, plan } from './plan.ts';

const base: PlanInput = {
  now: 0,
  down: true,
  firstFailureAt: 0,
  mode: 'automatic',
  hasRemedy: true,
  runs: [],
  escalated: false,
  blocked: null,
  jitter: 0,
};
const run = (
  attempt: number | null,
  status: PlannedRun['status'],
  startedAt: number,
): PlannedRun => ({
  attempt,
  status,
  createdAt: startedAt,
  startedAt,
  verifyUntil: startedAt + 60_000,
});
const hour = 3_600_000;

describe('what comes next', () => {
  test.each<[string, Partial<PlanInput>, object]>([
    ['nothing while it is up', { down: false }, { kind: 'none' }],
    ['nothing without a remedy', { hasRemedy: false }, { kind: 'none' }],
    ['nothing when it is off', { mode: 'off' }, { kind: 'none' }],
    [
      'the first attempt waits for 10 s',
      { now: 9_999 },
      { kind: 'wait', attempt: 1, until: 10_000 },
    ],
    ['and runs then', { now: 10_000 }, { kind: 'run', attempt: 1 }],
    [
      'with all of its jitter a second later',
      { now: 10_999, jitter: 1 },
      { kind: 'wait', attempt: 1, until: 11_000 },
    ],
    [
      'by approval it is proposed',
      { now: 10_000, mode: 'approval' },
      { kind: 'propose', attempt: 1 },
    ],
    [
      'blocked it waits and says why',
      { now: 10_000, blocked: 'a freeze' },
      { kind: 'blocked', reason: 'a freeze' },
    ],
    [
      'one runs at a time',
      { now: 99_999, runs: [run(1, 'running', 10_000)] },
      { kind: 'busy', what: 'running' },
    ],
    [
      'also one that a person started',
      { now: 99_999, runs: [run(null, 'running', 10_000)] },
      { kind: 'busy', what: 'running' },
    ],
    [
      'the second is due 30 s after the first',
      { now: 39_999, runs: [run(1, 'verifying', 10_000)] },
      { kind: 'wait', attempt: 2, until: 40_000 },
    ],
    [
      'whether or not the first worked',
      { now: 40_000, runs: [run(1, 'failed', 10_000)] },
      { kind: 'run', attempt: 2 },
    ],
    [
      'the third 90 s after the second',
      { now: 129_999, runs: [run(1, 'failed', 10_000), run(2, 'failed', 40_000)] },
      { kind: 'wait', attempt: 3, until: 130_000 },
    ],
    [
      'the third has its minute',
      { now: 189_999, runs: [run(3, 'verifying', 130_000)] },
      { kind: 'busy', what: 'verifying' },
    ],
    [
      'then people are called',
      { now: 190_000, runs: [run(3, 'verifying', 130_000)] },
      { kind: 'escalate', reason: '3 attempts did not bring it back.' },
    ],
    [
      'once',
      { now: 190_000, escalated: true, runs: [run(3, 'failed', 130_000)] },
      { kind: 'none' },
    ],
    [
      'a proposal waits for an hour',
      { now: hour, runs: [run(1, 'awaiting_approval', 10_000)], mode: 'approval' },
      { kind: 'busy', what: 'awaiting_approval' },
    ],
    [
      'and expires',
      { now: hour + 10_000, runs: [run(1, 'awaiting_approval', 10_000)], mode: 'approval' },
      { kind: 'expire', reason: 'Nobody approved within an hour.' },
    ],
    [
      'then people are called as well',
      { now: hour + 20_000, runs: [run(1, 'expired', 10_000)], mode: 'approval' },
      { kind: 'escalate', reason: 'Nobody approved the remedy within an hour.' },
    ],
    [
      'a no is a no',
      { now: hour, runs: [run(1, 'rejected', 10_000)], mode: 'approval' },
      { kind: 'none' },
    ],
    [
      'runs by hand use no attempt up',
      { now: 10_000, runs: [run(null, 'failed', 5_000)] },
      { kind: 'run', attempt: 1 },
    ],
  ])('%s', (_name, change, expected) => {
    expect(plan({ ...base, ...change })).toEqual(expected);
  });
});

test('a demoted remedy is proposed', () => {
  expect(effectiveMode('automatic', true)).toBe('approval');
  expect(effectiveMode('off', true)).toBe('off');
  expect(effectiveMode('automatic', false)).toBe('automatic');
});

test('the first reason that holds is the one given', () => {
  const free = {
    frozen: null,
    paused: false,
    window: null,
    parentDown: null,
    parentAwaited: false,
  };
  expect(blockReason(free)).toBe(null);
  expect(blockReason({ ...free, frozen: '' })).toBe('healing is paused');
  expect(blockReason({ ...free, frozen: 'release', window: 'x' })).toBe(
    'healing is paused: release',
  );
  expect(blockReason({ ...free, window: 'swap' })).toBe('in maintenance: swap');
  expect(blockReason({ ...free, parentDown: 'db' })).toContain('db');
  expect(blockReason({ ...free, parentAwaited: true })).toContain('looked at');
});
