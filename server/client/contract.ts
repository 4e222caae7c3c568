/** When a breaker opens, for how long, and how it is tried again. */
export type BreakerPolicy = {
  /** Outcomes of this long count. */
  windowMs: number;
  bucketMs: number;
  /** Fewer calls in the window never open it. */
  minimumCalls: number;
  /** Share of failed calls, 0–1, from which on it opens. */
  failureThreshold: number;
  openMs: number;
  /** Trial calls that must all succeed before it closes. */
  halfOpenProbes: number;
  /** A trial call without an outcome counts as failed after this long. */
  probeLeaseMs: number;
  /** From this duration on a call is slow; null: no call is. */
  slowCallMs: number | null;
  /** Share of slow calls, 0–1, from which on it opens. */
  slowCallThreshold: number;
};

export const defaultPolicy: Readonly<BreakerPolicy> = {
  windowMs: 60_000,
  bucketMs: 1_000,
  minimumCalls: 10,
  failureThreshold: 0.5,
  openMs: 60_000,
  halfOpenProbes: 3,
  probeLeaseMs: 30_000,
  slowCallMs: null,
  slowCallThreshold: 1,
};

const DAY_MS = 86_400_000;
/** Smallest and largest value of each number, both accepted. */
export const policyBounds = {
  windowMs: [1_000, 3_600_000],
  bucketMs: [100, 600_000],
  minimumCalls: [1, 1_000_000],
  openMs: [100, DAY_MS],
  halfOpenProbes: [1, 100],
  probeLeaseMs: [100, DAY_MS],
  slowCallMs: [1, DAY_MS],
} as const;
export const MAX_BUCKETS = 600;

type Fault = { path: string; message: string };

/** What is wrong with a policy, field by field; empty when nothing is. */
export function policyFaults(policy: BreakerPolicy): Fault[] {
  const faults: Fault[] = [];
  for (const [path, [min, max]] of Object.entries(policyBounds)) {
    const value = policy[path as keyof typeof policyBounds];
    if (path === 'slowCallMs' && value === null) continue;
    if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) continue;
    faults.push({
      path,
      message: `${value} is not accepted; a whole number from ${min} to ${max}`,
    });
  }
  for (const path of ['failureThreshold', 'slowCallThreshold'] as const) {
    const value = policy[path];
    if (value > 0 && value <= 1) continue;
    faults.push({ path, message: `${value} is not accepted; a share above 0 and up to 1` });
  }
  if (faults.length > 0) return faults;
  const buckets = policy.windowMs / policy.bucketMs;
  if (!Number.isInteger(buckets) || buckets > MAX_BUCKETS) {
    const message = `${policy.bucketMs} is not accepted; windowMs must be a whole number of buckets, at most ${MAX_BUCKETS}`;
    faults.push({ path: 'bucketMs', message });
  }
  return faults;
}
