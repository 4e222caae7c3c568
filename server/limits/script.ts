/** The arithmetic of `bucket.ts` in Lua: all limits of a request in one call, by Redis' own clock. */

/** One hash tag: on a Redis Cluster all buckets lie on one shard, so that one script may touch them together. */
const PREFIX = 'wheelhouse:{limits}:';
export const bucketKey = (limit: string, subject: string): string => `${PREFIX}${limit}|${subject}`;
export const REPORTS_KEY = `${PREFIX}reports`;

/** KEYS: buckets. ARGV: interval in microseconds, burst and cost of each. Answers refused (0 or 1) and the debts. */
export function takeScript(clock: string): string {
  return `
local now = ${clock}
local stored = redis.call('MGET', unpack(KEYS))
local debts, refused = {}, 0
for i = 1, #KEYS do
  local interval, burst = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local cost = math.min(tonumber(ARGV[3 * i]), burst) * interval
  local debt = (stored[i] and tonumber(stored[i]) or 0) - now
  debts[i] = math.min(math.max(0, debt), burst * interval)
  if debts[i] + cost > burst * interval then refused = 1 end
end
if refused == 0 then
  for i = 1, #KEYS do
    local interval, burst = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
    debts[i] = debts[i] + math.min(tonumber(ARGV[3 * i]), burst) * interval
    redis.call('SET', KEYS[i], string.format('%.0f', now + debts[i]), 'PX', math.ceil(debts[i] / 1000))
  end
end
table.insert(debts, 1, refused)
return debts`;
}
export const REDIS_CLOCK = `(function() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end)()`;
