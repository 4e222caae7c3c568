/** Resources: measured, listed by urgency, watched. */
import { hostname } from 'node:os';
import type { Page } from '../api/contract.ts';
import { type Forecaster, readSaved, unitOf as unitOfMetric } from '../forecasts/index.ts';
import type { Incidents } from '../incidents/index.ts';
import type { createMemory } from '../memory/index.ts';
import type { MetricStore } from '../metrics/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral, Prisma, type Tx } from '../platform/db/index.ts';
import { uniqueName } from '../platform/db/unique-name.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import type { Queries } from '../queries/index.ts';
import { type Assessor, createAssessor } from './assess.ts';
import {
  AHEAD_MINUTES,
  CRITICAL_DAYS,
  type CreateResourceInput,
  LIMIT_METRIC,
  type ListResourcesInput,
  MAX_METRICS,
  MAX_RESOURCES,
  type ResourceCounts,
  type ResourceDetail,
  type ResourceItem,
  type UpdateResourceInput,
  USED_METRIC,
  WARN_DAYS,
} from './contract.ts';
import { createReadPast } from './history.ts';
import { createProbes, type Probes, type Reading } from './probes.ts';
import { columns, directionOf, shown, subjectOf } from './rows.ts';
import { createScaling, type Scaling } from './scaling.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SAMPLE_EVERY_MS = 5 * 60_000;
const FIRST_SAMPLE_MS = 5_000;
/** Own readings that nobody has made for so long are of something that is gone. */
const GONE_MS = { heap: DAY_MS, others: 7 * DAY_MS };

export type Capacity = {
  list(input: ListResourcesInput): Promise<Page<ResourceItem>>;
  counts(): Promise<ResourceCounts>;
  get(id: string): Promise<ResourceDetail>;
  create(authority: Authority, input: CreateResourceInput): Promise<{ id: string }>;
  update(authority: Authority, input: UpdateResourceInput): Promise<void>;
  remove(authority: Authority, id: string): Promise<void>;
  /** What autoscalers read. */
  scaling: Scaling;
  /** Measures what the console can measure for all, and looks at what is due. */
  run(signal: AbortSignal): Promise<void>;
  /** Measures this machine. */
  sampleLocal(): Promise<void>;
  assessor: Assessor;
  probes: Probes;
  start(): void;
  close(): Promise<void>;
};

const notFound = () => new AppError('NOT_FOUND', 'There is no such resource.');

export function createCapacity(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  store: SharedStore;
  dataDir: string;
  publicUrl: string;
  incidents: Pick<Incidents, 'report' | 'escalate' | 'ended' | 'announce'>;
  forecaster: Forecaster;
  metricStore: Pick<MetricStore, 'query' | 'saved' | 'write' | 'describe'>;
  memory: Pick<ReturnType<typeof createMemory>, 'status'>;
  queries: Parameters<typeof createProbes>[0]['queries'] & Pick<Queries, 'connections'>;
}): Capacity {
  const { db, bus, audit, clock, log, metricStore } = deps;
  const readPast = createReadPast(metricStore);
  const assessor = createAssessor({ ...deps, readPast });
  const scaling = createScaling({ ...deps, readPast });
  const probes = createProbes({ ...deps, host: hostname() });
  // Two who change at once must not pass a bound, or take a name, together.
  const alone = (tx: Tx) => tx.$executeRaw`SELECT pg_advisory_xact_lock(${0x7768}, 42)`;
  const freeMetric = async (tx: Tx, name: string, id: string): Promise<void> => {
    const [taken, count] = [
      await tx.capacityResource.count({ where: { metricName: name, NOT: { id } } }),
      await tx.capacityResource.count({ where: { metricName: { not: null }, NOT: { id } } }),
    ];
    if (taken > 0) throw refused('metricName', `Another resource is read as ${name} already`);
    if (count >= MAX_METRICS)
      throw refused('metricName', `At most ${MAX_METRICS} resources are read by autoscalers`);
  };
  const changed = (id: string) => bus.publish({ topic: 'capacity', type: 'changed', id });

  const idsOf = async (keys: readonly string[]): Promise<Map<string, string>> => {
    const rows = await db.prisma.capacityResource.findMany({
      where: { builtInKey: { in: [...keys] } },
      select: { id: true, builtInKey: true },
    });
    return new Map(rows.map(({ id, builtInKey }) => [builtInKey ?? '', id]));
  };
  const add = (fresh: readonly Reading[], now: Date): Promise<void> =>
    db.tx(async (tx) => {
      await alone(tx);
      const room = MAX_RESOURCES - (await tx.capacityResource.count());
      const added: string[] = [];
      for (const { key, name, subject, unit, used, limit } of fresh.slice(0, Math.max(0, room))) {
        const id = newId(now);
        const taken = await tx.capacityResource.count({ where: { name: name.slice(0, 150) } });
        // A name that somebody took gets the end of the id. Another replica may have made it a moment ago.
        const free = taken > 0 ? `${name.slice(0, 140)} (${id.slice(-4)})` : name.slice(0, 150);
        added.push(
          ...(
            await tx.$queryRaw<{ name: string }[]>`
            INSERT INTO capacity_resources (id, name, kind, subject, built_in_key, unit, limit_found, value, value_at, due_at,
              created_at, created_by, updated_at)
            VALUES (${id}::uuid, ${free}, ${subject.kind}, ${JSON.stringify(subject)}::jsonb, ${key}, ${unit}, ${limit}, ${used},
              ${now}, ${now}, ${now}, 'capacity', ${now})
            ON CONFLICT (built_in_key) DO NOTHING RETURNING name`
          ).map((row) => row.name),
        );
      }
      if (added.length === 0) return;
      await audit.append(tx, system, {
        action: 'capacity.discover',
        target: { kind: 'capacity_resource', id: null, name: `${added.length} resources` },
        after: { added },
      });
    });

  /** Makes the resources that are new, and writes a sample of each. */
  const take = async (readings: readonly Reading[]): Promise<void> => {
    if (readings.length === 0) return;
    const now = clock.now();
    const keys = readings.map(({ key }) => key);
    let ids = await idsOf(keys);
    const fresh = readings.filter(({ key }) => !ids.has(key));
    if (fresh.length > 0) {
      await add(fresh, now);
      ids = await idsOf(keys);
    }
    const samples: Parameters<MetricStore['write']>[0][number][] = [];
    const known = readings.filter(({ key }) => ids.has(key));
    await db.pool.query(
      `UPDATE capacity_resources r SET limit_found = n.limit_found, value = n.value, value_at = $4
       FROM unnest($1::text[], $2::float8[], $3::float8[]) AS n(key, value, limit_found) WHERE r.built_in_key = n.key`,
      [
        known.map(({ key }) => key),
        known.map(({ used }) => used),
        known.map(({ limit }) => limit),
        now,
      ],
    );
    for (const { key, subject, used, limit } of known) {
      const labels = { resource: ids.get(key) ?? '', kind: subject.kind };
      samples.push({ metric: USED_METRIC, labels, at: now.getTime(), value: used });
      if (limit !== null)
        samples.push({ metric: LIMIT_METRIC, labels, at: now.getTime(), value: limit });
    }
    if (samples.length === 0) return;
    metricStore.describe([
      { metric: USED_METRIC, kind: 'gauge', help: 'What is used of a resource.' },
      { metric: LIMIT_METRIC, kind: 'gauge', help: 'What a resource has in all.' },
    ]);
    await metricStore.write(samples, 'console');
  };

  /** What came by itself and was not measured for long is gone. */
  const removeGone = async (): Promise<void> => {
    const now = clock.now().getTime();
    const gone = await db.prisma.capacityResource.findMany({
      where: {
        builtInKey: { not: null },
        OR: [
          { kind: 'heap', valueAt: { lt: new Date(now - GONE_MS.heap) } },
          { valueAt: { lt: new Date(now - GONE_MS.others) } },
        ],
      },
      select: { id: true, name: true },
      take: MAX_RESOURCES,
    });
    for (const { id, name } of gone) {
      const told = await db.tx(async (tx) => {
        await tx.capacityResource.deleteMany({ where: { id } });
        const ended = await assessor.quiet(tx, id, 'It is not measured any more.');
        await audit.append(tx, system, {
          action: 'capacity.remove',
          target: { kind: 'capacity_resource', id, name },
        });
        return ended;
      });
      if (told) deps.incidents.announce(told);
    }
  };

  const stopping = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let sampling: Promise<void> = Promise.resolve();
  const sampleLocal = async () => take(await probes.local());

  return {
    assessor,
    probes,
    scaling,
    sampleLocal,
    async list({ limit, cursor, search, kind, show }) {
      const after = cursor ? readCursor(cursor) : null;
      const rows = await db.prisma.capacityResource.findMany({
        where: {
          ...(kind ? { kind } : {}),
          ...(search ? { name: { contains: likeLiteral(search), mode: 'insensitive' } } : {}),
          ...(show === 'notice' ? { notice: { not: 'none' }, paused: false } : {}),
          ...(show === 'paused' ? { paused: true } : {}),
          ...(after
            ? {
                OR: [
                  { urgency: { gt: after.urgency } },
                  { urgency: after.urgency, id: { gt: after.id } },
                ],
              }
            : {}),
        },
        orderBy: [{ urgency: 'asc' }, { id: 'asc' }],
        take: limit + 1,
        select: columns,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map(shown),
        nextCursor: rows.length > limit && last ? `${last.urgency}:${last.id}` : null,
      };
    },
    async counts() {
      const { rows } = await db.pool.query<ResourceCounts>(
        `SELECT count(*)::int AS all, count(*) FILTER (WHERE notice = 'critical' AND NOT paused)::int AS critical,
                count(*) FILTER (WHERE notice = 'warn' AND NOT paused)::int AS warn,
                count(*) FILTER (WHERE paused)::int AS paused FROM capacity_resources`,
      );
      return rows[0] ?? { all: 0, critical: 0, warn: 0, paused: 0 };
    },
    async get(id) {
      const row = await db.prisma.capacityResource.findUnique({ where: { id }, select: columns });
      if (!row) throw notFound();
      const past = await readPast({ id, subject: subjectOf(row) }, clock.now().getTime()).catch(
        (error) => {
          // What is gone has no history; the rest of it is still shown.
          if (error instanceof AppError && error.code !== 'SERVICE_UNAVAILABLE')
            return { points: [], stepMs: HOUR_MS };
          throw error;
        },
      );
      return {
        ...shown(row),
        history: past.points.map(({ at, value }) => ({ at: new Date(at).toISOString(), value })),
        stepMs: past.stepMs,
        limitGiven: row.limitGiven,
        limitFound: row.limitFound,
        createdBy: row.createdBy,
        createdAt: row.createdAt.toISOString(),
        updatedAt: row.updatedAt.toISOString(),
      };
    },
    async create(authority, input) {
      const now = clock.now();
      const { savedId, labels, aggregation } = input;
      // Says at the field what would be refused at every look.
      const found = await readSaved(
        metricStore,
        { savedId, labels, aggregation },
        { from: now.getTime() - DAY_MS, to: now.getTime() + 1, stepMs: HOUR_MS, signal: undefined },
      );
      const id = newId(now);
      const subject = {
        kind: 'saved' as const,
        savedId,
        labels,
        ...(aggregation === undefined ? {} : { aggregation }),
      };
      const data = {
        name: input.name,
        kind: 'saved',
        subject,
        unit: input.unit ?? unitOfMetric(found.metric, found.aggregation),
        direction: input.direction ?? 'upper',
        limitGiven: input.limit,
        warnDays: input.warnDays ?? WARN_DAYS,
        criticalDays: input.criticalDays ?? CRITICAL_DAYS,
        incidents: input.incidents ?? true,
        metricName: input.metricName ?? null,
        aheadMinutes: input.aheadMinutes ?? AHEAD_MINUTES,
      };
      if (input.metricName !== undefined) await scaling.check(subject);
      await uniqueName('a resource', input.name, () =>
        db.tx(async (tx) => {
          await alone(tx);
          if (input.metricName !== undefined) await freeMetric(tx, input.metricName, id);
          if ((await tx.capacityResource.count()) >= MAX_RESOURCES)
            throw new AppError('CONFLICT', `At most ${MAX_RESOURCES} resources are kept.`);
          await tx.capacityResource.create({
            data: {
              id,
              ...data,
              dueAt: now,
              createdAt: now,
              createdBy: authority.actor.name,
              updatedAt: now,
            },
            select: { id: true },
          });
          await audit.append(tx, authority, {
            action: 'capacity.create',
            target: { kind: 'capacity_resource', id, name: input.name },
            after: data,
          });
        }),
      );
      await assessor.assess(id);
      await scaling.make(id);
      changed(id);
      return { id };
    },
    async update(authority, { id, ...patch }) {
      let told: string | null = null;
      if (patch.metricName != null) {
        const row = await db.prisma.capacityResource.findUnique({
          where: { id },
          select: { subject: true },
        });
        if (row) await scaling.check(subjectOf(row));
      }
      await uniqueName('a resource', patch.name ?? '', () =>
        db.tx(async (tx) => {
          if (patch.metricName != null) {
            await alone(tx);
            await freeMetric(tx, patch.metricName, id);
          }
          await tx.$queryRaw`SELECT 1 FROM capacity_resources WHERE id = ${id}::uuid FOR UPDATE`;
          const before = await tx.capacityResource.findUnique({ where: { id }, select: columns });
          if (!before) throw notFound();
          const { limit, ...rest } = patch;
          if (limit === null && before.kind === 'saved')
            throw refused('limit', 'A saved query has no limit of its own');
          if (patch.direction !== undefined && before.kind !== 'saved')
            throw refused('direction', 'Only of saved queries');
          const after = {
            name: rest.name ?? before.name,
            unit: rest.unit ?? before.unit,
            direction: rest.direction ?? directionOf(before),
            limitGiven: limit === undefined ? before.limitGiven : limit,
            warnDays: rest.warnDays ?? before.warnDays,
            criticalDays: rest.criticalDays ?? before.criticalDays,
            incidents: rest.incidents ?? before.incidents,
            metricName: rest.metricName === undefined ? before.metricName : rest.metricName,
            aheadMinutes: rest.aheadMinutes ?? before.aheadMinutes,
            paused: rest.paused ?? before.paused,
          };
          if (after.criticalDays > after.warnDays)
            throw refused('criticalDays', 'Not more days than the warning');
          const quiet = after.paused || !after.incidents;
          await tx.capacityResource.update({
            where: { id },
            data: {
              ...after,
              updatedAt: clock.now(),
              dueAt: clock.now(),
              ...(after.metricName === null ? { ahead: Prisma.DbNull, aheadAt: null } : {}),
              // Who hears of it again hears of it anew.
              ...(quiet
                ? { notice: 'none', noticeSince: null, wish: 'none', wishSince: null }
                : {}),
            },
            select: { id: true },
          });
          if (quiet) told = await assessor.quiet(tx, id, 'Switched off for this resource.');
          const { assessment: _a, ...old } = before;
          await audit.append(tx, authority, {
            action: 'capacity.update',
            target: { kind: 'capacity_resource', id, name: after.name },
            before: Object.fromEntries(
              Object.keys(after).map((key) => [
                key,
                Object.entries(old).find(([k]) => k === key)?.[1],
              ]),
            ),
            after,
          });
        }),
      );
      if (told) deps.incidents.announce(told);
      if (patch.paused !== true) await assessor.assess(id);
      if (patch.metricName != null) await scaling.make(id);
      changed(id);
    },
    async remove(authority, id) {
      const told = await db.tx(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM capacity_resources WHERE id = ${id}::uuid FOR UPDATE`;
        const before = await tx.capacityResource.findUnique({ where: { id }, select: columns });
        if (!before) throw notFound();
        if (before.builtInKey !== null) {
          throw new AppError(
            'CONFLICT',
            'This resource comes by itself and would come again. Pause it instead.',
          );
        }
        await tx.capacityResource.delete({ where: { id }, select: { id: true } });
        const ended = await assessor.quiet(tx, id, 'The resource was removed.');
        await audit.append(tx, authority, {
          action: 'capacity.remove',
          target: { kind: 'capacity_resource', id, name: before.name },
          before: { name: before.name, subject: before.subject, limitGiven: before.limitGiven },
        });
        return ended;
      });
      if (told) deps.incidents.announce(told);
      changed(id);
    },
    async run(signal) {
      await take(await probes.shared(signal));
      await removeGone();
      await assessor.assessDue(signal);
      await scaling.makeDue(signal);
    },
    start() {
      const sample = () => {
        if (stopping.signal.aborted || !db.status().up) return;
        sampling = sampleLocal().catch((err) =>
          log.warn({ err }, 'this machine could not be measured; it is tried again'),
        );
      };
      // The first soon, so that a fresh install has something to show.
      timers.push(setTimeout(sample, FIRST_SAMPLE_MS).unref());
      timers.push(setInterval(sample, SAMPLE_EVERY_MS).unref());
    },
    async close() {
      stopping.abort();
      for (const timer of timers) clearInterval(timer);
      await sampling;
    },
  };
}

const system: Authority = {
  actor: { kind: 'system', id: null, name: 'capacity' },
  rule: 'resources that come by themselves',
  requestId: null,
};
const refused = (path: string, message: string) =>
  new AppError('BAD_REQUEST', `${path}: ${message}.`, { fields: [{ path, message }] });

function readCursor(cursor: string): { urgency: number; id: string } {
  const [, urgency, id] = /^(-?[\d.e+-]+):([0-9a-f-]{36})$/i.exec(cursor) ?? [];
  if (urgency === undefined || id === undefined || !Number.isFinite(Number(urgency)))
    throw refused('cursor', 'Take it from nextCursor of the previous page');
  return { urgency: Number(urgency), id };
}
