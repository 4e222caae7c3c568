/** Takes in what processes report, judges it, and answers what they shall do next. */
import type { Incidents } from '../incidents/index.ts';
import type { MetricStore } from '../metrics/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import {
  type ExaminationItem,
  type ExaminationKind,
  HEAP_METRIC,
  type MemoryAnswer,
  type MemoryResult,
  policySchema,
  type ReportInput,
  type Trend,
} from './contract.ts';
import {
  functionsOf,
  growthOf,
  largestOf,
  levelsOf,
  type ProcessRow,
  pointsOf,
  policyOf,
  processSelect,
  stepsOf,
  trendOf,
} from './rows.ts';
import {
  ANSWER_WITHIN_MS,
  msToLimit,
  nextStep,
  restartRefusal,
  type Step,
  sentenceOf,
  snapshotRefusal,
  suspectsOf,
} from './rules.ts';
import { advance, judge, keep, levelsWith, type Point, type Watch } from './trend.ts';

const PROCESSES_MAX = 500;
/** One that has not reported for so long makes room. */
const FORGET_MS = 7 * 24 * 3_600_000;
const STEPS_MAX = 50;
/** A clock that differs by less is not corrected. */
const SKEW_MS = 5_000;
/** Allocations are watched for most of the time of confirmation, within reason. */
const WATCH_SHARE = 0.6;
const WATCH_MAX_SECONDS = 300;
// pg_advisory_xact_lock: who asks for a snapshot or a restart.
const ASK_LOCK = [0x7768, 21] as const;
// pg_advisory_xact_lock with the hash of a process: who makes its row.
const FIRST_LOCK = 0x7769;
const SOURCE = 'memory';

export const guard: Authority = {
  actor: { kind: 'system', id: null, name: 'memory guard' },
  rule: 'memory:leak',
  requestId: null,
};
export const incidentKey = (processId: string): string => `memory:${processId}`;

export type Reports = {
  take(
    kind: 'console' | 'program',
    report: ReportInput,
  ): Promise<MemoryAnswer & { processId: string; relieve: boolean }>;
  /** What was done about the open finding of a process, e.g. that its caches were dropped. */
  relieved(processId: string, what: string): Promise<void>;
  /** Ends the findings of processes that report no more. */
  settle(): Promise<number>;
  /** Records the wish for a snapshot or a restart, or says why it must not be. Inside the caller's transaction. */
  ask(
    tx: Tx,
    process: ProcessRow,
    input: {
      kind: ExaminationKind;
      seconds: number | null;
      by: string;
      reason: string | null;
      findingId: string | null;
      automatic: boolean;
    },
  ): Promise<{ id: string } | { refused: string }>;
};
type Open = { id: string; incidentId: string | null };

export function createReports(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  incidents: Pick<Incidents, 'report' | 'ended' | 'record' | 'announce'>;
  metricStore: Pick<MetricStore, 'write' | 'describe'>;
  /** Replicas of the console. */
  replicas: () => number;
  mayRestart: boolean;
}): Reports {
  const { db, bus, audit, clock, incidents, metricStore } = deps;

  const find = async (tx: Tx, report: ReportInput, kind: 'console' | 'program') => {
    const { name, instance, version, node, startedAt } = report.process;
    const now = clock.now();
    const look = async () => {
      await tx.$queryRaw`SELECT 1 FROM memory_processes WHERE name = ${name} AND instance = ${instance} FOR UPDATE`;
      return tx.memoryProcess.findUnique({
        where: { name_instance: { name, instance } },
        select: processSelect,
      });
    };
    let known = await look();
    if (!known) {
      // Of first reports that come together one makes the row.
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${FIRST_LOCK}, hashtext(${`${name} ${instance}`}))`;
      known = await look();
    }
    if (known) {
      if (known.kind !== kind) {
        throw new AppError('CONFLICT', 'A process of the console has this name and instance.');
      }
      return known;
    }
    if ((await tx.memoryProcess.count()) >= PROCESSES_MAX) {
      const before = new Date(now.getTime() - FORGET_MS);
      await tx.memoryProcess.deleteMany({ where: { lastSeenAt: { lt: before } } });
      if ((await tx.memoryProcess.count()) >= PROCESSES_MAX) {
        throw new AppError('CONFLICT', `Only ${PROCESSES_MAX} processes can be watched.`);
      }
    }
    const policy = report.policy ?? policySchema.parse({});
    return tx.memoryProcess.create({
      data: {
        id: newId(now),
        name,
        instance,
        kind,
        version,
        node,
        startedAt: new Date(startedAt),
        firstSeenAt: now,
        lastSeenAt: now,
        policy,
        points: [],
        levels: [],
        trend: judge([], { startedAt: now.getTime(), now: now.getTime(), policy, levels: [] }),
        heapBytes: report.heapBytes,
        limitBytes: report.limitBytes,
        rssBytes: report.rssBytes,
        freeBytes: report.freeBytes,
        verdict: 'learning',
      },
      select: processSelect,
    });
  };
  const openFinding = (tx: Tx, processId: string) =>
    tx.memoryFinding.findFirst({
      where: { processId, status: 'open' },
      select: {
        id: true,
        incidentId: true,
        openedAt: true,
        relievedAt: true,
        steps: true,
        functions: true,
        classes: true,
        examinations: { select: { kind: true } },
      },
    });
  const addStep = async (tx: Tx, finding: Open, what: string, kind = 'remedy') => {
    const at = clock.now().toISOString();
    const row = await tx.memoryFinding.findUniqueOrThrow({
      where: { id: finding.id },
      select: { steps: true },
    });
    const steps = [...stepsOf(row.steps), { at, what }].slice(-STEPS_MAX);
    await tx.memoryFinding.update({
      where: { id: finding.id },
      data: { steps },
      select: { id: true },
    });
    if (finding.incidentId) await incidents.record(tx, finding.incidentId, { kind, detail: what });
  };
  const targetOf = (process: { id: string; name: string; instance: string }) => ({
    kind: 'process',
    id: process.id,
    name: `${process.name} on ${process.instance}`,
  });

  const ask: Reports['ask'] = async (tx, process, input) => {
    const now = clock.now();
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(${ASK_LOCK[0]}, ${ASK_LOCK[1]})`;
    const stale = new Date(now.getTime() - ANSWER_WITHIN_MS);
    await tx.memoryExamination.updateMany({
      where: { status: { in: ['asked', 'running'] }, askedAt: { lt: stale } },
      data: { status: 'refused', doneAt: now, note: 'The process did not answer.' },
    });
    const busy = await tx.memoryExamination.findFirst({
      where: { processId: process.id, status: { in: ['asked', 'running'] } },
      select: { kind: true },
    });
    if (busy) return { refused: `The process is busy with a ${busy.kind} already.` };
    const last = (where: { kind: string; name?: string }) =>
      tx.memoryExamination.findFirst({
        where: { ...where, status: 'done' },
        orderBy: { doneAt: 'desc' },
        select: { doneAt: true },
      });
    let refused: string | null = null;
    if (input.kind === 'snapshot') {
      const running = await tx.memoryExamination.count({
        where: { kind: 'snapshot', status: { in: ['asked', 'running'] } },
      });
      const before = await last({ kind: 'snapshot', name: process.name });
      refused = snapshotRefusal({
        figures: { heapBytes: Number(process.heapBytes), freeBytes: Number(process.freeBytes) },
        now: now.getTime(),
        lastAt: before?.doneAt?.getTime() ?? null,
        anotherRuns: running > 0,
        automatic: input.automatic,
        standIn: process.kind === 'console' && deps.replicas() > 1,
      });
    }
    if (input.kind === 'restart') {
      const before = await last({ kind: 'restart' });
      refused = restartRefusal({
        kind: process.kind === 'console' ? 'console' : 'program',
        now: now.getTime(),
        lastAt: before?.doneAt?.getTime() ?? null,
      });
    }
    if (refused !== null) return { refused };
    const id = newId(now);
    await tx.memoryExamination.create({
      data: {
        id,
        processId: process.id,
        findingId: input.findingId,
        name: process.name,
        kind: input.kind,
        status: 'asked',
        askedAt: now,
        askedBy: input.by,
        reason: input.reason,
        seconds: input.seconds,
      },
      select: { id: true },
    });
    return { id };
  };
  /** What the guard asks for by itself stands in the audit, and so does what it may not. */
  const askAlone = async (
    tx: Tx,
    process: ProcessRow,
    kind: ExaminationKind,
    finding: Open | null,
  ): Promise<void> => {
    const { confirmSeconds } = policyOf(process.policy);
    const result = await ask(tx, process, {
      kind,
      seconds:
        kind === 'profile'
          ? Math.max(1, Math.min(WATCH_MAX_SECONDS, Math.round(confirmSeconds * WATCH_SHARE)))
          : null,
      by: guard.actor.name,
      reason: finding ? 'The heap leaks.' : 'The heap may leak.',
      findingId: finding?.id ?? null,
      automatic: true,
    });
    if ('refused' in result) {
      if (!finding) return;
      // Kept as tried: the next look must not ask again each few seconds.
      const now = clock.now();
      await tx.memoryExamination.create({
        data: {
          id: newId(now),
          processId: process.id,
          findingId: finding.id,
          name: process.name,
          kind,
          status: 'refused',
          askedAt: now,
          askedBy: guard.actor.name,
          doneAt: now,
          note: result.refused,
        },
        select: { id: true },
      });
      await addStep(tx, finding, `No ${kind}: ${result.refused}`);
      return;
    }
    await audit.append(tx, guard, {
      action: `memory.${kind}`,
      target: targetOf(process),
      after: { examinationId: result.id, findingId: finding?.id ?? null },
    });
    if (finding) await addStep(tx, finding, `Asked for a ${kind}.`);
  };

  const open = async (tx: Tx, process: ProcessRow, trend: Trend): Promise<Open> => {
    const now = clock.now();
    const sentence = sentenceOf(process, trend, policyOf(process.policy));
    const seen = await tx.memoryExamination.findFirst({
      where: {
        processId: process.id,
        kind: 'profile',
        status: 'done',
        doneAt: { gte: process.suspectedAt ?? now },
      },
      orderBy: { id: 'desc' },
      select: { functions: true, growth: true },
    });
    const functions = functionsOf(seen?.functions ?? []);
    const classes = growthOf(seen?.growth ?? []);
    const suspects = suspectsOf({ classes, functions });
    const { id: incidentId } = await incidents.report(tx, {
      key: incidentKey(process.id),
      source: SOURCE,
      title: `${process.name} leaks memory`,
      severity: 'warning',
      startedAt: process.suspectedAt ?? now,
      sameOutage: false,
      detail: suspects ? `${sentence} Most gained: ${suspects}.` : sentence,
      facts: [
        { label: 'Process', value: `${process.name} on ${process.instance}` },
        ...classes.slice(0, 3).map(({ name, before, after }) => ({
          label: 'Growing class',
          value: `${name}: ${before} → ${after} objects`,
        })),
        ...functions.slice(0, 3).map(({ name, file, line }) => ({
          label: 'Allocated in',
          value: file === '' ? name : `${name} (${file}:${line})`,
        })),
      ],
      mark: sentence,
    });
    const id = newId(now);
    await tx.memoryFinding.create({
      data: {
        id,
        processId: process.id,
        name: process.name,
        instance: process.instance,
        version: process.version,
        status: 'open',
        openedAt: now,
        sentence,
        trend,
        slopeBytesPerHour: trend.slopeBytesPerHour ?? 0,
        growthRatio: trend.growthRatio ?? 0,
        pValue: trend.pValue ?? 1,
        incidentId,
        functions,
        classes,
        steps: [{ at: now.toISOString(), what: 'The leak was found.' }],
      },
      select: { id: true },
    });
    await tx.memoryExamination.updateMany({
      where: {
        processId: process.id,
        findingId: null,
        askedAt: { gte: process.suspectedAt ?? now },
      },
      data: { findingId: id },
    });
    await audit.append(tx, guard, {
      action: 'memory.found',
      target: targetOf(process),
      after: { findingId: id, sentence, incidentId },
    });
    return { id, incidentId };
  };
  const close = async (
    tx: Tx,
    process: { id: string; name: string; instance: string },
    finding: Open,
    detail: string,
  ) => {
    const now = clock.now();
    await addStep(tx, finding, detail, 'recovered');
    await tx.memoryFinding.update({
      where: { id: finding.id },
      data: { status: 'resolved', resolvedAt: now },
      select: { id: true },
    });
    await incidents.ended(tx, { key: incidentKey(process.id), endedAt: null, detail });
    await audit.append(tx, guard, {
      action: 'memory.over',
      target: targetOf(process),
      before: { findingId: finding.id, status: 'open' },
      after: { status: 'resolved', detail },
    });
  };

  const store = async (tx: Tx, process: ProcessRow, result: MemoryResult): Promise<boolean> => {
    const now = clock.now();
    const row = await tx.memoryExamination.findFirst({
      where: { id: result.id, processId: process.id, status: { in: ['asked', 'running'] } },
      select: { id: true, kind: true, findingId: true },
    });
    // It came twice, or too late.
    if (!row) return false;
    const heapBytes = process.heapBytes;
    if (result.kind === 'refused') {
      await tx.memoryExamination.update({
        where: { id: row.id },
        data: { status: 'refused', doneAt: now, note: result.reason, heapBytes },
        select: { id: true },
      });
    } else if (result.kind === 'profile') {
      const { functions, classes, seconds, pauseMs, note } = result;
      await tx.memoryExamination.update({
        where: { id: row.id },
        data: {
          status: 'done',
          doneAt: now,
          functions,
          growth: classes ?? [],
          seconds,
          pauseMs,
          note,
          heapBytes,
        },
        select: { id: true },
      });
    } else {
      const before = await tx.memoryExamination.findFirst({
        where: { name: process.name, kind: 'snapshot', status: 'done' },
        orderBy: { doneAt: 'desc' },
        select: { doneAt: true, largest: true },
      });
      const earlier = new Map(largestOf(before?.largest ?? []).map((each) => [each.name, each]));
      const largest: ExaminationItem['largest'] = result.classes.map((each) => ({
        ...each,
        countBefore: earlier.get(each.name)?.count ?? null,
        bytesBefore: earlier.get(each.name)?.bytes ?? null,
      }));
      await tx.memoryExamination.update({
        where: { id: row.id },
        data: {
          status: 'done',
          doneAt: now,
          largest,
          pauseMs: result.pauseMs,
          analysisMs: result.analysisMs,
          fileBytes: result.fileBytes,
          heapBytes: result.bytes,
          comparedAt: before?.doneAt ?? null,
        },
        select: { id: true },
      });
    }
    const finding = await openFinding(tx, process.id);
    if (!finding) return true;
    if (result.kind === 'profile') {
      const { functions, classes } = result;
      const known = growthOf(finding.classes);
      await tx.memoryFinding.update({
        where: { id: finding.id },
        data: { functions, classes: classes && classes.length > 0 ? classes : known },
        select: { id: true },
      });
      const suspects = suspectsOf({ functions, classes: classes ?? known });
      if (suspects) await addStep(tx, finding, `Most gained: ${suspects}.`, 'updated');
    } else if (result.kind === 'snapshot') {
      const [top] = result.classes.filter(({ name }) => !name.startsWith('('));
      const what = top ? ` Largest class: ${top.name}, ${top.count} objects.` : '';
      await addStep(
        tx,
        finding,
        `A snapshot was taken; the process stood for ${Math.round(result.pauseMs)} ms.${what}`,
        'updated',
      );
    } else await addStep(tx, finding, `Not done: ${result.reason}`);
    return true;
  };

  /** Hands out the oldest wish. A restart is over with that: who ends cannot answer. */
  const handOut = async (tx: Tx, processId: string): Promise<MemoryAnswer['ask']> => {
    const now = clock.now();
    const next = await tx.memoryExamination.findFirst({
      where: { processId, status: 'asked' },
      orderBy: { id: 'asc' },
      select: { id: true, kind: true, seconds: true, findingId: true },
    });
    if (!next) return null;
    const restart = next.kind === 'restart';
    await tx.memoryExamination.update({
      where: { id: next.id },
      data: {
        status: restart ? 'done' : 'running',
        startedAt: now,
        ...(restart ? { doneAt: now } : {}),
      },
      select: { id: true },
    });
    if (restart && next.findingId) {
      await tx.memoryFinding.update({
        where: { id: next.findingId },
        data: { restartedAt: now },
        select: { id: true },
      });
    }
    // A CHECK of the table.
    return {
      id: next.id,
      kind: next.kind as ExaminationKind,
      seconds: Math.round(next.seconds ?? 30),
    };
  };

  return {
    ask,
    async take(kind, report) {
      const { name, instance } = report.process;
      const now = clock.now();
      const skew = now.getTime() - Date.parse(report.sentAt);
      const shift = Math.abs(skew) > SKEW_MS ? skew : 0;
      const fresh: Point[] = report.samples.map(({ at, usedBytes }) => [
        Math.min(now.getTime(), Date.parse(at) + shift),
        usedBytes,
      ]);
      if (fresh.length > 0) {
        metricStore.describe([
          { metric: HEAP_METRIC, kind: 'gauge', help: 'Heap in use after a full collection.' },
        ]);
        // Committed before the report is answered; sending it again changes nothing.
        await metricStore.write(
          fresh.map(([at, value]) => ({
            metric: HEAP_METRIC,
            labels: { process: name, instance },
            at,
            value,
          })),
          'api',
        );
      }
      const changed: string[] = [];
      const answer = await db.tx(async (tx) => {
        const row = await find(tx, report, kind);
        const startedAt = new Date(Date.parse(report.process.startedAt) + shift);
        const startDiffers = Math.abs(startedAt.getTime() - row.startedAt.getTime());
        // A clock that is corrected anew moves the start a little; a restart moves it by more.
        const restarted = startDiffers > 2 * SKEW_MS;
        if (restarted && startedAt < row.startedAt) {
          return { processId: row.id, ask: null, relieve: false };
        }
        const policy = report.policy ?? policySchema.parse({});
        const at = now.getTime();
        const begun = (restarted ? startedAt : row.startedAt).getTime();
        const points = keep(
          [...(restarted ? [] : pointsOf(row.points)), ...fresh].sort((a, b) => a[0] - b[0]),
          at,
          policy,
        );
        const warmUntil = begun + policy.warmupSeconds * 1000;
        const levels = levelsWith(restarted ? [] : levelsOf(row.levels), points, warmUntil);
        const trend = judge(points, { startedAt: begun, now: at, policy, levels });
        const was: Watch = {
          verdict: restarted ? 'learning' : (row.verdict as Watch['verdict']), // a CHECK of the table
          suspectedAt: restarted ? null : (row.suspectedAt?.getTime() ?? null),
          growingAt: restarted ? null : (row.growingAt?.getTime() ?? null),
        };
        const watch = advance(was, trend, at, policy);
        const process = await tx.memoryProcess.update({
          where: { id: row.id },
          data: {
            version: report.process.version,
            node: report.process.node,
            startedAt: new Date(begun),
            lastSeenAt: now,
            policy,
            points: points.map(([time, bytes]) => [time, bytes]),
            levels: levels.map(([hour, bytes]) => [hour, bytes]),
            trend,
            heapBytes: report.heapBytes,
            limitBytes: report.limitBytes,
            rssBytes: report.rssBytes,
            freeBytes: report.freeBytes,
            verdict: watch.verdict,
            suspectedAt: watch.suspectedAt === null ? null : new Date(watch.suspectedAt),
            growingAt: watch.growingAt === null ? null : new Date(watch.growingAt),
          },
          select: processSelect,
        });
        if (restarted) {
          await tx.memoryExamination.updateMany({
            where: { processId: row.id, status: 'running' },
            data: { status: 'refused', doneAt: now, note: 'The process ended meanwhile.' },
          });
        }
        let moved = restarted || watch.verdict !== row.verdict;
        let finding = await openFinding(tx, row.id);
        if (finding && (restarted || watch.verdict !== 'leak')) {
          const detail = restarted
            ? 'The process was started anew.'
            : `The heap no longer grows. ${trend.why}`;
          await close(tx, process, finding, detail);
          if (finding.incidentId) changed.push(finding.incidentId);
          finding = null;
          moved = true;
        }
        if (report.result) moved = (await store(tx, process, report.result)) || moved;
        if (watch.verdict === 'suspected' && was.verdict !== 'suspected') {
          await askAlone(tx, process, 'profile', null);
        }
        if (watch.verdict === 'leak' && !finding) {
          const opened = await open(tx, process, trend);
          if (opened.incidentId) changed.push(opened.incidentId);
          moved = true;
          finding = await openFinding(tx, row.id);
          // Suspicion was too short, or its look came to nothing.
          const looking = await tx.memoryExamination.count({
            where: { processId: row.id, status: { in: ['asked', 'running'] } },
          });
          if (finding && looking === 0 && growthOf(finding.classes).length === 0) {
            await askAlone(tx, process, 'profile', finding);
          }
        }
        let step: Step | null = null;
        if (finding) {
          const tried = (what: string) =>
            finding?.examinations.some((each) => each.kind === what) ?? false;
          step = nextStep({
            kind,
            now: at,
            policy,
            openedAt: finding.openedAt.getTime(),
            relievedAt: finding.relievedAt?.getTime() ?? null,
            snapshotTried: tried('snapshot'),
            restartTried: tried('restart'),
            mayRestart: deps.mayRestart,
            msToLimit: msToLimit(trendOf(process.trend), report.limitBytes),
          });
          const busy = await tx.memoryExamination.count({
            where: { processId: row.id, status: { in: ['asked', 'running'] } },
          });
          if ((step === 'snapshot' || step === 'restart') && busy === 0) {
            await askAlone(tx, process, step, finding);
            moved = true;
          }
        }
        const handed = await handOut(tx, row.id);
        if (moved || handed) changed.push('');
        return { processId: row.id, ask: handed, relieve: step === 'relieve' };
      });
      for (const id of changed) if (id !== '') incidents.announce(id);
      if (changed.length > 0) {
        bus.publish({ topic: 'memory', type: 'changed', id: answer.processId });
      }
      return answer;
    },
    async relieved(processId, what) {
      const now = clock.now();
      await db.tx(async (tx) => {
        const finding = await openFinding(tx, processId);
        if (!finding || finding.relievedAt) return;
        await tx.memoryFinding.update({
          where: { id: finding.id },
          data: { relievedAt: now },
          select: { id: true },
        });
        await addStep(tx, finding, what);
        await audit.append(tx, guard, {
          action: 'memory.relieve',
          target: { kind: 'process', id: processId, name: null },
          after: { findingId: finding.id, what },
        });
      });
      bus.publish({ topic: 'memory', type: 'changed', id: processId });
    },
    async settle() {
      const now = clock.now();
      const gone = await db.prisma.memoryFinding.findMany({
        where: {
          status: 'open',
          process: { lastSeenAt: { lt: new Date(now.getTime() - ANSWER_WITHIN_MS) } },
        },
        take: 100,
        select: {
          id: true,
          incidentId: true,
          process: { select: { id: true, name: true, instance: true } },
        },
      });
      for (const { process, ...finding } of gone) {
        await db.tx(async (tx) => {
          const still = await openFinding(tx, process.id);
          if (still?.id !== finding.id) return;
          await close(tx, process, finding, 'The process has not reported for 20 minutes.');
          await tx.memoryProcess.update({
            where: { id: process.id },
            data: { verdict: 'learning', suspectedAt: null, growingAt: null },
            select: { id: true },
          });
        });
        if (finding.incidentId) incidents.announce(finding.incidentId);
        bus.publish({ topic: 'memory', type: 'changed', id: process.id });
      }
      return gone.length;
    },
  };
}
