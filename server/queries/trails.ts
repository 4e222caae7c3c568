/**
 * What programs asked one after the other, as far as it is needed to see the same question asked again and again. In
 * memory, for ten minutes; values are kept as hashes under a key of this process. Statements that were slow are also
 * counted by their values, so that a repeated call can be told from many different ones.
 */
import type { StatementEvent } from './advisor/workload.ts';

/** The same text as often within one trace makes it worth keeping. */
export const WORTH = 5;
const MAX_EVENTS = 200;
const MAX_TRAILS = 200;
const KEPT_MS = 600_000;
const MAX_EVENTS_READ = 20_000;
const MAX_STATEMENTS = 1_000;
const MAX_VALUES = 500;

/** One trace, as it grows. */
export class Trail {
  readonly trace: string;
  readonly caller: string;
  readonly events: TrailEvent[] = [];
  #times = new Map<string, number>();
  constructor(trace: string, caller: string) {
    this.trace = trace;
    this.caller = caller;
  }
  /** True when it has just become worth keeping. */
  push(event: TrailEvent): boolean {
    if (this.events.length >= MAX_EVENTS) return false;
    this.events.push(event);
    const times = (this.#times.get(event.text) ?? 0) + 1;
    this.#times.set(event.text, times);
    return times === WORTH;
  }
}
export type TrailEvent = {
  /** The text, or what stands for it. */
  text: string;
  atMs: number;
  durationMs: number;
  values: number;
  session: string;
};

export type Trails = {
  keep(trail: Trail, nowMs: number): void;
  recent(nowMs: number): Trail[];
};

export function createTrails(): Trails {
  let kept: { trail: Trail; atMs: number }[] = [];
  return {
    keep(trail, nowMs) {
      if (kept.some((one) => one.trail === trail)) return;
      kept.push({ trail, atMs: nowMs });
      if (kept.length > MAX_TRAILS) kept.shift();
    },
    recent(nowMs) {
      kept = kept.filter(({ atMs }) => nowMs - atMs < KEPT_MS);
      return kept.map(({ trail }) => trail);
    },
  };
}

/** As the advisor reads them; `sql` says how a text is written for it. */
export function eventsOf(
  trails: readonly Trail[],
  sql: (text: string) => { sql: string; fingerprint: string } | undefined,
): StatementEvent[] {
  const events: StatementEvent[] = [];
  for (const { trace, caller, events: own } of trails) {
    for (const event of own) {
      const known = sql(event.text);
      if (!known) continue;
      if (events.length >= MAX_EVENTS_READ) return events;
      events.push({
        trace,
        session: event.session,
        atMs: event.atMs,
        durationMs: event.durationMs,
        sql: known.sql,
        fingerprint: known.fingerprint,
        params: [`#${event.values.toString(36)}`],
        caller,
      });
    }
  }
  return events;
}

/** How often slow statements ran with values that they had run with before. */
export type Repeats = {
  count(statement: string, values: number, nowMs: number): void;
  /** Share of calls that repeated values, 0–1; null when too little was seen. */
  share(statement: string, nowMs: number): number | null;
  /** Of all that enough was seen of. */
  all(nowMs: number): [statement: string, share: number][];
};
const ENOUGH = 5;

export function createRepeats(): Repeats {
  const statements = new Map<
    string,
    { sinceMs: number; calls: number; values: Map<number, number> }
  >();
  const share: Repeats['share'] = (statement, nowMs) => {
    const one = statements.get(statement);
    if (!one || one.calls < ENOUGH || nowMs - one.sinceMs > 2 * KEPT_MS) return null;
    // A call with values that there was no room for counts as one of its own.
    let repeated = 0;
    for (const times of one.values.values()) repeated += times - 1;
    return repeated / one.calls;
  };
  return {
    share,
    all: (nowMs) =>
      [...statements.keys()].flatMap((statement): [string, number][] => {
        const found = share(statement, nowMs);
        return found === null ? [] : [[statement, found]];
      }),
    count(statement, values, nowMs) {
      let one = statements.get(statement);
      if (!one || nowMs - one.sinceMs > 2 * KEPT_MS) {
        one = { sinceMs: nowMs, calls: 0, values: new Map() };
        statements.delete(statement);
        statements.set(statement, one);
        const [oldest] = statements.keys();
        if (statements.size > MAX_STATEMENTS && oldest !== undefined) statements.delete(oldest);
      }
      one.calls += 1;
      if (one.values.has(values) || one.values.size < MAX_VALUES)
        one.values.set(values, (one.values.get(values) ?? 0) + 1);
    },
  };
}

/** FNV-1a over the values, from a start that only this process knows; equal values give equal numbers. */
export function createHash(seed: number): (values: readonly unknown[]) => number {
  const text = (hash: number, value: string): number => {
    let next = hash;
    // Long values that differ in the middle alone count as equal; that is rare and does no harm.
    const step = value.length > 256 ? Math.ceil(value.length / 256) : 1;
    for (let n = 0; n < value.length; n += step)
      next = Math.imul(next ^ value.charCodeAt(n), 0x01000193);
    return Math.imul(next ^ value.length, 0x01000193);
  };
  return (values) => {
    let hash = seed | 0;
    for (const value of values) {
      if (typeof value === 'string') hash = text(hash, value);
      else if (value === null || value === undefined) hash = Math.imul(hash ^ 0x5f, 0x01000193);
      else if (Buffer.isBuffer(value)) hash = text(hash, value.toString('latin1', 0, 256));
      else if (value instanceof Date) hash = text(hash, String(value.getTime()));
      else if (Array.isArray(value))
        hash = text(hash, `${value.length}:${value.slice(0, 20).join()}`);
      else hash = text(hash, String(value));
    }
    return hash >>> 0;
  };
}
