/** The Lua script and the pure arithmetic agree on whatever schedule. */
import fc from 'fast-check';
import { afterAll, expect, inject, test } from 'vitest';
import { connectRedis } from '../platform/redis/connect.ts';
import { createScript } from '../platform/redis/script.ts';
import { bucketOf, takeAll } from './bucket.ts';
import { bucketKey, REDIS_CLOCK, takeArguments, takeScript } from './script.ts';

const redis = connectRedis(inject('redisUrl'));
await redis.connect();
afterAll(() => redis.disconnect());

// The last argument is the time, so that both see the same.
const timed = createScript(takeScript('tonumber(ARGV[#ARGV])'));
const real = createScript(takeScript(REDIS_CLOCK));

const subjects = ['a', 'b', 'c'];
const limits = { wide: bucketOf(1_000), narrow: bucketOf(10, 3), odd: bucketOf(7, 2) };
const step = fc.record({
  // Now and then the clock goes back.
  afterUs: fc.integer({ min: -8_000_000, max: 20_000_000 }),
  charges: fc.uniqueArray(
    fc.record({
      limit: fc.constantFrom(...(['wide', 'narrow', 'odd'] as const)),
      subject: fc.constantFrom(...subjects),
      cost: fc.integer({ min: 1, max: 25 }),
    }),
    { minLength: 1, maxLength: 3, selector: ({ limit, subject }) => limit + subject },
  ),
});

test('on a shared schedule', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await redis.flushdb();
      // Near Redis' own time, so that the time to live that the script sets has no say.
      let now = 1_900_000_000_000_000;
      const fullAt = new Map<string, number>();
      for (const { afterUs, charges } of steps) {
        now += afterUs;
        const list = charges.map((each) => ({ ...each, bucket: limits[each.limit] }));
        const keys = list.map(({ limit, subject }) => bucketKey(`${limit}|${subject}`));
        const cells = keys.map((key) => ({ fullAtUs: fullAt.get(key) ?? 0 }));
        const debts: number[] = [];
        const allowed = takeAll(list, cells, now, debts);
        const there = await timed(redis, keys, [...takeArguments(list), now]);
        expect(there).toEqual([allowed ? 0 : 1, ...debts]);
        for (const [i, key] of keys.entries()) fullAt.set(key, cells[i]?.fullAtUs ?? 0);
      }
    }),
    { numRuns: 60 },
  );
});

test('by the clock of Redis: a burst passes once, however many ask at the same time', async () => {
  await redis.flushdb();
  const bucket = bucketOf(100, 20);
  const answers = await Promise.all(
    Array.from({ length: 200 }, () =>
      real(redis, [bucketKey('key|x')], takeArguments([{ bucket, cost: 1 }])),
    ),
  );
  const passed = answers.filter((answer) => Array.isArray(answer) && answer[0] === 0).length;
  expect(passed).toBeGreaterThanOrEqual(20);
  expect(passed).toBeLessThanOrEqual(21);
  const left = await redis.pttl(bucketKey('key|x'));
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(15_000);
});

test('a value that is no number counts as a full bucket', async () => {
  await redis.set(bucketKey('key|odd'), 'nonsense');
  expect(await real(redis, [bucketKey('key|odd')], [5000, 1000])).toEqual([0, 1000]);
});

test('all buckets of a request lie in one slot of a cluster', () => {
  const tag = (key: string) => /\{([^}]+)\}/.exec(key)?.[1];
  const tags = ['key', 'overall'].map((name) => tag(bucketKey(`${name}|key:${name}`)));
  expect(tags).toEqual(['limits', 'limits']);
});
