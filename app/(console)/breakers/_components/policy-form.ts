import {
  type BreakerDetail,
  type BreakerPolicy,
  breakerUpsertSchema,
  defaultPolicy,
  policySchema,
} from '../../../../server/breakers/contract.ts';

/** What stands in the fields, as text: durations in seconds, shares in percent. */
export type Values = Record<
  | 'name'
  | 'description'
  | 'failureThreshold'
  | 'minimumCalls'
  | 'windowMs'
  | 'openMs'
  | 'halfOpenProbes'
  | 'probeLeaseMs'
  | 'slowCallMs'
  | 'slowCallThreshold'
  | 'matchers',
  string
>;
type Faults = Partial<Record<keyof Values, string>>;

const seconds = (ms: number | null) => (ms === null ? '' : String(ms / 1000));
const percent = (share: number) => String(Math.round(share * 1e4) / 100);

export function valuesOf(breaker: BreakerDetail | null): Values {
  const policy = breaker?.policy ?? defaultPolicy;
  return {
    name: breaker?.name ?? '',
    description: breaker?.description ?? '',
    failureThreshold: percent(policy.failureThreshold),
    minimumCalls: String(policy.minimumCalls),
    windowMs: seconds(policy.windowMs),
    openMs: seconds(policy.openMs),
    halfOpenProbes: String(policy.halfOpenProbes),
    probeLeaseMs: seconds(policy.probeLeaseMs),
    slowCallMs: seconds(policy.slowCallMs),
    slowCallThreshold: percent(policy.slowCallThreshold),
    matchers: Object.entries(breaker?.matchers ?? {})
      .map(([label, value]) => `${label}=${value}`)
      .join('\n'),
  };
}

const numberOf = (text: string) => (text.trim() === '' ? Number.NaN : Number(text.trim()));
const msOf = (text: string) => Math.round(numberOf(text) * 1000);
const shareOf = (text: string) => numberOf(text) / 100;

/** Buckets of a second, or longer ones where a window would have more than 600. */
function bucketOf(windowMs: number): number {
  const fits = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000].find(
    (each) => windowMs % each === 0 && windowMs / each <= 600,
  );
  return fits ?? (windowMs % 500 === 0 ? 500 : 100);
}

/** `label=value`, one a line. */
function matchersOf(text: string): Record<string, string> | null | 'wrong' {
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  if (lines.length === 0) return null;
  const pairs = lines.map((line) => /^([^=]+)=(.*)$/.exec(line));
  if (pairs.some((pair) => pair === null)) return 'wrong';
  return Object.fromEntries(
    pairs.map((pair) => [pair?.[1]?.trim() ?? '', pair?.[2]?.trim() ?? '']),
  );
}

const asked: Faults = {
  failureThreshold: 'A share above 0 % and up to 100 %.',
  minimumCalls: 'A whole number from 1 on.',
  windowMs: 'From 1 to 3600 seconds.',
  openMs: 'From 0.1 to 86 400 seconds.',
  halfOpenProbes: 'A whole number from 1 to 100.',
  probeLeaseMs: 'From 0.1 to 86 400 seconds.',
  slowCallMs: 'From 0.001 seconds on, or nothing.',
  slowCallThreshold: 'A share above 0 % and up to 100 %.',
};

export function policyOf(values: Values): { policy: BreakerPolicy | null; faults: Faults } {
  const windowMs = msOf(values.windowMs);
  const parsed = policySchema.safeParse({
    windowMs,
    bucketMs: bucketOf(windowMs),
    minimumCalls: numberOf(values.minimumCalls),
    failureThreshold: shareOf(values.failureThreshold),
    openMs: msOf(values.openMs),
    halfOpenProbes: numberOf(values.halfOpenProbes),
    probeLeaseMs: msOf(values.probeLeaseMs),
    slowCallMs: values.slowCallMs.trim() === '' ? null : msOf(values.slowCallMs),
    slowCallThreshold: shareOf(values.slowCallThreshold),
  });
  if (parsed.success) return { policy: parsed.data, faults: {} };
  const faults: Faults = {};
  for (const { path } of parsed.error.issues) {
    const field = path[0] === 'bucketMs' ? 'windowMs' : String(path[0]);
    if (field in asked) faults[field as keyof Values] = asked[field as keyof Values];
  }
  return { policy: null, faults };
}

/** What is sent, or what is wrong with it, field by field. */
export function check(values: Values) {
  const { policy, faults } = policyOf(values);
  const matchers = matchersOf(values.matchers);
  if (matchers === 'wrong') faults.matchers = 'One label=value a line.';
  if (!policy || matchers === 'wrong') return { input: null, faults };
  const { name, description } = values;
  const parsed = breakerUpsertSchema.safeParse({ name, description, policy, matchers });
  if (parsed.success) return { input: parsed.data, faults };
  for (const { path, message } of parsed.error.issues) {
    if (String(path[0]) in values) faults[String(path[0]) as keyof Values] ??= message;
  }
  return { input: null, faults };
}
