/** Opens single, Sentinel and Cluster Redis from one URL. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';

export type RedisClient = Redis | Cluster;

const COMMAND_TIMEOUT_MS = 1_000;

const common: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 2_000,
  commandTimeout: COMMAND_TIMEOUT_MS,
  // A command must fail at once while Redis is away: the caller then works in-process.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: true,
  retryStrategy: (attempt) => Math.min(1_000, 100 * 2 ** Math.min(attempt, 4)),
};

function hosts(list: string, fallbackPort: number): { host: string; port: number }[] {
  return list.split(',').map((part) => {
    const match = /^(.*?)(?::(\d+))?$/.exec(part);
    return { host: match?.[1] || '127.0.0.1', port: Number(match?.[2] ?? fallbackPort) };
  });
}

/** Splits `scheme://user:password@h1:p1,h2:p2/name`, which WHATWG URL refuses because of the comma. */
function parse(url: string) {
  const match = /^([a-z+]+):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?]*)(?:\/([^?]*))?/i.exec(url);
  return {
    scheme: match?.[1]?.toLowerCase() ?? '',
    username: match?.[2] ? decodeURIComponent(match[2]) : undefined,
    password: match?.[3] ? decodeURIComponent(match[3]) : undefined,
    host: match?.[4] ?? '',
    path: match?.[5] ?? '',
  };
}

export function connectRedis(url: string): RedisClient {
  const parts = parse(url);
  const credentials = {
    ...(parts.username ? { username: parts.username } : {}),
    ...(parts.password ? { password: parts.password } : {}),
  };
  if (parts.scheme === 'redis+sentinel') {
    return new Redis({
      ...common,
      ...credentials,
      sentinels: hosts(parts.host, 26379),
      name: parts.path || 'mymaster',
    });
  }
  if (parts.scheme === 'redis+cluster') {
    return new Cluster(hosts(parts.host, 6379), {
      lazyConnect: true,
      enableOfflineQueue: false,
      redisOptions: { ...common, ...credentials },
      clusterRetryStrategy: (attempt) => Math.min(1_000, 100 * 2 ** Math.min(attempt, 4)),
    });
  }
  return new Redis(url, common);
}
