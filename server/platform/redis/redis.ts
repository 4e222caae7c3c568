/** The store in Redis. `command` and `subscriber` are two connections, since a subscribed one takes no commands. */
import type { RedisClient } from './connect.ts';
import type { Store } from './contract.ts';

const DELETE_IF = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;
const INCREMENT = `local known = redis.call('EXISTS', KEYS[1])
local n = redis.call('INCRBY', KEYS[1], ARGV[1])
if known == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return n`;

export function createRedisStore(command: RedisClient, subscriber: RedisClient): Store {
  const handlers = new Map<string, Set<(message: string) => void>>();
  subscriber.on('message', (channel: string, message: string) => {
    for (const handler of handlers.get(channel) ?? []) handler(message);
  });
  // Channels asked for while the connection was away are taken up when it comes.
  subscriber.on('ready', () => {
    const channels = [...handlers.keys()];
    if (channels.length > 0) subscriber.subscribe(...channels).catch(() => undefined);
  });
  return {
    get: (key) => command.get(key),
    async set(key, value, options) {
      if (options?.ttlMs === undefined) await command.set(key, value);
      else await command.set(key, value, 'PX', options.ttlMs);
    },
    async setIfAbsent(key, value, { ttlMs }) {
      return (await command.set(key, value, 'PX', ttlMs, 'NX')) === 'OK';
    },
    async deleteIf(key, value) {
      return (await command.eval(DELETE_IF, 1, key, value)) === 1;
    },
    async delete(key) {
      await command.del(key);
    },
    async increment(key, by, { ttlMs }) {
      return Number(await command.eval(INCREMENT, 1, key, by, ttlMs));
    },
    async publish(channel, message) {
      await command.publish(channel, message);
    },
    subscribe(channel, handler) {
      const set = handlers.get(channel) ?? new Set();
      handlers.set(channel, set.add(handler));
      if (subscriber.status === 'ready') subscriber.subscribe(channel).catch(() => undefined);
      return () => set.delete(handler);
    },
  };
}
