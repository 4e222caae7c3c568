/** What a decision means, in the numbers that answers carry. */
import { tokensLeft, waitUs } from './bucket.ts';
import type { Taken } from './taker.ts';

export type LimitState = {
  name: string;
  perMinute: number;
  /** Calls that may come now. */
  remaining: number;
  /** Until the whole burst is there. */
  resetMs: number;
  /** Until this limit lets the request through; 0 when it did. */
  waitMs: number;
};

export function describeTaken({ allowed, charges, debtsUs }: Taken): LimitState[] {
  return charges.map(({ limit, perMinute, bucket, cost }, i) => {
    const debtUs = debtsUs[i] ?? 0;
    return {
      name: limit,
      perMinute,
      remaining: tokensLeft(bucket, debtUs),
      resetMs: debtUs / 1000,
      waitMs: allowed ? 0 : waitUs(bucket, debtUs, cost) / 1000,
    };
  });
}
