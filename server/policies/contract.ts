/**
 * Policies: who may call which tool in which scope. Client-safe.
 *
 * A pattern is a plain text; only a `*` at its end stands for anything. There are no regular expressions, so that no rule
 * costs more than another.
 */
import { z } from 'zod';
import { idPageSchema, type Role } from '../api/contract.ts';

export const MAX_RULES = 1_000;
const MAX_SUBJECT = 260;
const MAX_TOOL = 200;
const MAX_SCOPE = 200;
/** Subjects and tools of one matrix. */
export const MAX_MATRIX_SUBJECTS = 60;
export const MAX_MATRIX_TOOLS = 500;
/** Recorded decisions that a preview looks at. */
export const PREVIEW_DECISIONS = 2_000;

export const effects = ['allow', 'deny'] as const;
export type Effect = (typeof effects)[number];
export const subjectKinds = ['role', 'key', 'user', 'token', 'agent'] as const;
export type SubjectKind = (typeof subjectKinds)[number];

/** No control, invisible or unassigned characters, in composed form: two names that look alike must not differ. */
const isVisible = (text: string): boolean =>
  !/[\p{C}\p{Zl}\p{Zp}]/u.test(text) && text === text.normalize('NFC');
const VISIBLE = 'Invisible and control characters are not accepted';
const plain = (max: number) =>
  z.string().trim().min(1, 'Must not be empty').max(max).refine(isVisible, VISIBLE);

const STAR = 'Only at the end a * stands for anything';
const hasStarWithin = (text: string): boolean => text.slice(0, -1).includes('*');
const hasStar = (text: string): boolean => text.includes('*');

const SUBJECT = 'Name it as role:operator, key:ID, user:EMAIL, token:SUBJECT or agent:NAME';
const subjectForm = new RegExp(`^(${subjectKinds.join('|')}):.`, 'u');
/** Addresses of people are kept in lower case. */
const lowerEmail = (subject: string): string =>
  subject.startsWith('user:') ? subject.toLowerCase() : subject;

/** What a rule names subjects by. */
const subjectPattern = plain(MAX_SUBJECT)
  .refine((text) => text === '*' || subjectForm.test(text), `${SUBJECT}, or *`)
  .refine((text) => !hasStarWithin(text), STAR)
  .transform(lowerEmail);
const toolPattern = plain(MAX_TOOL).refine((text) => !hasStarWithin(text), STAR);
const scopePattern = plain(MAX_SCOPE).refine((text) => !hasStarWithin(text), STAR);

/** One subject that asks; no pattern. */
const subjectSchema = plain(MAX_SUBJECT)
  .refine((text) => subjectForm.test(text), SUBJECT)
  .refine((text) => !hasStar(text), 'One subject, without *')
  .transform(lowerEmail);
const toolSchema = plain(MAX_TOOL).refine((text) => !hasStar(text), 'One tool, without *');
/** A scope that is asked for may end in `*`: all of it. */
const askedScope = scopePattern;
const environmentSchema = plain(60);

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'A time such as 08:30');
const isTimeZone = (name: string): boolean => {
  try {
    return Boolean(new Intl.DateTimeFormat('en-GB', { timeZone: name }));
  } catch {
    return false;
  }
};
/** Days are those on which the window begins; from = to is the whole day, from > to goes past midnight. */
const windowSchema = z.strictObject({
  /** 1 Monday … 7 Sunday */
  days: z
    .array(z.number().int().min(1).max(7))
    .min(1, 'Choose at least one day')
    .max(7)
    .transform((days) => [...new Set(days)].sort()),
  from: clockTime,
  to: clockTime,
  timeZone: z
    .string()
    .max(60)
    .refine(isTimeZone, 'The name of a time zone, such as Europe/Berlin or UTC'),
});
const addressSchema = z.union(
  [z.ipv4(), z.cidrv4(), z.ipv6(), z.cidrv6()],
  'An address or a network such as 10.0.0.0/8',
);
export const conditionsSchema = z.strictObject({
  times: z.array(windowSchema).min(1).max(10).optional(),
  addresses: z.array(addressSchema).min(1).max(50).optional(),
  environments: z.array(environmentSchema).min(1).max(10).optional(),
});
export type TimeWindow = z.output<typeof windowSchema>;
export type Conditions = z.output<typeof conditionsSchema>;

export const ruleSchema = z.strictObject({
  name: plain(100),
  /** Why it is there; shown to who is denied. */
  description: z.string().trim().max(500).refine(isVisible, VISIBLE).default(''),
  subject: subjectPattern,
  tool: toolPattern,
  scope: scopePattern.default('*'),
  effect: z.enum(effects),
  conditions: conditionsSchema.default({}),
  enabled: z.boolean().default(true),
});
export const ruleUpdateSchema = ruleSchema.partial().extend({
  id: z.uuid(),
  /** As it was read: when it has changed since, nothing is done and the answer is CONFLICT. */
  version: z.number().int().min(1),
  // Without their defaults, which would overwrite.
  description: ruleSchema.shape.description.unwrap().optional(),
  scope: scopePattern.optional(),
  conditions: conditionsSchema.optional(),
  enabled: z.boolean().optional(),
});
export const ruleRemoveSchema = z.strictObject({
  id: z.uuid(),
  version: z.number().int().min(1).optional(),
});
export const defaultSchema = z.strictObject({
  effect: z.enum(effects),
  reason: z
    .string()
    .trim()
    .min(3, 'Say why, for those who read the audit log')
    .max(300)
    .refine(isVisible, VISIBLE),
});
export const decideSchema = z
  .strictObject({
    subject: subjectSchema,
    tool: toolSchema,
    scope: askedScope.default('*'),
    /** Records nothing. */
    dryRun: z.boolean().default(false),
    address: z.union([z.ipv4(), z.ipv6()], 'An address such as 10.1.2.3').optional(),
    environment: environmentSchema.optional(),
    /** Another time than now; only for dry runs. */
    at: z.iso.datetime({ offset: true }).optional(),
  })
  .refine(({ at, dryRun }) => at === undefined || dryRun, {
    path: ['at'],
    message: 'Only with dryRun: what is recorded was decided now',
  });
export const matrixSchema = z.strictObject({
  /** Without them the roles, the newest keys, and what rules name. */
  subjects: z.array(subjectSchema).min(1).max(MAX_MATRIX_SUBJECTS).optional(),
  /** Without them all procedures and what rules name. */
  tools: z.array(toolSchema).min(1).max(MAX_MATRIX_TOOLS).optional(),
  scope: askedScope.default('*'),
});
export const previewSchema = z.strictObject({
  rule: ruleSchema,
  /** The rule that it would replace. */
  id: z.uuid().optional(),
});
export const rulePageSchema = idPageSchema;
export const denialPageSchema = idPageSchema.extend({
  subject: z.string().trim().max(MAX_SUBJECT).optional(),
  tool: z.string().trim().max(MAX_TOOL).optional(),
});

export type RuleInput = z.output<typeof ruleSchema>;
export type RuleUpdate = z.output<typeof ruleUpdateSchema>;
export type RuleRemove = z.output<typeof ruleRemoveSchema>;
export type DefaultInput = z.output<typeof defaultSchema>;
export type DecideInput = z.output<typeof decideSchema>;
export type MatrixInput = z.output<typeof matrixSchema>;
export type PreviewInput = z.output<typeof previewSchema>;
export type RulePage = z.output<typeof rulePageSchema>;
export type DenialPage = z.output<typeof denialPageSchema>;

/** A rule as it is decided by. */
export type Rule = Pick<
  RuleInput,
  'name' | 'description' | 'subject' | 'tool' | 'scope' | 'effect' | 'conditions'
> & { id: string };

export type RuleItem = RuleInput & {
  id: string;
  /** Name of the one key, person or token that `subject` is; null for patterns, roles, agents and what is gone. */
  subjectName: string | null;
  version: number;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  updatedBy: string;
};
/**
 * What a decision came from. `credential`: the key, token or account is unknown, revoked or has ended. `role`, `scopes`: what
 * holds before any rule. `protected`: what cannot be denied, so that nobody is locked out. `loading`: no rules were read yet.
 */
export const origins = [
  'rule',
  'default',
  'role',
  'scopes',
  'credential',
  'protected',
  'loading',
] as const;
export type Origin = (typeof origins)[number];
export type Decision = { allowed: boolean; reason: string; ruleId: string | null };

export type PolicyStatus = {
  defaultEffect: Effect;
  /** Who set the default, and when. */
  defaultBy: string;
  defaultAt: string;
  rules: number;
  enabled: number;
  /** What rules with an environment are compared with. */
  environment: string;
  /** When this process last saw that its rules are the stored ones; null before the first time. */
  seenAt: string | null;
  deniedLastDay: number;
};
export type MatrixCell = Decision & {
  by: Origin;
  /** The rule that decided has conditions: at another time or from elsewhere it may differ. */
  conditional: boolean;
};
export type Matrix = {
  subjects: { subject: string; label: string; role: Role | null }[];
  /** Each different answer once; `cells` of a row name one for each subject by its place. */
  answers: MatrixCell[];
  rows: {
    tool: string;
    kind: 'query' | 'mutation' | 'other';
    needs: Role | null;
    cells: number[];
  }[];
  /** There are more than these. */
  truncated: boolean;
};
export type PreviewChange = {
  subject: string;
  subjectName: string;
  tool: string;
  scope: string;
  count: number;
  lastAt: string;
  before: boolean;
  after: boolean;
};
export type Preview = {
  /** Different decisions that were looked at, and the calls that they stand for. */
  looked: number;
  calls: number;
  changed: number;
  changedCalls: number;
  /** The newest of them. */
  items: PreviewChange[];
};
export type DenialItem = {
  id: string;
  at: string;
  subject: string;
  subjectName: string;
  tool: string;
  scope: string;
  by: Origin;
  ruleId: string | null;
  ruleName: string | null;
  /** What the caller was told. */
  reason: string;
  /** What it was decided by, in full. */
  detail: string;
  address: string | null;
  environment: string;
  askedBy: string | null;
  count: number;
};
