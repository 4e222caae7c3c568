/** The one table of limits: what the code says, over it the configuration, over that what operators set. */

import { type Bucket, bucketOf, type Charge, defaultBurst } from './bucket.ts';
import {
  type LimitItem,
  type LimitMode,
  type LimitPer,
  type LimitSource,
  presets,
} from './contract.ts';

export type Rule = {
  name: string;
  pattern: string;
  per: LimitPer;
  mode: 'base' | LimitMode;
  perMinute: number;
  burst: number;
  source: LimitSource;
  variable: string | null;
  /** Procedures that it is for; a name that ends in `.*` is for a whole module. */
  procedures?: readonly string[];
  /** Holds for callers without credentials too. */
  open?: boolean;
  /** For keys without a limit of their own; everybody else has one that is larger, or meant. */
  onlyPlainKeys?: boolean;
};
export type Override = {
  name: string;
  perMinute: number;
  burst: number;
  mode: LimitMode;
  reason: string;
  at: string;
  by: string;
};
export type Configured = {
  perMinute: Record<'address' | 'key' | 'session' | 'overall' | 'ingest', number>;
  /** Which of them were set by somebody. */
  set: ReadonlySet<string>;
};
/** What a request asks for: procedures, a route of the table, or something else that counts like one call. */
export type Wanted =
  | { kind: 'procedures'; names: readonly string[] }
  | { kind: 'route'; rule: string }
  | { kind: 'page' };
export type Caller =
  | { kind: 'address'; id: string; label: string }
  | { kind: 'session'; id: string; label: string }
  | { kind: 'key'; id: string; label: string; perMinute?: number | undefined };

const PROGRAMS = 60_000;
/** Reads that a script waits with, or asks in numbers; they cost little. */
const POLLED = [
  'health.targets.list',
  'health.targets.history',
  'health.report',
  'incidents.list',
  'metrics.query',
  'metrics.samples',
  'breakers.list',
  'breakers.get',
  'breakers.events',
  'notify.deliveries',
];

export function builtInRules({ perMinute, set }: Configured): Rule[] {
  const base = (
    name: 'address' | 'key' | 'session' | 'overall' | 'ingest',
    rest: Pick<Rule, 'pattern' | 'per' | 'mode'> & Partial<Rule>,
  ): Rule => ({
    name,
    perMinute: perMinute[name],
    burst:
      perMinute[name] === presets.standard.perMinute
        ? presets.standard.burst
        : defaultBurst(perMinute[name]),
    source: set.has(name) ? 'config' : 'default',
    variable: `WHEELHOUSE_LIMIT_${name.toUpperCase()}`,
    ...rest,
  });
  const fixed = (
    name: string,
    limit: number,
    rest: Pick<Rule, 'pattern'> & Partial<Rule>,
  ): Rule => ({
    name,
    perMinute: limit,
    burst: defaultBurst(limit),
    source: 'default',
    variable: null,
    per: 'caller',
    mode: 'instead',
    ...rest,
  });
  const strict = (name: string): Rule => ({
    ...fixed(name, presets.strict.perMinute, { pattern: name, procedures: [name], mode: 'also' }),
    burst: presets.strict.burst,
  });
  return [
    base('address', { pattern: 'without good credentials', per: 'address', mode: 'base' }),
    base('key', { pattern: 'with an API key', per: 'key', mode: 'base' }),
    base('session', { pattern: 'by a person who signed in', per: 'session', mode: 'base' }),
    base('overall', {
      pattern: 'by all keys without a limit of their own',
      per: 'console',
      mode: 'base',
    }),
    {
      ...base('overall', {
        pattern: 'without good credentials, by all together',
        per: 'console',
        mode: 'base',
      }),
      name: 'overall-unknown',
    },
    base('ingest', {
      pattern:
        '/v1/*, /api/v1/write, metrics.ingest, telemetry.ingest, memory.report, models.predictions, models.labels',
      per: 'caller',
      mode: 'instead',
      procedures: [
        'metrics.ingest',
        'telemetry.ingest',
        'memory.report',
        'models.predictions',
        'models.labels',
      ],
    }),
    fixed('breakers', PROGRAMS, {
      pattern: 'breakers.permit, breakers.record, breakers.sync, breakers.act',
      // A program that embeds the client asks several times a second, and many may share a key.
      procedures: ['breakers.permit', 'breakers.record', 'breakers.sync', 'breakers.act'],
    }),
    // Never less than a key may ask of everything else.
    fixed('reads', Math.max(presets.lenient.perMinute, perMinute.key), {
      pattern: `what scripts ask again and again: ${POLLED.join(', ')}`,
      onlyPlainKeys: true,
      procedures: POLLED,
    }),
    fixed('webhooks', 600, { pattern: '/api/webhooks/*' }),
    fixed('heartbeats', 6_000, { pattern: '/api/heartbeat/*', per: 'address', open: true }),
    fixed('streams', 6_000, { pattern: '/api/stream' }),
    fixed('scrapes', 600, { pattern: '/metrics, from elsewhere' }),
    strict('users.changePassword'),
    strict('audit.verify'),
    strict('notify.channels.test'),
  ];
}

export type RuleBook = {
  rules: readonly Rule[];
  get(name: string): Rule | undefined;
  /** The rule of a procedure, if it has one: its own before its module's. */
  ofProcedure(name: string): Rule | undefined;
  bucket(rule: Rule): Bucket;
};

export function ruleBook(builtIn: readonly Rule[], overrides: readonly Override[]): RuleBook {
  const byName = new Map(builtIn.map((rule) => [rule.name, rule]));
  for (const { name, perMinute, burst, mode } of overrides) {
    const known = byName.get(name);
    byName.set(name, {
      ...(known ?? { name, pattern: name, per: 'caller', variable: null, procedures: [name] }),
      mode: known?.mode === 'base' ? 'base' : mode,
      perMinute,
      burst,
      source: 'override',
    });
  }
  const rules = [...byName.values()];
  const byProcedure = new Map<string, Rule>();
  const buckets = new Map<Rule, Bucket>();
  for (const rule of rules) {
    buckets.set(rule, bucketOf(rule.perMinute, rule.burst));
    for (const procedure of rule.procedures ?? []) {
      // What somebody set for one procedure goes before what it belongs to.
      if (!byProcedure.has(procedure) || rule.name === procedure) byProcedure.set(procedure, rule);
    }
  }
  return {
    rules,
    get: (name) => byName.get(name),
    ofProcedure: (name) =>
      byProcedure.get(name) ?? byProcedure.get(`${name.slice(0, name.indexOf('.'))}.*`),
    bucket: (rule) => buckets.get(rule) ?? bucketOf(rule.perMinute, rule.burst),
  };
}

/** Every limit that a request has to pass, each bucket once. A batch counts as many calls as it holds. */
export function chargesOf(book: RuleBook, wanted: Wanted, caller: Caller): Charge[] {
  const charges: Charge[] = [];
  const charge = (name: string, subject: string, cost: number, perMinute?: number) => {
    const rule = book.get(name);
    if (!rule || cost <= 0) return;
    charges.push({
      limit: name,
      subject,
      key: `${name}|${subject}`,
      cost,
      perMinute: perMinute ?? rule.perMinute,
      bucket: perMinute === undefined ? book.bucket(rule) : bucketOf(perMinute),
    });
  };
  const subject = `${caller.kind}:${caller.id}`;
  const applies = (rule: Rule | undefined): rule is Rule =>
    rule !== undefined &&
    (caller.kind !== 'address' || rule.open === true) &&
    (!rule.onlyPlainKeys || (caller.kind === 'key' && caller.perMinute === undefined));
  let general = 0;
  const extra = new Map<string, number>();
  if (wanted.kind === 'procedures') {
    for (const name of wanted.names) {
      const rule = book.ofProcedure(name);
      if (applies(rule)) extra.set(rule.name, (extra.get(rule.name) ?? 0) + 1);
      if (!applies(rule) || rule.mode === 'also') general++;
    }
    if (wanted.names.length === 0) general = 1;
  } else if (wanted.kind === 'route') {
    const rule = book.get(wanted.rule);
    if (applies(rule)) extra.set(rule.name, 1);
    if (!applies(rule) || rule.mode === 'also') general = 1;
  } else general = 1;

  const own = caller.kind === 'key' ? caller.perMinute : undefined;
  charge(caller.kind, subject, general, own);
  for (const [name, cost] of extra) charge(name, subject, cost);
  // People who signed in and keys with a limit of their own are not locked out by what all others do.
  if (caller.kind === 'address') charge('overall-unknown', 'console', general);
  else if (caller.kind === 'key' && own === undefined) charge('overall', 'console', general);
  return charges;
}

/** One row of the page. */
export function describeRule(
  rule: Rule,
  builtIn: Rule | undefined,
  override: Override | undefined,
  refusedLastHour: number,
): LimitItem {
  const { name, pattern, per, mode, perMinute, burst, source, variable } = rule;
  return {
    name,
    pattern,
    per,
    mode,
    perMinute,
    burst,
    source,
    variable,
    override: override
      ? {
          reason: override.reason,
          at: override.at,
          by: override.by,
          before: builtIn ? { perMinute: builtIn.perMinute, burst: builtIn.burst } : null,
        }
      : null,
    refusedLastHour,
  };
}
