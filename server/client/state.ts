/**
 * The state that all share, as functions of (state, event, now): pure, and the reference for the Lua that does the same
 * in Redis (`server/breakers/redis-store.ts`; one suite runs on both). Times are those of the one clock that keeps it.
 *
 * Rules: every change and every force begins a new generation, so that what was admitted earlier moves nothing; trial
 * calls hold one of `halfOpenProbes` slots under a lease; a lease that ran out opens the breaker from that moment on.
 */
import type { BreakerPolicy } from './contract.ts';

export type Machine = 'closed' | 'open' | 'half_open';
export type Forced = 'open' | 'closed';
/** Why the state last changed. */
export type Cause =
  | 'start'
  | 'failures'
  | 'slow_calls'
  | 'trial_due'
  | 'trial_succeeded'
  | 'trial_failed'
  | 'trial_lost'
  | 'alert'
  | 'operator'
  | 'rejoined';
const FREE = 0;
const SUCCEEDED = -1;
/** A slot is free, succeeded, or in flight until the time that it holds. */
type Slot = number;

export type SharedState = {
  generation: number;
  machine: Machine;
  forced: Forced | null;
  openedAt: number;
  cause: Cause;
  slots: Slot[];
};
export type ProbeOutcome = 'success' | 'failure' | 'ignored';

export function initialState(): SharedState {
  return {
    generation: 1,
    machine: 'closed',
    forced: null,
    openedAt: 0,
    cause: 'start',
    slots: [],
  };
}

function enter(state: SharedState, machine: Machine, cause: Cause, openedAt = 0): void {
  state.generation += 1;
  state.machine = machine;
  state.cause = cause;
  state.slots = [];
  if (machine === 'open') state.openedAt = openedAt;
}

/** Does what time alone does: trial calls that are lost, and the end of the open period. */
export function pass(state: SharedState, policy: BreakerPolicy, now: number): void {
  if (state.forced !== null) return;
  if (state.machine === 'half_open') {
    const lost = state.slots.filter((slot) => slot > FREE && slot <= now);
    if (lost.length > 0) enter(state, 'open', 'trial_lost', Math.min(...lost));
  }
  if (state.machine !== 'open') return;
  // The store's clock was set back: the period begins again, and does not last for ever.
  if (state.openedAt > now) state.openedAt = now;
  if (now - state.openedAt >= policy.openMs) enter(state, 'half_open', 'trial_due');
}

/** A slot for a trial call, or -1. */
export function acquire(state: SharedState, policy: BreakerPolicy, now: number): number {
  pass(state, policy, now);
  if (state.forced !== null || state.machine !== 'half_open') return -1;
  for (let slot = 0; slot < policy.halfOpenProbes; slot++) {
    if ((state.slots[slot] ?? FREE) !== FREE) continue;
    state.slots[slot] = now + policy.probeLeaseMs;
    return slot;
  }
  return -1;
}

/** Ends a trial call. What belongs to an earlier generation, or was ended before, changes nothing. */
export function settle(
  state: SharedState,
  policy: BreakerPolicy,
  probe: { generation: number; slot: number; outcome: ProbeOutcome },
  now: number,
): void {
  pass(state, policy, now);
  if (state.generation !== probe.generation || (state.slots[probe.slot] ?? FREE) <= FREE) return;
  if (probe.outcome === 'ignored') state.slots[probe.slot] = FREE;
  else if (probe.outcome === 'failure') enter(state, 'open', 'trial_failed', now);
  else {
    state.slots[probe.slot] = SUCCEEDED;
    const succeeded = state.slots.filter((slot) => slot === SUCCEEDED).length;
    if (succeeded >= policy.halfOpenProbes) enter(state, 'closed', 'trial_succeeded');
  }
}

export type Change =
  /** The threshold was reached by calls of this generation. */
  | { kind: 'open'; generation: number; cause: 'failures' | 'slow_calls' }
  | { kind: 'trip' }
  | { kind: 'force'; mode: Forced | 'auto' }
  | { kind: 'reset' };

export function change(
  state: SharedState,
  policy: BreakerPolicy,
  asked: Change,
  now: number,
): void {
  pass(state, policy, now);
  switch (asked.kind) {
    case 'open':
      if (state.forced !== null || state.machine !== 'closed') return;
      if (state.generation === asked.generation) enter(state, 'open', asked.cause, now);
      return;
    case 'trip':
      if (state.forced === null) enter(state, 'open', 'alert', now);
      return;
    case 'reset':
      state.forced = null;
      enter(state, 'closed', 'operator');
      return;
    case 'force': {
      const before = state.forced;
      state.forced = asked.mode === 'auto' ? null : asked.mode;
      if (asked.mode === 'open') enter(state, 'open', 'operator', now);
      else if (asked.mode === 'closed') enter(state, 'closed', 'operator');
      else if (before === 'open') enter(state, 'half_open', 'operator');
      else if (before === 'closed') enter(state, 'closed', 'operator');
      else {
        // Nothing was held: only the generation is new.
        enter(state, state.machine, 'operator', state.openedAt);
      }
    }
  }
}

const strictness: Record<Machine, number> = { closed: 0, half_open: 1, open: 2 };

/**
 * One who was alone comes back. `base` is the generation that it last shared: a record that is still there was changed
 * by nobody, so what is brought replaces it; else the stricter of the two stays, with the later opening time.
 */
export function rejoin(
  state: SharedState,
  policy: BreakerPolicy,
  brought: SharedState & { base: number },
  now: number,
): void {
  pass(state, policy, now);
  const untouched = state.generation === brought.base;
  if (untouched && brought.generation === brought.base && brought.machine === 'closed') return;
  const { generation } = state;
  const newest = Math.max(generation, brought.generation);
  if (untouched || brought.forced === 'open') state.forced = brought.forced;
  else state.forced ??= brought.forced;
  const stricter = strictness[brought.machine] > strictness[state.machine];
  if (state.forced !== null) enter(state, state.forced, 'rejoined', now);
  else if (untouched || stricter) enter(state, brought.machine, 'rejoined', brought.openedAt);
  else if (state.machine === 'open') {
    const openedAt = brought.machine === 'open' ? brought.openedAt : state.openedAt;
    enter(state, 'open', 'rejoined', Math.max(state.openedAt, openedAt));
  } else if (state.machine === 'half_open') enter(state, 'half_open', 'rejoined');
  state.generation = state.generation === generation ? newest : newest + 1;
}
