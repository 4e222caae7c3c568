/**
 * Redis, optional. With `REDIS_URL` replicas share one store; without it, or while it is away, the same
 * interface works in this process, says so (`state()`), and goes back by itself. A command that fails is
 * answered from memory, so that a caller never waits for a dead Redis longer than one command time-out (1 s).
 *
 * Guarantees: nothing kept in memory during an outage is copied to Redis afterwards (it would overwrite what
 * other replicas wrote), so values here must be ones that may be lost. What must not be lost lives in PostgreSQL.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { connectRedis, type RedisClient } from './connect.ts';
import type { Store } from './contract.ts';
import { createMemoryStore } from './memory.ts';
import { createRedisStore } from './redis.ts';

export type { Store } from './contract.ts';
export type RedisState = 'off' | 'up' | 'down';
export type RedisStatus = { state: RedisState; latencyMs: number | null; since: Date };
export type SharedStore = Store & {
  status(): RedisStatus;
  /** For modules with their own Lua; null while Redis is off or away. */
  client(): RedisClient | null;
  close(): Promise<void>;
};

const PING_EVERY_MS = 1_000;

export async function createSharedStore(options: {
  url: string | undefined;
  clock: Clock;
  log: Log;
}): Promise<SharedStore> {
  const { clock, log } = options;
  const memory = createMemoryStore(clock);
  if (!options.url) {
    const since = clock.now();
    return {
      ...memory,
      status: () => ({ state: 'off', latencyMs: null, since }),
      client: () => null,
      close: async () => undefined,
    };
  }

  const command = connectRedis(options.url);
  const subscriber = connectRedis(options.url);
  const redis = createRedisStore(command, subscriber);
  let status: RedisStatus = { state: 'down', latencyMs: null, since: clock.now() };
  const change = (state: RedisState) => {
    if (state === status.state) return;
    if (state === 'up') memory.clear();
    status = { state, latencyMs: null, since: clock.now() };
    log[state === 'up' ? 'info' : 'warn'](
      { redis: state },
      state === 'up' ? 'Redis is up, state is shared again' : 'Redis is away, working in-process',
    );
  };
  const settle = () =>
    change(command.status === 'ready' && subscriber.status === 'ready' ? 'up' : 'down');
  for (const connection of [command, subscriber]) {
    connection.on('ready', settle);
    connection.on('close', settle);
    connection.on('end', settle);
    connection.on('error', (err) => log.debug({ err }, 'Redis connection error'));
  }
  await Promise.allSettled([command.connect(), subscriber.connect()]);
  settle();

  const ping = async () => {
    if (command.status !== 'ready') return settle();
    const started = clock.monotonicMs();
    try {
      await command.ping();
      settle();
      if (status.state === 'up') status.latencyMs = clock.monotonicMs() - started;
    } catch {
      // Connected but not answering (a frozen server): as good as away.
      change('down');
    }
  };
  const timer = setInterval(ping, PING_EVERY_MS);
  timer.unref();

  const either = async <T>(ask: (store: Store) => Promise<T>): Promise<T> => {
    if (status.state !== 'up') return ask(memory);
    try {
      return await ask(redis);
    } catch (err) {
      log.debug({ err }, 'Redis command failed');
      change('down');
      return ask(memory);
    }
  };
  return {
    get: (key) => either((store) => store.get(key)),
    set: (key, value, o) => either((store) => store.set(key, value, o)),
    setIfAbsent: (key, value, o) => either((store) => store.setIfAbsent(key, value, o)),
    deleteIf: (key, value) => either((store) => store.deleteIf(key, value)),
    delete: (key) => either((store) => store.delete(key)),
    increment: (key, by, o) => either((store) => store.increment(key, by, o)),
    publish: (channel, message) => either((store) => store.publish(channel, message)),
    subscribe(channel, handler) {
      const ends = [memory.subscribe(channel, handler), redis.subscribe(channel, handler)];
      return () => {
        for (const end of ends) end();
      };
    },
    status: () => status,
    client: () => (status.state === 'up' ? command : null),
    async close() {
      clearInterval(timer);
      command.disconnect();
      subscriber.disconnect();
    },
  };
}
