/**
 * What checks mean: healthy, degraded, down or unknown, with hysteresis and flap detection. Pure.
 *
 * A target goes down after `failAfter` failures in a row and comes back after `recoverAfter` successes in a row,
 * so one lost packet says nothing. Degraded: `failAfter` impaired answers in a row (slow, certificate about to
 * expire), or more than `errorRate` of the checks of five minutes failed. Flapping: Nagios' weighted share of
 * changes among the last 21 checks (`base/flapping.c`: weights 0.75 for the oldest to 1.25 for the newest), with
 * one threshold to enter and a lower one to leave.
 */
import type { Observed } from './contract.ts';

export type Policy = {
  failAfter: number;
  recoverAfter: number;
  /** Share of failed checks over five minutes above which a target counts as degraded, 0–1. */
  errorRate: number;
};
export type Check = {
  /** Milliseconds since 1970. */
  at: number;
  ok: boolean;
  /** The answer was right but not good: slow, or its certificate ends soon. */
  impaired: string | null;
  /** The prober itself was offline: says nothing about the target. */
  inconclusive: boolean;
  detail: string | null;
};
export type Memory = {
  observed: Observed;
  since: number;
  failures: number;
  successes: number;
  impaired: number;
  /** Right and quick answers in a row. */
  well: number;
  inconclusive: number;
  firstFailureAt: number | null;
  /** Last 21 checks, newest in bit 0, 1 = failed. */
  outcomes: number;
  outcomeCount: number;
  flapping: boolean;
  /** Checks of the last five minutes since the target last came up, oldest first. */
  recent: readonly { at: number; ok: boolean }[];
};
export type Change = { from: Observed; to: Observed; reason: string };

export const FLAP_CHECKS = 21;
export const FLAP_ENTER = 0.2;
export const FLAP_LEAVE = 0.05;
const WINDOW_MS = 5 * 60_000;
const WINDOW_MIN_CHECKS = 10;
const WINDOW_MAX_CHECKS = 300;

export function freshMemory(now: number): Memory {
  return {
    observed: 'unknown',
    since: now,
    failures: 0,
    successes: 0,
    impaired: 0,
    well: 0,
    inconclusive: 0,
    firstFailureAt: null,
    outcomes: 0,
    outcomeCount: 0,
    flapping: false,
    recent: [],
  };
}

/** Weighted share of changes, 0–1; 0 until 21 checks are known. */
export function flapShare(outcomes: number, count: number): number {
  if (count < FLAP_CHECKS) return 0;
  const transitions = FLAP_CHECKS - 1;
  let sum = 0;
  for (let i = 0; i < transitions; i++) {
    // Bit 0 is the newest check, so change 0 is the newest change.
    const changed = ((outcomes >> i) ^ (outcomes >> (i + 1))) & 1;
    if (changed) sum += 1.25 - (0.5 * i) / (transitions - 1);
  }
  return sum / transitions;
}

/** Whether the next check should come soon, because what is known may be about to change. */
export function isUnsettled(memory: Memory, policy: Policy): boolean {
  if (memory.observed === 'down') return memory.failures < policy.failAfter;
  if (memory.failures > 0 || memory.inconclusive > 0) return true;
  return memory.observed === 'degraded' ? false : memory.impaired > 0;
}

/** Share of failed checks in the window, or null while there are too few. */
export function errorShare(recent: Memory['recent']): number | null {
  if (recent.length < WINDOW_MIN_CHECKS) return null;
  return recent.filter(({ ok }) => !ok).length / recent.length;
}

/** Takes one check in; answers what is known now, and the change of state if there is one. */
export function observe(
  memory: Memory,
  policy: Policy,
  check: Check,
): { memory: Memory; change: Change | null } {
  if (check.inconclusive) return observeOffline(memory, policy, check);
  const next = count(memory, check);
  const { to, reason } = judge(next, policy, check);
  if (to === memory.observed) return { memory: next, change: null };
  return {
    memory: {
      ...next,
      observed: to,
      since: check.at,
      // What went wrong before it came back does not make it degraded now.
      recent: memory.observed === 'down' ? [{ at: check.at, ok: check.ok }] : next.recent,
    },
    change: { from: memory.observed, to, reason },
  };
}

function observeOffline(memory: Memory, policy: Policy, check: Check) {
  const next = { ...memory, inconclusive: memory.inconclusive + 1, successes: 0 };
  const lost = next.inconclusive >= policy.failAfter;
  // What was down stays down: nothing says that it came back.
  if (!lost || memory.observed === 'unknown' || memory.observed === 'down') {
    return { memory: next, change: null };
  }
  return {
    memory: { ...next, observed: 'unknown' as const, since: check.at },
    change: {
      from: memory.observed,
      to: 'unknown' as const,
      reason: 'The console itself is offline and cannot tell.',
    },
  };
}

function count(memory: Memory, check: Check): Memory {
  const outcomes = ((memory.outcomes << 1) | (check.ok ? 0 : 1)) & ((1 << FLAP_CHECKS) - 1);
  const outcomeCount = Math.min(FLAP_CHECKS, memory.outcomeCount + 1);
  const share = flapShare(outcomes, outcomeCount);
  const recent = memory.recent.filter(({ at }) => at > check.at - WINDOW_MS && at <= check.at);
  recent.push({ at: check.at, ok: check.ok });
  return {
    ...memory,
    inconclusive: 0,
    failures: check.ok ? 0 : memory.failures + 1,
    successes: check.ok ? memory.successes + 1 : 0,
    impaired: check.ok && check.impaired ? memory.impaired + 1 : 0,
    well: check.ok && !check.impaired ? memory.well + 1 : 0,
    firstFailureAt: check.ok ? null : (memory.firstFailureAt ?? check.at),
    outcomes,
    outcomeCount,
    flapping: memory.flapping ? share >= FLAP_LEAVE : share >= FLAP_ENTER,
    recent: recent.slice(-WINDOW_MAX_CHECKS),
  };
}

function judge(next: Memory, policy: Policy, check: Check): { to: Observed; reason: string } {
  const { observed } = next;
  const stay = { to: observed, reason: '' };
  if (next.failures >= policy.failAfter) {
    const times = next.failures === 1 ? 'The check' : `${next.failures} checks in a row`;
    return { to: 'down', reason: `${times} failed: ${check.detail ?? 'no detail'}` };
  }
  if (observed === 'down') {
    if (next.successes < policy.recoverAfter) return stay;
    return { to: 'healthy', reason: `${next.successes} good checks in a row` };
  }
  const share = errorShare(next.recent);
  const erring = share !== null && share > policy.errorRate;
  if (observed === 'degraded') {
    const well = next.well >= policy.recoverAfter && !erring;
    return well ? { to: 'healthy', reason: 'Answers are quick and right again' } : stay;
  }
  if (next.impaired >= policy.failAfter) {
    return { to: 'degraded', reason: check.impaired ?? 'Answers are impaired' };
  }
  if (erring && observed === 'healthy') {
    return { to: 'degraded', reason: `${Math.round(share * 100)} % of checks failed in 5 min` };
  }
  if (observed === 'unknown' && check.ok) return { to: 'healthy', reason: 'The first good check' };
  return stay;
}
