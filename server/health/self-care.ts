/**
 * Remedies for the console itself. Redis needs none here: the platform works from memory while it is away and goes
 * back by itself. Under memory pressure caches are dropped and what has expired is purged, at most every ten
 * minutes, and that is written down like any other remedy. What is kept in memory of what is stored, such as the policies,
 * is read again when it could not be compared with that for a while.
 */
import type { Audit } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';

export const PRESSURE = 0.85;
const PAUSE_MS = 10 * 60_000;
const MEND_PAUSE_MS = 60_000;
const EVERY_MS = 15_000;

export type Reliever = { name: string; run(): unknown };
/** Something of this process that may fall behind, and how it is put right. */
export type Mender = { name: string; needed(): boolean; run(): unknown };
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
  menders?: readonly Mender[];
}): SelfCare {
  const { db, audit, clock, log, relievers } = deps;
  const { menders = [] } = deps;
  let last = Number.NEGATIVE_INFINITY;
  const mended = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  const writeDown = (action: string, name: string, after: object) =>
    db.tx((tx) =>
      audit.append(
        tx,
        {
          actor: { kind: 'system', id: null, name: 'self-care' },
          rule: 'remedy:builtin',
          requestId: null,
        },
        { action, target: { kind: 'console', id: null, name }, after },
      ),
    );
  const mend = async () => {
    const done: string[] = [];
    for (const { name, needed, run } of menders) {
      const now = clock.monotonicMs();
      const before = mended.get(name) ?? Number.NEGATIVE_INFINITY;
      if (!needed() || now - before < MEND_PAUSE_MS) continue;
      mended.set(name, now);
      try {
        await run();
        done.push(name);
        log.warn({ name }, 'what was kept in memory was old and is read again');
        await writeDown('health.own.reload', name, { reloaded: true });
      } catch (err) {
        log.warn({ err, name }, 'what is kept in memory is old and could not be read again');
      }
    }
    return done;
  };
  const relieve = async () => {
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
    await writeDown('health.own.relieve', 'memory', {
      heapUsedRatio: Math.round(ratio * 100) / 100,
      done,
    });
    return done;
  };
  const tick = async () => [...(await mend()), ...(await relieve())];
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
