import { afterAll, beforeAll, describe, inject } from 'vitest';
import { createMemoryBreakers, type Transition } from '../client/index.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { createSharedStore, type SharedStore } from '../platform/redis/index.ts';
import { createRedisBreakers } from './redis-store.ts';
import { breakerStoreSuite } from './store.suite.ts';

describe('in memory', () => {
  breakerStoreSuite(async () => {
    let now = 10_000;
    const transitions: Transition[] = [];
    const store = createMemoryBreakers(
      () => now,
      (each) => transitions.push(each),
    );
    return {
      store,
      transitions,
      pass: async (ms) => {
        now += ms;
      },
    };
  });
});

describe('in Redis', () => {
  let shared: SharedStore;
  beforeAll(async () => {
    shared = await createSharedStore({
      url: inject('redisUrl'),
      clock: systemClock,
      log: silentLog(),
    });
  });
  afterAll(() => shared.close());
  breakerStoreSuite(async () => {
    const transitions: Transition[] = [];
    const client = shared.client();
    if (!client) throw new Error('Redis is away');
    await client.flushdb();
    await client.set('test-clock', 10_000);
    const time = "local now = tonumber(redis.call('GET', 'test-clock'))";
    const store = createRedisBreakers(shared, (each) => transitions.push(each), time);
    return {
      store,
      transitions,
      pass: async (ms) => {
        await client.incrby('test-clock', ms);
      },
    };
  });
});
