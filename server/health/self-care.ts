/**
 * Remedies for the console itself. Redis needs none here: the platform works from memory while it is away and goes
 * back by itself. Under memory pressure caches are dropped and what has expired is purged, at most every ten
 * minutes, and that is written down like any other remedy.
 */
import type { Audit } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';

export const PRESSURE = 0.85;
const PAUSE_MS = 10 * 60_000;
const EVERY_MS = 15_000;

export type Reliever = { name: string; run(): unknown };
export type SelfCare = {
  /** Looks once; answers what it did. */
  tick(): Promise<string[]>;
  start(): void;
  close(): void;
};

export function createSelfCare(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  log: Log;
  own: () => Promise<{ heapUsedBytes: number; heapLimitBytes: number }>;
  relievers: readonly Reliever[];
}): SelfCare {
  const { db, audit, clock, log, relievers } = deps;
  let last = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const tick = async () => {
    const { heapUsedBytes, heapLimitBytes } = await deps.own();
    const ratio = heapUsedBytes / heapLimitBytes;
    if (ratio < PRESSURE || clock.monotonicMs() - last < PAUSE_MS) return [];
    last = clock.monotonicMs();
    const done: string[] = [];
    for (const { name, run } of relievers) {
      try {
        await run();
        done.push(name);
      } catch (err) {
        log.warn({ err, reliever: name }, 'memory could not be relieved');
      }
    }
    log.warn({ ratio, done }, 'memory pressure: caches dropped, expired entries purged');
    await db.tx((tx) =>
      audit.append(
        tx,
        {
          actor: { kind: 'system', id: null, name: 'self-care' },
          rule: 'remedy:builtin',
          requestId: null,
        },
        {
          action: 'health.own.relieve',
          target: { kind: 'console', id: null, name: 'memory' },
          after: { heapUsedRatio: Math.round(ratio * 100) / 100, done },
        },
      ),
    );
    return done;
  };
  return {
    tick,
    start() {
      timer = setInterval(() => {
        tick().catch((err) => log.debug({ err }, 'self-care was not possible'));
      }, EVERY_MS);
      timer.unref();
    },
    close: () => clearInterval(timer),
  };
}
