/**
 * Loads what will be asked for before it is. Looks are counted by key and hour; shortly before each hour the keys that
 * are expected to be asked for within it are fetched: those first whose database statements would take the most time.
 */
import type { Page } from '../api/contract.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { CachePage, WarmKeyItem } from './contract.ts';
import { expectedCount, HISTORY_MS, HOUR_MS } from './forecast.ts';

const FLUSH_EVERY_MS = 60_000;
/** Of one process and minute. */
const KEYS_A_FLUSH = 500;
const ROWS_MAX = 20_000;
const KEYS_MAX = 200;
const WORTH_IT = 2;
const AT_ONCE = 4;

/** Fetches one key, without its namespace, through the cache; null when it is none that it knows. */
export type Warm = (name: string) => Promise<unknown> | null;
export type Warmer = {
  /** What will be asked for within the next hour, most first. */
  list(page: CachePage): Promise<Page<WarmKeyItem>>;
  /** Fetches what the next hour will ask for; answers how many values it asked the loaders for. */
  warm(signal: AbortSignal): Promise<number>;
  /** Writes down what was counted. */
  flush(): Promise<void>;
  purge(): Promise<number>;
  close(): Promise<void>;
};

const HOURS = [
  1,
  ...Array.from({ length: 14 }, (_, day) => (day + 1) * 24),
  ...Array.from({ length: 4 }, (_, week) => (week + 1) * 168),
];

export function createWarmer(deps: {
  db: Db;
  /** Where looks are counted: how often each key was asked for since the last time. */
  cache: { takeAccesses(): Map<string, number> };
  clock: Clock;
  log: Log;
  /** By namespace. */
  loaders: Readonly<Record<string, Warm>>;
  /** What the database takes to load a key once, in milliseconds, as far as it was seen; 0 when it was not. */
  costs?: () => Promise<(key: string) => number>;
}): Warmer {
  const { db, cache, clock, log, loaders } = deps;
  /** By the time that warming saves; where nothing is known of it, by looks. */
  const ranked = async (keys: WarmKeyItem[]): Promise<WarmKeyItem[]> => {
    const cost = await deps.costs?.().catch((err) => {
      log.debug({ err }, 'what loading takes is not known');
      return undefined;
    });
    if (!cost) return keys;
    const savedMs = new Map(keys.map(({ key, expected }) => [key, expected * cost(key)]));
    return keys.toSorted((a, b) => (savedMs.get(b.key) ?? 0) - (savedMs.get(a.key) ?? 0));
  };
  const split = (key: string) => {
    const at = key.indexOf(':');
    return { load: loaders[key.slice(0, at)], name: key.slice(at + 1) };
  };
  const nextHourMs = () => (Math.floor(clock.now().getTime() / HOUR_MS) + 1) * HOUR_MS;

  const flush = async () => {
    if (!db.status().up) return;
    const counted = [...cache.takeAccesses()]
      .filter(([key]) => split(key).load !== undefined)
      .sort(([, a], [, b]) => b - a)
      .slice(0, KEYS_A_FLUSH);
    if (counted.length === 0) return;
    await db.pool.query(
      `INSERT INTO cache_accesses (hour, key, count)
       SELECT $1, key, n FROM unnest($2::text[], $3::int[]) AS t(key, n) ORDER BY key
       ON CONFLICT (hour, key) DO UPDATE SET count = cache_accesses.count + excluded.count`,
      [
        new Date(nextHourMs() - HOUR_MS),
        counted.map(([key]) => key),
        counted.map(([, count]) => count),
      ],
    );
  };
  const timer = setInterval(() => {
    flush().catch((err) => log.debug({ err }, 'looks into the cache were not written'));
  }, FLUSH_EVERY_MS);
  timer.unref();

  const forecast = async (): Promise<WarmKeyItem[]> => {
    const hourMs = nextHourMs();
    const [{ rows }, { rows: first }] = await Promise.all([
      db.pool.query<{ key: string; hour: Date; count: number }>(
        `SELECT key, hour, count FROM cache_accesses WHERE hour = ANY($1::timestamptz[])
         ORDER BY count DESC LIMIT ${ROWS_MAX}`,
        [[...new Set(HOURS)].map((hours) => new Date(hourMs - hours * HOUR_MS))],
      ),
      db.pool.query<{ since: Date | null }>('SELECT min(hour) AS since FROM cache_accesses'),
    ]);
    const sinceMs = first[0]?.since?.getTime() ?? hourMs;
    const byKey = new Map<string, Map<number, number>>();
    for (const { key, hour, count } of rows) {
      const counts = byKey.get(key) ?? new Map<number, number>();
      counts.set(hour.getTime(), count);
      byKey.set(key, counts);
    }
    return [...byKey]
      .map(([key, counts]) => ({
        key,
        hour: new Date(hourMs).toISOString(),
        expected: Math.round(expectedCount(counts, hourMs, sinceMs) * 10) / 10,
        lastDay: counts.get(hourMs - 24 * HOUR_MS) ?? 0,
      }))
      .filter(({ expected }) => expected >= WORTH_IT)
      .sort((a, b) => b.expected - a.expected || (a.key < b.key ? -1 : 1))
      .slice(0, KEYS_MAX);
  };

  return {
    async list({ limit, cursor }) {
      const all = await forecast();
      const from = Number(cursor ?? 0);
      const items = all.slice(from, from + limit);
      const next = from + items.length;
      return { items, nextCursor: next < all.length ? String(next) : null };
    },
    async warm(signal) {
      const waiting = await ranked(await forecast());
      let asked = 0;
      const work = async () => {
        for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) {
          const { load, name } = split(next.key);
          try {
            const loaded = load?.(name) ?? null;
            if (loaded === null) continue;
            asked++;
            await loaded;
          } catch (err) {
            // What is gone by now, or cannot be had, is no reason to leave the others cold.
            log.debug({ err, key: next.key }, 'a value could not be warmed');
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return asked;
    },
    flush,
    async purge() {
      const { count } = await db.prisma.cacheAccess.deleteMany({
        where: { hour: { lt: new Date(clock.now().getTime() - HISTORY_MS - HOUR_MS) } },
      });
      return count;
    },
    async close() {
      clearInterval(timer);
      await flush().catch((err) => log.debug({ err }, 'looks into the cache were not written'));
    },
  };
}
