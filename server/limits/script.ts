/** The arithmetic of `bucket.ts` in Lua: all limits of a request in one call, by Redis' own clock. */

import { type Bucket, costUs } from './bucket.ts';

/** One hash tag: on a Redis Cluster all buckets lie on one shard, so that one script may touch them together. */
const PREFIX = 'wheelhouse:{limits}:';
export const bucketKey = (key: string): string => PREFIX + key;
export const REPORTS_KEY = `${PREFIX}reports`;

/** KEYS: buckets. ARGV: of each what a full burst and what this request is worth in microseconds. Answers refused (0 or 1), then the debts. */
export function takeScript(clock: string): string {
  return `
local now = ${clock}
local stored = redis.call('MGET', unpack(KEYS))
local answer, refused = {0}, 0
for i = 1, #KEYS do
  local full = tonumber(ARGV[2 * i - 1])
  local debt = (tonumber(stored[i] or now) or now) - now
  if debt < 0 then
    debt = 0
  elseif debt > full then
    debt = full
    redis.call('SET', KEYS[i], string.format('%.0f', now + full), 'PX', math.ceil(full / 1000))
  end
  answer[i + 1] = debt
  if debt + ARGV[2 * i] > full then refused = 1 end
end
if refused == 1 then
  answer[1] = 1
  return answer
end
for i = 1, #KEYS do
  local debt = answer[i + 1] + ARGV[2 * i]
  answer[i + 1] = debt
  redis.call('SET', KEYS[i], string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000))
end
return answer`;
}
/** What the script wants to know of each bucket. */
export function takeArguments(charges: readonly { bucket: Bucket; cost: number }[]): number[] {
  const list: number[] = [];
  for (const { bucket, cost } of charges) {
    list.push(bucket.burst * bucket.intervalUs, costUs(bucket, cost));
  }
  return list;
}
export const REDIS_CLOCK = `(function() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end)()`;
