import { LRUCache } from 'lru-cache';
import type { Page } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { createPatience } from '../platform/patience.ts';
import type { RedisClient } from '../platform/redis/connect.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import {
  type CacheKeyItem,
  type CachePage,
  type CacheStatus,
  type EvictInput,
  type Namespace,
  namespaceNames,
  namespaces,
} from './contract.ts';
import { type Envelope, earlyMs, refreshEarly } from './envelope.ts';
import { matchesGlob } from './glob.ts';
import { type Change, parseChange } from './message.ts';
import * as remote from './remote.ts';

const BYTES_MAX = 32 * 1024 * 1024;
const ENTRY_BYTES_MAX = 4 * 1024 * 1024;
const ENTRIES_MAX = 50_000;
const KEY_MAX = 300;
const CHANNEL = 'wheelhouse:cache';
/** How long the memory of one process is believed before Redis is asked whether something became old unheard. */
const BELIEVE_MS = 5_000;
/** The same while Redis is away and other replicas cannot tell what they change. */
const BELIEVE_ALONE_MS = 1_000;
const within = createPatience(250);
const PAUSE_MS = 1_000;
const LEASE_MS = 10_000;
const WAIT_MAX_MS = 12_000;
const POLL_FIRST_MS = 10;
const POLL_MAX_MS = 200;
const MISSED_MAX = 1_000;
const METRICS_EVERY_MS = 1_000;

type Entry = {
  namespace: Namespace;
  /** Ready to hand out: a look into memory makes no promise of its own. */
  promise: Promise<unknown>;
  bytes: number;
  tags: readonly string[];
  versions: readonly string[];
  tookMs: number;
  /** Of the monotonic clock. */
  loadedAt: number;
  freshUntil: number;
  staleUntil: number;
  /** Until then nothing has to be thought about. */
  easyUntil: number;
  believedUntil: number;
  hits: number;
  /** Of the hits, those that were told to `onAccesses`. */
  told: number;
};
type Flight = { promise: Promise<unknown>; tags: readonly string[]; void: boolean };
type Stats = {
  hits: number;
  misses: number;
  loads: number;
  failures: number;
  stale: number;
  unreadable: number;
};
const nothing: Stats = { hits: 0, misses: 0, loads: 0, failures: 0, stale: 0, unreadable: 0 };

export type Cache = {
  /**
   * What `load` answers, kept under `namespace:key` until its time is up or one of its tags becomes old. It must be plain
   * JSON, and is shared by all who ask: nobody may change it. Errors of `load` reach those who wait and are not kept.
   */
  wrap<T>(
    namespace: Namespace,
    key: string,
    load: () => Promise<T>,
    options?: { tags?: readonly string[] },
  ): Promise<T>;
  /** After the commit of a change, before it is answered: nobody sees what was loaded before, on no replica. */
  invalidate(...tags: readonly string[]): Promise<void>;
  status(): CacheStatus;
  top(page: CachePage): Page<CacheKeyItem>;
  evict(authority: Authority, input: EvictInput): Promise<{ evicted: number }>;
  /** Forgets what is in the memory of this process; Redis keeps it. */
  relieve(): void;
  /** Tells how often each key was asked for since the last time. */
  takeAccesses(): Map<string, number>;
  /** Whether a key is held and not old, without counting as a look. */
  holds(namespace: Namespace, key: string): boolean;
  close(): void;
};

export function createCache(deps: {
  store: SharedStore;
  db: Pick<Db, 'tx'>;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  /** In (0, 1]. */
  random: () => number;
  replicas: () => number;
  bytesMax?: number;
}): Cache {
  const { store, clock, log, random } = deps;
  const bytesMax = deps.bytesMax ?? BYTES_MAX;
  const replica = newId(clock.now());
  const accesses = new Map<string, number>();
  const stats = new Map<Namespace, Stats>(namespaceNames.map((name) => [name, { ...nothing }]));
  const statsOf = (namespace: Namespace): Stats => {
    const found = stats.get(namespace);
    if (!found) throw new TypeError(`${namespace} is no namespace of the cache`);
    return found;
  };
  const countAccesses = (key: string, entry: Entry) => {
    if (entry.hits === entry.told) return;
    if (accesses.size < ENTRIES_MAX || accesses.has(key)) {
      accesses.set(key, (accesses.get(key) ?? 0) + entry.hits - entry.told);
    }
    entry.told = entry.hits;
  };
  const memory = new LRUCache<string, Entry>({
    max: ENTRIES_MAX,
    maxSize: bytesMax,
    maxEntrySize: Math.min(ENTRY_BYTES_MAX, bytesMax),
    sizeCalculation: ({ bytes }) => bytes,
    dispose: (entry, key) => countAccesses(key, entry),
  });
  const flights = new Map<string, Flight>();
  /** Tags that became old while Redis was away; told when it is back. */
  const missed = new Set<string>();

  // ---- Redis, when it is there and answers in time.
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let wasShared = false;
  const shared = (): RedisClient | null =>
    clock.monotonicMs() < pausedUntil ? null : store.client();
  /** Null when Redis is away, or did not answer in time. */
  const ask = async <T>(work: (redis: RedisClient) => Promise<T>): Promise<T | null> => {
    const redis = shared();
    if (!redis) {
      wasShared = false;
      return null;
    }
    try {
      return await within(
        (async () => {
          if (!wasShared) await comeBack(redis);
          return work(redis);
        })(),
        'Redis',
      );
    } catch (err) {
      log.debug({ err }, 'the cache works in this process alone');
      pausedUntil = clock.monotonicMs() + PAUSE_MS;
      wasShared = false;
      return null;
    }
  };
  const comeBack = async (redis: RedisClient) => {
    const tags = [...missed];
    if (tags.length > 0) {
      await remote.makeOld(redis, tags);
      for (const tag of tags) missed.delete(tag);
      await store.publish(CHANNEL, JSON.stringify({ from: replica, tags } satisfies Change));
    }
    // What others changed meanwhile was not heard.
    for (const entry of memory.values()) {
      entry.believedUntil = 0;
      entry.easyUntil = 0;
    }
    wasShared = true;
  };

  // ---- Becoming old.
  const allTags = (namespace: Namespace, key: string, tags: readonly string[]) => [
    ...tags,
    `namespace:${namespace}`,
    `key:${key}`,
  ];
  const apply = ({ tags = [], pattern }: Pick<Change, 'tags' | 'pattern'>): number => {
    const old = new Set(tags);
    const hit = (key: string, of: readonly string[]) =>
      of.some((tag) => old.has(tag)) || (pattern !== undefined && matchesGlob(pattern, key));
    let dropped = 0;
    for (const [key, entry] of memory.entries()) {
      if (hit(key, entry.tags)) {
        memory.delete(key);
        dropped++;
      }
    }
    // Whoever asks from now on does not wait for a load that began before.
    for (const [key, flight] of flights) {
      if (!hit(key, flight.tags)) continue;
      flight.void = true;
      flights.delete(key);
    }
    return dropped;
  };
  const makeOld = async (tags: readonly string[], pattern?: string): Promise<number> => {
    const dropped = apply({ tags: [...tags], ...(pattern === undefined ? {} : { pattern }) });
    if (store.status().state === 'off') return dropped;
    const told = await ask(async (redis) => {
      await remote.makeOld(redis, tags);
      const change: Change = {
        from: replica,
        tags: [...tags],
        ...(pattern === undefined ? {} : { pattern }),
      };
      await store.publish(CHANNEL, JSON.stringify(change));
      return true;
    });
    if (!told) {
      for (const tag of tags) if (missed.size < MISSED_MAX) missed.add(tag);
      // Too many to remember: all of it.
      if (missed.size >= MISSED_MAX)
        for (const name of namespaceNames) missed.add(`namespace:${name}`);
    }
    // Loads that read the versions before they were counted up.
    return dropped + apply({ tags: [...tags], ...(pattern === undefined ? {} : { pattern }) });
  };
  const stopListening = store.subscribe(CHANNEL, (text) => {
    const change = parseChange(text);
    if (change && change.from !== replica) apply(change);
  });

  // ---- Loading.
  const keep = (
    key: string,
    namespace: Namespace,
    tags: readonly string[],
    envelope: Envelope,
    bytes: number,
  ): Entry => {
    const { ttlMs, graceMs } = namespaces[namespace];
    const now = clock.monotonicMs();
    const ageMs = Math.max(0, clock.now().getTime() - envelope.loadedAtMs);
    const loadedAt = now - ageMs;
    const freshUntil = loadedAt + ttlMs;
    const entry: Entry = {
      namespace,
      promise: Promise.resolve(envelope.value),
      bytes,
      tags,
      versions: envelope.versions,
      tookMs: envelope.tookMs,
      loadedAt,
      freshUntil,
      staleUntil: freshUntil + graceMs,
      easyUntil: 0,
      believedUntil: 0,
      hits: 0,
      told: 0,
    };
    believe(entry, now);
    const before = memory.peek(key);
    if (before) {
      entry.hits = before.hits;
      entry.told = before.told;
    }
    memory.set(key, entry);
    return entry;
  };
  const believe = (entry: Entry, now: number) => {
    const alone = deps.replicas() > 1 ? BELIEVE_ALONE_MS : Number.POSITIVE_INFINITY;
    entry.believedUntil = now + (store.status().state === 'up' ? BELIEVE_MS : alone);
    entry.easyUntil = Math.min(entry.believedUntil, entry.freshUntil - earlyMs(entry.tookMs));
  };
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

  /** From Redis, or by `load`: one caller on all replicas loads, the others wait for what it finds. */
  const fetch = async (
    key: string,
    namespace: Namespace,
    tags: readonly string[],
    load: () => Promise<unknown>,
    flight: Flight,
    anew: boolean,
  ): Promise<unknown> => {
    const own = statsOf(namespace);
    const began = clock.monotonicMs();
    const beganAtMs = clock.now().getTime();
    let pauseMs = POLL_FIRST_MS;
    let holds = false;
    let versions: readonly string[] = tags.map(() => '0');
    const { ttlMs, graceMs } = namespaces[namespace];
    while (shared()) {
      const found = await ask((redis) => remote.readValue(redis, key, tags));
      if (!found) break;
      if (found.unreadable) own.unreadable++;
      versions = found.versions;
      const { envelope } = found;
      const isNew = envelope !== null && clock.now().getTime() - envelope.loadedAtMs < ttlMs;
      // Who fetches anew before it is due wants what was loaded since.
      if (isNew && (!anew || envelope.loadedAtMs >= beganAtMs)) {
        if (!flight.void)
          keep(key, namespace, tags, envelope, JSON.stringify(envelope.value).length);
        return envelope.value;
      }
      holds = (await ask((redis) => remote.takeLease(redis, key, replica, LEASE_MS))) ?? false;
      if (holds || clock.monotonicMs() - began > WAIT_MAX_MS) break;
      await sleep(pauseMs * (0.5 + random()));
      pauseMs = Math.min(POLL_MAX_MS, pauseMs * 2);
    }
    try {
      own.loads++;
      const loadedAtMs = clock.now().getTime();
      const loading = clock.monotonicMs();
      const loaded = JSON.stringify((await load()) ?? null);
      const envelope: Envelope = {
        // As others read it from Redis, so that all replicas see the same.
        value: JSON.parse(loaded),
        loadedAtMs,
        tookMs: clock.monotonicMs() - loading,
        versions,
      };
      if (!flight.void) {
        keep(key, namespace, tags, envelope, loaded.length);
        if (loaded.length <= ENTRY_BYTES_MAX) {
          await ask((redis) => remote.writeValue(redis, key, envelope, ttlMs + graceMs));
        }
      }
      return envelope.value;
    } catch (error) {
      own.failures++;
      throw error;
    } finally {
      if (holds) await store.deleteIf(remote.leaseKey(key), replica).catch(() => undefined);
    }
  };
  const fly = (
    key: string,
    namespace: Namespace,
    tags: readonly string[],
    load: () => Promise<unknown>,
    anew = false,
  ): Promise<unknown> => {
    const running = flights.get(key);
    if (running) return running.promise;
    const flight: Flight = { promise: Promise.resolve(), tags, void: false };
    flight.promise = fetch(key, namespace, tags, load, flight, anew).finally(() => {
      if (flights.get(key) === flight) flights.delete(key);
    });
    flights.set(key, flight);
    return flight.promise;
  };
  const flyBehind = (...what: Parameters<typeof fly>) => {
    if (flights.has(what[0])) return;
    fly(...what).catch((err) =>
      log.debug({ err, key: what[0] }, 'a value could not be fetched anew'),
    );
  };

  /** A value in memory that is near its end, past it, or was not compared with Redis for a while. */
  const consider = async (
    key: string,
    entry: Entry,
    load: () => Promise<unknown>,
  ): Promise<unknown> => {
    const own = statsOf(entry.namespace);
    const now = clock.monotonicMs();
    if (now >= entry.believedUntil) {
      const versions = await ask((redis) => remote.readVersions(redis, entry.tags));
      const same = versions?.every((version, i) => version === entry.versions[i]) ?? false;
      // Without Redis, what other replicas did cannot be known.
      if (!same && (versions !== null || deps.replicas() > 1)) {
        if (memory.peek(key) === entry) memory.delete(key);
        own.misses++;
        return fly(key, entry.namespace, entry.tags, load);
      }
      believe(entry, now);
    }
    if (now < entry.freshUntil) {
      own.hits++;
      entry.hits++;
      const leftMs = entry.freshUntil - now;
      if (
        leftMs <= earlyMs(entry.tookMs) &&
        refreshEarly({ leftMs, tookMs: entry.tookMs, random: random() })
      ) {
        flyBehind(key, entry.namespace, entry.tags, load, true);
      }
      return entry.promise;
    }
    if (now < entry.staleUntil) {
      own.hits++;
      own.stale++;
      entry.hits++;
      flyBehind(key, entry.namespace, entry.tags, load, true);
      return entry.promise;
    }
    own.misses++;
    memory.delete(key);
    return fly(key, entry.namespace, entry.tags, load);
  };

  // ---- What it says of itself.
  const looks = new Map(namespaceNames.map((name) => [name, deps.metrics.cache(name)]));
  const loads = deps.metrics.counter('cache_loads_total', 'Loads of values by cache and outcome.', [
    'cache',
    'outcome',
  ]);
  const shown = deps.metrics.counter(
    'cache_stale_total',
    'Values past their time that were shown while a new one came, by cache.',
    ['cache'],
  );
  const unread = deps.metrics.counter(
    'cache_unreadable_total',
    'Values in Redis that could not be read, by cache.',
    ['cache'],
  );
  const told = new Map<Namespace, Stats>();
  // A look costs less than counting it in the registry would: the registry learns of many at once.
  const tellMetrics = () => {
    for (const [cache, now] of stats) {
      const before = told.get(cache) ?? nothing;
      const more = (which: keyof Stats) => now[which] - before[which];
      looks.get(cache)?.('hit', more('hits'));
      looks.get(cache)?.('miss', more('misses'));
      loads.inc({ cache, outcome: 'succeeded' }, more('loads') - more('failures'));
      loads.inc({ cache, outcome: 'failed' }, more('failures'));
      shown.inc({ cache }, more('stale'));
      unread.inc({ cache }, more('unreadable'));
      told.set(cache, { ...now });
    }
  };
  let known = store.status().state;
  /** Redis went or came: what memory may be believed changes, also where nobody asks Redis. */
  const watch = () => {
    const state = store.status().state;
    if (state === known) return;
    known = state;
    const now = clock.monotonicMs();
    if (state === 'up') ask(async () => undefined);
    else for (const entry of memory.values()) believe(entry, now);
  };
  const timer = setInterval(() => {
    tellMetrics();
    watch();
  }, METRICS_EVERY_MS);
  timer.unref();
  deps.metrics.gauge('cache_entries', 'Values in the memory of this process.', () => memory.size);
  deps.metrics.gauge('cache_bytes', 'Their size as JSON.', () => memory.calculatedSize);
  const rate = (hits: number, misses: number) =>
    hits + misses > 0 ? hits / (hits + misses) : null;

  return {
    wrap<T>(
      namespace: Namespace,
      name: string,
      load: () => Promise<T>,
      options: { tags?: readonly string[] } = {},
    ): Promise<T> {
      const key = `${namespace}:${name}`;
      const entry = memory.get(key);
      if (entry !== undefined) {
        if (clock.monotonicMs() < entry.easyUntil) {
          entry.hits++;
          statsOf(namespace).hits++;
          // What a key holds was made by a load of the same type.
          return entry.promise as Promise<T>;
        }
        return consider(key, entry, load) as Promise<T>;
      }
      statsOf(namespace).misses++;
      if (key.length > KEY_MAX) return load();
      return fly(key, namespace, allTags(namespace, key, options.tags ?? []), load) as Promise<T>;
    },
    async invalidate(...tags) {
      await makeOld(tags);
    },
    status() {
      const held = new Map(namespaceNames.map((name) => [name, { entries: 0, bytes: 0 }]));
      for (const entry of memory.values()) {
        const sum = held.get(entry.namespace);
        if (!sum) continue;
        sum.entries++;
        sum.bytes += entry.bytes;
      }
      let [hits, misses] = [0, 0];
      for (const own of stats.values()) {
        hits += own.hits;
        misses += own.misses;
      }
      return {
        kept: shared() ? 'shared' : 'process',
        redis: store.status().state,
        entries: memory.size,
        bytes: memory.calculatedSize,
        bytesMax,
        hitRate: rate(hits, misses),
        namespaces: namespaceNames.map((name) => {
          const own = statsOf(name);
          return {
            name,
            ...namespaces[name],
            ...(held.get(name) ?? { entries: 0, bytes: 0 }),
            ...own,
            hitRate: rate(own.hits, own.misses),
          };
        }),
      };
    },
    top({ limit, cursor }) {
      const now = clock.monotonicMs();
      const all = [...memory.entries()].sort(([, a], [, b]) => b.hits - a.hits);
      const from = Number(cursor ?? 0);
      const items = all.slice(from, from + limit).map(([key, entry]) => ({
        key,
        namespace: entry.namespace,
        hits: entry.hits,
        bytes: entry.bytes,
        ageMs: Math.round(now - entry.loadedAt),
        freshForMs: Math.round(entry.freshUntil - now),
        tags: entry.tags.filter((tag) => !/^(namespace|key):/.test(tag)),
      }));
      const next = from + items.length;
      return { items, nextCursor: next < all.length ? String(next) : null };
    },
    async evict(authority, { by, value }) {
      // Written first: what was evicted without a trace could not be explained.
      await deps.db.tx((tx) =>
        deps.audit.append(tx, authority, {
          action: 'cache.evict',
          target: { kind: 'cache', id: null, name: value },
          after: { by, value },
        }),
      );
      if (by === 'pattern') {
        const found = (await ask((redis) => remote.keysLike(redis, value))) ?? [];
        const here = [...memory.keys()].filter((key) => matchesGlob(value, key));
        const keys = new Set([...found.filter((key) => matchesGlob(value, key)), ...here]);
        await makeOld(
          [...keys].map((key) => `key:${key}`),
          value,
        );
        return { evicted: keys.size };
      }
      const tag = by === 'tag' ? value : `${by}:${value}`;
      return { evicted: await makeOld([tag]) };
    },
    relieve() {
      memory.clear();
    },
    takeAccesses() {
      for (const [key, entry] of memory.entries()) countAccesses(key, entry);
      const taken = new Map(accesses);
      accesses.clear();
      return taken;
    },
    holds(namespace, name) {
      const entry = memory.peek(`${namespace}:${name}`);
      return entry !== undefined && clock.monotonicMs() < entry.freshUntil;
    },
    close() {
      clearInterval(timer);
      stopListening();
    },
  };
}
