import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, createRetryBudget, defaultRetry, withRetry } from './retry.ts';

const quick = { attempts: 3, firstMs: 1, maxMs: 5 };
const run = (ends: (string | Error)[], more: Partial<Parameters<typeof withRetry>[1]> = {}) => {
  let calls = 0;
  const result = withRetry(
    async () => {
      const end = ends[Math.min(calls++, ends.length - 1)];
      if (end instanceof Error) throw end;
      return end;
    },
    {
      policy: quick,
      budget: createRetryBudget(),
      random: () => 0.5,
      again: (end) => ('error' in end ? null : end.result === 'again' ? null : false),
      ...more,
    },
  );
  return result.then(
    (value) => ({ value, calls }),
    (error: Error) => ({ error: error.message, calls }),
  );
};

test('the wait is random up to what doubles, and never longer than the longest', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (next, random) => {
        const wait = backoffMs(defaultRetry, next, random);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(Math.min(5_000, 200 * 2 ** (next - 2)));
      },
    ),
  );
});

describe('a call', () => {
  test('that succeeds is made once', async () => {
    expect(await run(['fine'])).toEqual({ value: 'fine', calls: 1 });
  });
  test('is made at most three times, and its last failure is thrown', async () => {
    expect(await run([new Error('a'), new Error('b'), new Error('c')])).toEqual({
      error: 'c',
      calls: 3,
    });
    expect(await run([new Error('a'), 'again', 'fine'])).toEqual({ value: 'fine', calls: 3 });
  });
  test('that must not be repeated is not', async () => {
    expect(await run([new Error('a')], { again: () => false })).toEqual({ error: 'a', calls: 1 });
  });
  test('is not repeated when the other side asks for longer than anybody would wait', async () => {
    expect(await run([new Error('a')], { again: () => 60_000 })).toEqual({ error: 'a', calls: 1 });
  });
  test('is not repeated once its caller left', async () => {
    const signal = AbortSignal.abort();
    expect(await run([new Error('a')], { signal })).toEqual({ error: 'a', calls: 1 });
  });
});

test('repeats stay below a tenth of the calls when everything fails', async () => {
  const budget = createRetryBudget();
  let calls = 0;
  for (let n = 0; n < 1_000; n++) calls += (await run([new Error('down')], { budget })).calls;
  expect(calls).toBeGreaterThan(1_050);
  expect(calls).toBeLessThanOrEqual(1_000 + 100 + 10);
});
