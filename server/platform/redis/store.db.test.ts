import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { manualClock, systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { startRedis, type TestRedis } from '../testing/index.ts';
import { connectRedis } from './connect.ts';
import { createSharedStore } from './index.ts';
import { createMemoryStore } from './memory.ts';
import { createRedisStore } from './redis.ts';
import { storeSuite } from './store.suite.ts';

describe('memory', () => {
  storeSuite(async () => {
    const clock = manualClock('2026-01-01T00:00:00Z');
    return { store: createMemoryStore(clock), pass: async (ms) => clock.advance(ms) };
  });
  test('holds at most 50 000 entries', async () => {
    const store = createMemoryStore(systemClock);
    for (let n = 0; n < 50_010; n++) await store.set(`k${n}`, 'v');
    expect([await store.get('k0'), await store.get('k50009')]).toEqual([null, 'v']);
  });
});

describe('Redis', () => {
  const open: { disconnect(): void }[] = [];
  afterEach(() => {
    for (const connection of open.splice(0)) connection.disconnect();
  });
  storeSuite(async () => {
    const [command, subscriber] = [
      connectRedis(inject('redisUrl')),
      connectRedis(inject('redisUrl')),
    ];
    open.push(command, subscriber);
    await Promise.all([command.connect(), subscriber.connect()]);
    await command.flushdb();
    // Redis keeps time itself; it cannot be advanced.
    return { store: createRedisStore(command, subscriber), pass: (ms) => sleep(ms) };
  });
});

describe('Redis that comes and goes', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  test('works in-process within a second of losing it, goes back by itself, and copies nothing over', async () => {
    const shared = await createSharedStore({
      url: redis.url,
      clock: systemClock,
      log: silentLog(),
    });
    const got: string[] = [];
    shared.subscribe('news', (message) => got.push(message));
    const state = (wanted: string) =>
      vi.waitFor(() => expect(shared.status().state).toBe(wanted), { timeout: 4_000 });
    await state('up');
    await vi.waitFor(async () => {
      await shared.publish('news', 'before');
      expect(got).toContain('before');
    });

    await redis.stop();
    const started = performance.now();
    await shared.set('k', 'from the outage');
    expect(await shared.get('k')).toBe('from the outage');
    expect(performance.now() - started).toBeLessThan(1_200);
    await state('down');
    expect(shared.client()).toBeNull();
    await shared.publish('news', 'during');
    expect(got).toContain('during');

    await redis.start();
    await state('up');
    expect(await shared.get('k')).toBeNull();
    await vi.waitFor(async () => {
      await shared.publish('news', 'after');
      expect(got).toContain('after');
    });
    await shared.close();
  });

  test('a frozen Redis holds no call up for longer than its time-out', async () => {
    const shared = await createSharedStore({
      url: redis.url,
      clock: systemClock,
      log: silentLog(),
    });
    expect(shared.status().state).toBe('up');
    redis.freeze();
    const started = performance.now();
    await shared.set('k', 'v');
    expect(await shared.get('k')).toBe('v');
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(shared.status().state).toBe('down');
    redis.thaw();
    await vi.waitFor(() => expect(shared.status().state).toBe('up'), { timeout: 4_000 });
    await shared.close();
  });

  test('without REDIS_URL it says that it is off', async () => {
    const shared = await createSharedStore({
      url: undefined,
      clock: systemClock,
      log: silentLog(),
    });
    expect(shared.status().state).toBe('off');
    await shared.set('k', 'v');
    expect(await shared.get('k')).toBe('v');
  });
});
