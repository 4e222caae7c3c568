/**
 * Advice as rows that live: found anew each hour, approved by a person, carried out, compared with the figures of the day
 * before, kept or dropped. One piece is carried out at a time for a database, across replicas: a unique index says so. Who
 * carries one out says so every other second; what nobody speaks for any more is settled by whoever sees it.
 */
import type { Page } from '../../api/contract.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import { type Db, Prisma } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import { newId } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import type { Workers } from '../../platform/workers/index.ts';
import type {
  Advice,
  AdviceItem,
  AdviceListInput,
  AdviceStatement,
  AdviceSummary,
} from '../contract.ts';
import type { Target, Targets } from '../targets.ts';
import { type Applicable, createApplier, type Outcome, reversed, type Subject } from './apply.ts';
import {
  type AdviceProgress,
  type AdviceState,
  type AdviceStep,
  type AdviceView,
  adviceStates,
  applicableKinds,
  type LoopFigures,
} from './contract.ts';
import { indexNameOf } from './ddl.ts';
import type { Figures } from './figures.ts';
import { adviceKey, evidenceOf, isNewEvidence, verdictOf } from './state.ts';

const TICK_MS = 2_000;
const HEARTBEAT_MS = 2_000;
/** Who said nothing for so long is gone. */
const GONE_MS = 30_000;
const APPLY_LIMIT_MS = 6 * 3_600_000;
const LOCK_TIMEOUT_MS = 5 * 60_000;
const DAY_MS = 24 * 3_600_000;
const COMPARE_EVERY_MS = 10_000;
const STEPS = 50;
const REFRESH_MS = 120_000;
const CLOSE_MS = 5_000;
const KEPT_GONE_MS = 30 * DAY_MS;
/** Of one database. */
const ADVICE_MAX = 500;

const SYSTEM: Authority = {
  actor: { kind: 'system', id: null, name: 'advice' },
  rule: 'approved advice',
  requestId: null,
};

const columns = {
  id: true,
  databaseId: true,
  key: true,
  kind: true,
  body: true,
  savedMsPerDay: true,
  statements: true,
  state: true,
  evidence: true,
  indexSchema: true,
  indexName: true,
  definition: true,
  progress: true,
  cancelled: true,
  before: true,
  after: true,
  proposal: true,
  detail: true,
  claimedBy: true,
  claimedAt: true,
  appliedAt: true,
  timeline: true,
  firstSeen: true,
  lastSeen: true,
  updatedAt: true,
  database: { select: { name: true, kind: true, sealedApply: true } },
} satisfies Prisma.QueryAdviceSelect;
type Row = Prisma.QueryAdviceGetPayload<{ select: typeof columns }>;

export type Loop = {
  list(input: AdviceListInput): Promise<Page<AdviceItem>>;
  get(id: string): Promise<AdviceItem>;
  summary(): Promise<AdviceSummary>;
  /** Takes the advisor's list over what was collected; answers how many rows are open. */
  refresh(databaseId: string, signal?: AbortSignal): Promise<{ open: number }>;
  /** Somebody asks for it now. */
  refreshBy(
    authority: Authority,
    databaseId: string,
    signal?: AbortSignal,
  ): Promise<{ open: number }>;
  /** The same for every database, one after the other; one that cannot be asked holds up no other. */
  refreshAll(signal: AbortSignal): Promise<void>;
  approve(authority: Authority, id: string): Promise<void>;
  cancel(authority: Authority, id: string): Promise<void>;
  /** Somebody carried it out by hand. */
  markApplied(authority: Authority, id: string): Promise<void>;
  decide(authority: Authority, id: string, keep: boolean): Promise<void>;
  dismiss(authority: Authority, id: string, reason: string): Promise<void>;
  reopen(authority: Authority, id: string): Promise<void>;
  /** One look: begins what is approved, settles what was interrupted, compares what is verified. */
  tick(): Promise<void>;
  /** Resolves when nothing is carried out by this process any more. */
  settled(): Promise<void>;
  start(): void;
  close(): Promise<void>;
};

export function createLoop(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  workers: Workers;
  targets: Targets;
  /** Rejects with NOT_FOUND; null when no role was given that may change anything. */
  applyTarget: (databaseId: string) => Promise<Target | null>;
  /** Over what was collected. */
  advise: (databaseId: string, signal?: AbortSignal) => Promise<readonly Advice[]>;
  figures: Figures;
  /** Counts what ran until now, so that what comes is counted by itself; may fail. */
  look: (databaseId: string) => Promise<unknown>;
  /** Databases of which something was collected. */
  watched: () => Promise<readonly string[]>;
  /** Tells this process from the others. */
  replica: string;
  lockTimeoutMs?: number;
}): Loop {
  const { db, bus, audit, clock, log, targets } = deps;
  const applier = createApplier({
    targets,
    workers: deps.workers,
    log,
    lockTimeoutMs: deps.lockTimeoutMs ?? LOCK_TIMEOUT_MS,
  });
  const closing = new AbortController();
  const running = new Map<string, { work: Promise<void>; cancel: AbortController }>();
  const compared = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let busy: Promise<void> | null = null;

  const changed = (id: string) => bus.publish({ topic: 'queries', type: 'advice', id });
  const load = async (id: string): Promise<Row> => {
    const row = await db.prisma.queryAdvice.findUnique({ where: { id }, select: columns });
    if (!row) throw new AppError('NOT_FOUND', 'There is no such advice.');
    return row;
  };
  const targetOf = async ({ databaseId }: Row): Promise<Target> => {
    const target = await deps.applyTarget(databaseId);
    if (target) return target;
    throw new AppError(
      'CONFLICT',
      'No role is known that may change this database. Give its URL under Databases, or run the statement by hand and say so here.',
    );
  };
  /** From one of `from` to another state, with a line in the time line and in the audit; false when it was in none of them. */
  const move = (
    row: Row,
    from: readonly AdviceState[],
    change: {
      to: AdviceState;
      detail: string;
      authority: Authority;
      action: string;
      data?: Prisma.QueryAdviceUpdateManyMutationInput;
      claimedBy?: string;
    },
  ): Promise<boolean> => {
    const now = clock.now();
    const step: AdviceStep = {
      at: now.toISOString(),
      state: change.to,
      by: change.authority.actor.name,
      detail: change.detail,
    };
    return db
      .tx(async (tx) => {
        const { count } = await tx.queryAdvice.updateMany({
          where: {
            id: row.id,
            state: { in: [...from] },
            ...(change.claimedBy ? { claimedBy: change.claimedBy } : {}),
          },
          data: {
            state: change.to,
            detail: change.detail,
            timeline: [...stepsOf(row), step].slice(-STEPS),
            updatedAt: now,
            ...change.data,
          },
        });
        if (count === 0) return false;
        const { table, name } = aboutOf(adviceOf(row));
        await audit.append(tx, change.authority, {
          action: change.action,
          target: { kind: 'advice', id: row.id, name: `${row.kind} ${name ?? table ?? ''}`.trim() },
          before: { state: row.state },
          after: { database: row.database.name, state: change.to, detail: change.detail },
        });
        return true;
      })
      .then((moved) => {
        if (moved) changed(row.id);
        return moved;
      });
  };
  const must = (moved: boolean) => {
    if (!moved) throw new AppError('CONFLICT', 'Its state has changed meanwhile; look again.');
  };
  const figuresOf = (row: Row, from: Date, to: Date) => {
    const { table } = aboutOf(adviceOf(row));
    return deps.figures(row.databaseId, { fingerprints: row.statements, table }, from, to);
  };
  const before = async (row: Row): Promise<LoopFigures> => {
    const now = clock.now();
    return figuresOf(row, new Date(now.getTime() - DAY_MS), now);
  };

  const finish = async (row: Row, outcome: Outcome) => {
    if (outcome.state === 'unclear') {
      await db.prisma.queryAdvice.updateMany({
        where: { id: row.id, state: 'applying', claimedBy: deps.replica },
        data: { detail: outcome.detail, claimedAt: clock.now() },
      });
      changed(row.id);
      return;
    }
    const applied = outcome.state === 'applied';
    const undo = row.proposal === UNDO;
    await move(row, ['applying'], {
      to: undo ? (applied ? 'dropped' : 'verifying') : applied ? 'verifying' : 'failed',
      detail: outcome.detail,
      authority: SYSTEM,
      action: `queries.advice.${applied ? (undo ? 'dropped' : 'applied') : 'failed'}`,
      claimedBy: deps.replica,
      data: {
        progress: Prisma.DbNull,
        proposal: null,
        cancelled: false,
        ...(applied && !undo ? { appliedAt: clock.now() } : {}),
      },
    });
    if (applied)
      await deps
        .look(row.databaseId)
        .catch((err) => log.debug({ err }, 'no look after advice was applied'));
  };

  /** Says every other second that it is still at it, and hears whether it should stop. */
  const heartbeat = (row: Row, target: Target, subject: () => Subject, cancel: AbortController) => {
    let asking = false;
    const beat = async () => {
      if (asking) return;
      asking = true;
      try {
        const progress =
          subject().name === null
            ? null
            : await applier.progress(target, subject()).catch(() => null);
        const { rows } = await db.pool.query<{ cancelled: boolean }>(
          `UPDATE query_advice SET claimed_at = $3, progress = coalesce($4::jsonb, progress)
           WHERE id = $1 AND claimed_by = $2 AND state = 'applying' RETURNING cancelled`,
          [row.id, deps.replica, clock.now(), progress && JSON.stringify(progress)],
        );
        if (rows[0]?.cancelled) cancel.abort(new Error('cancelled'));
        if (progress) changed(row.id);
      } catch (err) {
        log.debug({ err }, 'progress of advice was not written');
      } finally {
        asking = false;
      }
    };
    const timer = setInterval(beat, HEARTBEAT_MS);
    timer.unref();
    return () => clearInterval(timer);
  };

  const carryOut = async (row: Row, cancel: AbortController): Promise<void> => {
    // Nothing else is approved.
    const advice = adviceOf(row) as Applicable;
    let subject: Subject = { schema: null, name: null, definition: null };
    let stop = () => {};
    try {
      const target = await targetOf(row);
      stop = heartbeat(row, target, () => subject, cancel);
      const signal = AbortSignal.any([cancel.signal, AbortSignal.timeout(APPLY_LIMIT_MS)]);
      if (row.proposal === UNDO) {
        subject = subjectOf(row);
        const outcome = await applier.undo(target, advice, subject, signal);
        if (!closing.signal.aborted || outcome.state === 'applied') await finish(row, outcome);
        return;
      }
      const outcome = await applier.apply(target, advice, {
        key: row.key,
        signal,
        async onSubject(found) {
          subject = { ...found };
          await db.prisma.queryAdvice.updateMany({
            where: { id: row.id, claimedBy: deps.replica },
            data: {
              indexSchema: found.schema,
              indexName: found.name,
              definition: found.definition,
            },
          });
        },
      });
      // A console that ends leaves the server at work; the next one looks what became of it.
      if (closing.signal.aborted && outcome.state !== 'applied') return;
      await finish(row, outcome);
    } catch (error) {
      if (error instanceof AppError)
        await finish(row, { state: 'failed', detail: error.publicMessage });
      else log.error({ err: error, advice: row.id }, 'advice was not carried out');
    } finally {
      stop();
    }
  };

  const settle = async (row: Row): Promise<void> => {
    const target = await targetOf(row);
    const outcome = await applier
      .settle(
        target,
        (row.proposal === UNDO ? reversed : (advice: Applicable) => advice)(
          adviceOf(row) as Applicable,
        ),
        subjectOf(row),
        row.cancelled,
      )
      .catch((err): Outcome => {
        log.debug({ err, advice: row.id }, 'interrupted advice could not be settled yet');
        return {
          state: 'unclear',
          detail:
            'It was interrupted. What was left behind is looked for when the database answers.',
        };
      });
    if (outcome) await finish(row, outcome);
    else {
      const progress = await applier.progress(target, subjectOf(row)).catch(() => null);
      await db.prisma.queryAdvice.updateMany({
        where: { id: row.id, claimedBy: deps.replica, state: 'applying' },
        data: { claimedAt: clock.now(), ...(progress ? { progress } : {}) },
      });
      changed(row.id);
    }
  };

  const begin = (row: Row, work: (row: Row, cancel: AbortController) => Promise<void>) => {
    const cancel = new AbortController();
    running.set(row.id, {
      cancel,
      work: work(row, cancel)
        .catch((err) => log.warn({ err, advice: row.id }, 'advice could not be worked on'))
        .finally(() => running.delete(row.id)),
    });
  };
  /** Takes what is approved, oldest first; a database that is busy refuses by the unique index. */
  const takeApproved = async () => {
    const waiting = await db.prisma.queryAdvice.findMany({
      where: { state: 'approved' },
      orderBy: { updatedAt: 'asc' },
      take: 20,
      select: columns,
    });
    for (const row of waiting) {
      const figures = row.proposal === UNDO ? null : await before(row);
      try {
        const claimed = await move(row, ['approved'], {
          to: 'applying',
          detail: 'It is being carried out.',
          authority: SYSTEM,
          action: 'queries.advice.applying',
          data: {
            claimedBy: deps.replica,
            claimedAt: clock.now(),
            ...(figures ? { before: figures } : {}),
            progress: { phase: 'begins', share: null, waitsFor: null } satisfies AdviceProgress,
          },
        });
        if (claimed) begin(await load(row.id), carryOut);
      } catch (error) {
        // Another one of this database is at work.
        if (!(error instanceof Error && 'code' in error && error.code === 'P2002')) throw error;
      }
    }
  };
  const takeInterrupted = async () => {
    const { rows } = await db.pool.query<{ id: string }>(
      `UPDATE query_advice SET claimed_by = $1, claimed_at = $2
       WHERE id IN (SELECT id FROM query_advice WHERE state = 'applying' AND NOT (id = ANY($4::uuid[]))
         AND (claimed_at IS NULL OR claimed_at < $3 OR (claimed_by = $1 AND claimed_at < $5)) LIMIT 10 FOR UPDATE SKIP LOCKED)
       RETURNING id::text`,
      [
        deps.replica,
        clock.now(),
        new Date(clock.now().getTime() - GONE_MS),
        [...running.keys()],
        // What this process itself could not settle it tries again sooner.
        new Date(clock.now().getTime() - TICK_MS),
      ],
    );
    for (const { id } of rows) begin(await load(id), settle);
  };
  const compare = async () => {
    const rows = await db.prisma.queryAdvice.findMany({
      where: { state: 'verifying', proposal: null, appliedAt: { not: null } },
      take: 200,
      select: columns,
    });
    for (const row of rows) {
      const now = clock.now();
      const last = compared.get(row.id);
      if (!row.appliedAt || (last !== undefined && now.getTime() - last < COMPARE_EVERY_MS))
        continue;
      compared.set(row.id, now.getTime());
      const after = await figuresOf(row, row.appliedAt, now);
      const verdict = verdictOf(
        row.kind,
        loopFigures(row.before),
        after,
        now.getTime() - row.appliedAt.getTime(),
      );
      await db.prisma.queryAdvice.updateMany({
        where: { id: row.id, state: 'verifying' },
        data: {
          after,
          detail: verdict.detail,
          proposal: verdict.ready ? (verdict.proposal ?? 'unsure') : null,
        },
      });
      if (verdict.ready) compared.delete(row.id);
      changed(row.id);
    }
  };
  const tick = async () => {
    await takeInterrupted();
    await takeApproved();
    await compare();
  };

  const merge = async (databaseId: string, list: readonly Advice[]) => {
    const now = clock.now();
    const found = new Map(list.slice(0, ADVICE_MAX).map((advice) => [adviceKey(advice), advice]));
    const rows = await db.prisma.queryAdvice.findMany({
      where: { databaseId },
      take: 5_000,
      select: { id: true, key: true, state: true, evidence: true },
    });
    const known = new Map(rows.map((row) => [row.key, row]));
    const ids: string[] = [];
    await db.tx(async (tx) => {
      for (const [key, advice] of found) {
        const row = known.get(key);
        const data = {
          kind: advice.kind,
          body: plain(advice),
          savedMsPerDay: advice.savedMsPerDay ?? 0,
          statements: statementsIn(advice).slice(0, 500),
          lastSeen: now,
        };
        if (!row) {
          const id = newId(now);
          ids.push(id);
          await tx.queryAdvice.create({
            data: {
              ...data,
              id,
              databaseId,
              key,
              state: 'open',
              evidence: evidenceOf(advice),
              firstSeen: now,
              updatedAt: now,
            },
            select: { id: true },
          });
          continue;
        }
        const back =
          row.state === 'gone' ||
          ((row.state === 'dismissed' || row.state === 'dropped') &&
            isNewEvidence(row.evidence, evidenceOf(advice)));
        // What is under way keeps the words it was approved with.
        if (!back && row.state !== 'open' && row.state !== 'failed') continue;
        ids.push(row.id);
        await tx.queryAdvice.updateMany({
          where: { id: row.id, state: row.state },
          data: {
            ...data,
            ...(back
              ? { state: 'open', evidence: evidenceOf(advice), detail: null, proposal: null }
              : {}),
            updatedAt: now,
          },
        });
      }
      await tx.queryAdvice.updateMany({
        where: { databaseId, state: 'open', key: { notIn: [...found.keys()] } },
        data: { state: 'gone', detail: 'It is not given any more.', updatedAt: now },
      });
      await tx.queryAdvice.deleteMany({
        where: {
          databaseId,
          state: 'gone',
          updatedAt: { lt: new Date(now.getTime() - KEPT_GONE_MS) },
        },
      });
    });
    changed(databaseId);
  };

  const refresh = async (databaseId: string, signal?: AbortSignal) => {
    await merge(databaseId, await deps.advise(databaseId, signal));
    const open = await db.prisma.queryAdvice.count({
      where: { databaseId, state: 'open', kind: { not: 'none' } },
    });
    return { open };
  };

  const statementsOf = async (rows: readonly Row[]): Promise<Map<string, AdviceStatement>> => {
    const wanted = rows.flatMap((row) =>
      row.statements.slice(0, 20).map((print) => [row.databaseId, print] as const),
    );
    if (wanted.length === 0) return new Map();
    const { rows: found } = await db.pool.query<{
      id: string;
      database: string;
      fingerprint: string;
      text: string;
    }>(
      `SELECT s.id::text, s.database_id::text AS database, s.fingerprint, left(s.text, 300) AS text
       FROM query_statements s JOIN unnest($1::uuid[], $2::text[]) AS w(database_id, fingerprint)
         ON s.database_id = w.database_id AND s.fingerprint = w.fingerprint`,
      [wanted.map(([id]) => id), wanted.map(([, print]) => print)],
    );
    return new Map(
      found.map(({ id, database, fingerprint, text }) => [
        `${database} ${fingerprint}`,
        { id, fingerprint, query: text },
      ]),
    );
  };
  const shown = async (rows: readonly Row[]): Promise<AdviceItem[]> => {
    const statements = await statementsOf(rows);
    return rows.map((row) => {
      const advice = adviceOf(row);
      const canApply = row.database.kind === 'own' || row.database.sealedApply !== null;
      const { table, name } = aboutOf(advice);
      return {
        id: row.id,
        databaseId: row.databaseId,
        databaseName: row.database.name,
        advice,
        state: stateOf(row.state),
        savedMsPerDay: row.savedMsPerDay,
        table,
        index:
          row.indexName ?? (advice.kind === 'create_index' ? indexNameOf(row.key, advice) : name),
        applicable: !applicableKinds.has(row.kind) ? 'by hand' : canApply ? 'yes' : 'no role',
        statements: row.statements.flatMap(
          (print) => statements.get(`${row.databaseId} ${print}`) ?? [],
        ),
        statementCount: row.statements.length,
        // The four below are written by this module alone.
        progress: row.progress as AdviceProgress | null,
        before: loopFigures(row.before),
        after: loopFigures(row.after),
        timeline: stepsOf(row),
        proposal:
          (['keep', 'drop', 'unsure'] as const).find((each) => each === row.proposal) ?? null,
        undoing: row.proposal === UNDO,
        cancelled: row.cancelled,
        detail: row.detail,
        appliedAt: row.appliedAt?.toISOString() ?? null,
        firstSeenAt: row.firstSeen.toISOString(),
        lastSeenAt: row.lastSeen.toISOString(),
      };
    });
  };

  return {
    async list({ databaseId, view, fingerprint, limit, cursor }) {
      const [saved, id] = cursor?.split('~') ?? [];
      const rows = await db.prisma.queryAdvice.findMany({
        where: {
          ...(databaseId ? { databaseId } : {}),
          ...(view === 'all' ? {} : { state: { in: [...VIEWS[view]] } }),
          ...(view === 'open' ? { kind: { not: 'none' } } : {}),
          ...(view === 'none' ? { kind: 'none' } : {}),
          ...(fingerprint ? { statements: { has: fingerprint } } : {}),
          ...(id
            ? {
                OR: [
                  { savedMsPerDay: { lt: Number(saved) } },
                  { savedMsPerDay: Number(saved), id: { lt: id } },
                ],
              }
            : {}),
        },
        orderBy: [{ savedMsPerDay: 'desc' }, { id: 'desc' }],
        take: limit + 1,
        select: columns,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        items: await shown(page),
        nextCursor: rows.length > limit && last ? `${last.savedMsPerDay}~${last.id}` : null,
      };
    },
    async get(id) {
      const [item] = await shown([await load(id)]);
      if (!item) throw new AppError('NOT_FOUND', 'There is no such advice.');
      return item;
    },
    async summary() {
      const { rows } = await db.pool.query<{
        state: string;
        n: number;
        saved: number;
        decide: number;
      }>(
        `SELECT state, count(*)::int AS n, coalesce(sum(saved_ms_per_day), 0)::float8 AS saved,
                count(*) FILTER (WHERE proposal IS NOT NULL)::int AS decide
         FROM query_advice WHERE kind <> 'none' GROUP BY state`,
      );
      const of = (state: AdviceState) => rows.find((row) => row.state === state);
      return {
        open: of('open')?.n ?? 0,
        savedMsPerDay: of('open')?.saved ?? 0,
        underWay: (of('approved')?.n ?? 0) + (of('applying')?.n ?? 0) + (of('verifying')?.n ?? 0),
        toDecide: of('verifying')?.decide ?? 0,
        failed: of('failed')?.n ?? 0,
      };
    },
    refresh,
    async refreshBy(authority, databaseId, signal) {
      const answer = await refresh(databaseId, signal);
      await db.tx((tx) =>
        audit.append(tx, authority, {
          action: 'queries.advice.refresh',
          target: { kind: 'database', id: databaseId, name: null },
          after: answer,
        }),
      );
      return answer;
    },
    async refreshAll(signal) {
      for (const id of await deps.watched()) {
        if (signal.aborted) return;
        await refresh(id, AbortSignal.any([signal, AbortSignal.timeout(REFRESH_MS)])).catch((err) =>
          log.info({ err, database: id }, 'advice was not looked for'),
        );
      }
    },
    async approve(authority, id) {
      const row = await load(id);
      if (!applicableKinds.has(row.kind))
        throw new AppError(
          'CONFLICT',
          'This is for a person to do; the console cannot carry it out.',
        );
      await targetOf(row);
      must(
        await move(row, ['open', 'failed'], {
          to: 'approved',
          detail: 'Approved; it begins as soon as nothing else is carried out on this database.',
          authority,
          action: 'queries.advice.approve',
          data: { cancelled: false, proposal: null, after: Prisma.DbNull },
        }),
      );
    },
    async cancel(authority, id) {
      const row = await load(id);
      const withdrawn = await move(row, ['approved'], {
        to: row.proposal === UNDO ? 'verifying' : 'open',
        detail: 'The approval was withdrawn.',
        authority,
        action: 'queries.advice.cancel',
        data: { proposal: null },
      });
      if (withdrawn) return;
      must(
        await move(row, ['applying'], {
          to: 'applying',
          detail: 'It is being cancelled.',
          authority,
          action: 'queries.advice.cancel',
          data: { cancelled: true },
        }),
      );
      running.get(id)?.cancel.abort(new Error('cancelled'));
    },
    async markApplied(authority, id) {
      const row = await load(id);
      if (row.kind === 'none') throw new AppError('CONFLICT', 'There is nothing to do.');
      must(
        await move(row, ['open', 'failed'], {
          to: 'verifying',
          detail: 'Carried out by hand.',
          authority,
          action: 'queries.advice.markApplied',
          data: {
            appliedAt: clock.now(),
            before: await before(row),
            proposal: null,
            after: Prisma.DbNull,
          },
        }),
      );
    },
    async decide(authority, id, keep) {
      const row = await load(id);
      if (keep) {
        return must(
          await move(row, ['verifying'], {
            to: 'kept',
            detail: row.detail ?? 'Kept.',
            authority,
            action: 'queries.advice.keep',
          }),
        );
      }
      const takesBack =
        row.indexName !== null && (row.kind === 'create_index' || row.kind === 'drop_index');
      if (takesBack) await targetOf(row);
      must(
        await move(row, ['verifying'], {
          to: takesBack ? 'approved' : 'dropped',
          detail: takesBack ? 'It is going to be taken back.' : 'Taken back by hand.',
          authority,
          action: 'queries.advice.drop',
          data: takesBack ? { proposal: UNDO, cancelled: false } : {},
        }),
      );
    },
    async dismiss(authority, id, reason) {
      const row = await load(id);
      must(
        await move(row, ['open', 'failed'], {
          to: 'dismissed',
          detail: reason,
          authority,
          action: 'queries.advice.dismiss',
          data: { evidence: evidenceOf(adviceOf(row)) },
        }),
      );
    },
    async reopen(authority, id) {
      const row = await load(id);
      must(
        await move(row, ['dismissed', 'failed', 'dropped'], {
          to: 'open',
          detail: 'Opened again.',
          authority,
          action: 'queries.advice.reopen',
          data: { proposal: null, cancelled: false },
        }),
      );
    },
    tick,
    async settled() {
      while (running.size > 0) await Promise.all([...running.values()].map(({ work }) => work));
    },
    start() {
      timer = setInterval(() => {
        if (busy || !db.status().up) return;
        busy = tick()
          .catch((err) => log.warn({ err }, 'advice could not be followed'))
          .finally(() => {
            busy = null;
          });
      }, TICK_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      closing.abort();
      await busy;
      for (const { cancel } of running.values()) cancel.abort(new Error('the console ends'));
      // What cannot be cleaned up now is settled by who comes next.
      await Promise.race([
        Promise.all([...running.values()].map(({ work }) => work)),
        new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref()),
      ]);
    },
  };
}

/** In the column of proposals: what was applied is to be taken back. */
const UNDO = 'undo';
const VIEWS: Readonly<Record<Exclude<AdviceView, 'all'>, readonly AdviceState[]>> = {
  open: ['open', 'failed'],
  active: ['approved', 'applying', 'verifying'],
  done: ['kept', 'dropped'],
  none: ['open'],
  dismissed: ['dismissed', 'gone'],
};

// Written by `merge` alone, from the advisor's list.
const adviceOf = ({ body }: Row): Advice => body as unknown as Advice;
const loopFigures = (value: unknown): LoopFigures | null => (value ?? null) as LoopFigures | null;
const stepsOf = ({ timeline }: Row): AdviceStep[] =>
  Array.isArray(timeline) ? (timeline as unknown as AdviceStep[]) : [];
const stateOf = (text: string): AdviceState =>
  adviceStates.find((state) => state === text) ?? 'open';
/** Plain JSON, without what is not there. */
const plain = (advice: Advice): Prisma.InputJsonObject => JSON.parse(JSON.stringify(advice));

const subjectOf = (row: Row): Subject => ({
  schema: row.indexSchema,
  name: row.indexName,
  definition: row.definition,
});
/** Those that profit, or the one that it is about. */
const statementsIn = (advice: Advice): string[] => [
  ...(advice.statements ??
    (advice.kind === 'none' || advice.kind === 'cache' || advice.kind === 'rewrite'
      ? [advice.query]
      : [])),
];

function aboutOf(advice: Advice): { table: string | null; name: string | null } {
  if (advice.kind === 'drop_index' || advice.kind === 'reindex')
    return { table: advice.table, name: advice.name };
  if (advice.kind === 'create_index')
    return { table: advice.table, name: `${advice.table} (${advice.columns.join(', ')})` };
  return { table: advice.kind === 'analyze' ? advice.table : null, name: null };
}
