import type { Page } from '../api/contract.ts';
import type { NotifyMessage, Severity } from '../notify/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral, type Prisma, type Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type {
  IncidentDetail,
  IncidentFigures,
  IncidentItem,
  IncidentListInput,
} from './contract.ts';
import { firstMessage, type MessageContext, message } from './messages.ts';

const GROUP_WAIT_MS = 30_000;
const GROUP_INTERVAL_MS = 5 * 60_000;
const REPEAT_MS = 4 * 60 * 60_000;
const TICK_MS = 1_000;
const BATCH = 50;
const CLOCK_SKEW_MS = 60 * 60_000;
/** Facts in a message; all of them stand on the timeline. */
const TOLD_FACTS = 15;

export type OpenIncident = {
  target: { id: string; name: string };
  /** Targets of one group share an incident. */
  group: string | null;
  severity: Severity;
  /** First sign of trouble. */
  startedAt: Date;
  /** Plain sentence: what was seen. */
  detail: string;
  facts: { label: string; value: string }[];
};
/** An incident about something that is no target, such as an alert of another system. */
export type ReportedIncident = {
  /** At most one incident that is not resolved has it. */
  key: string;
  /** Where it came from. */
  source: string;
  title: string;
  severity: Severity;
  startedAt: Date;
  /** True when `startedAt` identifies the outage: what a person resolved by hand does not open again for it. */
  sameOutage: boolean;
  detail: string;
  facts: { label: string; value: string }[];
  /** Equal for reports that say the same. */
  mark: string;
};
export type IncidentEventInput = {
  kind: string;
  detail: string;
  actor?: string | null;
  data?: unknown;
};
/** Tells people; `notify` is one. */
export type Teller = {
  enqueue(tx: Tx, message: NotifyMessage): Promise<number>;
  wake(): void;
};
export type Incidents = {
  /** Opens one, or joins the group's open one. Inside the caller's transaction; call `announce` after it. */
  open(tx: Tx, input: OpenIncident): Promise<{ id: string; opened: boolean }>;
  /** Opens one by key, or brings the open one up to date. Inside the caller's transaction; call `announce` after it. */
  report(
    tx: Tx,
    input: ReportedIncident,
  ): Promise<{ id: string; outcome: 'opened' | 'updated' | 'unchanged' | 'ignored' }>;
  /** Resolves the open one of this key; null when there is none that began before `endedAt`. */
  ended(
    tx: Tx,
    input: { key: string; endedAt: Date | null; detail: string },
  ): Promise<string | null>;
  /** What was last reported on each of these keys that has an incident which is not resolved. */
  marks(keys: readonly string[]): Promise<Map<string, string>>;
  /** Adds to the timeline inside the caller's transaction. */
  record(tx: Tx, incidentId: string, event: IncidentEventInput): Promise<void>;
  /** Makes it critical and tells people with the evidence. */
  escalate(
    tx: Tx,
    incidentId: string,
    input: { detail: string; facts: { label: string; value: string }[] },
  ): Promise<void>;
  /** Tells people that a remedy waits for one of them. */
  askApproval(
    tx: Tx,
    incidentId: string,
    input: { runId: string; targetId: string; detail: string },
  ): Promise<void>;
  /** A target is well again; resolves the incident when it was the last. Answers the incident's id. */
  recovered(tx: Tx, target: { id: string; name: string }, detail: string): Promise<string | null>;
  /** After the commit: pages and the sender look again. */
  announce(id: string): void;
  list(input: IncidentListInput): Promise<Page<IncidentItem>>;
  get(id: string): Promise<IncidentDetail>;
  figures(days: number): Promise<IncidentFigures>;
  acknowledge(authority: Authority, id: string): Promise<void>;
  resolve(authority: Authority, input: { id: string; note: string }): Promise<void>;
  note(authority: Authority, input: { id: string; note: string }): Promise<void>;
  /** Sends what groups and reminders owe; answers how many incidents it moved. */
  tick(): Promise<number>;
  start(): void;
  close(): Promise<void>;
};

const itemSelect = {
  id: true,
  title: true,
  status: true,
  severity: true,
  targetId: true,
  source: true,
  startedAt: true,
  openedAt: true,
  acknowledgedAt: true,
  acknowledgedBy: true,
  resolvedAt: true,
  escalatedAt: true,
  members: {
    select: { targetId: true, name: true, joinedAt: true, recoveredAt: true },
    orderBy: { joinedAt: 'asc' },
    take: 200,
  },
} satisfies Prisma.IncidentSelect;
type Row = Prisma.IncidentGetPayload<{ select: typeof itemSelect }>;

const toItem = (row: Row): Omit<IncidentItem, 'timeline'> => ({
  id: row.id,
  title: row.title,
  status: row.status,
  severity: row.severity,
  targetId: row.targetId,
  source: row.source,
  startedAt: row.startedAt.toISOString(),
  openedAt: row.openedAt.toISOString(),
  acknowledgedAt: row.acknowledgedAt?.toISOString() ?? null,
  acknowledgedBy: row.acknowledgedBy,
  resolvedAt: row.resolvedAt?.toISOString() ?? null,
  escalated: row.escalatedAt !== null,
  targets: row.members.map((member) => ({
    id: member.targetId,
    name: member.name,
    recovered: member.recoveredAt !== null,
  })),
});

export function createIncidents(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  teller: Teller;
}): Incidents {
  const { db, bus, audit, clock, log, teller } = deps;
  const announce = (id: string) => {
    bus.publish({ topic: 'incidents', type: 'changed', id });
    teller.wake();
  };
  const record = async (tx: Tx, incidentId: string, event: IncidentEventInput) => {
    const now = clock.now();
    await tx.incidentEvent.create({
      data: {
        incidentId,
        at: now,
        kind: event.kind,
        detail: event.detail.slice(0, 4_000),
        actor: event.actor ?? null,
        ...(event.data === undefined ? {} : { data: plainJson(event.data) }),
      },
      select: { id: true },
    });
  };
  const tell = async (
    tx: Tx,
    context: MessageContext,
    told: Parameters<typeof message>[1],
  ): Promise<void> => {
    const count = await teller.enqueue(tx, message(context, told, clock.now()));
    if (count > 0) {
      const where = count === 1 ? 'one channel' : `${count} channels`;
      await record(tx, context.id, { kind: 'notified', detail: `${told.kind} to ${where}` });
    }
  };
  const locked = async (tx: Tx, id: string): Promise<Row> => {
    await tx.$queryRaw`SELECT 1 FROM incidents WHERE id = ${id}::uuid FOR UPDATE`;
    const row = await tx.incident.findUnique({ where: { id }, select: itemSelect });
    if (!row) throw new AppError('NOT_FOUND', 'There is no such incident.');
    return row;
  };
  const finish = async (
    tx: Tx,
    row: Row,
    by: { name: string | null; detail: string },
  ): Promise<void> => {
    const now = clock.now();
    const { count } = await tx.incident.updateMany({
      where: { id: row.id, status: { not: 'resolved' } },
      data: { status: 'resolved', resolvedAt: now, resolvedBy: by.name, nextNotifyAt: null },
    });
    if (count === 0) return;
    await record(tx, row.id, { kind: 'resolved', detail: by.detail, actor: by.name });
    await tell(tx, row, { kind: 'resolve', detail: by.detail, facts: [], key: 'resolve' });
  };

  const open: Incidents['open'] = async (tx, input) => {
    const now = clock.now();
    const key = input.group === null ? `target:${input.target.id}` : `group:${input.group}`;
    const id = newId(now);
    const title =
      input.group === null ? `${input.target.name} is down` : `${input.group}: targets are down`;
    const inserted = await tx.$queryRaw<{ id: string }[]>`
      INSERT INTO incidents (id, title, status, severity, target_id, source, key, started_at, opened_at, notified_at, next_notify_at)
      VALUES (${id}::uuid, ${title}, 'open', ${input.severity}::severity, ${input.target.id}::uuid, 'health', ${key},
              ${input.startedAt}, ${now}, ${input.group === null ? now : null},
              ${new Date(now.getTime() + (input.group === null ? REPEAT_MS : GROUP_WAIT_MS))})
      ON CONFLICT (key) WHERE status <> 'resolved' DO NOTHING RETURNING id::text`;
    const opened = inserted.length > 0;
    const found = opened
      ? id
      : (
          await tx.$queryRaw<{ id: string }[]>`
            SELECT id::text FROM incidents WHERE key = ${key} AND status <> 'resolved' FOR UPDATE`
        )[0]?.id;
    if (!found) throw new AppError('CONFLICT', 'The incident was resolved at this very moment.');
    const joined = await tx.$executeRaw`
      INSERT INTO incident_members (incident_id, target_id, name, joined_at)
      VALUES (${found}::uuid, ${input.target.id}::uuid, ${input.target.name}, ${now})
      ON CONFLICT (incident_id, target_id) DO UPDATE SET recovered_at = NULL, joined_at = excluded.joined_at
      WHERE incident_members.recovered_at IS NOT NULL`;
    // It is in there already: nothing new to tell.
    if (joined === 0) return { id: found, opened };
    await record(tx, found, {
      kind: opened ? 'opened' : 'joined',
      detail: `${input.target.name}: ${input.detail}`,
      data: { facts: input.facts },
    });
    if (!opened) {
      // News of a group that people know of: at most every five minutes.
      await tx.$executeRaw`
        UPDATE incidents SET next_notify_at = LEAST(next_notify_at,
          GREATEST(${now}::timestamptz, notified_at + ${`${GROUP_INTERVAL_MS} milliseconds`}::interval))
        WHERE id = ${found}::uuid AND notified_at IS NOT NULL`;
    } else if (input.group === null) {
      await tell(tx, await locked(tx, found), {
        kind: 'trigger',
        detail: input.detail,
        facts: input.facts,
        key: 'trigger',
      });
    }
    return { id: found, opened };
  };

  const report: Incidents['report'] = async (tx, input) => {
    const now = clock.now();
    const { key, source, severity, startedAt } = input;
    const find = async () =>
      (
        await tx.$queryRaw<{ id: string }[]>`
          SELECT id::text FROM incidents WHERE key = ${key} AND status <> 'resolved' FOR UPDATE`
      )[0]?.id;
    const event = { detail: input.detail, data: { facts: input.facts, mark: input.mark } };
    const known = await find();
    if (!known && input.sameOutage) {
      // `opened_at` has an index, the key of what is over has none; clocks may differ by an hour.
      const [closed] = await tx.$queryRaw<{ id: string }[]>`
        SELECT id::text FROM incidents
        WHERE opened_at >= ${new Date(startedAt.getTime() - CLOCK_SKEW_MS)} AND key = ${key}
          AND status = 'resolved' AND resolved_by IS NOT NULL AND started_at = ${startedAt}
        LIMIT 1`;
      if (closed) return { id: closed.id, outcome: 'ignored' };
    }
    if (!known) {
      const id = newId(now);
      const inserted = await tx.$executeRaw`
        INSERT INTO incidents (id, title, status, severity, source, key, started_at, opened_at, notified_at, next_notify_at)
        VALUES (${id}::uuid, ${input.title}, 'open', ${severity}::severity, ${source}, ${key}, ${startedAt}, ${now}, ${now},
                ${new Date(now.getTime() + REPEAT_MS)})
        ON CONFLICT (key) WHERE status <> 'resolved' DO NOTHING`;
      if (inserted > 0) {
        await record(tx, id, { kind: 'opened', ...event });
        await tell(tx, await locked(tx, id), {
          kind: 'trigger',
          detail: input.detail,
          facts: input.facts.slice(0, TOLD_FACTS),
          key: 'trigger',
        });
        return { id, outcome: 'opened' };
      }
    }
    const id = known ?? (await find());
    if (!id) throw new AppError('CONFLICT', 'The incident was resolved at this very moment.');
    const [last] = await tx.$queryRaw<{ mark: string | null }[]>`
      SELECT data->>'mark' AS mark FROM incident_events
      WHERE incident_id = ${id}::uuid AND kind IN ('opened', 'updated') ORDER BY id DESC LIMIT 1`;
    if (last?.mark === input.mark) return { id, outcome: 'unchanged' };
    await record(tx, id, { kind: 'updated', ...event });
    return { id, outcome: 'updated' };
  };

  const tick = async (): Promise<number> => {
    const now = clock.now();
    const moved: string[] = [];
    await db.tx(async (tx) => {
      const due = await tx.$queryRaw<{ id: string; notified_at: Date | null }[]>`
        SELECT id::text, notified_at FROM incidents
        WHERE status <> 'resolved' AND next_notify_at <= ${now}
        ORDER BY next_notify_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`;
      for (const { id, notified_at: notifiedAt } of due) {
        const row = await tx.incident.findUnique({ where: { id }, select: itemSelect });
        if (!row) continue;
        const joined = row.members.some(({ joinedAt }) => notifiedAt && joinedAt > notifiedAt);
        if (notifiedAt === null || joined) {
          await tell(tx, row, firstMessage(row, notifiedAt === null ? 'trigger' : 'update', now));
        } else if (row.status === 'open') {
          await tell(tx, row, {
            kind: 'reminder',
            detail: 'Still open, and nobody has acknowledged it.',
            facts: [],
            key: `reminder:${now.toISOString()}`,
          });
        }
        await tx.incident.update({
          where: { id },
          data: { notifiedAt: now, nextNotifyAt: new Date(now.getTime() + REPEAT_MS) },
          select: { id: true },
        });
        moved.push(id);
      }
    });
    for (const id of moved) announce(id);
    return moved.length;
  };
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<unknown> = Promise.resolve();
  let busy = false;

  return {
    open,
    report,
    async ended(tx, { key, endedAt, detail }) {
      const [found] = await tx.$queryRaw<{ id: string; started_at: Date }[]>`
        SELECT id::text, started_at FROM incidents WHERE key = ${key} AND status <> 'resolved' FOR UPDATE`;
      // Late news of the outage before this one ends nothing.
      if (!found || (endedAt !== null && endedAt < found.started_at)) return null;
      await finish(tx, await locked(tx, found.id), { name: null, detail });
      return found.id;
    },
    async marks(keys) {
      const { rows } = await db.pool.query<{ key: string; mark: string | null }>(
        `SELECT i.key, e.mark FROM incidents i LEFT JOIN LATERAL (
           SELECT data->>'mark' AS mark FROM incident_events
           WHERE incident_id = i.id AND kind IN ('opened', 'updated') ORDER BY id DESC LIMIT 1) e ON true
         WHERE i.key = ANY($1) AND i.status <> 'resolved'`,
        [keys],
      );
      return new Map(rows.map(({ key, mark }) => [key, mark ?? '']));
    },
    record,
    async escalate(tx, incidentId, { detail, facts }) {
      const row = await locked(tx, incidentId);
      if (row.status === 'resolved') return;
      const now = clock.now();
      await tx.incident.update({
        where: { id: incidentId },
        data: { severity: 'critical', escalatedAt: now, notifiedAt: now },
        select: { id: true },
      });
      await record(tx, incidentId, { kind: 'escalated', detail, data: { facts } });
      await tell(
        tx,
        { ...row, severity: 'critical' },
        { kind: 'escalate', detail, facts, key: `escalate:${now.toISOString()}` },
      );
    },
    async askApproval(tx, incidentId, { runId, targetId, detail }) {
      const row = await locked(tx, incidentId);
      await record(tx, incidentId, { kind: 'remedy', detail });
      await tell(tx, row, {
        kind: 'approval',
        detail,
        facts: [],
        key: `approval:${runId}`,
        href: `/health/target?id=${targetId}`,
      });
    },
    async recovered(tx, target, detail) {
      const now = clock.now();
      const found = await tx.$queryRaw<{ id: string }[]>`
        SELECT i.id::text FROM incident_members m JOIN incidents i ON i.id = m.incident_id
        WHERE m.target_id = ${target.id}::uuid AND m.recovered_at IS NULL AND i.status <> 'resolved'
        LIMIT 1 FOR UPDATE OF i`;
      const id = found[0]?.id;
      if (!id) return null;
      await tx.incidentMember.update({
        where: { incidentId_targetId: { incidentId: id, targetId: target.id } },
        data: { recoveredAt: now },
        select: { incidentId: true },
      });
      await record(tx, id, { kind: 'recovered', detail: `${target.name}: ${detail}` });
      const row = await locked(tx, id);
      if (row.members.every(({ recoveredAt }) => recoveredAt !== null)) {
        const all =
          row.members.length === 1 ? `${target.name} is well again` : 'All are well again';
        await finish(tx, row, { name: null, detail: `${all}: ${detail}` });
      }
      return id;
    },
    announce,
    async list(input) {
      const rows = await db.prisma.incident.findMany({
        where: {
          ...(input.status ? { status: input.status } : {}),
          ...(input.unresolved ? { status: { not: 'resolved' } } : {}),
          ...(input.targetId ? { members: { some: { targetId: input.targetId } } } : {}),
          ...(input.search
            ? { title: { contains: likeLiteral(input.search), mode: 'insensitive' } }
            : {}),
          ...(input.cursor ? { id: { lt: input.cursor } } : {}),
        },
        orderBy: { id: 'desc' },
        take: input.limit + 1,
        select: itemSelect,
      });
      const page = rows.slice(0, input.limit);
      const events = await db.pool.query<{
        incident_id: string;
        at: Date;
        kind: string;
        detail: string;
        actor: string | null;
      }>(
        `SELECT e.* FROM unnest($1::uuid[]) AS i(id) CROSS JOIN LATERAL (
           SELECT incident_id, at, kind, detail, actor, id FROM incident_events
           WHERE incident_id = i.id ORDER BY id DESC LIMIT 50) e
         ORDER BY e.id`,
        [page.map(({ id }) => id)],
      );
      const byIncident = Map.groupBy(events.rows, (event) => event.incident_id);
      const items = page.map((row) => ({
        ...toItem(row),
        timeline: (byIncident.get(row.id) ?? []).map(({ at, kind, detail, actor }) => ({
          at: at.toISOString(),
          kind,
          detail,
          actor,
        })),
      }));
      return {
        items,
        nextCursor: rows.length > input.limit ? (items.at(-1)?.id ?? null) : null,
      };
    },
    async get(id) {
      const row = await db.prisma.incident.findUnique({
        where: { id },
        select: {
          ...itemSelect,
          resolvedBy: true,
          events: {
            orderBy: { id: 'desc' },
            take: 500,
            select: { id: true, at: true, kind: true, detail: true, actor: true, data: true },
          },
        },
      });
      if (!row) throw new AppError('NOT_FOUND', 'There is no such incident.');
      const since = (end: Date | null, begin: Date) =>
        end === null ? null : Math.max(0, end.getTime() - begin.getTime());
      return {
        ...toItem(row),
        resolvedBy: row.resolvedBy,
        detectMs: since(row.openedAt, row.startedAt) ?? 0,
        acknowledgeMs: since(row.acknowledgedAt, row.openedAt),
        recoverMs: since(row.resolvedAt, row.startedAt),
        timeline: row.events.reverse().map((event) => ({
          id: String(event.id),
          at: event.at.toISOString(),
          kind: event.kind,
          detail: event.detail,
          actor: event.actor,
          data: event.data,
        })),
      };
    },
    async figures(days) {
      const { rows } = await db.pool.query<{
        opened: number;
        unresolved: number;
        untaken: number;
        detect: number | null;
        acknowledge: number | null;
        recover: number | null;
      }>(
        `SELECT count(*)::int AS opened,
                (SELECT count(*)::int FROM incidents WHERE status <> 'resolved') AS unresolved,
                (SELECT count(*)::int FROM incidents WHERE status = 'open') AS untaken,
                avg(extract(epoch FROM opened_at - started_at) * 1000)::float AS detect,
                avg(extract(epoch FROM acknowledged_at - opened_at) * 1000)::float AS acknowledge,
                avg(extract(epoch FROM resolved_at - started_at) * 1000)::float AS recover
         FROM incidents WHERE opened_at > $1`,
        [new Date(clock.now().getTime() - days * 86_400_000)],
      );
      const row = rows[0];
      return {
        days,
        opened: row?.opened ?? 0,
        unresolved: row?.unresolved ?? 0,
        untaken: row?.untaken ?? 0,
        meanDetectMs: row?.detect ?? null,
        meanAcknowledgeMs: row?.acknowledge ?? null,
        meanRecoverMs: row?.recover ?? null,
      };
    },
    async acknowledge(authority, id) {
      await db.tx(async (tx) => {
        const row = await locked(tx, id);
        if (row.status === 'resolved') {
          throw new AppError('CONFLICT', 'The incident is already resolved.');
        }
        if (row.status === 'acknowledged') {
          throw new AppError(
            'CONFLICT',
            `${row.acknowledgedBy ?? 'Somebody'} has already acknowledged it.`,
          );
        }
        await tx.incident.update({
          where: { id },
          data: {
            status: 'acknowledged',
            acknowledgedAt: clock.now(),
            acknowledgedBy: authority.actor.name,
          },
          select: { id: true },
        });
        const detail = `${authority.actor.name} is on it.`;
        await record(tx, id, { kind: 'acknowledged', detail, actor: authority.actor.name });
        await tell(tx, row, { kind: 'acknowledge', detail, facts: [], key: 'acknowledge' });
        await audit.append(tx, authority, {
          action: 'incidents.acknowledge',
          target: { kind: 'incident', id, name: row.title },
          before: { status: row.status },
          after: { status: 'acknowledged' },
        });
      });
      announce(id);
    },
    async resolve(authority, { id, note }) {
      await db.tx(async (tx) => {
        const row = await locked(tx, id);
        if (row.status === 'resolved') {
          throw new AppError('CONFLICT', 'The incident is already resolved.');
        }
        const by = authority.actor.name;
        await finish(tx, row, { name: by, detail: note || `Resolved by ${by}.` });
        await audit.append(tx, authority, {
          action: 'incidents.resolve',
          target: { kind: 'incident', id, name: row.title },
          before: { status: row.status },
          after: { status: 'resolved', note },
        });
      });
      announce(id);
    },
    async note(authority, { id, note }) {
      await db.tx(async (tx) => {
        const row = await locked(tx, id);
        await record(tx, id, { kind: 'note', detail: note, actor: authority.actor.name });
        await audit.append(tx, authority, {
          action: 'incidents.note',
          target: { kind: 'incident', id, name: row.title },
          after: { note },
        });
      });
      announce(id);
    },
    tick,
    start() {
      timer = setInterval(() => {
        if (busy || !db.status().up) return;
        busy = true;
        ticking = tick()
          .catch((err) => log.warn({ err }, 'incident messages that are due could not be queued'))
          .finally(() => {
            busy = false;
          });
      }, TICK_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      await ticking;
    },
  };
}

/** What JSON keeps of it. */
function plainJson(value: unknown): Prisma.InputJsonValue {
  // JSON text parsed again is plain JSON.
  return JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '')) as Prisma.InputJsonValue;
}
