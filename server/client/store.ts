/**
 * Where breakers of one name meet: in Redis, in the memory of one process, or behind the console's API. What they say
 * of the past is how long ago it was, so that no two clocks are ever compared.
 */
import type { BreakerPolicy } from './contract.ts';
import type { Cause, Change, Forced, Machine, ProbeOutcome } from './state.ts';

/** What one replica tells of itself: the outcomes that it recorded in this generation (`packBuckets`). */
export type Offer = {
  name: string;
  policy: BreakerPolicy;
  generation: number;
  /** Null: nothing new, what was told before stands. */
  window: string | null;
  /** Calls that it turned away since it started. */
  rejected?: number;
};
/** A breaker as the store has it. */
export type Answer = {
  name: string;
  generation: number;
  machine: Machine;
  forced: Forced | null;
  openedAgoMs: number;
  cause: Cause;
  /** Of trial calls: 0 is free, -1 succeeded, else milliseconds until the one in flight is given up. */
  slots: number[];
  /** Outcomes of the other replicas in this generation; null where only the state was asked for. */
  windows: { replica: string; agoMs: number; window: string }[] | null;
};
/** A change of state, told to the one whose call brought it about. */
export type Transition = {
  name: string;
  generation: number;
  from: Machine | Forced;
  to: Machine;
  forced: Forced | null;
  cause: Cause;
  agoMs: number;
};
export type Probe = { generation: number; slot: number };
/** A breaker as one who was alone brings it back; `base` is the generation that it last shared. */
export type Brought = Omit<Answer, 'windows'> & { policy: BreakerPolicy; base: number };

export type BreakerStore = {
  exchange(replica: string, offers: readonly Offer[]): Promise<Answer[]>;
  /** A slot for a trial call; null when there is none. */
  acquire(name: string, policy: BreakerPolicy): Promise<{ answer: Answer; probe: Probe | null }>;
  settle(
    name: string,
    policy: BreakerPolicy,
    probe: Probe & { outcome: ProbeOutcome },
  ): Promise<Answer>;
  change(name: string, policy: BreakerPolicy, asked: Change): Promise<Answer>;
  rejoin(brought: readonly Brought[]): Promise<Answer[]>;
  /** Names that changed after a version; null when that is too long ago to know. */
  changed(since: number): Promise<{ version: number; names: string[] | null }>;
  /** Told at once, when all goes well, of what someone changed. Answers the way to end it. */
  onChanged(handler: (answer: Answer) => void): () => void;
};
export type TransitionHandler = (transition: Transition) => void;
