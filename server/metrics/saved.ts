/** Saved queries, and templates to begin with. */
import type { Cache } from '../cache/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, Prisma } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { type ParsedQuery, querySchema, type SavedItem, type Template } from './contract.ts';

const MAX_SAVED = 500;
const CACHE_TAG = 'saved queries';

export type Saved = {
  list(): Promise<{ items: SavedItem[]; nextCursor: null }>;
  create(
    authority: Authority,
    input: { name: string; query: ParsedQuery },
  ): Promise<{ id: string }>;
  update(
    authority: Authority,
    input: { id: string; name?: string | undefined; query?: ParsedQuery | undefined },
  ): Promise<{ id: string }>;
  remove(authority: Authority, id: string): Promise<{ id: string }>;
};

export const templates: Template[] = [
  {
    id: 'http-p95',
    name: 'Slowest answers',
    description: 'Duration within which 95 of 100 HTTP requests were answered, by route.',
    query: {
      metric: 'wheelhouse_http_request_duration_seconds',
      timeRange: '6h',
      step: '5m',
      groupBy: ['route'],
      aggregations: ['p95'],
    },
  },
  {
    id: 'http-rate',
    name: 'Requests by status',
    description: 'HTTP requests a second, by status.',
    query: {
      metric: 'wheelhouse_http_request_duration_seconds_count',
      timeRange: '6h',
      step: '5m',
      groupBy: ['status'],
      aggregations: ['rate'],
    },
  },
  {
    id: 'event-loop',
    name: 'Event loop',
    description: 'Longest waits of the event loop, with what is unusual.',
    query: {
      metric: 'nodejs_eventloop_lag_p99_seconds',
      timeRange: '24h',
      step: '5m',
      aggregations: ['max', 'anomaly'],
    },
  },
  {
    id: 'memory',
    name: 'Memory',
    description: 'Resident memory by process, with its trend.',
    query: {
      metric: 'process_resident_memory_bytes',
      timeRange: '24h',
      step: '5m',
      groupBy: ['instance'],
      aggregations: ['avg', 'trend'],
    },
  },
  {
    id: 'spans',
    name: 'Spans by service',
    description: 'Percentiles of span durations that came over OTLP.',
    query: {
      metric: 'span_duration_seconds',
      timeRange: '1h',
      step: '1m',
      groupBy: ['service', 'span'],
      aggregations: ['p50', 'p95', 'p99'],
    },
  },
];

export function createSaved(deps: {
  db: Db;
  audit: Audit;
  bus: Bus;
  clock: Clock;
  cache: Pick<Cache, 'wrap' | 'invalidate'>;
}): Saved {
  const { db, audit, bus, clock, cache } = deps;
  const publish = async (id: string) => {
    await cache.invalidate(CACHE_TAG);
    bus.publish({ topic: 'metrics', type: 'saved', id });
  };
  const taken = (error: unknown, name: string) =>
    error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002'
      ? new AppError('CONFLICT', `A query is already saved as ${name}.`, {
          fields: [{ path: 'name', message: 'Already taken' }],
        })
      : error;
  const missing = () => new AppError('NOT_FOUND', 'There is no such saved query.');
  return {
    list: () =>
      cache.wrap(
        'queries',
        'saved',
        async () => {
          const rows = await db.prisma.savedQuery.findMany({
            orderBy: { name: 'asc' },
            take: MAX_SAVED,
            select: { id: true, name: true, query: true, createdBy: true, updatedAt: true },
          });
          const items = rows.flatMap(({ query, updatedAt, ...row }) => {
            // Written by an older version, a query may not be one any more.
            const parsed = querySchema.safeParse(query);
            return parsed.success
              ? [{ ...row, query: parsed.data, updatedAt: updatedAt.toISOString() }]
              : [];
          });
          return { items, nextCursor: null };
        },
        { tags: [CACHE_TAG] },
      ),
    async create(authority, { name, query }) {
      const now = clock.now();
      const id = newId(now);
      try {
        await db.tx(async (tx) => {
          if ((await tx.savedQuery.count()) >= MAX_SAVED) {
            throw new AppError('CONFLICT', `At most ${MAX_SAVED} queries can be saved.`);
          }
          await tx.savedQuery.create({
            data: {
              id,
              name,
              query,
              createdAt: now,
              createdBy: authority.actor.name,
              updatedAt: now,
            },
          });
          await audit.append(tx, authority, {
            action: 'metrics.saved.create',
            target: { kind: 'saved_query', id, name },
            after: { name, query },
          });
        });
      } catch (error) {
        throw taken(error, name);
      }
      await publish(id);
      return { id };
    },
    async update(authority, { id, name, query }) {
      try {
        await db.tx(async (tx) => {
          const before = await tx.savedQuery.findUnique({
            where: { id },
            select: { name: true, query: true },
          });
          if (!before) throw missing();
          await tx.savedQuery.update({
            where: { id },
            data: {
              ...(name === undefined ? {} : { name }),
              ...(query === undefined ? {} : { query }),
              updatedAt: clock.now(),
            },
          });
          await audit.append(tx, authority, {
            action: 'metrics.saved.update',
            target: { kind: 'saved_query', id, name: name ?? before.name },
            before,
            after: { name: name ?? before.name, query: query ?? before.query },
          });
        });
      } catch (error) {
        throw taken(error, name ?? '');
      }
      await publish(id);
      return { id };
    },
    async remove(authority, id) {
      await db.tx(async (tx) => {
        const before = await tx.savedQuery.findUnique({
          where: { id },
          select: { name: true, query: true },
        });
        if (!before) throw missing();
        await tx.savedQuery.delete({ where: { id } });
        await audit.append(tx, authority, {
          action: 'metrics.saved.remove',
          target: { kind: 'saved_query', id, name: before.name },
          before,
        });
      });
      await publish(id);
      return { id };
    },
  };
}
