import type { Page } from '../api/contract.ts';
import type { Ask, MetricStore } from '../metrics/index.ts';
import { badField } from '../metrics/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { uniqueName } from '../platform/db/unique-name.ts';
import { AppError } from '../platform/errors.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Secrets } from '../platform/secrets.ts';
import {
  type CreateSourceInput,
  MAX_SOURCES,
  type SourceItem,
  type SourceListInput,
  type SourceTest,
  type UpdateSourceInput,
} from './contract.ts';
import { createPrometheusClient, type PrometheusClient } from './prometheus.ts';
import { createScraper, ScrapeFault, type Scraper } from './scraper.ts';
import {
  type Access,
  assertReachable,
  audited,
  columns,
  type Source,
  sealAccess,
  shown,
  sourceOf,
} from './store.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

export type Sources = {
  list(input: SourceListInput): Promise<Page<SourceItem>>;
  create(authority: Authority, input: CreateSourceInput): Promise<{ id: string }>;
  update(authority: Authority, input: UpdateSourceInput): Promise<void>;
  remove(authority: Authority, id: string): Promise<void>;
  /** Asks once, now; keeps nothing. */
  test(id: string): Promise<SourceTest>;
  /** Names of the metrics of a prometheus source. */
  metrics(input: { id: string; search: string }): Promise<string[]>;
  scraper: Pick<Scraper, 'tick' | 'idle'>;
  start(): void;
  close(): Promise<void>;
};

const notFound = () => new AppError('NOT_FOUND', 'There is no such source.');

/** For the metric store: a query on another server. */
export function createAsk(deps: { db: Db; clock: Clock; http: HttpClient; secrets: Secrets }): Ask {
  const client = createPrometheusClient(deps);
  /** When it was last asked and how that went; at most every ten seconds while nothing changes. */
  const note = (id: string, error: string | null) =>
    deps.db.pool.query(
      `UPDATE metric_sources SET last_at = $2, last_error = $3
       WHERE id = $1 AND (last_at IS NULL OR last_at < $2::timestamptz - interval '10 seconds' OR last_error IS DISTINCT FROM $3)`,
      [id, deps.clock.now(), error?.toWellFormed().replaceAll('\0', '').slice(0, 500) ?? null],
    );
  return async (sourceId, query, signal) => {
    const row = await deps.db.prisma.metricSource.findUnique({
      where: { id: sourceId },
      select: columns,
    });
    if (!row) throw badField('sourceId', 'There is no such source');
    const source = sourceOf(deps.secrets, row);
    if (source.kind !== 'prometheus') {
      throw badField('sourceId', 'This source is scraped; ask the console’s own store');
    }
    if (row.paused) throw badField('sourceId', 'This source is paused');
    try {
      const asked = await client.query(source, query, signal);
      await note(sourceId, null);
      return asked;
    } catch (error) {
      // What is wrong with a question says nothing of the server.
      if (error instanceof AppError && error.code === 'SERVICE_UNAVAILABLE')
        await note(sourceId, error.message);
      throw error;
    }
  };
}

export function createSources(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  log: Log;
  http: HttpClient;
  secrets: Secrets;
  metrics: Metrics;
  metricStore: Pick<MetricStore, 'write' | 'describe'>;
}): Sources {
  const { db, audit, clock, secrets } = deps;
  const scraper = createScraper(deps);
  const client: PrometheusClient = createPrometheusClient(deps);

  const find = async (id: string): Promise<Source> => {
    const row = await db.prisma.metricSource.findUnique({ where: { id }, select: columns });
    if (!row) throw notFound();
    return sourceOf(secrets, row);
  };

  return {
    async list({ limit, cursor, kind }) {
      const rows = await db.prisma.metricSource.findMany({
        where: { ...(kind ? { kind } : {}), ...(cursor ? { id: { gt: cursor } } : {}) },
        orderBy: { id: 'asc' },
        take: limit + 1,
        select: columns,
      });
      const items = rows.slice(0, limit).map((row) => shown(row, sourceOf(secrets, row)));
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async create(authority, input) {
      assertReachable(deps.http.addresses, input.url);
      const now = clock.now();
      const id = newId(now);
      const { name, kind, url, auth, headers, verifyTls } = input;
      const intervalSeconds = kind === 'scrape' ? input.intervalSeconds : 0;
      const timeoutMs =
        input.timeoutMs ??
        (kind === 'scrape'
          ? Math.min(DEFAULT_TIMEOUT_MS, intervalSeconds * 1_000)
          : DEFAULT_TIMEOUT_MS);
      const access: Access = { auth, headers, verifyTls };
      const labels = kind === 'scrape' ? input.labels : {};
      await uniqueName('a source', name, () =>
        db.tx(async (tx) => {
          if ((await tx.metricSource.count()) >= MAX_SOURCES) {
            throw new AppError('CONFLICT', `At most ${MAX_SOURCES} sources are kept.`);
          }
          await tx.metricSource.create({
            data: {
              id,
              name,
              kind,
              url,
              sealed: sealAccess(secrets, id, access),
              intervalSeconds,
              timeoutMs,
              labels,
              paused: input.paused,
              createdAt: now,
              createdBy: authority.actor.name,
              updatedAt: now,
            },
            select: { id: true },
          });
          await audit.append(tx, authority, {
            action: 'sources.create',
            target: { kind: 'source', id, name },
            after: {
              ...audited({ id, name, kind, url, intervalSeconds, timeoutMs, labels, access }),
              paused: input.paused,
            },
          });
        }),
      );
      return { id };
    },
    async update(authority, { id, ...patch }) {
      if (patch.url) assertReachable(deps.http.addresses, patch.url);
      await uniqueName('a source', patch.name ?? '', () =>
        db.tx(async (tx) => {
          await tx.$queryRaw`SELECT 1 FROM metric_sources WHERE id = ${id}::uuid FOR UPDATE`;
          const row = await tx.metricSource.findUnique({ where: { id }, select: columns });
          if (!row) throw notFound();
          const before = sourceOf(secrets, row);
          const after = patched(before, patch);
          const { name, url, intervalSeconds, timeoutMs, labels, access } = after;
          const paused = patch.paused ?? row.paused;
          await tx.metricSource.update({
            where: { id },
            data: {
              name,
              url,
              intervalSeconds,
              timeoutMs,
              labels,
              paused,
              sealed: sealAccess(secrets, id, access),
              updatedAt: clock.now(),
              // What was seen elsewhere says nothing of the new place.
              ...(url === row.url ? {} : { lastAt: null, lastError: null, lastSamples: null }),
            },
            select: { id: true },
          });
          await audit.append(tx, authority, {
            action: 'sources.update',
            target: { kind: 'source', id, name },
            before: { ...audited(before), paused: row.paused },
            after: {
              ...audited(after),
              paused,
              secretsChanged: patch.auth !== undefined || patch.headers !== undefined,
            },
          });
        }),
      );
    },
    async remove(authority, id) {
      await db.tx(async (tx) => {
        const row = await tx.metricSource.findUnique({ where: { id }, select: columns });
        if (!row) throw notFound();
        await tx.metricSource.delete({ where: { id }, select: { id: true } });
        await audit.append(tx, authority, {
          action: 'sources.remove',
          target: { kind: 'source', id, name: row.name },
          before: audited(sourceOf(secrets, row)),
        });
      });
    },
    async test(id) {
      const source = await find(id);
      const begun = clock.monotonicMs();
      const done = (result: Omit<SourceTest, 'tookMs'>): SourceTest => ({
        ...result,
        tookMs: Math.round((clock.monotonicMs() - begun) * 10) / 10,
      });
      try {
        if (source.kind === 'prometheus') {
          return done({ ok: true, detail: await client.test(source), samples: null, faults: [] });
        }
        const { count, faults } = await scraper.read(source);
        const more = faults.count > 0 ? ` and ${faults.count} lines that cannot be read` : '';
        return done({
          ok: count > 0,
          detail: count > 0 || more ? `${count} samples${more}.` : 'The answer has no samples.',
          samples: count,
          faults: faults.first,
        });
      } catch (error) {
        if (!(error instanceof ScrapeFault) && !(error instanceof AppError)) throw error;
        return done({ ok: false, detail: error.message, samples: null, faults: [] });
      }
    },
    async metrics({ id, search }) {
      const source = await find(id);
      if (source.kind !== 'prometheus') {
        throw badField('id', 'This source is scraped; its metrics are in the catalog');
      }
      return client.metrics(source, search);
    },
    scraper,
    start: scraper.start,
    close: scraper.close,
  };
}

/** A secret never goes to a server that it was not given for. */
function patched(before: Source, patch: Omit<UpdateSourceInput, 'id'>): Source {
  const moved =
    patch.url !== undefined && URL.parse(patch.url)?.origin !== URL.parse(before.url)?.origin;
  const { access } = before;
  if (moved && access.auth.kind !== 'none' && patch.auth === undefined) {
    throw badField('auth', 'Give the credentials again when the server changes');
  }
  if (moved && Object.keys(access.headers).length > 0 && patch.headers === undefined) {
    throw badField('headers', 'Give the headers again when the server changes');
  }
  if (before.kind === 'prometheus') {
    for (const field of ['intervalSeconds', 'labels'] as const) {
      if (patch[field] !== undefined)
        throw badField(field, 'A prometheus source has no such setting');
    }
  }
  const after: Source = {
    ...before,
    name: patch.name ?? before.name,
    url: patch.url ?? before.url,
    intervalSeconds: patch.intervalSeconds ?? before.intervalSeconds,
    timeoutMs: patch.timeoutMs ?? before.timeoutMs,
    labels: patch.labels ?? before.labels,
    access: {
      auth: patch.auth ?? access.auth,
      headers: patch.headers ?? access.headers,
      verifyTls: patch.verifyTls ?? access.verifyTls,
    },
  };
  if (after.kind === 'scrape' && after.timeoutMs > after.intervalSeconds * 1_000) {
    throw badField('timeoutMs', 'Must not be longer than the interval');
  }
  return after;
}
