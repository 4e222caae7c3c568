/**
 * The breakers' store in Redis: one script for everything, so that each step is atomic, on Redis' own clock. It does
 * what `server/client/state.ts` says (`store.suite.ts` runs on both).
 *
 * Keys, all in one slot of a cluster: `…:s:NAME` state, `…:w:NAME` windows by replica, `…:v` version, `…:z` names by the
 * version in which they changed. Changes are published as they happen. Nothing here is kept for ever: records that are
 * not used for a week go; what an operator forces lives in PostgreSQL.
 */
import {
  type Answer,
  type BreakerPolicy,
  type BreakerStore,
  type Cause,
  type Forced,
  MAX_REPLICAS,
  type Machine,
  type Probe,
  type Transition,
  type TransitionHandler,
} from '../client/index.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import { createScript } from '../platform/redis/script.ts';

const PREFIX = 'wheelhouse:{breakers}';
const CHANNEL = `${PREFIX}:changed`;
const KEEP_SECONDS = 7 * 86_400;
/** Names of this many changes are known; who missed more looks at all. */
const MAX_CHANGES = 1_000;

/** Milliseconds on Redis' clock. */
const REDIS_TIME = `local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)`;
const luaWith = (time: string) => `
local prefix, op, channel, keep, maxChanges = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local maxReplicas = ${MAX_REPLICAS}
${time}
local at, out, moves = 4, {}, {}
local function arg() at = at + 1 return ARGV[at] end
local function num() return tonumber(arg()) end

local function load(name)
  local h = redis.call('HMGET', prefix .. ':s:' .. name, 'g', 'm', 'f', 'o', 'c', 's')
  local slots = {}
  for part in string.gmatch(h[6] or '', '[^,]+') do slots[#slots + 1] = tonumber(part) end
  return { name = name, g = tonumber(h[1] or 1), m = h[2] or 'closed', f = h[3] or '', o = tonumber(h[4] or 0),
    c = h[5] or 'start', s = slots }
end
local function answer(st, replica)
  local slots = {}
  for i, slot in ipairs(st.s) do slots[i] = slot > 0 and math.max(1, slot - now) or slot end
  local a = { st.name, st.g, st.m, st.f, st.m == 'open' and now - st.o or 0, st.c, table.concat(slots, ',') }
  if replica then
    local w = redis.call('HGETALL', prefix .. ':w:' .. st.name)
    for i = 1, #w, 2 do
      local time, generation, window = string.match(w[i + 1], '^(%d+)|(%d+)|(.*)$')
      if tonumber(generation) ~= st.g or now - time >= st.windowMs then
        redis.call('HDEL', prefix .. ':w:' .. st.name, w[i])
      elseif w[i] ~= replica then
        a[#a + 1] = w[i]
        a[#a + 1] = math.max(0, now - time)
        a[#a + 1] = window
      end
    end
  end
  return a
end
local function save(st, g, m)
  local key = prefix .. ':s:' .. st.name
  redis.call('HSET', key, 'g', st.g, 'm', st.m, 'f', st.f, 'o', st.o, 'c', st.c, 's', table.concat(st.s, ','))
  redis.call('EXPIRE', key, keep)
  if st.g == g then return end
  redis.call('DEL', prefix .. ':w:' .. st.name)
  local version = redis.call('INCR', prefix .. ':v')
  redis.call('ZADD', prefix .. ':z', version, st.name)
  if version % 100 == 0 then redis.call('ZREMRANGEBYRANK', prefix .. ':z', 0, -maxChanges - 1) end
  redis.call('PUBLISH', channel, cjson.encode(answer(st)))
  moves[#moves + 1] = { st.name, st.g, m, st.m, st.f, st.c, st.m == 'open' and math.max(0, now - st.o) or 0 }
end
local function enter(st, m, cause, opened)
  st.g = st.g + 1
  st.m = m
  st.c = cause
  st.s = {}
  if m == 'open' then st.o = opened end
end
local function pass(st)
  if st.f ~= '' then return end
  if st.m == 'half_open' then
    local lost
    for _, slot in ipairs(st.s) do
      if slot > 0 and slot <= now and (not lost or slot < lost) then lost = slot end
    end
    if lost then enter(st, 'open', 'trial_lost', lost) end
  end
  if st.m ~= 'open' then return end
  if st.o > now then st.o = now end
  if now - st.o >= st.openMs then enter(st, 'half_open', 'trial_due') end
end
local function read()
  local st = load(arg())
  st.windowMs, st.openMs, st.probes, st.leaseMs = num(), num(), num(), num()
  return st
end
local function change(st)
  local kind, value, cause = arg(), arg(), arg()
  if kind == 'open' then
    if st.f == '' and st.m == 'closed' and st.g == tonumber(value) then enter(st, 'open', cause, now) end
  elseif kind == 'trip' then
    if st.f == '' then enter(st, 'open', 'alert', now) end
  elseif kind == 'reset' then
    st.f = ''
    enter(st, 'closed', 'operator')
  elseif kind == 'force' then
    local before = st.f
    st.f = value == 'auto' and '' or value
    if value == 'open' then enter(st, 'open', 'operator', now)
    elseif value == 'closed' then enter(st, 'closed', 'operator')
    elseif before == 'open' then enter(st, 'half_open', 'operator')
    elseif before == 'closed' then enter(st, 'closed', 'operator')
    else enter(st, st.m, 'operator', st.o) end
  end
end
local strict = { closed = 0, half_open = 1, open = 2 }
local function rejoin(st)
  local base, g, m, f, o, cause = num(), num(), arg(), arg(), now - num(), arg()
  local untouched = st.g == base
  if untouched and g == base and m == 'closed' then return end
  local generation, newest = st.g, math.max(st.g, g)
  if untouched or f == 'open' then st.f = f elseif st.f == '' then st.f = f end
  if st.f ~= '' then enter(st, st.f, 'rejoined', now)
  elseif untouched or strict[m] > strict[st.m] then enter(st, m, 'rejoined', o)
  elseif st.m == 'open' then enter(st, 'open', 'rejoined', math.max(st.o, m == 'open' and o or st.o))
  elseif st.m == 'half_open' then enter(st, 'half_open', 'rejoined') end
  st.g = st.g == generation and newest or newest + 1
end

if op == 'changed' then
  local version, since = tonumber(redis.call('GET', prefix .. ':v') or 0), num()
  if since >= version then return { version, 1 } end
  local names = redis.call('ZRANGEBYSCORE', prefix .. ':z', '(' .. since, '+inf', 'LIMIT', 0, maxChanges)
  return { version, #names < maxChanges and 1 or 0, unpack(names) }
end
local replica = op == 'exchange' and arg() or nil
for i = 1, num() do
  local st = read()
  local g, m = st.g, st.m
  pass(st)
  local probe = -1
  if op == 'exchange' then
    local generation, window = num(), arg()
    if st.g ~= g then save(st, g, m) end
    local key = prefix .. ':w:' .. st.name
    if window ~= '-' then
      if window ~= '' and generation == st.g then
        if redis.call('HLEN', key) < maxReplicas or redis.call('HEXISTS', key, replica) == 1 then
          redis.call('HSET', key, replica, now .. '|' .. generation .. '|' .. window)
          redis.call('PEXPIRE', key, st.windowMs * 2)
        end
      else redis.call('HDEL', key, replica) end
    end
  else
    if op == 'change' then change(st)
    elseif op == 'rejoin' then rejoin(st)
    elseif op == 'settle' then
      local generation, slot, outcome = num(), num() + 1, arg()
      if st.g == generation and (st.s[slot] or 0) > 0 then
        if outcome == 'ignored' then st.s[slot] = 0
        elseif outcome == 'failure' then enter(st, 'open', 'trial_failed', now)
        else
          st.s[slot] = -1
          local done = 0
          for _, each in ipairs(st.s) do if each == -1 then done = done + 1 end end
          if done >= st.probes then enter(st, 'closed', 'trial_succeeded') end
        end
      end
    elseif op == 'acquire' and st.f == '' and st.m == 'half_open' then
      for slot = 1, st.probes do
        if (st.s[slot] or 0) == 0 then
          st.s[slot] = now + st.leaseMs
          probe = slot - 1
          break
        end
      end
    end
    save(st, g, m)
  end
  out[i] = { probe, answer(st, replica) }
end
return { out, moves }
`;
type Row = readonly (string | number)[];

export function createRedisBreakers(
  store: SharedStore,
  onTransition: TransitionHandler = () => undefined,
  /** Lua that sets `now`; only tests have another clock than Redis. */
  time = REDIS_TIME,
): BreakerStore {
  const run = createScript(luaWith(time));
  const call = async (op: string, args: readonly (string | number)[]): Promise<unknown> => {
    const client = store.client();
    if (!client) throw new Error('Redis is away');
    return run(client, [PREFIX], [op, CHANNEL, KEEP_SECONDS, MAX_CHANGES, ...args]);
  };
  const batch = async (op: string, args: readonly (string | number)[]) => {
    // The script answers [[probe, answer], …] and what it moved.
    const [rows, moves] = (await call(op, args)) as [[number, Row][], Row[]];
    for (const move of moves) onTransition(readTransition(move));
    return rows.map(([probe, row]) => ({ probe, answer: readAnswer(row, op === 'exchange') }));
  };
  const one = async (op: string, args: readonly (string | number)[]) => {
    const [only] = await batch(op, [1, ...args]);
    if (!only) throw new Error('Redis answered nothing');
    return only;
  };
  return {
    async exchange(replica, offers) {
      const args = offers.flatMap(({ name, policy, generation, window }) => [
        ...head(name, policy),
        generation,
        window ?? '-',
      ]);
      const rows = await batch('exchange', [replica, offers.length, ...args]);
      return rows.map(({ answer }) => answer);
    },
    async acquire(name, policy) {
      const { probe: slot, answer } = await one('acquire', head(name, policy));
      const probe: Probe | null = slot < 0 ? null : { generation: answer.generation, slot };
      return { answer, probe };
    },
    async settle(name, policy, { generation, slot, outcome }) {
      return (await one('settle', [...head(name, policy), generation, slot, outcome])).answer;
    },
    async change(name, policy, asked) {
      const value =
        asked.kind === 'open' ? asked.generation : asked.kind === 'force' ? asked.mode : '';
      const cause = asked.kind === 'open' ? asked.cause : '';
      return (await one('change', [...head(name, policy), asked.kind, value, cause])).answer;
    },
    async rejoin(brought) {
      const args = brought.flatMap((each) => [
        ...head(each.name, each.policy),
        ...[each.base, each.generation, each.machine, each.forced ?? ''],
        ...[Math.max(0, Math.round(each.openedAgoMs)), each.cause],
      ]);
      return (await batch('rejoin', [brought.length, ...args])).map(({ answer }) => answer);
    },
    async changed(since) {
      const [version, all, ...names] = (await call('changed', [since])) as [number, number];
      return { version, names: all === 1 ? names.map(String) : null };
    },
    onChanged: (handler) =>
      store.subscribe(CHANNEL, (message) => {
        const row: unknown = JSON.parse(message);
        if (Array.isArray(row)) handler(readAnswer(row));
      }),
  };
}

const head = (name: string, policy: BreakerPolicy): (string | number)[] => [
  name,
  policy.windowMs,
  policy.openMs,
  policy.halfOpenProbes,
  policy.probeLeaseMs,
];

/** Written by the script alone, so that its words are ours. */
function readAnswer(row: Row, withWindows = false): Answer {
  const [name, generation, machine, forced, openedAgoMs, cause, slots, ...windows] = row;
  return {
    name: String(name),
    generation: Number(generation),
    machine: machine as Machine,
    forced: forced === '' ? null : (forced as Forced),
    openedAgoMs: Math.max(0, Number(openedAgoMs)),
    cause: cause as Cause,
    slots: slots === '' ? [] : String(slots).split(',').map(Number),
    windows: withWindows ? readWindows(windows) : null,
  };
}

function readWindows(row: Row): NonNullable<Answer['windows']> {
  return Array.from({ length: Math.floor(row.length / 3) }, (_, n) => ({
    replica: String(row[n * 3]),
    agoMs: Number(row[n * 3 + 1]),
    window: String(row[n * 3 + 2]),
  }));
}

function readTransition(row: Row): Transition {
  const [name, generation, from, to, forced, cause, agoMs] = row;
  return {
    name: String(name),
    generation: Number(generation),
    from: from as Machine,
    to: to as Machine,
    forced: forced === '' ? null : (forced as Forced),
    cause: cause as Cause,
    agoMs: Number(agoMs),
  };
}
