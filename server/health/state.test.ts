import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Observed } from './contract.ts';
import {
  type Check,
  FLAP_CHECKS,
  flapShare,
  freshMemory,
  isUnsettled,
  type Memory,
  observe,
  type Policy,
} from './state.ts';

const policy: Policy = { failAfter: 3, recoverAfter: 2, errorRate: 0.1 };
type Step = 'ok' | 'fail' | 'slow' | 'offline';

/** Checks 30 s apart; answers the state after each. */
function play(steps: readonly Step[], start: Memory = freshMemory(0), gapMs = 30_000) {
  let memory = start;
  const changes: string[] = [];
  const states: Observed[] = steps.map((step, index) => {
    const check: Check = {
      at: (index + 1) * gapMs,
      ok: step === 'ok' || step === 'slow',
      impaired: step === 'slow' ? 'slow' : null,
      inconclusive: step === 'offline',
      detail: step,
    };
    const seen = observe(memory, policy, check);
    memory = seen.memory;
    if (seen.change) changes.push(`${seen.change.from} → ${seen.change.to}`);
    return memory.observed;
  });
  return { memory, states, changes };
}
const ok = (count: number): Step[] => Array.from({ length: count }, () => 'ok');

describe('states', () => {
  test.each<[string, Step[], Observed[]]>([
    ['the first good check says healthy', ['ok'], ['healthy']],
    [
      'nothing is known until the third failure',
      ['fail', 'fail', 'fail'],
      ['unknown', 'unknown', 'down'],
    ],
    [
      'two failures are forgiven',
      ['ok', 'fail', 'fail', 'ok'],
      ['healthy', 'healthy', 'healthy', 'healthy'],
    ],
    [
      'one good check does not bring it back',
      ['ok', 'fail', 'fail', 'fail', 'ok', 'fail'],
      ['healthy', 'healthy', 'healthy', 'down', 'down', 'down'],
    ],
    [
      'two good checks do',
      ['ok', 'fail', 'fail', 'fail', 'ok', 'ok'],
      ['healthy', 'healthy', 'healthy', 'down', 'down', 'healthy'],
    ],
    [
      'slow three times is degraded',
      ['ok', 'slow', 'slow', 'slow'],
      ['healthy', 'healthy', 'healthy', 'degraded'],
    ],
    [
      'and quick twice is healthy again',
      ['ok', 'slow', 'slow', 'slow', 'ok', 'ok'],
      ['healthy', 'healthy', 'healthy', 'degraded', 'degraded', 'healthy'],
    ],
    [
      'a prober that is offline calls nothing down',
      ['ok', 'offline', 'offline', 'offline', 'offline'],
      ['healthy', 'healthy', 'healthy', 'unknown', 'unknown'],
    ],
    [
      'what was down stays down while offline',
      ['fail', 'fail', 'fail', 'offline', 'offline', 'offline'],
      ['unknown', 'unknown', 'down', 'down', 'down', 'down'],
    ],
    [
      'back online the first good check says healthy',
      ['ok', 'offline', 'offline', 'offline', 'ok'],
      ['healthy', 'healthy', 'healthy', 'unknown', 'healthy'],
    ],
  ])('%s', (_name, steps, states) => {
    expect(play(steps).states).toEqual(states);
  });

  test('more than a tenth of failed checks in five minutes is degraded, once ten are known', () => {
    // 20 s apart, so that five minutes hold fifteen.
    const { states } = play(
      [...ok(6), 'fail', 'ok', 'fail', 'ok', ...ok(20)],
      freshMemory(0),
      20_000,
    );
    expect(states.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => 'healthy'));
    expect(states[9]).toBe('degraded');
    expect(states.at(-1)).toBe('healthy');
  });

  test('what failed before a recovery does not make it degraded afterwards', () => {
    const { states } = play([...ok(12), 'fail', 'fail', 'fail', ...ok(12)], freshMemory(0), 10_000);
    expect(states.slice(16)).toEqual(Array.from({ length: 11 }, () => 'healthy'));
  });

  test('a clock that jumps back keeps the window bounded and the state right', () => {
    let { memory } = play(ok(50), freshMemory(0), 5_000);
    for (const at of [1_000, 900_000_000, 2_000, 3_000, 4_000]) {
      memory = observe(memory, policy, {
        at,
        ok: true,
        impaired: null,
        inconclusive: false,
        detail: null,
      }).memory;
    }
    expect(memory.observed).toBe('healthy');
    expect(memory.recent.length).toBeLessThanOrEqual(300);
  });

  test('whatever comes: down only after three failures in a row, back only after two successes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<Step>('ok', 'fail', 'slow', 'offline'), { maxLength: 80 }),
        (steps) => {
          const { states, memory } = play(steps);
          const conclusive = steps
            .map((step, index) => ({ step, state: states[index] }))
            .filter(({ step }) => step !== 'offline');
          conclusive.forEach(({ state }, index) => {
            const before = conclusive[index - 1]?.state;
            const last = (count: number) =>
              conclusive.slice(Math.max(0, index - count + 1), index + 1).map(({ step }) => step);
            if (state === 'down' && before !== 'down')
              expect(last(3)).toEqual(['fail', 'fail', 'fail']);
            if (before === 'down' && state !== 'down') expect(last(2)).not.toContain('fail');
          });
          expect(memory.outcomeCount).toBeLessThanOrEqual(FLAP_CHECKS);
          expect(memory.outcomes).toBeLessThan(2 ** FLAP_CHECKS);
        },
      ),
    );
  });
});

describe('flapping', () => {
  test('the share of changes, newer ones weighing more', () => {
    expect(flapShare(0, FLAP_CHECKS)).toBe(0);
    // Every check differs from the one before it.
    expect(flapShare(0b101010101010101010101, FLAP_CHECKS)).toBeCloseTo(1, 10);
    expect(flapShare(0b1, FLAP_CHECKS)).toBeCloseTo(1.25 / 20, 10);
    expect(flapShare(1 << 20, FLAP_CHECKS)).toBeCloseTo(0.75 / 20, 10);
    expect(flapShare(0b101010101010101010101, FLAP_CHECKS - 1)).toBe(0);
  });
  test('begins at a fifth and ends only when it is nearly steady', () => {
    const wobble: Step[] = ['fail', 'ok', 'fail', 'ok', 'fail', 'ok'];
    const { memory } = play([...ok(20), ...wobble]);
    expect(memory.flapping).toBe(true);
    expect(play(ok(10), memory).memory.flapping).toBe(true);
    expect(play(ok(21), memory).memory.flapping).toBe(false);
  });
  test('one outage is no flapping', () => {
    expect(play([...ok(20), 'fail', 'fail', 'fail', 'fail', ...ok(3)]).memory.flapping).toBe(false);
  });
});

test('a check comes soon while what is known may be about to change', () => {
  const after = (steps: Step[]) => isUnsettled(play(steps).memory, policy);
  expect(after(['ok'])).toBe(false);
  expect(after(['ok', 'fail'])).toBe(true);
  expect(after(['ok', 'fail', 'fail', 'fail'])).toBe(false);
  expect(after(['ok', 'fail', 'fail', 'fail', 'ok'])).toBe(true);
  expect(after(['ok', 'slow'])).toBe(true);
});
