import { expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { createSelfCare } from './self-care.ts';

test('under memory pressure caches go, once in ten minutes, and it is written down', async () => {
  const clock = manualClock('2026-03-02T08:00:00Z');
  const runtime = await testRuntime({ clock });
  let heapUsedBytes = 50;
  const ran: string[] = [];
  const care = createSelfCare({
    ...runtime,
    own: async () => ({ heapUsedBytes, heapLimitBytes: 100 }),
    relievers: [
      { name: 'caches', run: () => void ran.push('caches') },
      { name: 'broken', run: () => Promise.reject(new Error('no')) },
      { name: 'expired sessions', run: () => runtime.sessions.purge() },
    ],
  });
  expect(await care.tick()).toEqual([]);
  heapUsedBytes = 90;
  expect(await care.tick()).toEqual(['caches', 'expired sessions']);
  expect(await care.tick()).toEqual([]);
  clock.advance(10 * 60_000);
  expect(await care.tick()).toEqual(['caches', 'expired sessions']);
  expect(ran).toEqual(['caches', 'caches']);
  const { items } = await runtime.auditReader.list({ limit: 5 });
  expect(items.map(({ action, rule }) => [action, rule])).toEqual([
    ['health.own.relieve', 'remedy:builtin'],
    ['health.own.relieve', 'remedy:builtin'],
  ]);
});

test('policies that could not be compared with the stored ones for a while are read again, and that is written down', async () => {
  const clock = manualClock('2026-03-02T08:00:00Z');
  const runtime = await testRuntime({ clock });
  const { policies } = runtime;
  let runs = 0;
  const care = createSelfCare({
    ...runtime,
    own: async () => ({ heapUsedBytes: 1, heapLimitBytes: 100 }),
    relievers: [],
    menders: [
      {
        name: 'policies',
        needed: policies.isOld,
        run: () => {
          runs++;
          return policies.reload();
        },
      },
      { name: 'broken', needed: () => true, run: () => Promise.reject(new Error('no')) },
    ],
  });
  expect(await care.tick()).toEqual([]);
  clock.advance(16_000);
  expect(await care.tick()).toEqual(['policies']);
  expect(policies.isOld()).toBe(false);
  expect(runs).toBe(1);
  // Not again within a minute.
  clock.advance(16_000);
  expect(await care.tick()).toEqual([]);
  const { items } = await runtime.auditReader.list({ limit: 5 });
  expect(items.map(({ action, rule, target }) => [action, rule, target.name])).toEqual([
    ['health.own.reload', 'remedy:builtin', 'policies'],
  ]);
});
