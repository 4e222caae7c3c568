import { z } from 'zod';
import { filterSchema, idPageSchema, isPlainText, pageSchema } from '../api/contract.ts';

export const targetKinds = ['http', 'tcp', 'postgres', 'redis', 'heartbeat'] as const;
export type TargetKind = (typeof targetKinds)[number];
export const states = ['healthy', 'degraded', 'down', 'unknown', 'maintenance'] as const;
export type State = (typeof states)[number];
/** What checks alone can say. */
export type Observed = Exclude<State, 'maintenance'>;
export const remedyModes = ['automatic', 'approval', 'off'] as const;
export type RemedyMode = (typeof remedyModes)[number];

export const defaults = {
  intervalSeconds: 30,
  heartbeatIntervalSeconds: 60,
  timeoutMs: 5_000,
  failAfter: 3,
  recoverAfter: 2,
  maxLatencyMs: 5_000,
  errorRate: 0.1,
  tlsWarnDays: 14,
  recheckSeconds: 5,
} as const;

/** `what` is spoken at the beginning of the message. */
const whole = (min: number, max: number, unit = '') =>
  z
    .number(`A whole number from ${min} to ${max}${unit}`)
    .int(`A whole number from ${min} to ${max}${unit}`)
    .min(min, `At least ${min}${unit}`)
    .max(max, `At most ${max}${unit}`);
const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'Must not be empty')
    .max(max, `At most ${max} characters`)
    .refine(isPlainText, 'Control and invisible characters are not accepted');

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'Not a header name');
const headersSchema = z
  .record(
    headerName,
    z.string().max(4_000).refine(isPlainText, 'Control and invisible characters are not accepted'),
  )
  .refine((headers) => Object.keys(headers).length <= 30, 'At most 30 headers');

const expectSchema = z.strictObject({
  /** Without it any status from 200 to 399 after redirects is right. */
  status: z.union([whole(100, 599), z.array(whole(100, 599)).min(1).max(20)]).optional(),
  bodyIncludes: z.string().min(1).max(1_000).optional(),
  /** Slower answers make a target degraded, not down. */
  maxLatencyMs: whole(1, 600_000, ' ms').optional(),
});
export type Expect = z.infer<typeof expectSchema>;

const secretSchema = z.string().min(8, 'At least 8 characters').max(500);
export const remedySchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('webhook'),
      url: z.url({ protocol: /^https?$/, error: 'An http or https URL' }).max(2_000),
      secret: secretSchema.optional(),
    }),
    z.strictObject({ kind: z.literal('command'), name: text(100) }),
    z.strictObject({
      kind: z.literal('docker'),
      container: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'A container name or id'),
    }),
    z.strictObject({
      kind: z.literal('kubernetes'),
      namespace: z
        .string()
        .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'A namespace (DNS label)'),
      deployment: z
        .string()
        .max(253)
        .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'A deployment name'),
    }),
    z.strictObject({
      kind: z.literal('systemd'),
      unit: z
        .string()
        .max(255)
        .regex(
          /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*\.(service|socket|timer|target)$/,
          'A unit, e.g. api.service',
        ),
    }),
  ],
  'kind: webhook, command, docker, kubernetes or systemd',
);
export type RemedyInput = z.infer<typeof remedySchema>;
/** As stored and shown: without the secret. */
export type Remedy =
  | { kind: 'webhook'; url: string; signed: boolean }
  | { kind: 'command'; name: string }
  | { kind: 'docker'; container: string }
  | { kind: 'kubernetes'; namespace: string; deployment: string }
  | { kind: 'systemd'; unit: string };

const fields = {
  name: text(200),
  url: z.string().trim().min(1).max(2_000).optional(),
  intervalSeconds: whole(1, 86_400, ' s').optional(),
  timeoutMs: whole(100, 60_000, ' ms').optional(),
  failAfter: whole(1, 20).optional(),
  recoverAfter: whole(1, 20).optional(),
  method: z.enum(['GET', 'HEAD', 'POST']).optional(),
  /** Sent with each HTTP check; stored sealed and never shown again. */
  headers: headersSchema.optional(),
  /** False accepts any certificate; its end is watched all the same. */
  verifyTls: z.boolean().optional(),
  tlsWarnDays: whole(0, 365, ' days').optional(),
  errorRate: z.number().min(0, 'From 0 to 1').max(1, 'From 0 to 1').optional(),
  expect: expectSchema.optional(),
  dependsOn: z.array(z.uuid('A target id')).max(20, 'At most 20 targets').optional(),
  group: text(100).nullish(),
  tags: z.array(text(50)).max(20, 'At most 20 tags').optional(),
  paused: z.boolean().optional(),
  remedy: remedySchema.nullish(),
  remedyMode: z.enum(remedyModes).optional(),
};
export const targetCreateSchema = z
  .strictObject({ kind: z.enum(targetKinds), ...fields })
  .superRefine((input, context) => {
    const fault = addressFault(input.kind, input.url);
    if (fault) context.addIssue({ code: 'custom', path: ['url'], message: fault });
  });
export type TargetCreate = z.input<typeof targetCreateSchema>;
export const targetUpdateSchema = z.strictObject({
  id: z.uuid(),
  ...fields,
  name: fields.name.optional(),
});
export type TargetUpdate = z.infer<typeof targetUpdateSchema>;

const protocols: Record<TargetKind, readonly string[]> = {
  http: ['http:', 'https:'],
  tcp: ['tcp:'],
  postgres: ['postgres:', 'postgresql:'],
  redis: ['redis:', 'rediss:'],
  heartbeat: [],
};
const examples: Record<TargetKind, string> = {
  http: 'https://example.com/health',
  tcp: 'tcp://db.example.com:5432',
  postgres: 'postgresql://user:password@host:5432/database',
  redis: 'redis://host:6379',
  heartbeat: '',
};

/** A sentence when `url` is no address for this kind, else null. */
export function addressFault(kind: TargetKind, url: string | undefined): string | null {
  if (kind === 'heartbeat') {
    return url === undefined ? null : 'A heartbeat target calls in; it has no URL';
  }
  if (!url) return `Needed, e.g. ${examples[kind]}`;
  let parsed: URL;
  try {
    parsed = new URL(kind === 'tcp' && !url.includes('://') ? `tcp://${url}` : url);
  } catch {
    return `Not a URL; e.g. ${examples[kind]}`;
  }
  if (!protocols[kind].includes(parsed.protocol)) {
    return `${parsed.protocol}// is not accepted for ${kind}; e.g. ${examples[kind]}`;
  }
  if (!parsed.hostname) return `The host is missing; e.g. ${examples[kind]}`;
  if (kind === 'tcp' && !parsed.port) return `The port is missing; e.g. ${examples.tcp}`;
  return null;
}

export const targetSorts = ['name', 'state', 'latency', 'checked'] as const;
export const targetListSchema = pageSchema.extend({
  state: z.array(z.enum(states)).max(5).optional(),
  kind: z.enum(targetKinds).optional(),
  tag: filterSchema.optional(),
  search: filterSchema.optional(),
  /** `state` puts what needs a person first. */
  sort: z.enum(targetSorts).default('name'),
});
export const targetIdSchema = z.strictObject({ id: z.uuid() });
export const targetIdsSchema = z.strictObject({ ids: z.array(z.uuid()).min(1).max(200) });
export const bulkSchema = z.strictObject({
  ids: z.array(z.uuid()).min(1).max(5_000, 'At most 5000 targets'),
});
export const bulkPauseSchema = bulkSchema.extend({ paused: z.boolean() });
const instant = z.iso.datetime({
  offset: true,
  error: 'An ISO-8601 time, e.g. 2026-01-31T08:00:00Z',
});
export const historySchema = z
  .strictObject({ id: z.uuid(), from: instant, to: instant })
  .refine(({ from, to }) => Date.parse(from) < Date.parse(to), {
    path: ['to'],
    message: 'Must be later than from',
  });
export const checkListSchema = z.strictObject({
  id: z.uuid(),
  limit: z.number().int().min(1).max(200).default(50),
  cursor: instant.nullish(),
});

export type TargetItem = {
  id: string;
  name: string;
  kind: TargetKind;
  address: string;
  state: State;
  /** Since when it is in this state. */
  since: string;
  paused: boolean;
  flapping: boolean;
  lastCheckAt: string | null;
  latencyMs: number | null;
  detail: string | null;
  /** 0–1; null while nothing is known. */
  uptime24h: number | null;
  /** Id of the parent that is down, while alerts of this one are held back. */
  suppressedBy: string | null;
  group: string | null;
  tags: string[];
  remedyMode: RemedyMode | null;
  intervalSeconds: number;
};
/** Drawn beside a row: 24 h in 48 cells (h d x m u) and the latency of the last hour, a point a minute. */
export type TargetTrend = { id: string; bar: string; latencyMs: (number | null)[] };
export type TargetDetail = TargetItem & {
  createdAt: string;
  createdBy: string;
  observed: Observed;
  failures: number;
  successes: number;
  settings: TargetSettings;
  timeoutMs: number;
  failAfter: number;
  recoverAfter: number;
  headerNames: string[];
  hasSealedUrl: boolean;
  tlsExpiresAt: string | null;
  lastBeatAt: string | null;
  suppressedByName: string | null;
  suppressionReason: string | null;
  parents: { id: string; name: string; state: State }[];
  children: { id: string; name: string; state: State; suppressed: boolean }[];
  remedy: Remedy | null;
  demotedAt: string | null;
  demotedReason: string | null;
  incidentId: string | null;
  maintenance: { id: string; name: string; until: string } | null;
};
/** What stands in the JSON column. */
export const targetSettingsSchema = z.object({
  expect: expectSchema.default({}),
  method: z.enum(['GET', 'HEAD', 'POST']).default('GET'),
  verifyTls: z.boolean().default(true),
  tlsWarnDays: z.number().default(defaults.tlsWarnDays),
  errorRate: z.number().default(defaults.errorRate),
  headerNames: z.array(z.string()).default([]),
});
export type TargetSettings = z.infer<typeof targetSettingsSchema>;

/** Why a check failed, as a class that remedies are judged by. */
export const symptoms = [
  'refused',
  'timeout',
  'dns',
  'tls',
  'status',
  'body',
  'reset',
  'unreachable',
  'protocol',
  'auth',
  'heartbeat',
  'address',
  'other',
] as const;
export type Symptom = (typeof symptoms)[number];
export type CheckResult = {
  at: string;
  ok: boolean;
  latencyMs: number | null;
  /** Plain sentence: what was wrong, or what was seen. */
  detail: string;
  symptom: Symptom | null;
  /** Right, but slow, or with a certificate that ends soon. */
  impaired: string | null;
  tlsExpiresAt: string | null;
};
export type CheckItem = {
  at: string;
  ok: boolean;
  latencyMs: number | null;
  /** Not counted: in maintenance, or while the console itself was offline. */
  excluded: boolean;
  detail: string | null;
};
export type HistoryPoint = {
  at: string;
  checks: number;
  failures: number;
  latencyMs: number | null;
  maxLatencyMs: number | null;
};
export type History = {
  resolution: 'check' | 'minute' | 'hour';
  stepMs: number;
  points: HistoryPoint[];
  transitions: { at: string; from: State; to: State; reason: string }[];
  /** Remedies that ran, to mark them. */
  remedies: { at: string; id: string; status: string }[];
  /** 0–1 over the range; maintenance and unknown time left out. */
  uptime: number | null;
  downMs: number;
};

export type RunItem = {
  id: string;
  targetId: string;
  targetName: string;
  incidentId: string | null;
  attempt: number | null;
  kind: string;
  trigger: 'automatic' | 'approval' | 'manual';
  status: string;
  symptom: string | null;
  requestedBy: string;
  decidedBy: string | null;
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
  helped: boolean | null;
  recoveredAfterMs: number | null;
  detail: string | null;
  output: string | null;
};
export const runListSchema = idPageSchema.extend({
  targetId: z.uuid().optional(),
  waiting: z.boolean().optional(),
});
export const freezeSchema = z.strictObject({
  frozen: z.boolean(),
  reason: text(500).optional(),
});
export type Control = {
  frozen: boolean;
  reason: string | null;
  by: string | null;
  at: string | null;
  /** Remedies that wait for a person. */
  waiting: number;
};
/** What healing would do next, in words. */
export type HealingView = {
  plan: string;
  /** When the next attempt is due. */
  nextAt: string | null;
  attempts: number;
  maxAttempts: number;
  effectiveMode: RemedyMode;
  outcomes: RemedyOutcome[];
};
export type RemedyOutcome = {
  symptom: string;
  treated: { successes: number; trials: number; low: number | null; high: number | null };
  untreated: { successes: number; trials: number; low: number | null; high: number | null };
  lift: { value: number; low: number; high: number } | null;
  verdict: 'helps' | 'does_not_help' | 'not_enough_data';
  sentence: string;
};

export const maintenanceCreateSchema = z
  .strictObject({
    name: text(200).optional(),
    /** Empty for the whole fleet. */
    targetIds: z.array(z.uuid('A target id')).max(5_000),
    /** Once: the window. Recurring: the first and last moment at which it may begin. */
    startsAt: instant.optional(),
    endsAt: instant.optional(),
    cron: z.string().trim().min(1).max(100).optional(),
    durationMinutes: whole(1, 10_080, ' min').optional(),
    timeZone: z.string().max(64).optional(),
  })
  .superRefine((input, context) => {
    const needed = input.cron ? (['durationMinutes'] as const) : (['startsAt', 'endsAt'] as const);
    for (const name of needed) {
      if (input[name] === undefined) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: input.cron
            ? 'Needed beside cron: how long it lasts, in minutes'
            : 'Needed, unless cron and durationMinutes are given',
        });
      }
    }
    if (input.startsAt && input.endsAt && Date.parse(input.endsAt) <= Date.parse(input.startsAt)) {
      context.addIssue({
        code: 'custom',
        path: ['endsAt'],
        message: 'Must be later than startsAt',
      });
    }
  });
export type MaintenanceCreate = z.infer<typeof maintenanceCreateSchema>;
export const maintenanceListSchema = idPageSchema.extend({ ended: z.boolean().optional() });
export type MaintenanceItem = {
  id: string;
  name: string;
  targets: { id: string; name: string }[];
  /** True for the whole fleet. */
  all: boolean;
  startsAt: string | null;
  endsAt: string | null;
  cron: string | null;
  timeZone: string;
  durationMinutes: number | null;
  status: 'active' | 'planned' | 'ended' | 'cancelled';
  activeUntil: string | null;
  nextAt: string | null;
  createdBy: string;
};

export type HealthReport = {
  at: string;
  status: 'healthy' | 'degraded' | 'failed';
  components: {
    name: string;
    status: 'healthy' | 'degraded' | 'failed' | 'unknown';
    latencyMs: number | null;
    /** Share of failed checks in the last 5 min, 0–1. */
    errorRate: number | null;
    detail: string;
    recommendation: string | null;
    targetId: string | null;
  }[];
  resources: {
    rssBytes: number;
    heapUsedBytes: number;
    heapLimitBytes: number;
    eventLoopP99Seconds: number;
    diskFree: number | null;
  };
};
export type HealthCounts = Record<State, number> & {
  total: number;
  healing: number;
  waiting: number;
};
