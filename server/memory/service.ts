import { hostname } from 'node:os';
import type { z } from 'zod';
import type { Page } from '../api/contract.ts';
import { type MemoryWatcher, watchMemory } from '../client/index.ts';
import type { Incidents } from '../incidents/index.ts';
import { querySchema } from '../metrics/contract.ts';
import type { MetricStore } from '../metrics/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Lifecycle } from '../platform/lifecycle.ts';
import type { Log } from '../platform/log.ts';
import {
  type ExaminationItem,
  type examinationListSchema,
  type FindingDetail,
  type FindingItem,
  type findingListSchema,
  HEAP_METRIC,
  type HistoryResult,
  type historySchema,
  type MemoryAnswer,
  type MemoryPolicy,
  type ProcessItem,
  policySchema,
  type processListSchema,
  type profileSchema,
  type ReportInput,
  reportSchema,
  type restartSchema,
  type snapshotSchema,
} from './contract.ts';
import { createReports } from './reports.ts';
import {
  examinationSelect,
  findingSelect,
  type ProcessRow,
  policyOf,
  processSelect,
  stepsOf,
  toExamination,
  toFinding,
  toProcess,
  trendOf,
} from './rows.ts';

const HISTORY_POINTS = 400;
const DETAIL_EXAMINATIONS = 20;
const KEEP_FINDINGS_MS = 90 * 24 * 3_600_000;
const KEEP_PROCESSES_MS = 30 * 24 * 3_600_000;
/** A load balancer needs a moment to see that readiness fails. */
const STEP_ASIDE_MS = 3_000;

type Reliever = { name: string; run(): unknown };
export type Memory = {
  /** From a program that embeds the watcher. */
  report(input: ReportInput): Promise<MemoryAnswer>;
  status(input: z.output<typeof processListSchema>): Promise<Page<ProcessItem>>;
  history(input: z.output<typeof historySchema>): Promise<HistoryResult>;
  findings(input: z.output<typeof findingListSchema>): Promise<Page<FindingItem>>;
  finding(id: string): Promise<FindingDetail>;
  examinations(input: z.output<typeof examinationListSchema>): Promise<Page<ExaminationItem>>;
  profile(authority: Authority, input: z.output<typeof profileSchema>): Promise<{ id: string }>;
  snapshot(authority: Authority, input: z.output<typeof snapshotSchema>): Promise<{ id: string }>;
  restart(authority: Authority, input: z.output<typeof restartSchema>): Promise<{ id: string }>;
  /** Ends what nobody reports on any more and forgets what is old. */
  tidy(): Promise<number>;
  /** Begins to watch this process. On every role. */
  start(): void;
  /** Reports on this process at once; for tests. */
  flush(): Promise<void>;
  close(): Promise<void>;
};

/** How the console judges itself: warm-up and confirmation keep their share of the window. */
export function memoryPolicy(windowSeconds: number, growthMegabytes: number): MemoryPolicy {
  return policySchema.parse({
    windowSeconds,
    growthBytes: growthMegabytes * 1024 * 1024,
    warmupSeconds: Math.round(windowSeconds / 6),
    confirmSeconds: Math.max(1, Math.round(windowSeconds / 4)),
  });
}

export function createMemory(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  incidents: Incidents;
  metricStore: MetricStore;
  lifecycle: Lifecycle;
  presence: { count(): number };
  version: string;
  dataDir: string;
  port: number;
  relievers: readonly Reliever[];
  policy: MemoryPolicy;
  /** Whether the guard may restart the console by itself. */
  mayRestart: boolean;
  reportEveryMs?: number;
}): Memory {
  const { db, bus, audit, clock, log, lifecycle, metricStore } = deps;
  const reports = createReports({ ...deps, replicas: deps.presence.count });
  let watcher: MemoryWatcher | null = null;
  let relieving: Promise<void> | null = null;

  const relieve = async (processId: string) => {
    const done: string[] = [];
    for (const { name, run } of deps.relievers) {
      try {
        await run();
        done.push(name);
      } catch (err) {
        log.warn({ err, reliever: name }, 'memory could not be relieved');
      }
    }
    await reports.relieved(
      processId,
      `Caches dropped, what had expired purged: ${done.join(', ')}.`,
    );
  };
  const processOf = async (id: string): Promise<ProcessRow> => {
    const row = await db.prisma.memoryProcess.findUnique({ where: { id }, select: processSelect });
    if (!row) throw new AppError('NOT_FOUND', 'There is no such process.');
    return row;
  };
  const wish = async (
    authority: Authority,
    kind: ExaminationItem['kind'],
    input: { process: string; seconds?: number; reason?: string },
  ): Promise<{ id: string }> => {
    const id = await db.tx(async (tx) => {
      const process = await tx.memoryProcess.findUnique({
        where: { id: input.process },
        select: processSelect,
      });
      if (!process) throw new AppError('NOT_FOUND', 'There is no such process.');
      const finding = await tx.memoryFinding.findFirst({
        where: { processId: process.id, status: 'open' },
        select: { id: true },
      });
      const result = await reports.ask(tx, process, {
        kind,
        seconds: input.seconds ?? null,
        by: authority.actor.name,
        reason: input.reason ?? null,
        findingId: finding?.id ?? null,
        automatic: false,
      });
      if ('refused' in result) throw new AppError('CONFLICT', result.refused);
      await audit.append(tx, authority, {
        action: `memory.${kind}`,
        target: { kind: 'process', id: process.id, name: `${process.name} on ${process.instance}` },
        after: { examinationId: result.id, seconds: input.seconds, reason: input.reason },
      });
      return result.id;
    });
    bus.publish({ topic: 'memory', type: 'asked', id: input.process });
    return { id };
  };

  return {
    async report(input) {
      const { ask } = await reports.take('program', input);
      return { ask };
    },
    async status({ limit, cursor }) {
      const rows = await db.prisma.memoryProcess.findMany({
        where: cursor ? { id: { gt: cursor } } : {},
        orderBy: { id: 'asc' },
        take: limit + 1,
        select: {
          ...processSelect,
          findings: { where: { status: 'open' }, take: 1, select: { id: true } },
          examinations: {
            where: { status: { in: ['asked', 'running'] } },
            take: 1,
            select: { id: true, kind: true, status: true },
          },
        },
      });
      const now = clock.now();
      const items = rows.slice(0, limit).map(({ findings, examinations, ...row }) => {
        const [busy] = examinations;
        return toProcess(row, {
          now,
          findingId: findings[0]?.id ?? null,
          // Kind and status are CHECKs of the table.
          examination: (busy as ProcessItem['examination']) ?? null,
        });
      });
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async history({ process, from, to }) {
      const row = await processOf(process);
      const policy = policyOf(row.policy);
      const trend = trendOf(row.trend);
      const stepSeconds = Math.max(
        1,
        Math.ceil((Date.parse(to) - Date.parse(from)) / 1000 / HISTORY_POINTS),
      );
      const { series } = await metricStore
        .query(
          querySchema.parse({
            metric: HEAP_METRIC,
            timeRange: { from, to },
            step: stepSeconds,
            filters: [
              { field: 'process', op: 'eq', value: row.name },
              { field: 'instance', op: 'eq', value: row.instance },
            ],
            aggregations: ['min'],
          }),
        )
        .catch((error) => {
          // Nothing was written yet: the store knows no such metric.
          if (error instanceof AppError && error.code !== 'SERVICE_UNAVAILABLE')
            return { series: [] };
          throw error;
        });
      const points = (series[0]?.points ?? []).flatMap(({ at, values }) =>
        typeof values.min === 'number' ? [{ at, bytes: values.min }] : [],
      );
      const base = trend.fromBytes;
      return {
        points,
        trend,
        thresholdBytes:
          base === null ? null : base + Math.max(base * policy.growthRatio, policy.growthBytes),
        policy,
        limitBytes: Number(row.limitBytes),
      };
    },
    async findings({ limit, cursor, process }) {
      const rows = await db.prisma.memoryFinding.findMany({
        where: {
          ...(cursor ? { id: { lt: cursor } } : {}),
          ...(process ? { processId: process } : {}),
        },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: findingSelect,
      });
      const items = rows.slice(0, limit).map(toFinding);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async finding(id) {
      const row = await db.prisma.memoryFinding.findUnique({
        where: { id },
        select: {
          ...findingSelect,
          trend: true,
          steps: true,
          examinations: {
            orderBy: { id: 'desc' },
            take: DETAIL_EXAMINATIONS,
            select: examinationSelect,
          },
        },
      });
      if (!row) throw new AppError('NOT_FOUND', 'There is no such finding.');
      const { trend, steps, examinations, ...rest } = row;
      return {
        ...toFinding(rest),
        trend: trendOf(trend),
        steps: stepsOf(steps),
        examinations: examinations.map(toExamination),
      };
    },
    async examinations({ limit, cursor, process }) {
      const rows = await db.prisma.memoryExamination.findMany({
        where: { processId: process, ...(cursor ? { id: { lt: cursor } } : {}) },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: examinationSelect,
      });
      const items = rows.slice(0, limit).map(toExamination);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    profile: (authority, input) => wish(authority, 'profile', input),
    snapshot: (authority, input) => wish(authority, 'snapshot', input),
    restart: (authority, input) => wish(authority, 'restart', input),
    async tidy() {
      const ended = await reports.settle();
      const now = clock.now().getTime();
      await db.prisma.memoryFinding.deleteMany({
        where: { status: 'resolved', resolvedAt: { lt: new Date(now - KEEP_FINDINGS_MS) } },
      });
      await db.prisma.memoryExamination.deleteMany({
        where: { askedAt: { lt: new Date(now - KEEP_FINDINGS_MS) } },
      });
      await db.prisma.memoryProcess.deleteMany({
        where: { lastSeenAt: { lt: new Date(now - KEEP_PROCESSES_MS) } },
      });
      return ended;
    },
    start() {
      watcher = watchMemory({
        name: 'console',
        instance: `${hostname()
          .replaceAll(/[^\w.-]/g, '-')
          .slice(0, 80)}:${deps.port}`,
        version: deps.version,
        policy: deps.policy,
        folder: deps.dataDir,
        ...(deps.reportEveryMs ? { reportEveryMs: deps.reportEveryMs } : {}),
        async send(report) {
          const answer = await reports.take('console', reportSchema.parse(report));
          if (answer.relieve && !relieving) {
            relieving = relieve(answer.processId)
              .catch((err) => log.warn({ err }, 'memory could not be relieved'))
              .finally(() => {
                relieving = null;
              });
          }
          return { ask: answer.ask };
        },
        async aroundSnapshot(take) {
          const back = lifecycle.standAside('a heap snapshot is being taken');
          log.warn('out of readiness: a heap snapshot is being taken');
          try {
            await new Promise((resolve) => setTimeout(resolve, STEP_ASIDE_MS));
            return await take();
          } finally {
            back();
          }
        },
        restart() {
          if (!lifecycle.restart('the memory guard asked for it')) {
            throw new Error('Nothing would start this process again.');
          }
        },
        onError: (err) => log.debug({ err }, 'the memory guard could not report'),
      });
    },
    flush: async () => watcher?.flush(),
    async close() {
      await watcher?.close();
      await relieving;
    },
  };
}
