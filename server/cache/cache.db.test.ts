import { afterAll, describe, expect, test, vi } from 'vitest';
import { type Clock, manualClock, systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { connectRedis } from '../platform/redis/connect.ts';
import { createSharedStore } from '../platform/redis/index.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { startRedis, testRuntime } from '../platform/testing/index.ts';
import { type Cache, createCache, createWarmer } from './index.ts';

const redis = await startRedis();
const raw = connectRedis(redis.url);
await raw.connect();
raw.on('error', () => undefined);
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

const open: { close(): unknown }[] = [];
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
});
const audited: unknown[] = [];

async function replica(
  options: {
    url?: string | undefined;
    clock?: Clock;
    replicas?: number;
    random?: () => number;
    bytesMax?: number;
  } = {},
) {
  const clock = options.clock ?? systemClock;
  const url = 'url' in options ? options.url : redis.url;
  const store = await createSharedStore({ url, clock, log: silentLog() });
  const metrics = createMetrics({ version: 'test', clock });
  const cache = createCache({
    store,
    // Only the entry of the audit log is written through it.
    db: { tx: async (work) => work({} as never) },
    audit: { append: async (_tx, _authority, record) => void audited.push(record) },
    clock,
    log: silentLog(),
    metrics,
    random: options.random ?? (() => 1),
    replicas: () => options.replicas ?? 1,
    ...(options.bytesMax === undefined ? {} : { bytesMax: options.bytesMax }),
  });
  open.push(store, cache);
  return { cache, store, metrics };
}
const alone = (options: Parameters<typeof replica>[0] = {}) =>
  replica({ url: undefined, ...options });
let unique = 0;
const name = () => `test:${unique++}`;
/** A load that ends when told to. */
function gate<T>() {
  let open: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
const figures = (cache: Cache, namespace: string) =>
  cache.status().namespaces.find((item) => item.name === namespace);

describe('in one process', () => {
  test('a value is loaded once until its time is up, then shown while a new one comes', async () => {
    const clock = manualClock('2026-01-01T00:00:00Z');
    const { cache } = await alone({ clock });
    const load = vi.fn(async () => ({ n: load.mock.calls.length }));
    const get = () => cache.wrap('statistics', 'a:b', load);
    expect(await get()).toEqual({ n: 1 });
    clock.advance(5 * 60_000 - 1);
    expect(await get()).toEqual({ n: 1 });
    clock.advance(2);
    expect(await get()).toEqual({ n: 1 });
    await vi.waitFor(async () => expect(await get()).toEqual({ n: 2 }));
    clock.advance(10 * 60_000);
    expect(await get()).toEqual({ n: 3 });
    expect(load).toHaveBeenCalledTimes(3);
    expect(figures(cache, 'statistics')).toMatchObject({ loads: 3, stale: 1 });
  });

  test('1 000 callers at once wait for one load', async () => {
    const { cache } = await alone();
    const work = gate<string>();
    const load = vi.fn(() => work.promise);
    const callers = Array.from({ length: 1_000 }, () => cache.wrap('fixes', 'x', load));
    work.open('once');
    expect(new Set(await Promise.all(callers))).toEqual(new Set(['once']));
    expect(load).toHaveBeenCalledTimes(1);
  });

  test('a load that throws: its callers hear of it, nothing is kept', async () => {
    const { cache } = await alone();
    const load = vi.fn(async (): Promise<string> => {
      if (load.mock.calls.length === 1) throw new Error('broken');
      return 'whole';
    });
    const get = () => cache.wrap('fixes', 'throws', load);
    const first = await Promise.allSettled([get(), get()]);
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await get()).toBe('whole');
    expect(load).toHaveBeenCalledTimes(2);
    expect(figures(cache, 'fixes')).toMatchObject({ failures: 1 });
  });

  test('a load that throws when the value is old: the old one is shown within its grace, then no more', async () => {
    const clock = manualClock('2026-01-01T00:00:00Z');
    const { cache } = await alone({ clock });
    let broken = false;
    const get = () =>
      cache.wrap('statistics', 'grace', async () => {
        if (broken) throw new Error('broken');
        return 1;
      });
    await get();
    broken = true;
    clock.advance(6 * 60_000);
    expect(await get()).toBe(1);
    clock.advance(5 * 60_000);
    await expect(get()).rejects.toThrow('broken');
  });

  test('a load that began before a change is not kept, and nobody who asks afterwards waits for it', async () => {
    const { cache } = await alone();
    const slow = gate<string>();
    const options = { tags: ['things'] };
    const before = cache.wrap('fixes', 'race', () => slow.promise, options);
    await cache.invalidate('things');
    expect(await cache.wrap('fixes', 'race', async () => 'new', options)).toBe('new');
    slow.open('old');
    expect(await before).toBe('old');
    expect(await cache.wrap('fixes', 'race', async () => 'not asked for', options)).toBe('new');
  });

  test('memory is bounded by bytes', async () => {
    const { cache } = await alone({ bytesMax: 100_000 });
    for (let i = 0; i < 500; i++)
      await cache.wrap('fixes', `big:${i}`, async () => 'x'.repeat(1_000));
    const { entries, bytes } = cache.status();
    expect(bytes).toBeLessThanOrEqual(100_000);
    expect(entries).toBeGreaterThan(50);
    expect(await cache.wrap('fixes', 'too big', async () => 'x'.repeat(200_000))).toHaveLength(
      200_000,
    );
    expect(cache.holds('fixes', 'too big')).toBe(false);
    cache.relieve();
    expect(cache.status().bytes).toBe(0);
  });

  test('a value near its end that was dear is fetched before it is due', async () => {
    const clock = manualClock('2026-01-01T00:00:00Z');
    const { cache } = await alone({ clock, random: () => 1e-4 });
    const load = vi.fn(async () => {
      clock.advance(1_000);
      return load.mock.calls.length;
    });
    const get = () => cache.wrap('statistics', 'dear', load);
    await get();
    clock.advance(4 * 60_000);
    expect(await get()).toBe(1);
    expect(load).toHaveBeenCalledTimes(1);
    clock.advance(55_000);
    expect(await get()).toBe(1);
    await vi.waitFor(async () => expect(await get()).toBe(2));
    expect(figures(cache, 'statistics')).toMatchObject({ stale: 0 });
  });
});

describe('replicas with one Redis', () => {
  test('3 000 callers over three replicas: one load', async () => {
    const replicas = await Promise.all([replica(), replica(), replica()]);
    const key = name();
    const work = gate<string>();
    const load = vi.fn(() => work.promise);
    const callers = replicas.flatMap(({ cache }) =>
      Array.from({ length: 1_000 }, () => cache.wrap('predictions', key, load)),
    );
    await vi.waitFor(() => expect(load).toHaveBeenCalled());
    work.open('once for all');
    expect(new Set(await Promise.all(callers))).toEqual(new Set(['once for all']));
    expect(load).toHaveBeenCalledTimes(1);
  });

  test('the holder of the lease dies: another one loads', async () => {
    const { cache } = await replica();
    const key = name();
    await raw.set(`wheelhouse:cache:lease:predictions:${key}`, 'the dead', 'PX', 300);
    expect(await cache.wrap('predictions', key, async () => 'alive')).toBe('alive');
  });

  test('a change on one is seen on the others at once', async () => {
    const [a, b] = [await replica(), await replica()];
    const key = name();
    let value = 1;
    const get = ({ cache }: { cache: Cache }) =>
      cache.wrap('dashboards', key, async () => value, { tags: [`tag ${key}`] });
    expect([await get(a), await get(b)]).toEqual([1, 1]);
    value = 2;
    await a.cache.invalidate(`tag ${key}`);
    expect(await get(a)).toBe(2);
    await vi.waitFor(async () => expect(await get(b)).toBe(2), { timeout: 1_000, interval: 5 });
  });

  test('a load on one that began before a change on another does not bring the old value back', async () => {
    const [a, b] = [await replica(), await replica()];
    const key = name();
    const tags = { tags: [`tag ${key}`] };
    const slow = gate<string>();
    const began = vi.fn(() => slow.promise);
    const late = b.cache.wrap('dashboards', key, began, tags);
    await vi.waitFor(() => expect(began).toHaveBeenCalled());
    await a.cache.invalidate(`tag ${key}`);
    slow.open('old');
    await late;
    expect(await a.cache.wrap('dashboards', key, async () => 'new', tags)).toBe('new');
    await vi.waitFor(async () =>
      expect(await b.cache.wrap('dashboards', key, async () => 'new', tags)).toBe('new'),
    );
  });

  test('a message that is missed heals: memory is compared with Redis', async () => {
    const clock = manualClock(new Date());
    const b = await replica({ clock });
    const key = name();
    const tags = { tags: [`tag ${key}`] };
    expect(await b.cache.wrap('dashboards', key, async () => 1, tags)).toBe(1);
    // Another replica's change, without its message.
    await raw.incr(`wheelhouse:cache:version:tag ${key}`);
    expect(await b.cache.wrap('dashboards', key, async () => 2, tags)).toBe(1);
    clock.advance(5_001);
    expect(await b.cache.wrap('dashboards', key, async () => 2, tags)).toBe(2);
  });

  test('what cannot be read in Redis is a miss, is counted and deleted', async () => {
    const { cache, metrics } = await replica();
    for (const odd of ['{"v":', 'null', '\u0000\u0001', '<script>']) {
      const key = name();
      await raw.set(`wheelhouse:cache:value:learnings:${key}`, odd);
      expect(await cache.wrap('learnings', key, async () => 'good')).toBe('good');
      expect(await raw.get(`wheelhouse:cache:value:learnings:${key}`)).toContain('good');
    }
    expect(figures(cache, 'learnings')).toMatchObject({ unreadable: 4 });
    await vi.waitFor(
      async () =>
        expect(await metrics.registry.metrics()).toContain(
          'wheelhouse_cache_unreadable_total{cache="learnings"} 4',
        ),
      { timeout: 3_000 },
    );
  });

  test('evicting by key, tag, namespace and pattern reaches every replica and the audit log', async () => {
    const [a, b] = [await replica(), await replica()];
    const stem = name();
    const get = ({ cache }: { cache: Cache }, key: string, value: number) =>
      cache.wrap('registry', `${stem}:${key}`, async () => value, { tags: [`t ${stem}`] });
    const ways = [
      { by: 'key' as const, value: `registry:${stem}:k` },
      { by: 'tag' as const, value: `t ${stem}` },
      { by: 'namespace' as const, value: 'registry' as const },
      { by: 'pattern' as const, value: `registry:${stem}:*` },
    ];
    for (const [i, way] of ways.entries()) {
      await get(a, 'k', i);
      await get(b, 'k', i);
      const { evicted } = await a.cache.evict(testAuthority, way);
      expect([way.by, evicted >= 1]).toEqual([way.by, true]);
      await vi.waitFor(async () => expect(await get(b, 'k', i + 1)).toBe(i + 1), {
        timeout: 2_000,
      });
      expect(await get(a, 'k', i + 1)).toBe(i + 1);
    }
    // A pattern stands for itself but for `*`.
    await get(a, 'k', 9);
    const odd = { by: 'pattern' as const, value: `registry:[a-z]'; DROP TABLE x; --<script>*` };
    expect(await a.cache.evict(testAuthority, odd)).toEqual({ evicted: 0 });
    expect(audited).toContainEqual(expect.objectContaining({ action: 'cache.evict', after: odd }));
  });

  test('Redis is killed and comes back: no caller fails, and changes made meanwhile are not lost', async () => {
    const own = await startRedis();
    const [a, b] = [
      await replica({ url: own.url, replicas: 2 }),
      await replica({ url: own.url, replicas: 2 }),
    ];
    let value = 1;
    const get = ({ cache }: { cache: Cache }) =>
      cache.wrap('dashboards', 'outage', async () => value, { tags: ['outage'] });
    expect([await get(a), await get(b)]).toEqual([1, 1]);
    await own.stop();
    for (let i = 0; i < 50; i++) expect(await get(a)).toBe(1);
    value = 2;
    await a.cache.invalidate('outage');
    expect(await get(a)).toBe(2);
    await vi.waitFor(
      () => expect(a.cache.status()).toMatchObject({ kept: 'process', redis: 'down' }),
      { timeout: 5_000 },
    );
    // The other one cannot be told, and does not believe its memory for long.
    await vi.waitFor(async () => expect(await get(b)).toBe(2), { timeout: 3_000 });
    await own.start();
    await vi.waitFor(() => expect(a.store.status().state).toBe('up'), { timeout: 10_000 });
    await vi.waitFor(() => expect(b.store.status().state).toBe('up'), { timeout: 10_000 });
    await vi.waitFor(() => expect(a.cache.status().kept).toBe('shared'), { timeout: 3_000 });
    value = 3;
    await b.cache.invalidate('outage');
    await vi.waitFor(async () => expect([await get(a), await get(b)]).toEqual([3, 3]), {
      timeout: 3_000,
    });
    await own.stop();
  });
});

describe('warming up', async () => {
  const runtime = await testRuntime();

  /**
   * A recorded habit: office hours, each hour of the day with its own 40 keys, a few asked for often and many seldom,
   * and every tenth look goes anywhere. Replayed for two days after eight days of history.
   */
  async function replay(warmUp: boolean): Promise<{ rate: number; asked: number }> {
    await runtime.db.pool.query('TRUNCATE cache_accesses');
    const clock = manualClock('2026-03-02T00:00:00Z');
    const { cache } = await alone({ clock });
    const load = (key: string) => cache.wrap('predictions', key, async () => key);
    const warmer = createWarmer({
      db: runtime.db,
      cache,
      clock,
      log: silentLog(),
      loaders: { predictions: load },
    });
    let seed = 42;
    const random = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    let before = { hits: 0, misses: 0 };
    let asked = 0;
    for (let hour = 0; hour < 10 * 24; hour++) {
      if (hour === 8 * 24) before = figures(cache, 'predictions') ?? before;
      const busy = hour % 24 >= 8 && hour % 24 < 18;
      for (let look = 0; look < (busy ? 160 : 4); look++) {
        const favourite = Math.floor(40 * random() ** 2);
        const key =
          random() < 0.1
            ? `rare:${Math.floor(random() * 5_000)}`
            : `hour ${hour % 24}:${favourite}`;
        await load(key);
        clock.advance(busy ? 21_000 : 840_000);
      }
      // To two minutes before the next hour, as the job's schedule has it.
      const next = Date.parse('2026-03-02T00:00:00Z') + (hour + 1) * 3_600_000;
      clock.advance(Math.max(0, next - 120_000 - clock.now().getTime()));
      await warmer.flush();
      if (warmUp && hour >= 8 * 24 - 1) {
        const misses = figures(cache, 'predictions')?.misses ?? 0;
        const hits = figures(cache, 'predictions')?.hits ?? 0;
        asked += await warmer.warm(new AbortController().signal);
        // Its own looks are nobody's.
        before.misses += (figures(cache, 'predictions')?.misses ?? 0) - misses;
        before.hits += (figures(cache, 'predictions')?.hits ?? 0) - hits;
        cache.takeAccesses();
      }
      clock.advance(Math.max(0, next - clock.now().getTime()));
    }
    const after = figures(cache, 'predictions') ?? before;
    const hits = after.hits - before.hits;
    const misses = after.misses - before.misses;
    await warmer.close();
    return { rate: hits / (hits + misses), asked };
  }

  test('what takes the database the longest is loaded first', async () => {
    const runtime = await testRuntime();
    const clock = manualClock('2026-03-02T09:58:00Z');
    const { cache } = await alone({ clock });
    const order: string[] = [];
    const warmerWith = (costs: () => Promise<(key: string) => number>) =>
      createWarmer({
        db: runtime.db,
        cache,
        clock,
        log: silentLog(),
        loaders: {
          pages: async (key) => {
            order.push(key);
          },
        },
        costs,
      });
    for (const [key, count] of [
      ['often', 90],
      ['slow', 30],
      ['slower', 20],
    ] as const) {
      await runtime.db.pool.query(
        `INSERT INTO cache_accesses (hour, key, count) SELECT $1::timestamptz - n * interval '1 hour', $2, $3 FROM generate_series(1, 24) n`,
        ['2026-03-02T10:00:00Z', `pages:${key}`, count],
      );
    }
    const costs = { often: 1, slow: 100, slower: 400 } as Record<string, number>;
    const known = warmerWith(async () => (key) => costs[key.slice('pages:'.length)] ?? 0);
    await known.warm(new AbortController().signal);
    expect(order.splice(0)).toEqual(['slower', 'slow', 'often']);
    const unknown = warmerWith(() => Promise.reject(new Error('the database is away')));
    await unknown.warm(new AbortController().signal);
    expect(order).toEqual(['often', 'slow', 'slower']);
    await known.close();
    await unknown.close();
  });

  test('what a forecast expects is there before it is asked for: ten points more hits on a replayed trace', async () => {
    const cold = await replay(false);
    const warm = await replay(true);
    process.stdout.write(
      `hit rate without warm-up ${(cold.rate * 100).toFixed(1)} %, with ${(warm.rate * 100).toFixed(1)} % (${warm.asked} loads ahead)\n`,
    );
    expect(cold.asked).toBe(0);
    expect(warm.rate - cold.rate).toBeGreaterThan(0.1);
  }, 60_000);
});
