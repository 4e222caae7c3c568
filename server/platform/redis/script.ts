/** A Lua script that is sent once and called by its digest; a server that does not know it is told again. */
import { createHash } from 'node:crypto';
import type { RedisClient } from './connect.ts';

export function createScript(lua: string) {
  const digest = createHash('sha1').update(lua).digest('hex');
  return async (
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> => {
    try {
      return await client.evalsha(digest, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return client.eval(lua, keys.length, ...keys, ...args);
    }
  };
}
