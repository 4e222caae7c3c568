import type { Page } from '../api/contract.ts';
import type { ProcedureInfo } from '../api/procedures.ts';
import type { PolicyCheck, Principal } from '../api/trpc.ts';
import type { Keys } from '../keys/index.ts';
import type { MetricStore } from '../metrics/index.ts';
import type { Audit } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { createBook, effectOf } from './book.ts';
import {
  type DecideInput,
  type Decision,
  type DenialItem,
  type DenialPage,
  MAX_MATRIX_SUBJECTS,
  MAX_MATRIX_TOOLS,
  type Matrix,
  type MatrixInput,
  origins,
  type PolicyStatus,
  PREVIEW_DECISIONS,
  type Preview,
  type PreviewInput,
  type RuleItem,
  type RulePage,
} from './contract.ts';
import { createDecisions } from './decisions.ts';
import { beforeRules, byRules, type Needs, type Subject } from './judge.ts';
import { matrixOf, type Tool } from './matrix.ts';
import { previewOf } from './preview.ts';
import { createRules, type Rules } from './rules.ts';
import { createSubjects } from './subjects.ts';

const KEYS_OF_A_MATRIX = 20;
const DAY_MS = 86_400_000;

export type Policies = Omit<Rules, 'list'> & {
  list(page: RulePage): Promise<Page<RuleItem>>;
  /** For every call of a procedure; synchronous, in memory. */
  check: PolicyCheck;
  /** The same for what goes on, such as a stream: whether it would be allowed to read now. Leaves no trace. */
  allows(principal: Principal, tool: string, address: string): boolean;
  decide(asker: string, input: DecideInput): Promise<Decision>;
  matrix(input: MatrixInput): Promise<Matrix>;
  preview(input: PreviewInput): Promise<Preview>;
  denials(page: DenialPage): Promise<Page<DenialItem>>;
  status(): Promise<PolicyStatus>;
  /** The rules were read for the first time, or could not be. */
  ready: Promise<void>;
  /** Drops the rules in memory for what is stored; the old ones hold until then. */
  reload(): Promise<void>;
  /** The rules in memory could not be compared with the stored ones for a while. */
  isOld(): boolean;
  /** Writes what was counted. */
  flush(): Promise<void>;
  purge(): Promise<number>;
  /** For the health report. */
  component(): { name: string; status: 'ok' | 'warn'; latencyMs: null; detail: string };
  close(): Promise<void>;
};

export function createPolicies(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  metricStore: Pick<MetricStore, 'write'>;
  keys: Pick<Keys, 'alive'>;
  environment: string;
  procedures: () => ReadonlyMap<string, ProcedureInfo>;
}): Policies {
  const { db, bus, clock, environment, procedures } = deps;
  const book = createBook(deps);
  const subjects = createSubjects(deps);
  const total = deps.metrics.counter(
    'policy_decisions_total',
    'Decisions of the policies, by outcome.',
    ['outcome'],
  );
  for (const outcome of ['allowed', 'denied']) total.inc({ outcome }, 0);
  const decisions = createDecisions({ ...deps, onDecision: (outcome) => total.inc({ outcome }) });
  const rules = createRules({
    ...deps,
    async changed() {
      await book.reload();
      bus.publish({ topic: 'policies', type: 'changed' });
    },
  });
  // Principals are remembered by their credential for a while; so is what follows from them.
  const known = new WeakMap<object, Subject>();
  const subjectOf = (principal: Principal): Subject => {
    const remembered = known.get(principal);
    if (remembered) return remembered;
    const subject = subjects.of(principal);
    known.set(principal, subject);
    return subject;
  };
  const needsOf = (tool: string): Needs => procedures().get(tool)?.needs ?? null;

  return {
    ...rules,
    async list(page) {
      const { items, nextCursor } = await rules.list(page);
      const single = items
        .map(({ subject }) => subject)
        .filter((subject) => /^(key|user|token):/.test(subject) && !subject.endsWith('*'));
      const names = new Map(
        (await subjects.find(unique(single)))
          .filter(({ role }) => role !== null)
          .map(({ subject, label }) => [subject, label]),
      );
      return {
        items: items.map((rule) => ({ ...rule, subjectName: names.get(rule.subject) ?? null })),
        nextCursor,
      };
    },
    ready: book.ready,
    reload: book.reload,
    isOld: book.isOld,
    flush: decisions.flush,
    purge: decisions.purge,
    check(principal, tool, kind, address) {
      const subject = subjectOf(principal);
      const situation = { scope: '*', address, environment, nowMs: clock.now().getTime() };
      const policy = book.current()?.policy ?? null;
      const changes = kind === 'mutation';
      const judged = byRules(policy, subject, tool, { ...situation, changes });
      decisions.note(subject, tool, situation, judged, { kind, askedBy: null });
      const { allowed, reason, ruleId } = judged;
      return { allowed, reason, ruleId };
    },
    allows(principal, tool, address) {
      const nowMs = clock.now().getTime();
      const situation = { scope: '*', address, environment, nowMs, changes: false };
      return byRules(book.current()?.policy ?? null, subjectOf(principal), tool, situation).allowed;
    },
    async decide(asker, input) {
      const [subject] = await subjects.find([input.subject]);
      if (!subject) throw new Error('one subject was asked for');
      const { tool, scope } = input;
      const situation = {
        scope,
        address: input.address ?? null,
        environment: input.environment ?? environment,
        nowMs: input.at ? Date.parse(input.at) : clock.now().getTime(),
      };
      const policy = book.current()?.policy ?? null;
      // Until the rules are known nobody is told yes.
      const judged =
        beforeRules(subject, tool, needsOf(tool)) ??
        byRules(policy, subject, tool, { ...situation, changes: true });
      if (!input.dryRun) {
        decisions.note(subject, tool, situation, judged, { kind: 'asked', askedBy: asker });
      }
      const { allowed, reason, ruleId } = judged;
      return { allowed, reason, ruleId };
    },
    async matrix(input) {
      const current = book.current();
      const fromRules = [...(current?.rules ?? [])].filter(({ subject }) => !subject.endsWith('*'));
      const wanted =
        input.subjects ??
        unique([
          'role:viewer',
          'role:operator',
          'role:admin',
          ...fromRules.map(({ subject }) => subject),
          ...(await subjects.newestKeys(KEYS_OF_A_MATRIX)),
        ]);
      const tools =
        input.tools ??
        unique([
          ...procedures().keys(),
          ...(current?.rules ?? []).map(({ tool }) => tool).filter((tool) => !tool.endsWith('*')),
        ]).sort();
      const situation = {
        scope: input.scope,
        address: null,
        environment,
        nowMs: clock.now().getTime(),
      };
      const found = await subjects.find(wanted.slice(0, MAX_MATRIX_SUBJECTS));
      const rows = tools.slice(0, MAX_MATRIX_TOOLS).map((tool): Tool => {
        const info = procedures().get(tool);
        return { tool, kind: info?.kind ?? 'other', needs: info?.needs ?? null };
      });
      return {
        ...matrixOf(current?.policy ?? null, found, rows, situation),
        truncated: wanted.length > MAX_MATRIX_SUBJECTS || tools.length > MAX_MATRIX_TOOLS,
      };
    },
    async preview({ rule, id }) {
      await decisions.flush();
      const current = book.current();
      const recorded = await db.prisma.policyDecision.findMany({
        orderBy: { lastAt: 'desc' },
        take: PREVIEW_DECISIONS,
        select: {
          subject: true,
          subjectName: true,
          subjects: true,
          tool: true,
          scope: true,
          by: true,
          address: true,
          environment: true,
          count: true,
          lastAt: true,
        },
      });
      return previewOf(
        current?.rules ?? [],
        current?.defaultEffect ?? 'allow',
        { id: id ?? null, candidate: rule.enabled ? { ...rule, id: id ?? 'new' } : null },
        recorded.map((row) => ({ ...row, count: Number(row.count) })),
      );
    },
    async denials({ limit, cursor, subject, tool }) {
      await decisions.flush();
      const like = (text: string) => ({
        contains: likeLiteral(text),
        mode: 'insensitive' as const,
      });
      const rows = await db.prisma.policyDenial.findMany({
        where: {
          ...(cursor ? { id: { lt: cursor } } : {}),
          ...(subject ? { OR: [{ subject: like(subject) }, { subjectName: like(subject) }] } : {}),
          ...(tool ? { tool: like(tool) } : {}),
        },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: {
          id: true,
          at: true,
          subject: true,
          subjectName: true,
          tool: true,
          scope: true,
          by: true,
          ruleId: true,
          ruleName: true,
          reason: true,
          detail: true,
          address: true,
          environment: true,
          askedBy: true,
          count: true,
        },
      });
      const items = rows.slice(0, limit).map(({ at, by, ...row }) => ({
        ...row,
        at: at.toISOString(),
        by: origins.find((each) => each === by) ?? 'rule',
      }));
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async status() {
      const [settings, count, enabled, denied] = await Promise.all([
        db.prisma.policySettings.findUniqueOrThrow({
          where: { id: 1 },
          select: { defaultEffect: true, updatedAt: true, updatedBy: true },
        }),
        db.prisma.policyRule.count(),
        db.prisma.policyRule.count({ where: { enabled: true } }),
        db.prisma.policyDenial.aggregate({
          where: { at: { gte: new Date(clock.now().getTime() - DAY_MS) } },
          _sum: { count: true },
        }),
      ]);
      return {
        defaultEffect: effectOf(settings.defaultEffect),
        defaultBy: settings.updatedBy,
        defaultAt: settings.updatedAt.toISOString(),
        rules: count,
        enabled,
        environment,
        seenAt: book.seenAt()?.toISOString() ?? null,
        deniedLastDay: denied._sum.count ?? 0,
      };
    },
    component() {
      const current = book.current();
      if (!current) {
        return {
          name: 'Policies',
          status: 'warn',
          latencyMs: null,
          detail: 'not read yet; changes through the API are refused until they are',
        };
      }
      const count = `${current.rules.length} ${current.rules.length === 1 ? 'rule' : 'rules'}, default ${current.defaultEffect}`;
      return {
        name: 'Policies',
        status: book.isOld() ? 'warn' : 'ok',
        latencyMs: null,
        detail: book.isOld() ? `${count}; could not be compared with the stored ones` : count,
      };
    },
    async close() {
      book.close();
      await decisions.close();
    },
  };
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];
