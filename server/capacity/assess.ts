/** Looks at one resource: reads its past, says when its limit is reached, and whether people are told. */
import type { Forecaster } from '../forecasts/index.ts';
import type { Incidents } from '../incidents/index.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, Prisma, type Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { Assessment, Notice } from './contract.ts';
import { type Crossing, crossing, minuteOf } from './crossing.ts';
import { type ReadPast, seasonalForecast } from './history.ts';
import { nextNotice } from './notice.ts';
import { columns, directionOf, limitOf, noticeOf, type Row, subjectOf, unitOf } from './rows.ts';
import { detailOf, suggestionOf } from './sentences.ts';

const SOURCE = 'capacity';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** What is quiet is looked at each quarter of an hour, the rest at every look. */
const QUIET_MS = 15 * MINUTE_MS;
const BUSY_MS = 4 * MINUTE_MS;
const MAX_PAUSE_MS = 6 * HOUR_MS;
/** Rank of what has no date; by use among themselves. */
const NO_DATE = 10_000;
const NOT_KNOWN = 1_000_000;
/** A series with seasons is asked about further when it comes this near its limit, as a share of what it moves. */
const NEAR = 0.5;
/** A series that has been silent for so long, and for so many of its steps, has stopped. */
const SILENT_MS = 6 * HOUR_MS;
const SILENT_STEPS = 4;

export type Assessor = {
  /** Looks at one now; answers false when it is gone. */
  assess(id: string, signal?: AbortSignal): Promise<boolean>;
  /** Looks at what is due, at most `max`; answers how many. */
  assessDue(signal: AbortSignal, max?: number): Promise<number>;
  /** Ends what was told of one. Answers whom to announce. */
  quiet(tx: Tx, id: string, detail: string): Promise<string | null>;
};

type Found =
  | { state: 'failed'; detail: string }
  | { state: 'unlimited' | 'waiting'; detail: string; value: number | null; at: number | null }
  | { state: 'assessed'; crossing: Crossing; limit: number; at: number };

export function createAssessor(deps: {
  db: Db;
  bus: Bus;
  clock: Clock;
  log: Log;
  incidents: Pick<Incidents, 'report' | 'escalate' | 'ended' | 'announce'>;
  forecaster: Forecaster;
  readPast: ReadPast;
}): Assessor {
  const { db, bus, clock, log, incidents, readPast } = deps;
  const keyOf = (id: string) => `${SOURCE}:${id}`;

  const look = async (row: Row, now: number, signal?: AbortSignal): Promise<Found> => {
    const past = await readPast({ id: row.id, subject: subjectOf(row) }, now, signal);
    const last = past.points.at(-1);
    const at = last?.at ?? null;
    const value = last?.value ?? null;
    const limit = limitOf(row);
    // Neither a date nor the end of a notice stands on what is not measured any more.
    if (last && now - last.at > silence(past.points))
      return { state: 'failed', detail: `No values since ${minuteOf(last.at)}.` };
    if (!last || value === null) {
      return { state: 'waiting', detail: 'No values yet.', value: null, at: null };
    }
    if (limit === null) {
      return {
        state: 'unlimited',
        detail: 'Give it a limit to see when it is reached.',
        value,
        at,
      };
    }
    const input = {
      times: past.points.map((point) => point.at),
      values: past.points.map((point) => point.value),
      limit,
      direction: directionOf(row),
      now,
    };
    const plain = crossing(input);
    const seasonal = plain.dailyPeak > 0 && plain.state !== 'over' && near(input);
    if (!seasonal) return { state: 'assessed', crossing: plain, limit, at: last.at };
    try {
      const forecast = await seasonalForecast(deps.forecaster, past, signal);
      return { state: 'assessed', crossing: crossing({ ...input, forecast }), limit, at: last.at };
    } catch (err) {
      if (signal?.aborted) throw err;
      log.debug({ err, resource: row.id }, 'no forecast of a resource');
      return { state: 'assessed', crossing: plain, limit, at: last.at };
    }
  };

  const save = async (row: Row, found: Found): Promise<void> => {
    const now = clock.now();
    const told: string[] = [];
    await db.tx(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM capacity_resources WHERE id = ${row.id}::uuid FOR UPDATE`;
      const still = await tx.capacityResource.findUnique({
        where: { id: row.id },
        select: columns,
      });
      if (!still) return;
      // Somebody changed it meanwhile: it is due at once, and what was found of the old one is dropped.
      if (still.updatedAt.getTime() !== row.updatedAt.getTime()) {
        await tx.capacityResource.update({
          where: { id: row.id },
          data: { dueAt: now },
          select: { id: true },
        });
        return;
      }
      if (found.state === 'failed') {
        const failures = still.failures + 1;
        const pause = Math.min(MAX_PAUSE_MS, QUIET_MS * 2 ** Math.min(failures - 1, 6));
        await tx.capacityResource.update({
          where: { id: row.id },
          data: {
            state: 'failed',
            detail: found.detail.slice(0, 500),
            failures,
            dueAt: new Date(now.getTime() + pause),
          },
          select: { id: true },
        });
        return;
      }
      const said = describe(still, found, now.getTime());
      const notice = nextNotice(
        {
          notice: noticeOf(still.notice),
          since: still.noticeSince?.getTime() ?? null,
          wish: noticeOf(still.wish),
          wishSince: still.wishSince?.getTime() ?? null,
        },
        {
          now: now.getTime(),
          over: said.state === 'over',
          earliest: said.state === 'crossing' ? said.earliest : null,
          warnDays: still.warnDays,
          criticalDays: still.criticalDays,
        },
      );
      const since = notice.since === null ? null : new Date(notice.since);
      await tx.capacityResource.update({
        where: { id: row.id },
        data: {
          state: said.state,
          detail: said.detail,
          value: said.value,
          valueAt: said.at === null ? null : new Date(said.at),
          assessment: said.assessment ?? Prisma.DbNull,
          urgency: said.urgency,
          notice: notice.notice,
          noticeSince: since,
          wish: notice.wish,
          wishSince: notice.wishSince === null ? null : new Date(notice.wishSince),
          failures: 0,
          assessedAt: now,
          dueAt: new Date(
            now.getTime() +
              (notice.notice !== 'none' || notice.wishSince !== null || said.state === 'waiting'
                ? BUSY_MS
                : QUIET_MS),
          ),
        },
        select: { id: true },
      });
      if (still.incidents) {
        const id = await tell(
          tx,
          still,
          { from: noticeOf(still.notice), to: notice.notice },
          said,
          since ?? now,
        );
        if (id) told.push(id);
      }
    });
    for (const id of told) incidents.announce(id);
    bus.publish({ topic: 'capacity', type: 'assessed', id: row.id });
  };

  const tell = async (
    tx: Tx,
    row: Row,
    { from, to }: { from: Notice; to: Notice },
    said: Said,
    since: Date,
  ): Promise<string | null> => {
    if (to === 'none') {
      if (from === 'none') return null;
      return incidents.ended(tx, {
        key: keyOf(row.id),
        endedAt: null,
        detail: `Not near its limit any more. ${said.detail}`,
      });
    }
    if (from === to) return null;
    const facts = [
      { label: 'Resource', value: row.name },
      ...(said.assessment?.suggestion
        ? [{ label: 'Suggestion', value: said.assessment.suggestion }]
        : []),
    ];
    const { id, outcome } = await incidents.report(tx, {
      key: keyOf(row.id),
      source: SOURCE,
      title:
        said.state === 'over' ? `${row.name} is over its limit` : `${row.name} reaches its limit`,
      severity: to === 'critical' ? 'critical' : 'warning',
      startedAt: since,
      sameOutage: true,
      detail: said.detail,
      facts,
      mark: to,
    });
    if (outcome === 'ignored') return null;
    if (outcome !== 'opened' && to === 'critical')
      await incidents.escalate(tx, id, { detail: said.detail, facts });
    return id;
  };

  const one = async (row: Row, signal?: AbortSignal): Promise<void> => {
    let found: Found;
    try {
      found = await look(row, clock.now().getTime(), signal);
    } catch (error) {
      if (signal?.aborted || !db.status().up) throw error;
      if (!(error instanceof AppError))
        log.warn({ err: error, resource: row.id }, 'a resource could not be assessed');
      const detail =
        error instanceof AppError
          ? error.publicMessage
          : 'It could not be assessed; the log says why.';
      found = { state: 'failed', detail };
    }
    await save(row, found);
  };

  return {
    async assess(id, signal) {
      const row = await db.prisma.capacityResource.findUnique({ where: { id }, select: columns });
      if (!row) return false;
      await one(row, signal);
      return true;
    },
    async assessDue(signal, max = 500) {
      const now = clock.now();
      const rows = await db.prisma.capacityResource.findMany({
        where: {
          paused: false,
          // A time that is far ahead was written before the clock was set back.
          OR: [{ dueAt: { lte: now } }, { dueAt: { gt: new Date(now.getTime() + DAY_MS) } }],
        },
        orderBy: { dueAt: 'asc' },
        take: max,
        select: columns,
      });
      for (const row of rows) {
        if (signal.aborted) break;
        await one(row, signal);
      }
      return rows.length;
    },
    quiet: (tx, id, detail) => incidents.ended(tx, { key: keyOf(id), endedAt: null, detail }),
  };
}

type Said = {
  state: 'waiting' | 'unlimited' | 'short' | 'steady' | 'crossing' | 'over';
  detail: string;
  value: number | null;
  at: number | null;
  earliest: number | null;
  urgency: number;
  assessment: Assessment | null;
};

function describe(row: Row, found: Exclude<Found, { state: 'failed' }>, now: number): Said {
  if (found.state !== 'assessed') {
    return { ...found, earliest: null, urgency: NOT_KNOWN, assessment: null };
  }
  const { crossing: one, limit, at } = found;
  const given = { unit: unitOf(row), limit, direction: directionOf(row), now };
  const iso = (moment: number | null) => (moment === null ? null : new Date(moment).toISOString());
  const earliest = one.at.earliest ?? one.at.mean;
  const share = given.direction === 'upper' && limit > 0 ? one.value / limit : 0;
  const quietRank = NO_DATE * (2 - Math.min(1, Math.max(0, share)));
  return {
    state: one.state,
    detail: detailOf(one, given),
    value: one.value,
    at,
    earliest,
    urgency:
      one.state === 'over'
        ? -1
        : one.state === 'crossing' && earliest !== null
          ? Math.max(0, (earliest - now) / DAY_MS)
          : quietRank,
    assessment: {
      perDay: one.perDay,
      quickening: one.quickening,
      at: { mean: iso(one.at.mean), earliest: iso(one.at.earliest), latest: iso(one.at.latest) },
      pValue: one.pValue,
      windowFrom: new Date(one.windowFrom).toISOString(),
      points: one.points,
      dailyPeak: one.dailyPeak,
      notes: one.notes,
      suggestion: suggestionOf(one, given),
    },
  };
}

/** How long a series may be silent: some write once a day. */
function silence(points: readonly { at: number }[]): number {
  const span = (points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0);
  return Math.max(SILENT_MS, (SILENT_STEPS * span) / Math.max(1, points.length - 1));
}

function near(given: {
  values: readonly number[];
  limit: number;
  direction: 'upper' | 'lower';
}): boolean {
  const [low, high] = [Math.min(...given.values), Math.max(...given.values)];
  const gap = given.direction === 'upper' ? given.limit - high : low - given.limit;
  return gap <= NEAR * (high - low);
}
