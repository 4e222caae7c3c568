/** Lock-out with doubling waits, as a pure function of the record, the event and the time. */
export type ThrottleRecord = { failures: number; lastAt: Date; lockedUntil: Date | null };
export type ThrottlePolicy = {
  /** Attempts before the first lock. */
  allowed: number;
  firstLockMs: number;
  maxLockMs: number;
  /** A record this old counts as none. */
  forgetMs: number;
};

export const accountPolicy: ThrottlePolicy = {
  allowed: 5,
  firstLockMs: 30_000,
  maxLockMs: 15 * 60_000,
  forgetMs: 60 * 60_000,
};
/** Many people may share an address. */
export const addressPolicy: ThrottlePolicy = { ...accountPolicy, allowed: 25 };

/** How long to wait before the next attempt; 0 when it may go ahead. */
export function lockedMs(record: ThrottleRecord | null, now: Date): number {
  return Math.max(0, (record?.lockedUntil?.getTime() ?? 0) - now.getTime());
}

/**
 * The record after one more attempt. Attempts are counted before the password is checked and forgotten when it
 * was right, so that a burst of parallel guesses counts in full.
 */
export function afterAttempt(
  record: ThrottleRecord | null,
  now: Date,
  policy: ThrottlePolicy,
): ThrottleRecord {
  const fresh = record && now.getTime() - record.lastAt.getTime() < policy.forgetMs ? record : null;
  const failures = (fresh?.failures ?? 0) + 1;
  const over = failures - policy.allowed;
  const waitMs =
    over < 0 ? 0 : Math.min(policy.maxLockMs, policy.firstLockMs * 2 ** Math.min(over, 20));
  return {
    failures,
    lastAt: now,
    lockedUntil: waitMs > 0 ? new Date(now.getTime() + waitMs) : null,
  };
}
