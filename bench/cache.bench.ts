/**
 * The cache beside BentoCache 1.6, both with memory in front of Redis: a hit in memory, and how many loads 1 000
 * concurrent callers on each of three replicas cause. Targets: ≤ 1 µs and ≥ 10 ×; one load.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { createCache } from '../server/cache/service.ts';
import { systemClock } from '../server/platform/clock.ts';
import { silentLog } from '../server/platform/log.ts';
import { createMetrics } from '../server/platform/metrics.ts';
import { connectRedis } from '../server/platform/redis/connect.ts';
import { createSharedStore } from '../server/platform/redis/index.ts';
import { startRedis } from '../server/platform/testing/redis.ts';
import { print } from './measure.ts';

const CALLS = 200_000;
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const redis = await startRedis();
const closers: (() => unknown)[] = [];

async function ourReplica() {
  const store = await createSharedStore({ url: redis.url, clock: systemClock, log: silentLog() });
  const cache = createCache({
    store,
    db: { tx: () => Promise.reject(new Error('nothing is evicted here')) },
    audit: { append: async () => undefined },
    clock: systemClock,
    log: silentLog(),
    metrics: createMetrics({ version: 'bench', clock: systemClock }),
    random: () => 1,
    replicas: () => 3,
  });
  closers.push(
    () => cache.close(),
    () => store.close(),
  );
  return cache;
}
async function theirReplica(serialize: boolean) {
  const connection = connectRedis(redis.url);
  const bus = new URL(redis.url);
  await connection.connect();
  const bento = new BentoCache({
    default: 'multi',
    stores: {
      multi: bentostore()
        .useL1Layer(memoryDriver(serialize ? { maxSize: '32mb' } : { maxItems: 50_000, serialize }))
        // Its types are those of an older ioredis; the calls are the same.
        .useL2Layer(redisDriver({ connection: connection as never }))
        .useBus(
          redisBusDriver({ connection: { host: bus.hostname, port: Number(bus.port) } as never }),
        ),
    },
  });
  closers.push(
    () => bento.disconnectAll(),
    () => connection.disconnect(),
  );
  return bento;
}

const value = { items: Array.from({ length: 20 }, (_, id) => ({ id, name: `dashboard ${id}` })) };
const ours = await ourReplica();
const theirs = await theirReplica(true);
const theirsPlain = await theirReplica(false);
const rows: Record<string, { call(i: number): Promise<unknown>; times: number[] }> = {
  wheelhouse: {
    call: (i) => ours.wrap('dashboards', `hit:${i % 100}`, async () => value),
    times: [],
  },
  'bentocache, as it comes': {
    call: (i) => theirs.getOrSet({ key: `hit:${i % 100}`, factory: async () => value, ttl: '5m' }),
    times: [],
  },
  'bentocache, serialize off': {
    call: (i) =>
      theirsPlain.getOrSet({ key: `plain:${i % 100}`, factory: async () => value, ttl: '5m' }),
    times: [],
  },
};
for (let round = 0; round < 9; round++) {
  for (const row of Object.values(rows)) {
    for (let i = 0; i < 1_000; i++) await row.call(i);
    const calls = row === rows.wheelhouse ? CALLS : CALLS / 10;
    const started = performance.now();
    for (let i = 0; i < calls; i++) await row.call(i);
    row.times.push(((performance.now() - started) / calls) * 1e6);
  }
}
const own = median(rows.wheelhouse?.times ?? []);
print(
  Object.entries(rows).map(([name, { times }]) => ({
    'hit in memory': name,
    took: `${median(times).toFixed(0)} ns`,
    ratio: `${(median(times) / own).toFixed(1)}×`,
  })),
);

const loads = { wheelhouse: 0, bentocache: 0 };
const load = (name: keyof typeof loads) => async () => {
  loads[name]++;
  await sleep(100);
  return value;
};
const our = await Promise.all([ourReplica(), ourReplica(), ourReplica()]);
const their = await Promise.all([theirReplica(true), theirReplica(true), theirReplica(true)]);
const callers = <T>(of: readonly T[], call: (replica: T) => Promise<unknown>) =>
  Promise.all(of.flatMap((replica) => Array.from({ length: 1_000 }, () => call(replica))));
await callers(our, (cache) => cache.wrap('dashboards', 'stampede', load('wheelhouse')));
await callers(their, (bento) =>
  bento.getOrSet({ key: 'stampede', factory: load('bentocache'), ttl: '5m' }),
);
print([
  {
    'loads by 3 × 1 000 callers at once': `wheelhouse ${loads.wheelhouse}`,
    bentocache: String(loads.bentocache),
  },
]);
for (const close of closers.reverse()) await close();
await redis.stop();
