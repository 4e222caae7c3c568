/**
 * Retries with exponential backoff and full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
 * 2015) and a budget: at most a tenth of the calls may be repeats, so that retries cannot become the load that keeps a
 * service down.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export type RetryPolicy = { attempts: number; firstMs: number; maxMs: number };
export const defaultRetry: RetryPolicy = { attempts: 3, firstMs: 200, maxMs: 5_000 };
const SHARE = 0.1;
const MAX_SAVED = 10;

/** Milliseconds before attempt `next` (2 is the first repeat); `random` is 0–1. */
export function backoffMs(policy: RetryPolicy, next: number, random: number): number {
  return Math.round(random * Math.min(policy.maxMs, policy.firstMs * 2 ** (next - 2)));
}

/** What may be repeated: each call saves a tenth of a repeat, up to ten. */
export function createRetryBudget() {
  let saved = MAX_SAVED;
  return {
    called: () => {
      saved = Math.min(MAX_SAVED, saved + SHARE);
    },
    take: (): boolean => {
      if (saved < 1) return false;
      saved -= 1;
      return true;
    },
  };
}
export type RetryBudget = ReturnType<typeof createRetryBudget>;

/**
 * Runs `call` until it answers what need not be repeated. `again` says how long the other side asks to wait, null for as
 * usual, or false when it must not be repeated. The last failure is thrown as it is.
 */
export async function withRetry<T>(
  call: (attempt: number) => Promise<T>,
  options: {
    policy?: RetryPolicy;
    budget: RetryBudget;
    random: () => number;
    signal?: AbortSignal | undefined;
    again(end: { result: T } | { error: unknown }): number | null | false;
  },
): Promise<T> {
  const { policy = defaultRetry, budget, random, signal, again } = options;
  budget.called();
  for (let attempt = 1; ; attempt++) {
    let end: { result: T } | { error: unknown };
    try {
      end = { result: await call(attempt) };
    } catch (error) {
      end = { error };
    }
    const asked = again(end);
    const over = asked === false || attempt >= policy.attempts || signal?.aborted === true;
    if (over || (asked !== null && asked > policy.maxMs) || !budget.take()) {
      if ('error' in end) throw end.error;
      return end.result;
    }
    const wait = Math.max(asked ?? 0, backoffMs(policy, attempt + 1, random()));
    await sleep(wait, undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}

const LONGEST_RETRY_AFTER_MS = 60 * 60_000;
const SHORTEST_RETRY_AFTER_MS = 1_000;

/** RFC 9110 §10.2.3: seconds or an HTTP date. Null when it is neither; from a second to an hour otherwise. */
export function retryAfterMs(header: string | null | undefined, now: Date): number | null {
  const value = header?.trim() ?? '';
  let ms: number;
  if (/^\d+(\.\d+)?$/.test(value)) ms = Number(value) * 1000;
  else if (/^[A-Za-z]{3,9}, .+ GMT$/.test(value)) ms = Date.parse(value) - now.getTime();
  else return null;
  if (Number.isNaN(ms)) return null;
  return Math.round(Math.min(Math.max(ms, SHORTEST_RETRY_AFTER_MS), LONGEST_RETRY_AFTER_MS));
}
