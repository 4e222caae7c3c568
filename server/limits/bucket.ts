/**
 * A token bucket, kept as one number: how long it takes until it is full again ("debt", in microseconds). A call adds
 * the time of one token; it is refused when the debt would be more than the burst is worth. This is GCRA, the token
 * bucket of ITU-T I.371 in the form of a theoretical arrival time, and the Lua script does the same sums.
 */
export type Bucket = { burst: number; intervalUs: number };
export type Charge = {
  /** Row of the table. */
  limit: string;
  /** Whose bucket. */
  subject: string;
  perMinute: number;
  bucket: Bucket;
  cost: number;
};

/** The longest refill that is kept: two a minute with a burst of one. */
export const defaultBurst = (perMinute: number): number => Math.max(1, Math.floor(perMinute / 5));

/** What is left of `perMinute` after the burst comes back over the minute, so that no 60 s see more than `perMinute`. */
export function bucketOf(perMinute: number, burst: number = defaultBurst(perMinute)): Bucket {
  const refill = Math.max(1, perMinute - burst);
  return { burst, intervalUs: Math.max(1, Math.ceil(60_000_000 / refill)) };
}

/** A replica's part while the replicas cannot count together. Debts keep their meaning, as they are times. */
export function shareOf({ burst, intervalUs }: Bucket, replicas: number): Bucket {
  if (replicas <= 1) return { burst, intervalUs };
  return { burst: Math.max(1, Math.floor(burst / replicas)), intervalUs: intervalUs * replicas };
}

/** A batch that is larger than the burst takes the whole burst; it could never pass otherwise. */
const costUs = ({ burst, intervalUs }: Bucket, cost: number) => Math.min(cost, burst) * intervalUs;

/** Never more than the bucket holds, also after the limit was changed or a clock went back. */
export function clampDebt({ burst, intervalUs }: Bucket, debtUs: number): number {
  return Math.min(Math.max(0, debtUs), burst * intervalUs);
}

/** How long until `cost` may be taken; 0 when it may be now. */
export function waitUs(bucket: Bucket, debtUs: number, cost: number): number {
  const room = bucket.burst * bucket.intervalUs - clampDebt(bucket, debtUs);
  return Math.max(0, costUs(bucket, cost) - room);
}

/** Whole tokens that are there. */
export function tokensLeft(bucket: Bucket, debtUs: number): number {
  return Math.floor(
    (bucket.burst * bucket.intervalUs - clampDebt(bucket, debtUs)) / bucket.intervalUs,
  );
}

/** Takes from all or from none. Answers the debts afterwards. */
export function takeAll(
  charges: readonly { bucket: Bucket; cost: number }[],
  debtsUs: readonly number[],
): { allowed: boolean; debtsUs: number[] } {
  const before = charges.map(({ bucket }, i) => clampDebt(bucket, debtsUs[i] ?? 0));
  const allowed = charges.every(
    ({ bucket, cost }, i) => waitUs(bucket, before[i] ?? 0, cost) === 0,
  );
  if (!allowed) return { allowed, debtsUs: before };
  return {
    allowed,
    debtsUs: charges.map(({ bucket, cost }, i) => (before[i] ?? 0) + costUs(bucket, cost)),
  };
}
