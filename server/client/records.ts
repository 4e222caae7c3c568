/** The store in this process: what Redis does, in plain objects. `now` is its one clock, in milliseconds. */
import type { BreakerPolicy } from './contract.ts';
import {
  acquire,
  type Change,
  change,
  initialState,
  type ProbeOutcome,
  pass,
  rejoin,
  type SharedState,
  settle,
} from './state.ts';
import type {
  Answer,
  BreakerStore,
  Brought,
  Offer,
  Probe,
  Transition,
  TransitionHandler,
} from './store.ts';

type Entry = {
  state: SharedState;
  /** By replica; made with the first. */
  windows: Map<string, { at: number; generation: number; window: string }> | null;
};
/** Least recently used ones leave first, those that are closed before the others. */
const MAX_RECORDS = 100_000;
/** Programs that are heard of one breaker; more are not, so that those that were there first stay. */
export const MAX_REPLICAS = 1_000;

export class BreakerRecords {
  readonly #entries = new Map<string, Entry>();
  readonly #onTransition: TransitionHandler;

  constructor(onTransition: TransitionHandler = () => undefined) {
    this.#onTransition = onTransition;
  }

  exchange(now: number, replica: string, { name, policy, generation, window }: Offer): Answer {
    const entry = this.#entry(name);
    this.#act(now, name, entry, (state) => pass(state, policy, now));
    if (window !== null) entry.windows?.delete(replica);
    if (window && generation === entry.state.generation) {
      entry.windows ??= new Map();
      if (entry.windows.size < MAX_REPLICAS) {
        entry.windows.set(replica, { at: now, generation, window });
      }
    }
    for (const [other, held] of entry.windows ?? []) {
      if (held.generation === entry.state.generation && now - held.at < policy.windowMs) continue;
      entry.windows?.delete(other);
    }
    return this.#answer(now, name, entry, replica);
  }

  acquire(now: number, name: string, policy: BreakerPolicy) {
    const entry = this.#entry(name);
    const slot = this.#act(now, name, entry, (state) => acquire(state, policy, now));
    const probe: Probe | null = slot < 0 ? null : { generation: entry.state.generation, slot };
    return { answer: this.#answer(now, name, entry), probe };
  }

  settle(
    now: number,
    name: string,
    policy: BreakerPolicy,
    probe: Probe & { outcome: ProbeOutcome },
  ) {
    const entry = this.#entry(name);
    this.#act(now, name, entry, (state) => settle(state, policy, probe, now));
    return this.#answer(now, name, entry);
  }

  change(now: number, name: string, policy: BreakerPolicy, asked: Change): Answer {
    const entry = this.#entry(name);
    this.#act(now, name, entry, (state) => change(state, policy, asked, now));
    return this.#answer(now, name, entry);
  }

  rejoin(now: number, brought: Brought): Answer {
    const entry = this.#entry(brought.name);
    const state = { ...brought, openedAt: now - brought.openedAgoMs, slots: [] };
    this.#act(now, brought.name, entry, (held) => rejoin(held, brought.policy, state, now));
    return this.#answer(now, brought.name, entry);
  }

  /** Begins a record with a state that is known from elsewhere. */
  seed(now: number, { name, openedAgoMs, slots, windows: _, ...known }: Answer): void {
    const leases = slots.map((slot) => (slot > 0 ? now + slot : slot));
    const state = { ...known, openedAt: now - openedAgoMs, slots: leases };
    this.#keep(name, { state, windows: null });
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  peek(now: number, name: string, policy: BreakerPolicy): Answer {
    const entry = this.#entry(name);
    this.#act(now, name, entry, (state) => pass(state, policy, now));
    return this.#answer(now, name, entry);
  }

  clear(): void {
    this.#entries.clear();
  }

  #entry(name: string): Entry {
    const known = this.#entries.get(name);
    const entry = known ?? { state: initialState(), windows: null };
    this.#keep(name, entry);
    return entry;
  }

  #keep(name: string, entry: Entry): void {
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    if (this.#entries.size <= MAX_RECORDS) return;
    let looks = 0;
    for (const [oldest, { state }] of this.#entries) {
      const plain = state.machine === 'closed' && state.forced === null;
      if (!plain && ++looks < 100) continue;
      this.#entries.delete(oldest);
      break;
    }
  }

  /** Tells of each change that `work` makes; time alone can make two, one after the other. */
  #act<T>(now: number, name: string, entry: Entry, work: (state: SharedState) => T): T {
    const { state } = entry;
    const before = { ...state };
    const result = work(state);
    if (state.generation !== before.generation) {
      entry.windows = null;
      this.#onTransition(transition(name, before, state, now));
    }
    return result;
  }

  #answer(now: number, name: string, { state, windows }: Entry, asker?: string): Answer {
    const others = [];
    for (const [replica, { at, window }] of windows ?? []) {
      if (replica !== asker) others.push({ replica, agoMs: now - at, window });
    }
    const { generation, machine, forced, cause, openedAt } = state;
    const openedAgoMs = machine === 'open' ? now - openedAt : 0;
    const slots = Array.from(state.slots, (slot = 0) =>
      slot > 0 ? Math.max(1, slot - now) : slot,
    );
    return {
      name,
      generation,
      machine,
      forced,
      openedAgoMs,
      cause,
      slots,
      windows: asker === undefined ? null : others,
    };
  }
}

function transition(name: string, from: SharedState, to: SharedState, now: number): Transition {
  const opened = to.machine === 'open' ? now - to.openedAt : 0;
  return {
    name,
    generation: to.generation,
    from: from.machine,
    to: to.machine,
    forced: to.forced,
    cause: to.cause,
    agoMs: Math.max(0, opened),
  };
}

/** The same behind the interface that all stores have. `now` must not be set back. */
export function createMemoryBreakers(
  now: () => number,
  onTransition: TransitionHandler = () => undefined,
): BreakerStore & { records: BreakerRecords } {
  const handlers = new Set<(answer: Answer) => void>();
  const touched = new Map<string, number>();
  let version = 0;
  const moved: string[] = [];
  const records = new BreakerRecords((each) => {
    moved.push(each.name);
    onTransition(each);
  });
  const tell = <T>(value: T, answerOf: (value: T) => Answer): T => {
    for (const name of moved.splice(0)) {
      version += 1;
      touched.delete(name);
      touched.set(name, version);
      if (touched.size > MAX_RECORDS) touched.delete(touched.keys().next().value ?? '');
      for (const handler of handlers) handler(answerOf(value));
    }
    return value;
  };
  return {
    records,
    exchange: async (replica, offers) =>
      offers.map((offer) => tell(records.exchange(now(), replica, offer), (answer) => answer)),
    acquire: async (name, policy) =>
      tell(records.acquire(now(), name, policy), ({ answer }) => answer),
    settle: async (name, policy, probe) =>
      tell(records.settle(now(), name, policy, probe), (answer) => answer),
    change: async (name, policy, asked) =>
      tell(records.change(now(), name, policy, asked), (answer) => answer),
    rejoin: async (brought) =>
      brought.map((each) => tell(records.rejoin(now(), each), (answer) => answer)),
    async changed(since) {
      const names = [...touched].flatMap(([name, at]) => (at > since ? [name] : []));
      return { version, names };
    },
    onChanged(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}
