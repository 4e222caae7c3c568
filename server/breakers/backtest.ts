/**
 * What a policy would have done with outcomes of the past. Pure. Stored outcomes are counts per step, so calls of one
 * step are taken as evenly mixed, and times are exact to a step. That the callers would have behaved the same, and the
 * service would have failed the same, is assumed.
 */
import type { BreakerPolicy, Machine } from '../client/index.ts';
import type { BacktestRun } from './contract.ts';

/** Outcomes of one step; `slow` counts calls that are in one of the other two as well. */
export type Bin = { at: number; successes: number; failures: number; slow: number };
const MAX_OPENINGS = 1_000;

/** `bins` are in order of time and all `stepMs` long; steps without calls may be left out. */
export function backtest(bins: readonly Bin[], stepMs: number, policy: BreakerPolicy): BacktestRun {
  const run: BacktestRun = {
    openings: [],
    openSeconds: 0,
    rejected: 0,
    avoidedFailures: 0,
    lostSuccesses: 0,
  };
  let state: Machine = 'closed';
  const is = (asked: Machine) => state === asked;
  let openedAt = 0;
  let first = 0;
  let succeeded = 0;
  let seen = { calls: 0, failures: 0, slow: 0 };
  const window: Bin[] = [];

  const open = (at: number, cause: 'failures' | 'slow_calls') => {
    state = 'open';
    openedAt = at;
    if (run.openings.length < MAX_OPENINGS) {
      run.openings.push({ at: new Date(at).toISOString(), until: null, cause });
    }
  };
  const close = (at: number) => {
    state = 'closed';
    succeeded = 0;
    window.length = 0;
    first = 0;
    seen = { calls: 0, failures: 0, slow: 0 };
    const last = run.openings.at(-1);
    if (last) last.until = new Date(at).toISOString();
  };
  const turnAway = (failures: number, successes: number) => {
    run.rejected += failures + successes;
    run.avoidedFailures += failures;
    run.lostSuccesses += successes;
  };
  const count = (bin: Bin, sign: 1 | -1) => {
    seen.calls += sign * (bin.successes + bin.failures);
    seen.failures += sign * bin.failures;
    seen.slow += sign * bin.slow;
  };

  for (const bin of bins) {
    const end = bin.at + stepMs;
    let { successes, failures } = bin;
    if (is('open') && bin.at >= openedAt + policy.openMs) {
      state = 'half_open';
      succeeded = 0;
    }
    if (is('open')) {
      turnAway(failures, successes);
      continue;
    }
    if (is('half_open')) {
      // Trial calls come one after the other: which of them fails follows the mix of the step.
      const share = failures / Math.max(1, failures + successes);
      let tried = 0;
      while (is('half_open') && failures + successes > 0) {
        tried++;
        const slow = policy.slowCallMs !== null && bin.slow > 0 && tried <= bin.slow;
        const fails =
          failures > 0 &&
          (successes === 0 || Math.floor(tried * share) > Math.floor((tried - 1) * share));
        if (fails) failures--;
        else successes--;
        if (fails || slow) open(end, fails ? 'failures' : 'slow_calls');
        else if (++succeeded >= policy.halfOpenProbes) close(end);
      }
      if (is('open')) turnAway(failures, successes);
      if (!is('closed')) continue;
    }
    while (window[first] && (window[first] as Bin).at < end - policy.windowMs) {
      count(window[first] as Bin, -1);
      first++;
    }
    const rest = { ...bin, successes, failures, slow: Math.min(bin.slow, successes + failures) };
    window.push(rest);
    count(rest, 1);
    if (seen.calls < policy.minimumCalls) continue;
    if (seen.failures >= policy.failureThreshold * seen.calls) open(end, 'failures');
    else if (policy.slowCallMs !== null && seen.slow >= policy.slowCallThreshold * seen.calls) {
      open(end, 'slow_calls');
    }
  }
  const last = bins.at(-1);
  const until = last ? last.at + stepMs : 0;
  for (const opening of run.openings) {
    const over = opening.until === null ? until : Date.parse(opening.until);
    run.openSeconds += Math.max(0, over - Date.parse(opening.at)) / 1000;
  }
  return run;
}
