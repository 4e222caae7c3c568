/**
 * What healing does next for one target. Pure: decides from the runs so far, the switches and the time.
 *
 * At most three attempts in a series: 10 s after the first failed check (never before the target is down), 30 s
 * after the first attempt, 90 s after the second, each plus up to 10 % jitter. A series ends after ten healthy
 * minutes. When the third attempt did not help within its minute, or nobody approved in an hour: escalate, once.
 */
export const MAX_ATTEMPTS = 3;
export const BACKOFF_MS = [10_000, 30_000, 90_000] as const;
export const JITTER = 0.1;
export const VERIFY_MS = 60_000;
export const APPROVAL_MS = 60 * 60_000;
export const SERIES_RESET_MS = 10 * 60_000;

export type RunStatus =
  | 'awaiting_approval'
  | 'running'
  | 'verifying'
  | 'verified'
  | 'failed'
  | 'rejected'
  | 'cancelled'
  | 'expired';
export type PlannedRun = {
  attempt: number | null;
  status: RunStatus;
  createdAt: number;
  startedAt: number | null;
  verifyUntil: number | null;
};
export type PlanInput = {
  now: number;
  down: boolean;
  firstFailureAt: number;
  mode: 'automatic' | 'approval' | 'off';
  hasRemedy: boolean;
  /** Runs of this series, any order. */
  runs: readonly PlannedRun[];
  escalated: boolean;
  /** Why nothing may run now, e.g. "in maintenance"; null when it may. */
  blocked: string | null;
  /** 0–1, fixed for the target and series. */
  jitter: number;
};
export type Plan =
  | { kind: 'none' }
  | { kind: 'blocked'; reason: string }
  | { kind: 'wait'; attempt: number; until: number }
  | { kind: 'run'; attempt: number }
  | { kind: 'propose'; attempt: number }
  | { kind: 'expire'; reason: string }
  | { kind: 'busy'; what: 'running' | 'verifying' | 'awaiting_approval' }
  | { kind: 'escalate'; reason: string };

/** When attempt 1, 2 or 3 is due, in milliseconds since 1970. */
export function dueAt(attempt: number, since: number, jitter: number): number {
  const backoff = BACKOFF_MS[attempt - 1] ?? BACKOFF_MS[2];
  return since + backoff * (1 + JITTER * jitter);
}

export function plan(input: PlanInput): Plan {
  const { now, runs } = input;
  if (!input.down || !input.hasRemedy || input.mode === 'off') return { kind: 'none' };
  const active = runs.find(({ status }) => status === 'running');
  if (active) return { kind: 'busy', what: 'running' };
  const attempts = runs.filter(({ attempt }) => attempt !== null);
  const last = attempts.reduce<PlannedRun | null>(
    (latest, run) => ((run.attempt ?? 0) > (latest?.attempt ?? 0) ? run : latest),
    null,
  );
  const used = last?.attempt ?? 0;
  if (last?.status === 'awaiting_approval') {
    if (now < last.createdAt + APPROVAL_MS) return { kind: 'busy', what: 'awaiting_approval' };
    return { kind: 'expire', reason: 'Nobody approved within an hour.' };
  }
  // Somebody said no, or nobody said anything: people take over.
  if (last?.status === 'rejected' || last?.status === 'cancelled' || last?.status === 'expired') {
    if (input.escalated || last.status !== 'expired') return { kind: 'none' };
    return { kind: 'escalate', reason: 'Nobody approved the remedy within an hour.' };
  }
  if (used >= MAX_ATTEMPTS) {
    const verifying = last?.status === 'verifying' && now < (last.verifyUntil ?? 0);
    if (verifying) return { kind: 'busy', what: 'verifying' };
    if (input.escalated) return { kind: 'none' };
    return { kind: 'escalate', reason: `${used} attempts did not bring it back.` };
  }
  const attempt = used + 1;
  const until = dueAt(attempt, last?.startedAt ?? input.firstFailureAt, input.jitter);
  if (now < until) return { kind: 'wait', attempt, until };
  if (input.blocked) return { kind: 'blocked', reason: input.blocked };
  return { kind: input.mode === 'automatic' ? 'run' : 'propose', attempt };
}

/** A remedy that was found not to help is proposed instead of run. */
export function effectiveMode(mode: PlanInput['mode'], demoted: boolean): PlanInput['mode'] {
  return demoted && mode === 'automatic' ? 'approval' : mode;
}

/** Why no remedy may run now, in words; null when one may. */
export function blockReason(state: {
  /** The reason given for the pause of the fleet; null when it is not paused. */
  frozen: string | null;
  paused: boolean;
  /** Name of the maintenance window. */
  window: string | null;
  parentDown: string | null;
  parentAwaited: boolean;
}): string | null {
  if (state.frozen !== null) return `healing is paused${state.frozen ? `: ${state.frozen}` : ''}`;
  if (state.paused) return 'the target is paused';
  if (state.window !== null) return `in maintenance: ${state.window}`;
  if (state.parentDown !== null) return `${state.parentDown}, which it depends on, is down`;
  if (state.parentAwaited) return 'a target that it depends on is being looked at';
  return null;
}
