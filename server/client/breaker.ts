/**
 * A circuit breaker as one program has it: what it last heard of the shared state, and its own outcomes in a sliding
 * window. Pure and synchronous; constant memory and constant work a call; no timer. `now` is milliseconds of any
 * monotonic clock of this program.
 *
 * - CLOSED and OPEN are decided here. Only a trial call asks the store (`ASK`).
 * - A token belongs to a generation: a late result cannot move a newer state.
 * - When three or more replicas make calls and only this one sees failures, it opens for itself alone.
 * Source: M. Nygard, Release It! (2nd ed., 2018), "Circuit Breaker"; generations as in sony/gobreaker.
 */
import type { BreakerPolicy } from './contract.ts';
import {
  acquire,
  type Change,
  type Forced,
  initialState,
  type Machine,
  type ProbeOutcome,
  type SharedState,
  settle,
} from './state.ts';
import type { Answer, Probe } from './store.ts';
import { type Bucket, SlidingWindow, unpackBuckets } from './window.ts';

/** Answers of `admit` that are no token. */
export const REJECTED = 0;
export const ASK = -1;
const FIRST_PROBE = -2;
const MAX_PROBES = 1_000;
/** After the store had no slot, this long none is asked for. */
const FULL_MS = 50;
/** From so many replicas on, one alone does not open the breaker for all. */
const QUORUM_OF = 3;

/** What the caller has to carry to the store. */
export type Effect =
  | { kind: 'change'; change: Change }
  | { kind: 'settle'; probe: Probe & { outcome: ProbeOutcome } };
export type Outcome = 'success' | 'failure' | 'timeout' | 'ignored';
/** Calls of one replica within the window. */
export type Share = { replica: string; calls: number; failures: number; slow: number };

const NONE: readonly never[] = [];

export class Breaker {
  readonly name: string;
  /** Something happened that the store has not heard of; set and cleared by whoever keeps the two in step. */
  dirty = false;
  /** Calls that were turned away here since the start. */
  rejected = 0;
  #policy: BreakerPolicy;
  #quorum: boolean;
  #own: SlidingWindow;
  #others: SlidingWindow | null = null;
  #shares: readonly Share[] = NONE;
  /** What the others told last, to see whether it is news. */
  #heard = '';
  #state: SharedState = initialState();
  #alone: SharedState | null = null;
  /** Calls pass without a question. */
  #passes = true;
  /** Outcomes of calls that pass are counted: nobody holds it closed. */
  #counts = true;
  /** From this on a call is slow; infinite where none is. */
  #slowMs: number;
  /** The token of calls that pass; new with everything that changes. */
  #epoch = 1;
  #probes: Map<number, Probe & { alone: boolean }> | null = null;
  #nextProbe = FIRST_PROBE;
  #fullUntil = Number.NEGATIVE_INFINITY;

  constructor(name: string, policy: BreakerPolicy, options: { quorum?: boolean } = {}) {
    this.name = name;
    this.#policy = policy;
    this.#quorum = options.quorum ?? true;
    this.#own = new SlidingWindow(policy);
    this.#slowMs = policy.slowCallMs ?? Number.POSITIVE_INFINITY;
  }

  get policy(): BreakerPolicy {
    return this.#policy;
  }
  get generation(): number {
    return this.#state.generation;
  }
  get forced(): Forced | null {
    return this.#state.forced;
  }
  get cause() {
    return (this.#alone ?? this.#state).cause;
  }
  get isAlone(): boolean {
    return this.#alone !== null;
  }

  /** Takes a new policy; a window of another shape begins empty. */
  setPolicy(policy: BreakerPolicy): void {
    const { windowMs, bucketMs, slowCallMs } = this.#policy;
    this.#policy = policy;
    this.#slowMs = policy.slowCallMs ?? Number.POSITIVE_INFINITY;
    const same = policy.windowMs === windowMs && policy.bucketMs === bucketMs;
    if (same && (policy.slowCallMs === null) === (slowCallMs === null)) return;
    this.#own = new SlidingWindow(policy);
    this.#others = null;
    this.#shares = NONE;
  }

  /** A token for one call while it is closed; else REJECTED, and `admit` knows more. */
  pass(): number {
    return this.#passes ? this.#epoch : REJECTED;
  }
  get passes(): boolean {
    return this.#passes;
  }
  /** Whether the duration of a call matters. */
  get isTimed(): boolean {
    return this.#policy.slowCallMs !== null;
  }

  /** A token for one call, or REJECTED, or ASK: the store must be asked for a slot (`granted`). */
  admit(now: number): number {
    return this.#passes ? this.#epoch : this.#admitHeld(now);
  }

  #admitHeld(now: number): number {
    const state = this.#state;
    const token = this.#tokenWhenHeld(state, now);
    if (token === REJECTED) this.rejected++;
    return token;
  }

  #tokenWhenHeld(state: SharedState, now: number): number {
    if (state.forced === 'open') return REJECTED;
    if (this.#alone) {
      const slot = acquire(this.#alone, this.#policy, now);
      if (slot < 0) return REJECTED;
      return this.#handOut({ generation: this.#alone.generation, slot }, true);
    }
    const waits = state.machine === 'open' && now - state.openedAt < this.#policy.openMs;
    return waits || now < this.#fullUntil ? REJECTED : ASK;
  }

  /** What came of asking for a slot. */
  granted(probe: Probe | null, now: number): number {
    if (this.#passes) return this.#epoch;
    if (probe) return this.#handOut(probe, false);
    this.rejected++;
    this.#fullUntil = now + FULL_MS;
    return REJECTED;
  }

  #handOut(probe: Probe, alone: boolean): number {
    this.#probes ??= new Map();
    const token = this.#nextProbe--;
    this.#probes.set(token, { ...probe, alone });
    if (this.#probes.size > MAX_PROBES) {
      for (const oldest of this.#probes.keys()) {
        this.#probes.delete(oldest);
        break;
      }
    }
    return token;
  }

  /** The slot behind the token of a trial call. */
  probeOf(token: number): Probe | null {
    const probe = this.#probes?.get(token);
    return probe && !probe.alone ? probe : null;
  }

  /** The end of a call. Late, doubled and foreign tokens change nothing. */
  record(token: number, outcome: Outcome, durationMs: number, now: number): Effect | null {
    if (token > 0) {
      if (token !== this.#epoch || outcome === 'ignored' || !this.#counts) return null;
      const own = this.#own;
      own.add(now, outcome !== 'success', durationMs >= this.#slowMs);
      // What most calls see: nobody failed.
      if (own.failures === 0 && own.slow === 0 && this.#others === null) return null;
      return this.#judge(now);
    }
    const probe = this.#probes?.get(token);
    if (!probe) return null;
    this.#probes?.delete(token);
    const result = this.#probeOutcome(outcome, durationMs);
    const { generation, slot } = probe;
    if (!probe.alone) return { kind: 'settle', probe: { generation, slot, outcome: result } };
    if (this.#alone) {
      settle(this.#alone, this.#policy, { generation, slot, outcome: result }, now);
      if (this.#alone.machine === 'closed') this.#leave();
    }
    return null;
  }

  #probeOutcome(outcome: Outcome, durationMs: number): ProbeOutcome {
    if (outcome === 'ignored') return 'ignored';
    return outcome === 'success' && durationMs < this.#slowMs ? 'success' : 'failure';
  }

  /** Opens when enough calls failed or were slow. */
  #judge(now: number): Effect | null {
    const own = this.#own;
    const others = this.#others;
    others?.advance(now);
    const { minimumCalls, failureThreshold, slowCallMs, slowCallThreshold } = this.#policy;
    const calls = own.calls + (others?.calls ?? 0);
    if (calls < minimumCalls) return null;
    const failing = own.failures + (others?.failures ?? 0) >= failureThreshold * calls;
    if (!failing) {
      if (slowCallMs === null) return null;
      if (own.slow + (others?.slow ?? 0) < slowCallThreshold * calls) return null;
    }
    return this.#open(failing ? 'failures' : 'slow_calls', now);
  }

  #open(cause: 'failures' | 'slow_calls', now: number): Effect | null {
    if (!this.#passes) return null;
    const { generation } = this.#state;
    if (this.#quorum && this.#shares.length >= QUORUM_OF - 1) {
      const bad = ({ failures, slow }: { failures: number; slow: number }) =>
        cause === 'failures' ? failures > 0 : slow > 0;
      const seen = this.#shares.filter(bad).length + (bad(this.#own) ? 1 : 0);
      if (seen < 2) {
        // Somebody else's failures are theirs to act on.
        if (!bad(this.#own)) return null;
        this.#alone = { ...initialState(), machine: 'open', cause, openedAt: now };
        this.#gate();
        return null;
      }
    }
    // Open here at once; the store is told, and has the last word.
    Object.assign(this.#state, {
      generation: generation + 1,
      machine: 'open',
      cause,
      openedAt: now,
    });
    this.#gate();
    return { kind: 'change', change: { kind: 'open', generation, cause } };
  }

  #leave(): void {
    this.#alone = null;
    this.#own.clear();
    this.#gate();
  }

  /** Whatever was admitted before is of the past now. */
  #gate(): void {
    this.#epoch += 1;
    const { machine, forced } = this.#state;
    this.#passes = forced === 'closed' || (machine === 'closed' && this.#alone === null);
    this.#counts = this.#passes && forced === null;
    this.#fullUntil = Number.NEGATIVE_INFINITY;
  }

  /** Takes over what the store says; what is older than what is known here is left alone. */
  adopt(answer: Answer, now: number, options: { anyway?: boolean } = {}): Effect | null {
    const state = this.#state;
    if (answer.generation < state.generation && !options.anyway) return null;
    const { generation, machine, forced, cause, openedAgoMs, slots } = answer;
    const same =
      generation === state.generation && machine === state.machine && forced === state.forced;
    const openedAt = now - openedAgoMs;
    Object.assign(state, { generation, machine, forced, cause, openedAt, slots });
    if (!same) {
      if (machine === 'closed') this.#own.clear();
      if (machine !== 'closed' || forced) this.#alone = null;
      this.#gate();
    }
    const news = this.#hear(answer, now);
    return news && machine === 'closed' && forced === null ? this.#judge(now) : null;
  }

  /** Whether somebody recorded something since. */
  #hear({ windows }: Answer, now: number): boolean {
    if (windows === null || (windows.length === 0 && this.#heard === '')) return false;
    const heard = windows.map(({ replica, window }) => `${replica} ${window}`).join();
    const news = heard !== this.#heard;
    this.#heard = heard;
    this.#shares = NONE;
    if (windows.length === 0) {
      this.#others?.clear();
      return false;
    }
    const shares: Share[] = [];
    this.#others ??= new SlidingWindow(this.#policy);
    this.#others.clear();
    const { bucketMs } = this.#policy;
    for (const { replica, agoMs, window } of windows) {
      const buckets = unpackBuckets(window, Math.round(agoMs / bucketMs));
      const calls = this.#others.calls;
      const failures = this.#others.failures;
      const slow = this.#others.slow;
      this.#others.merge(now, buckets);
      const share = {
        replica,
        calls: this.#others.calls - calls,
        failures: this.#others.failures - failures,
        slow: this.#others.slow - slow,
      };
      if (share.calls > 0) shares.push(share);
    }
    this.#shares = shares;
    return news;
  }

  /** Begins with an empty window: the store changed, and what was counted for it stays with it. */
  forget(): void {
    this.#own.clear();
    this.#others?.clear();
    this.#shares = NONE;
  }

  /** The state as it is at `now`, the end of the open period included. */
  machine(now: number): Machine {
    const state = this.#alone ?? this.#state;
    if (state.forced !== null || state.machine !== 'open') return state.machine;
    return now - state.openedAt >= this.#policy.openMs ? 'half_open' : 'open';
  }

  /** Milliseconds until a call may be tried; null while it is held open. */
  retryAfterMs(now: number): number | null {
    if (this.#state.forced === 'open') return null;
    const state = this.#alone ?? this.#state;
    if (state.machine !== 'open') return 0;
    return Math.max(0, state.openedAt + this.#policy.openMs - now);
  }

  openedAgoMs(now: number): number {
    const state = this.#alone ?? this.#state;
    return state.machine === 'open' ? Math.max(0, now - state.openedAt) : 0;
  }

  /** As it would be told to others. */
  answer(now: number): Answer {
    const { generation, machine, forced, cause, slots } = this.#state;
    const openedAgoMs = machine === 'open' ? Math.max(0, now - this.#state.openedAt) : 0;
    const { name } = this;
    return { name, generation, machine, forced, cause, openedAgoMs, slots, windows: null };
  }

  /** Own outcomes of the window, newest first. */
  buckets(now: number): Bucket[] {
    return this.#own.buckets(now);
  }
  /** Outcomes of the others, newest first. */
  othersBuckets(now: number): Bucket[] {
    return this.#others?.buckets(now) ?? [];
  }
  shares(): readonly Share[] {
    return this.#shares;
  }
  totals(now: number): { calls: number; failures: number; slow: number } {
    this.#own.advance(now);
    this.#others?.advance(now);
    const [own, others] = [this.#own, this.#others];
    return {
      calls: own.calls + (others?.calls ?? 0),
      failures: own.failures + (others?.failures ?? 0),
      slow: own.slow + (others?.slow ?? 0),
    };
  }
  /** Nothing would be lost by forgetting this object. */
  idle(now: number): boolean {
    if (!this.#passes || this.#state.forced !== null || this.dirty) return false;
    this.#own.advance(now);
    return this.#own.calls === 0 && (this.#probes?.size ?? 0) === 0;
  }
}
