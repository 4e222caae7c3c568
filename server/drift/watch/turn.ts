/** What a run makes of a monitor's state. Pure. */
import type { MonitorState, RunVerdict } from './contract.ts';

export type Streak = { state: MonitorState; driftedRuns: number; quietRuns: number };
export type Rule = { consecutive: number; quietAfter: number };

/** `found` and `ended` are the turns that people and programs hear of. */
export function turn(
  before: Streak,
  verdict: RunVerdict,
  rule: Rule,
): Streak & { event: 'found' | 'ended' | null } {
  const drifting = before.state === 'drifting';
  if (verdict === 'not_testable' || verdict === 'failed') {
    // Neither says that a drift is over, nor that there is one.
    const state = drifting ? 'drifting' : verdict === 'failed' ? 'failing' : 'not_testable';
    return { ...before, state, event: null };
  }
  if (verdict === 'drifted') {
    const driftedRuns = before.driftedRuns + 1;
    if (drifting || driftedRuns >= rule.consecutive) {
      return { state: 'drifting', driftedRuns, quietRuns: 0, event: drifting ? null : 'found' };
    }
    return { state: 'quiet', driftedRuns, quietRuns: 0, event: null };
  }
  const quietRuns = before.quietRuns + 1;
  if (drifting && quietRuns < rule.quietAfter) {
    return { state: 'drifting', driftedRuns: before.driftedRuns, quietRuns, event: null };
  }
  return { state: 'quiet', driftedRuns: 0, quietRuns, event: drifting ? 'ended' : null };
}
