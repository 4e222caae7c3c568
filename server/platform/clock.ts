/** The only reader of the wall clock; tests pass their own. */
export type Clock = {
  now(): Date;
  /** Milliseconds that never go back; for durations. */
  monotonicMs(): number;
};

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** A clock that moves only when told to; set back, durations go on from where they were. */
export function manualClock(start: string | Date): Clock & { advance(ms: number): void } {
  let at = new Date(start).getTime();
  let monotonic = 0;
  return {
    now: () => new Date(at),
    monotonicMs: () => monotonic,
    advance(ms) {
      at += ms;
      monotonic += Math.max(0, ms);
    },
  };
}
