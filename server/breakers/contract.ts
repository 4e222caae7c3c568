import { z } from 'zod';
import { filterSchema, isPlainText, pageSchema } from '../api/contract.ts';
import {
  type BreakerPolicy,
  defaultPolicy,
  policyBounds,
  policyFaults,
} from '../client/contract.ts';

export { type BreakerPolicy, defaultPolicy, policyBounds } from '../client/contract.ts';

export const MAX_BREAKERS = 100_000;
const plain = 'Control and invisible characters are not accepted';

/** Printable, without spaces at its ends. Case matters. */
export const breakerNameSchema = z
  .string()
  .trim()
  .min(1, 'Must not be empty')
  .max(200)
  .refine(isPlainText, plain);

const whole = (field: keyof typeof policyBounds) => {
  const [min, max] = policyBounds[field];
  const text = `Must be a whole number from ${min} to ${max}`;
  return z.number(text).int(text).min(min, text).max(max, text);
};
const SHARE = 'Must be a share above 0 and up to 1';
const share = z.number(SHARE).gt(0, SHARE).max(1, SHARE);

/** Durations in milliseconds, shares 0–1; what is absent has its default. */
export const policySchema = z
  .strictObject({
    windowMs: whole('windowMs').default(defaultPolicy.windowMs),
    bucketMs: whole('bucketMs').default(defaultPolicy.bucketMs),
    minimumCalls: whole('minimumCalls').default(defaultPolicy.minimumCalls),
    failureThreshold: share.default(defaultPolicy.failureThreshold),
    openMs: whole('openMs').default(defaultPolicy.openMs),
    halfOpenProbes: whole('halfOpenProbes').default(defaultPolicy.halfOpenProbes),
    probeLeaseMs: whole('probeLeaseMs').default(defaultPolicy.probeLeaseMs),
    slowCallMs: whole('slowCallMs').nullable().default(null),
    slowCallThreshold: share.default(defaultPolicy.slowCallThreshold),
  })
  .superRefine((policy, context) => {
    for (const { path, message } of policyFaults(policy)) {
      context.addIssue({ code: 'custom', path: [path], message });
    }
  });

const label = z.string().min(1).max(200).refine(isPlainText, plain);
/** Labels that an alert must all have, with these values. */
export const matchersSchema = z
  .record(label, z.string().max(1_000).refine(isPlainText, plain))
  .refine((matchers) => {
    const count = Object.keys(matchers).length;
    return count >= 1 && count <= 10;
  }, 'One to ten labels');

export const breakerUpsertSchema = z.strictObject({
  name: breakerNameSchema,
  description: z.string().trim().max(500).refine(isPlainText, plain).optional(),
  policy: policySchema.optional(),
  /** Null: an alert holds it open only when its label `breaker` is this name. */
  matchers: matchersSchema.nullable().optional(),
});
export const breakerKeySchema = z.strictObject({ name: breakerNameSchema });
const reason = z
  .string()
  .trim()
  .min(1, 'Say why, for those who come after you')
  .max(500)
  .refine(isPlainText, plain);
export const breakerForceSchema = z.strictObject({
  name: breakerNameSchema,
  state: z.enum(['open', 'closed', 'auto']),
  reason,
});
/** To trip or to reset. */
export const breakerActionSchema = z.strictObject({ name: breakerNameSchema, reason });
export const callOutcomes = ['success', 'failure', 'timeout', 'ignored'] as const;
export const breakerRecordSchema = z.strictObject({
  name: breakerNameSchema,
  /** As `permit` gave it; null when the call was not allowed, which is not recorded. */
  permit: z.string().max(300).nullable(),
  outcome: z.enum(callOutcomes),
  durationMs: z.number().min(0).max(86_400_000),
});
export const breakerStates = [
  'closed',
  'open',
  'half_open',
  'forced_open',
  'forced_closed',
] as const;
export type BreakerStateName = (typeof breakerStates)[number];
export const breakerListSchema = pageSchema.extend({
  /** A name. */
  cursor: z.string().max(200).refine(isPlainText, plain).nullish(),
  search: filterSchema.optional(),
  /** Only those that are not closed, or are held by somebody. */
  unwell: z.boolean().optional(),
});
export const breakerEventsSchema = pageSchema.extend({ name: breakerNameSchema });

const MAX_OFFERS = 500;
const replica = z.string().min(1).max(100).refine(isPlainText, plain);
const offer = z.strictObject({
  name: breakerNameSchema,
  /** Used when the breaker is new; else the console's own policy is answered. */
  policy: policySchema.optional(),
  generation: z.number().int().min(1),
  window: z
    .string()
    .max(20_000)
    .regex(/^[0-9a-z.;]*$/)
    .nullable(),
  /** Calls that it turned away since it started. */
  rejected: z.number().int().min(0).optional(),
});
const machine = z.enum(['closed', 'open', 'half_open']);
/** Far more than a program can reach alone, and far from where the history stops counting: it becomes everybody's. */
const MAX_BROUGHT = 1_000_000_000;
/** For the client (`server/client`): what it counted, and what it wants to know. */
export const breakerSyncSchema = z.strictObject({
  replica,
  offers: z.array(offer).max(MAX_OFFERS).default([]),
  /** Answers the names that changed after this version, too. */
  since: z.number().int().min(0).optional(),
});
const probe = { generation: z.number().int().min(1), slot: z.number().int().min(0).max(99) };
export const breakerActSchema = z.strictObject({
  name: breakerNameSchema,
  act: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('acquire') }),
    z.strictObject({
      kind: z.literal('settle'),
      ...probe,
      outcome: z.enum(['success', 'failure', 'ignored']),
    }),
    z.strictObject({
      kind: z.literal('open'),
      generation: z.number().int().min(1),
      cause: z.enum(['failures', 'slow_calls']),
    }),
    z.strictObject({
      kind: z.literal('rejoin'),
      base: z.number().int().min(1),
      generation: z.number().int().min(1).max(MAX_BROUGHT),
      machine,
      openedAgoMs: z
        .number()
        .min(0)
        .max(86_400_000 * 365),
    }),
  ]),
});
export const MAX_BACKTEST_BINS = 10_000;
export const breakerBacktestSchema = z.strictObject({
  name: breakerNameSchema,
  policy: policySchema,
  timeRange: z.union([
    z.string().regex(/^[1-9]\d{0,4}[smhd]$/, 'Such as 30m, 24h or 7d'),
    z.strictObject({
      from: z.iso.datetime({ offset: true }),
      to: z.iso.datetime({ offset: true }),
    }),
  ]),
});

export type PermitResult = {
  allowed: boolean;
  state: BreakerStateName;
  permit: string | null;
  /** Milliseconds until a call may be tried; null while it is held open. */
  retryAfterMs: number | null;
};
export type BreakerHoldView = {
  state: 'open' | 'closed';
  kind: 'operator' | 'alert';
  by: string;
  reason: string;
  at: string;
};
/** One minute at a glance: share of failed calls by slice, oldest first; null without calls. */
export type Trend = (number | null)[];
export type BreakerItem = {
  id: string;
  name: string;
  description: string;
  builtIn: boolean;
  state: BreakerStateName;
  cause: string;
  calls: number;
  failures: number;
  slow: number;
  /** Calls that this replica and the programs that sync with it turned away since it started. */
  rejected: number;
  openedAt: string | null;
  /** Milliseconds until a trial call may be made; null when it is closed, half open or held. */
  trialInMs: number | null;
  hold: BreakerHoldView | null;
  trend: Trend;
};
export type BreakerDetail = BreakerItem & {
  policy: BreakerPolicy;
  matchers: Record<string, string> | null;
  /** Alerts that fire and name this breaker. */
  alerts: { fingerprint: string; title: string; since: string; released: boolean }[];
  /** Buckets of the window, newest first: age in buckets, calls, failures, slow calls. */
  buckets: [number, number, number, number][];
  /** What each replica and client has seen within the window. */
  shares: { replica: string; calls: number; failures: number; slow: number }[];
  /** This replica alone keeps it open: nobody else sees failures. */
  alone: boolean;
  trials: { succeeded: number; inFlight: number; of: number };
  updatedAt: string;
};
export type BreakerEventItem = {
  id: string;
  at: string;
  generation: number;
  from: BreakerStateName;
  to: BreakerStateName;
  cause: string;
  actor: string | null;
  detail: string | null;
  replica: string | null;
};
export type BreakerCounts = {
  total: number;
  open: number;
  halfOpen: number;
  held: number;
  sharing: 'redis' | 'process' | 'away';
  replica: string;
};
/** What a policy would have done with stored outcomes. */
export type BacktestRun = {
  openings: { at: string; until: string | null; cause: 'failures' | 'slow_calls' }[];
  openSeconds: number;
  /** Calls that would have been turned away. */
  rejected: number;
  /** … of which were failures that nobody would have waited for. */
  avoidedFailures: number;
  /** … of which would have succeeded. */
  lostSuccesses: number;
};
export type BacktestResult = {
  from: string;
  to: string;
  stepSeconds: number;
  calls: number;
  failures: number;
  slow: number;
  proposed: BacktestRun;
  current: BacktestRun;
  points: { at: string; calls: number; failures: number }[];
};
