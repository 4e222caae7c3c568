import { z } from 'zod';
import { isPlainText, pageSchema } from '../api/contract.ts';

/** Calls a minute, and how many of them may come at once. Refill is the difference, so that no minute sees more than `perMinute`. */
export const presets = {
  strict: { perMinute: 10, burst: 3 },
  standard: { perMinute: 100, burst: 20 },
  lenient: { perMinute: 1_000, burst: 200 },
} as const;
export const MAX_PER_MINUTE = 6_000_000;
/**
 * Below this nobody could open the page that sets it right: people who signed in count as themselves, and by address
 * until they are known; and the page asks for these two modules.
 */
const LEAST: Record<string, number> = { session: 300, address: 30, 'overall-unknown': 300 };
const LEAST_OF_PAGE = 60;
export const leastPerMinute = (name: string): number =>
  LEAST[name] ?? (/^(limits|sessions)\./.test(name) ? LEAST_OF_PAGE : 2);
export const MAX_OVERRIDES = 200;

export const limitModes = ['also', 'instead'] as const;
export type LimitMode = (typeof limitModes)[number];
const name = z
  .string()
  .trim()
  .max(100)
  .regex(/^[a-z][A-Za-z-]*(\.[a-z][A-Za-z]*)*(\.\*)?$/, {
    message:
      'A limit of the table, a procedure such as metrics.query, or a module such as health.*',
  });
const reason = z
  .string()
  .trim()
  .min(3, 'Say why, for those who read the audit log')
  .max(300)
  .refine(isPlainText, 'Control and invisible characters are not accepted');

export const limitOverrideSchema = z
  .strictObject({
    name,
    perMinute: z.number().int().min(2).max(MAX_PER_MINUTE),
    /** Without it a fifth of `perMinute`. */
    burst: z.number().int().min(1).max(MAX_PER_MINUTE).optional(),
    /** For procedures: beside the caller's own limit, or in place of it. */
    mode: z.enum(limitModes).optional(),
    reason,
  })
  .refine(({ perMinute, burst }) => burst === undefined || burst < perMinute, {
    path: ['burst'],
    message: 'Must be smaller than the calls a minute',
  });
export const limitRemoveSchema = z.strictObject({ name, reason });
const offset = z
  .string()
  .regex(/^\d{1,6}$/, 'Take it from nextCursor of the previous page')
  .nullish();
export const limitPageSchema = pageSchema.extend({ cursor: offset });
export type LimitOverrideInput = z.output<typeof limitOverrideSchema>;
export type LimitRemoveInput = z.output<typeof limitRemoveSchema>;
export type LimitPage = z.output<typeof limitPageSchema>;

export type LimitPer = 'address' | 'key' | 'session' | 'caller' | 'console';
export type LimitSource = 'default' | 'config' | 'override';
export type LimitItem = {
  name: string;
  /** What it is for, in words or as a pattern. */
  pattern: string;
  per: LimitPer;
  /** `base`: the caller's own or the whole console's. `also`: beside that. `instead`: in place of it. */
  mode: 'base' | LimitMode;
  perMinute: number;
  burst: number;
  source: LimitSource;
  /** Variable that sets it, when there is one. */
  variable: string | null;
  override: {
    reason: string;
    at: string;
    by: string;
    before: { perMinute: number; burst: number } | null;
  } | null;
  refusedLastHour: number;
};
export type LimitCaller = {
  limit: string;
  kind: 'address' | 'key' | 'session' | 'console';
  id: string;
  label: string;
  /** Calls that may come now. */
  remaining: number;
  burst: number;
  perMinute: number;
  refusedLastHour: number;
  lastRefusedAt: string | null;
};
export type LimitStatus = {
  /** `shared`: all replicas count together. `process`: Redis is away or off, this one has its share. */
  counting: 'shared' | 'process';
  redis: 'off' | 'up' | 'down';
  replicas: number;
  /** Of this process, since it started. */
  allowed: number;
  refused: number;
  /** Requests that were let through because the limiter itself failed. */
  errors: number;
  lastErrorAt: string | null;
  refusedLastHour: number;
};
