/**
 * The breakers of one program and what keeps them in step: outcomes go to the store a few times a second, changes come
 * from it at once and, should a message be lost, with the next look a second later. While the store is away, or slow,
 * each goes on alone in this process from the state that it knew, and on return the strictest state wins.
 *
 * A call never waits for the store, except for a trial call, and that for at most `askTimeoutMs`.
 */
import { ASK, Breaker, type Effect, type Outcome, REJECTED } from './breaker.ts';
import type { BreakerPolicy } from './contract.ts';
import { createMemoryBreakers } from './records.ts';
import type { Change } from './state.ts';
import type { Answer, BreakerStore, Offer, TransitionHandler } from './store.ts';
import { packBuckets } from './window.ts';

export type BreakerGroup = {
  /** The breaker of a name; made when it is new. */
  get(name: string, policy: BreakerPolicy): Breaker;
  find(name: string): Breaker | undefined;
  all(): Iterable<Breaker>;
  drop(name: string): void;
  /** Hears of these what the store has, now. */
  refresh(some: readonly Breaker[]): Promise<void>;
  /** A token for one call, or REJECTED. */
  admit(breaker: Breaker): number | Promise<number>;
  /** `at` is the end of the call, by default now. */
  record(breaker: Breaker, token: number, outcome: Outcome, durationMs: number, at?: number): void;
  /** Carries something to the store by hand: force, trip, reset, or a trial call of somebody else. */
  change(breaker: Breaker, asked: Change): Promise<Answer>;
  carry(breaker: Breaker, effect: Effect): Promise<void>;
  /** The store that answers now: the shared one, or this process. */
  store(): BreakerStore;
  /** What was not told to the store yet is told. */
  flush(): Promise<void>;
  status(): { away: boolean; since: number; breakers: number };
  close(): Promise<void>;
};

const MAX_BATCH = 500;

export function createBreakerGroup(options: {
  /** Name of this program among those that share the breakers. */
  replica: string;
  /** Null: nothing is shared. */
  store: BreakerStore | null;
  /** Whether the store may be asked; by default it is tried each second. */
  available?: () => boolean;
  /** Monotonic milliseconds. */
  now: () => number;
  onTransition?: TransitionHandler;
  onAway?: (away: boolean, error: unknown) => void;
  flushMs?: number;
  pollMs?: number;
  askTimeoutMs?: number;
  /** More than these are kept only while they are in use. */
  maxBreakers?: number;
}): BreakerGroup {
  const { replica, store, now } = options;
  const { flushMs = 200, pollMs = 1_000, askTimeoutMs = 250, maxBreakers = 10_000 } = options;
  const breakers = new Map<string, Breaker>();
  const memory = createMemoryBreakers(now, options.onTransition);
  const bases = new Map<string, number>();
  let away = store === null;
  let since = now();
  let version = 0;
  let dirty: Breaker[] = [];
  const pending = new Set<Promise<unknown>>();
  let busy = false;
  let closed = false;

  const wait = <T>(work: Promise<T>): Promise<T> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('the store is slow')), askTimeoutMs);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  };
  const goAlone = (error: unknown) => {
    if (away) return;
    away = true;
    since = now();
    for (const breaker of breakers.values()) settleAlone(breaker);
    options.onAway?.(true, error);
  };
  const settleAlone = (breaker: Breaker) => {
    memory.records.seed(now(), breaker.answer(now()));
    bases.set(breaker.name, breaker.generation);
    breaker.forget();
  };
  /** Asks the shared store, and this process when that does not answer. */
  const ask = async <T>(work: (store: BreakerStore) => Promise<T>): Promise<T> => {
    if (!away && options.available?.() === false) goAlone(new Error('the store is away'));
    if (store === null || away) return work(memory);
    try {
      return await wait(work(store));
    } catch (error) {
      goAlone(error);
      return work(memory);
    }
  };
  const adopt = (breaker: Breaker, answer: Answer, anyway = false): void => {
    const effect = breaker.adopt(answer, now(), { anyway });
    if (effect) background(carry(breaker, effect));
  };
  const carry = async (breaker: Breaker, effect: Effect): Promise<void> => {
    const { name, policy } = breaker;
    const answer = await ask((at) =>
      effect.kind === 'settle'
        ? at.settle(name, policy, effect.probe)
        : at.change(name, policy, effect.change),
    );
    adopt(breaker, answer);
  };
  const background = (work: Promise<unknown>) => {
    const settled: Promise<unknown> = work
      .catch(() => undefined)
      .finally(() => pending.delete(settled));
    pending.add(settled);
  };

  const exchange = async (some: readonly Breaker[]): Promise<void> => {
    for (let from = 0; from < some.length; from += MAX_BATCH) {
      const batch = some.slice(from, from + MAX_BATCH);
      const offers = batch.map((breaker): Offer => {
        const window = breaker.dirty ? packBuckets(breaker.buckets(now())) : null;
        breaker.dirty = false;
        const { name, policy, generation, rejected } = breaker;
        return { name, policy, generation, window, rejected };
      });
      const answers = await ask((at) => at.exchange(replica, offers));
      const lost: Breaker[] = [];
      for (const [index, answer] of answers.entries()) {
        const breaker = batch[index];
        const offer = offers[index];
        if (!breaker || !offer) continue;
        // The store has forgotten: it was emptied, or the record was not used for long.
        if (answer.generation < offer.generation) lost.push(breaker);
        else adopt(breaker, answer);
      }
      if (lost.length > 0) await bring(lost);
    }
  };
  const bring = async (some: readonly Breaker[]): Promise<void> => {
    const at = store === null || away ? memory : store;
    for (let from = 0; from < some.length; from += MAX_BATCH) {
      const batch = some.slice(from, from + MAX_BATCH);
      const answers = await wait(
        at.rejoin(
          batch.map((breaker) => {
            const { windows: _, ...known } = bases.has(breaker.name)
              ? memory.records.peek(now(), breaker.name, breaker.policy)
              : breaker.answer(now());
            const base = bases.get(breaker.name) ?? breaker.generation;
            return { ...known, policy: breaker.policy, base };
          }),
        ),
      );
      for (const [index, answer] of answers.entries()) {
        const breaker = batch[index];
        if (breaker) adopt(breaker, answer, true);
      }
    }
  };
  const comeBack = async (): Promise<void> => {
    if (store === null || !away || options.available?.() === false) return;
    try {
      version = (await wait(store.changed(Number.MAX_SAFE_INTEGER))).version;
      away = false;
      await bring([...breakers.values()]);
    } catch {
      // It went again; what was brought is brought again.
      away = true;
      return;
    }
    since = now();
    memory.records.clear();
    bases.clear();
    options.onAway?.(false, null);
  };

  const poll = async (): Promise<void> => {
    if (away) await comeBack();
    const changed = new Set<Breaker>();
    if (store !== null && !away) {
      const { version: newest, names } = await wait(store.changed(version));
      version = newest;
      for (const name of names ?? breakers.keys()) {
        const breaker = breakers.get(name);
        if (breaker) changed.add(breaker);
      }
    }
    for (const breaker of breakers.values()) {
      if (!breaker.passes) changed.add(breaker);
    }
    await exchange([...changed]);
  };
  const flush = async (): Promise<void> => {
    if (dirty.length === 0) return;
    const some = dirty;
    dirty = [];
    await exchange(some);
  };
  const prune = () => {
    if (breakers.size <= maxBreakers) return;
    let looks = 0;
    for (const breaker of breakers.values()) {
      if (breakers.size <= maxBreakers || ++looks > 5_000) return;
      // Those that stay go to the end, so that the next look begins with others.
      breakers.delete(breaker.name);
      if (!breaker.idle(now())) breakers.set(breaker.name, breaker);
    }
  };
  const look = async () => {
    if (busy || closed) return;
    busy = true;
    try {
      prune();
      await poll();
    } catch (error) {
      goAlone(error);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => background(look()), pollMs);
  timer.unref();
  let flushing: ReturnType<typeof setTimeout> | undefined;
  const flushSoon = () => {
    if (flushing !== undefined || closed) return;
    flushing = setTimeout(() => {
      flushing = undefined;
      background(flush().catch(goAlone));
    }, flushMs);
    flushing.unref();
  };
  /** It has something to tell. */
  const touch = (breaker: Breaker) => {
    if (breaker.dirty) return;
    breaker.dirty = true;
    dirty.push(breaker);
    flushSoon();
  };
  const hear = (from: BreakerStore, when: () => boolean) =>
    from.onChanged((answer) => {
      const breaker = when() && breakers.get(answer.name);
      if (breaker) adopt(breaker, { ...answer, windows: null });
    });
  const ends = [hear(memory, () => away), store && hear(store, () => !away)];

  return {
    get(name, policy) {
      const known = breakers.get(name);
      if (known) return known;
      const breaker = new Breaker(name, policy);
      breakers.set(name, breaker);
      if (!away) background(exchange([breaker]));
      else if (memory.records.has(name)) {
        adopt(breaker, memory.records.peek(now(), name, policy));
      }
      return breaker;
    },
    find: (name) => breakers.get(name),
    all: () => breakers.values(),
    drop: (name) => breakers.delete(name),
    refresh: exchange,
    admit(breaker) {
      const token = breaker.admit(now());
      if (token === REJECTED) touch(breaker);
      if (token !== ASK) return token;
      const { name, policy } = breaker;
      return ask((at) => at.acquire(name, policy)).then(
        ({ answer, probe }) => {
          adopt(breaker, answer);
          return breaker.granted(probe, now());
        },
        () => REJECTED,
      );
    },
    record(breaker, token, outcome, durationMs, at = now()) {
      const effect = breaker.record(token, outcome, durationMs, at);
      if (token > 0) touch(breaker);
      if (effect) background(carry(breaker, effect));
    },
    async change(breaker, asked) {
      const { name, policy } = breaker;
      const answer = await ask((at) => at.change(name, policy, asked));
      adopt(breaker, answer);
      return answer;
    },
    carry,
    store: () => (away || store === null ? memory : store),
    flush,
    status: () => ({ away: store !== null && away, since, breakers: breakers.size }),
    async close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(flushing);
      for (const end of ends) end?.();
      await flush().catch(() => undefined);
      await Promise.all(pending);
    },
  };
}
