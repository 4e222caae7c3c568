/** Whatever is asked of them, in whatever order, the two adapters answer alike. */
import fc from 'fast-check';
import { afterAll, expect, inject, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { startRedis } from '../testing/index.ts';
import { connectRedis } from './connect.ts';
import type { Store } from './contract.ts';
import { createSharedStore } from './index.ts';
import { createMemoryStore } from './memory.ts';
import { createRedisStore } from './redis.ts';

const [command, subscriber] = [connectRedis(inject('redisUrl')), connectRedis(inject('redisUrl'))];
await Promise.all([command.connect(), subscriber.connect()]);
afterAll(() => {
  command.disconnect();
  subscriber.disconnect();
});

const key = fc.constantFrom('a', 'b', 'c').map((name) => `model:${name}`);
const value = fc.constantFrom('', '0', '1', '2', 'x', '😀', '\u0000', '-3');
const ttl = { ttlMs: 60_000 };
type Step = { name: string; run(store: Store): Promise<unknown> };
const step: fc.Arbitrary<Step> = fc.oneof(
  key.map((k) => ({ name: `get ${k}`, run: (s: Store) => s.get(k) })),
  fc.tuple(key, value, fc.boolean()).map(([k, v, brief]) => ({
    name: `set ${k} ${v} ${brief}`,
    run: (s: Store) => s.set(k, v, brief ? ttl : undefined),
  })),
  fc.tuple(key, value).map(([k, v]) => ({
    name: `setIfAbsent ${k} ${v}`,
    run: (s: Store) => s.setIfAbsent(k, v, ttl),
  })),
  fc
    .tuple(key, value)
    .map(([k, v]) => ({ name: `deleteIf ${k} ${v}`, run: (s: Store) => s.deleteIf(k, v) })),
  key.map((k) => ({ name: `delete ${k}`, run: (s: Store) => s.delete(k) })),
  fc.tuple(key, fc.integer({ min: -3, max: 3 })).map(([k, n]) => ({
    name: `increment ${k} ${n}`,
    run: (s: Store) => s.increment(k, n, ttl),
  })),
);
const outcome = (work: Promise<unknown>) =>
  work.then(
    (answer) => answer ?? null,
    () => 'refused',
  );

test('memory and Redis answer alike', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await command.flushdb();
      const redis = createRedisStore(command, subscriber);
      const memory = createMemoryStore(systemClock);
      for (const { name, run } of steps)
        expect([name, await outcome(run(memory))]).toEqual([name, await outcome(run(redis))]);
    }),
    { numRuns: 150 },
  );
});

test('a counter has a time to live from its first increment, whatever its value, and later ones do not renew it', async () => {
  await command.flushdb();
  const store = createRedisStore(command, subscriber);
  await store.increment('n', 2, { ttlMs: 50_000 });
  await store.increment('n', -2, { ttlMs: 900_000 });
  await store.increment('n', 2, { ttlMs: 900_000 });
  expect(await command.pttl('n')).toBeLessThanOrEqual(50_000);
  await store.increment('zero', 0, { ttlMs: 50_000 });
  expect(await command.pttl('zero')).toBeGreaterThan(0);
  await store.set('kept', '0');
  await store.increment('kept', 1, { ttlMs: 50_000 });
  expect(await command.pttl('kept')).toBe(-1);
});

test('a Redis that takes connections and answers nothing does not hold up the start', async () => {
  const redis = await startRedis();
  redis.freeze();
  try {
    const started = performance.now();
    const store = await createSharedStore({ url: redis.url, clock: systemClock, log: silentLog() });
    expect(performance.now() - started).toBeLessThan(4_000);
    await store.set('k', 'v');
    expect([store.status().state, await store.get('k')]).toEqual(['down', 'v']);
    redis.thaw();
    await expect.poll(() => store.status().state, { timeout: 6_000 }).toBe('up');
    await store.close();
  } finally {
    redis.thaw();
    await redis.stop();
  }
});

test('nobody there at the start: in-process at once, shared when Redis comes', async () => {
  const redis = await startRedis();
  await redis.stop();
  const started = performance.now();
  const store = await createSharedStore({ url: redis.url, clock: systemClock, log: silentLog() });
  expect(performance.now() - started).toBeLessThan(2_500);
  expect(store.status().state).toBe('down');
  const got: string[] = [];
  store.subscribe('news', (message) => got.push(message));
  await redis.start();
  await expect.poll(() => store.status().state, { timeout: 6_000 }).toBe('up');
  await expect
    .poll(async () => {
      await store.publish('news', 'shared');
      return got.length;
    })
    .toBeGreaterThan(0);
  await store.close();
  await redis.stop();
});
