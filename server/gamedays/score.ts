/** How long it took to see a fault and to mend it, from what the target went through since. Pure. */
import type { State } from '../health/contract.ts';

export type Transition = { at: Date; to: State; reason: string };
export type Score = {
  /** First change to degraded or down. */
  detectedAt: Date | null;
  /** What was seen. */
  reason: string | null;
  /** When it came back for the last time; null while it is unwell. */
  recoveredAt: Date | null;
};

/** `transitions`: oldest first, none from before the fault. */
export function score(transitions: readonly Transition[]): Score {
  let detected: Transition | null = null;
  let recoveredAt: Date | null = null;
  let wasDown = false;
  for (const transition of transitions) {
    const { to, at } = transition;
    if (to === 'down') {
      detected ??= transition;
      wasDown = true;
      recoveredAt = null;
    } else if (to === 'degraded') {
      detected ??= transition;
      // Up again, if not yet well; what was never down has not come back by becoming degraded.
      recoveredAt = wasDown ? (recoveredAt ?? at) : null;
    } else if (to === 'healthy' && detected) {
      recoveredAt ??= at;
    }
  }
  return { detectedAt: detected?.at ?? null, reason: detected?.reason ?? null, recoveredAt };
}
