/**
 * The console's own statements, as its pool sends them: who called what how often, what took long, and what was asked
 * again and again within one call of a procedure.
 */
import type { Clock } from '../platform/clock.ts';
import type { Call, Caller, Db } from '../platform/db/index.ts';
import { MARK } from './collect/read.ts';
import type { WatchedDatabase } from './databases.ts';
import { count, emptyTally, type Tally } from './durations.ts';
import type { Registry } from './registry.ts';
import { parameterTexts, type SlowLog } from './slow-log.ts';
import { createRepeats, createTrails, Trail } from './trails.ts';

const MAX_TEXTS = 5_000;
const MAX_SLOW = 500;
const MAX_CALLERS_OF_TEXT = 200;
/** Statements that are faster are not worth a cache. */
const REPEATED_FROM_MS = 5;
const NOBODY = '(no request)';

type Slow = { call: Call; at: Date };
export type Own = {
  /** Describes and hands on what was seen; answers when it is with the log. */
  drain(): Promise<void>;
  recent(): Trail[];
  /** By text: the share of slow calls that repeated their values. */
  repeats(): [text: string, share: number][];
  start(): void;
  close(): void;
};

export function createOwn(deps: {
  db: Db;
  clock: Clock;
  registry: Registry;
  slowLog: SlowLog;
  hash: (values: readonly unknown[]) => number;
  /** The console's own database as it is set; null while that is not known, or it is paused. */
  database: () => WatchedDatabase | null;
}): Own {
  const { db, clock, registry, slowLog, hash } = deps;
  const trails = createTrails();
  const repeats = createRepeats();
  let growing = new WeakMap<Caller, Trail>();
  let texts = new Map<string, Map<string, Tally>>();
  let slow: Slow[] = [];
  let stop: (() => void) | null = null;

  const listen = (call: Call) => {
    const database = deps.database();
    if (!database || call.text.includes(MARK)) return;
    const { text, durationMs, caller } = call;
    let callers = texts.get(text);
    if (!callers) {
      if (texts.size >= MAX_TEXTS) return;
      callers = new Map();
      texts.set(text, callers);
    }
    const name = caller?.name ?? NOBODY;
    let tally = callers.get(name);
    if (!tally) {
      if (callers.size >= MAX_CALLERS_OF_TEXT) return;
      tally = emptyTally();
      callers.set(name, tally);
    }
    const isSlow = durationMs > database.slowMs;
    count(tally, durationMs, isSlow);
    if (isSlow && slow.length < MAX_SLOW) slow.push({ call, at: clock.now() });
    if (durationMs > REPEATED_FROM_MS) repeats.count(text, hash(call.values), clock.monotonicMs());
    if (!caller) return;
    let trail = growing.get(caller);
    if (!trail) {
      trail = new Trail(caller.requestId ? `${caller.requestId} ${name}` : name, name);
      growing.set(caller, trail);
    }
    const worth = trail.push({
      text,
      atMs: clock.now().getTime() - durationMs,
      durationMs,
      values: hash(call.values),
      session: '',
    });
    if (worth) trails.keep(trail, clock.monotonicMs());
  };

  return {
    async drain() {
      const database = deps.database();
      const seen = texts;
      const late = slow;
      texts = new Map();
      slow = [];
      if (!database || seen.size === 0) return;
      const all = [...seen.keys()];
      const known = await registry.identify(
        database.id,
        all.map((text) => ({ text })),
      );
      const ids = new Map(all.map((text, n) => [text, known[n]?.id ?? 0]));
      for (const [text, callers] of seen) {
        for (const [caller, tally] of callers)
          slowLog.called({
            databaseId: database.id,
            statementId: ids.get(text) ?? 0,
            source: 'own',
            caller,
            tally,
          });
      }
      for (const { call, at } of late)
        slowLog.add({
          databaseId: database.id,
          statementId: ids.get(call.text) ?? 0,
          at,
          durationMs: call.durationMs,
          source: 'own',
          caller: call.caller?.name ?? null,
          requestId: call.caller?.requestId ?? null,
          traceId: call.caller?.traceId ?? null,
          plan: null,
          parameters: database.keepParameters ? parameterTexts(call.values) : null,
        });
    },
    recent: () => trails.recent(clock.monotonicMs()),
    repeats: () => repeats.all(clock.monotonicMs()),
    start() {
      stop ??= db.calls.listen(listen);
    },
    close() {
      stop?.();
      stop = null;
      growing = new WeakMap();
    },
  };
}
