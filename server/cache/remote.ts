/**
 * What replicas share in Redis: values, versions of tags, and leases. No Lua and no two keys in one command, so that keys
 * may lie on any shard of a cluster.
 *
 * A value carries the versions that its tags had when its load began. To make a tag old is to count its version up: what
 * was loaded before is then worth nothing, also when it is written late.
 */
import type { RedisClient } from '../platform/redis/connect.ts';
import { decode, type Envelope, encode } from './envelope.ts';
import { toRedisGlob } from './glob.ts';

const PREFIX = 'wheelhouse:cache:';
const valueKey = (key: string) => `${PREFIX}value:${key}`;
const versionKey = (tag: string) => `${PREFIX}version:${tag}`;
export const leaseKey = (key: string) => `${PREFIX}lease:${key}`;
/** Longer than any value lives, so that a version cannot begin anew beside an old value. */
const VERSION_TTL_MS = 48 * 3_600_000;
const SCAN_ROUNDS = 1_000;

export type Found = { envelope: Envelope | null; versions: string[]; unreadable: boolean };

/** A value, if it is not older than its tags, and the tags' versions now. */
export async function readValue(
  redis: RedisClient,
  key: string,
  tags: readonly string[],
): Promise<Found> {
  const [text, ...found] = await Promise.all([
    redis.get(valueKey(key)),
    ...tags.map((tag) => redis.get(versionKey(tag))),
  ]);
  const versions = found.map((version) => version ?? '0');
  if (text === null || text === undefined) return { envelope: null, versions, unreadable: false };
  const envelope = decode(text);
  if (envelope === null) {
    await redis.del(valueKey(key));
    return { envelope: null, versions, unreadable: true };
  }
  const current =
    envelope.versions.length === versions.length &&
    envelope.versions.every((version, i) => version === versions[i]);
  return { envelope: current ? envelope : null, versions, unreadable: false };
}

export async function readVersions(redis: RedisClient, tags: readonly string[]): Promise<string[]> {
  const found = await Promise.all(tags.map((tag) => redis.get(versionKey(tag))));
  return found.map((version) => version ?? '0');
}

export async function writeValue(
  redis: RedisClient,
  key: string,
  envelope: Envelope,
  keepMs: number,
): Promise<void> {
  await redis.set(valueKey(key), encode(envelope), 'PX', Math.max(1, Math.ceil(keepMs)));
}

export async function makeOld(redis: RedisClient, tags: readonly string[]): Promise<void> {
  await Promise.all(
    tags.flatMap((tag) => [
      redis.incr(versionKey(tag)),
      redis.pexpire(versionKey(tag), VERSION_TTL_MS),
    ]),
  );
}

export async function takeLease(
  redis: RedisClient,
  key: string,
  holder: string,
  ttlMs: number,
): Promise<boolean> {
  return (await redis.set(leaseKey(key), holder, 'PX', ttlMs, 'NX')) === 'OK';
}

/** Keys of values that fit a pattern; bounded. */
export async function keysLike(redis: RedisClient, pattern: string): Promise<string[]> {
  const match = valueKey(toRedisGlob(pattern));
  const nodes = 'nodes' in redis ? redis.nodes('master') : [redis];
  const keys = new Set<string>();
  for (const node of nodes) {
    let cursor = '0';
    for (let round = 0; round < SCAN_ROUNDS; round++) {
      const [next, found] = await node.scan(cursor, 'MATCH', match, 'COUNT', 1_000);
      for (const key of found) keys.add(key.slice(valueKey('').length));
      cursor = next;
      if (cursor === '0') break;
    }
  }
  return [...keys];
}
