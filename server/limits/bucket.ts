/**
 * A token bucket, kept as one number: how long it takes until it is full again ("debt", in microseconds). A call adds
 * the time of one token; it is refused when the debt would be more than the burst is worth. This is GCRA, the token
 * bucket of ITU-T I.371 in the form of a theoretical arrival time, and the Lua script does the same sums.
 */
export type Bucket = { burst: number; intervalUs: number };
/** Where a bucket's state is: when it is full again, in microseconds of the clock of whoever holds it. */
export type Cell = { fullAtUs: number };
export type Charge = {
  /** Row of the table. */
  readonly limit: string;
  /** Whose bucket. */
  readonly subject: string;
  /** Of both, the name of the bucket. */
  readonly key: string;
  readonly perMinute: number;
  readonly bucket: Bucket;
  readonly cost: number;
};

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
export const costUs = ({ burst, intervalUs }: Bucket, cost: number) =>
  Math.min(cost, burst) * intervalUs;

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

/**
 * Takes from all or from none, and leaves in `debtsUs` what each bucket owes afterwards. Written without a list or an
 * object of its own, as it stands before every request.
 */
export function takeAll(
  charges: readonly { bucket: Bucket; cost: number }[],
  cells: readonly Cell[],
  nowUs: number,
  debtsUs: number[],
): boolean {
  let allowed = true;
  for (let i = 0; i < charges.length; i++) {
    const charge = charges[i];
    const cell = cells[i];
    if (charge === undefined || cell === undefined) throw new TypeError('every charge has a cell');
    const { burst, intervalUs } = charge.bucket;
    const full = burst * intervalUs;
    let debt = cell.fullAtUs - nowUs;
    if (debt < 0) debt = 0;
    else if (debt > full) {
      // Kept, or it would stay empty until a clock that went back has caught up.
      debt = full;
      cell.fullAtUs = nowUs + full;
    }
    debtsUs[i] = debt;
    if (debt + Math.min(charge.cost, burst) * intervalUs > full) allowed = false;
  }
  if (!allowed) return false;
  for (let i = 0; i < charges.length; i++) {
    const charge = charges[i];
    const cell = cells[i];
    if (charge === undefined || cell === undefined) continue;
    const debt = (debtsUs[i] ?? 0) + costUs(charge.bucket, charge.cost);
    debtsUs[i] = debt;
    cell.fullAtUs = nowUs + debt;
  }
  return true;
}
