import { hostname } from 'node:os';
import type { Registry as PromRegistry } from 'prom-client';
import type { Cache } from '../cache/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { Workers } from '../platform/workers/index.ts';
import { type Catalog, createCatalog } from './catalog.ts';
import { type Compaction, createCompaction, defaultDays } from './compaction.ts';
import type {
  CatalogItem,
  ExplainResult,
  IngestResult,
  IngestStatus,
  ParsedQuery,
  QueryResult,
  SampleItem,
  SamplesInput,
  Way,
} from './contract.ts';
import { withHistograms } from './histogram-query.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { createOthers } from './others.ts';
import { readOwn } from './own.ts';
import { badField, createQueryRunner } from './query.ts';
import { createRegistry, type Registry, type Series } from './registry.ts';
import { createSampleReader } from './sample-list.ts';
import { DAY_MS } from './samples.ts';
import { createSaved, type Saved } from './saved.ts';
import { createWal, type Wal } from './wal.ts';

const TICK_MS = 1_000;
const OWN_EVERY_MS = 15_000;
const ADOPT_EVERY_MS = 30_000;
const SWEEP_EVERY_MS = 600_000;
const FIGURES_MS = 30_000;
/** Names by which remote write knows series: the bytes of their labels. */
const MAX_RAW_KEYS = 400_000;

/** Answers a query from another store. */
export type Ask = (
  sourceId: string,
  query: ParsedQuery,
  signal?: AbortSignal,
) => Promise<{ result: QueryResult; promql: string[] }>;

export type MetricStore = {
  write: Ingest['write'];
  ingest(samples: readonly unknown[]): Promise<IngestResult>;
  describe: Catalog['tell'];
  /** Writes what `describe` was told; by itself each five seconds. */
  writeDescriptions: Catalog['writeTold'];
  /** For remote write: series by the bytes of their labels. */
  remote: {
    known(raw: string): Series | undefined;
    write: Ingest['writeDecoded'];
    learn(raw: string, key: string): void;
  };
  query(query: ParsedQuery, signal?: AbortSignal): Promise<QueryResult>;
  explain(query: ParsedQuery, signal?: AbortSignal): Promise<ExplainResult>;
  samples(input: SamplesInput): Promise<{ items: SampleItem[]; nextCursor: string | null }>;
  catalog: Pick<Catalog, 'list' | 'describe' | 'labelValues'>;
  setRetention(
    authority: Authority,
    input: {
      metric: string;
      rawDays: number | null;
      minuteDays: number | null;
      hourDays: number | null;
    },
  ): Promise<CatalogItem>;
  saved: Saved;
  status(): Promise<IngestStatus>;
  figures(): { samplesPerSecond: number; series: number; recentSamples: number; waiting: number };
  compaction: Compaction;
  wal: Wal;
  /** On every role: what comes in is kept everywhere. */
  start(): void;
  close(): Promise<void>;
};

export function createMetricStore(deps: {
  db: Db;
  databaseUrl: string;
  audit: Audit;
  bus: Bus;
  clock: Clock;
  log: Log;
  workers: Workers;
  seriesPerMetricMax: number;
  seriesMax: number;
  /** The console's own registry, written into the store while it runs; null for none. */
  own: { registry: PromRegistry; port: number } | null;
  onTaken?: (way: Way, accepted: number, rejected: number) => void;
  ask: Ask | null;
  cache: Pick<Cache, 'wrap' | 'invalidate'>;
}): MetricStore {
  const { db, audit, clock, log, workers } = deps;
  const registry: Registry = createRegistry({
    db,
    clock,
    perMetricMax: deps.seriesPerMetricMax,
    totalMax: deps.seriesMax,
  });
  const wal = createWal(deps);
  const catalog = createCatalog({ db, clock });
  const others = createOthers(db);
  const compaction = createCompaction({ db, clock, log, workers, wal });
  const ingest = createIngest({
    clock,
    registry,
    wal,
    keepMs: defaultDays.raw * DAY_MS,
    ...(deps.onTaken ? { onTaken: deps.onTaken } : {}),
  });
  const run = withHistograms(
    createQueryRunner({ db, clock, workers, catalog, wal, others }),
    catalog,
  );
  const readSamples = createSampleReader({ db, clock, catalog, wal, others });
  const saved = createSaved({ db, audit, bus: deps.bus, clock, cache: deps.cache });
  const rawKeys = new Map<string, string>();
  const timers: NodeJS.Timeout[] = [];
  const busy = new Set<string>();
  let closed = false;

  /** Again and again, never twice at once; a fault is logged and tried again. */
  const every = (name: string, ms: number, work: () => Promise<unknown>) => {
    const timer = setInterval(async () => {
      if (closed || busy.has(name) || !db.status().up) return;
      busy.add(name);
      try {
        await work();
      } catch (err) {
        if (!closed)
          log.warn({ err, work: name }, 'work of the metric store failed; it is tried again');
      } finally {
        busy.delete(name);
      }
    }, ms);
    timer.unref();
    timers.push(timer);
  };
  const explain = async (query: ParsedQuery, signal?: AbortSignal) => {
    if (query.sourceId === undefined) return run(query, signal);
    if (!deps.ask) throw badField('sourceId', 'There is no such source');
    const { result, promql } = await deps.ask(query.sourceId, query, signal);
    return {
      result,
      plan: {
        seriesMatched: result.series.length,
        seriesOfMetric: result.series.length,
        groups: result.series.length,
        segments: [],
        chunks: 0,
        chunkBytes: 0,
        rollupRows: 0,
        recentSamples: 0,
        otherReplicasSamples: 0,
        thread: 'main' as const,
        timingsMs: { resolve: 0, read: result.tookMs, compute: 0 },
        promql,
      },
    };
  };
  const writeOwn = async () => {
    if (!deps.own) return;
    const at = Math.floor(clock.now().getTime() / 1000) * 1000;
    const { samples, descriptions } = await readOwn(
      deps.own.registry,
      `${hostname()}:${deps.own.port}`,
      at,
    );
    await ingest.write(samples, 'console');
    catalog.tell(descriptions);
  };
  let figures: {
    at: number;
    store: Pick<IngestStatus['store'], 'chunks' | 'bytes' | 'samples'>;
  } | null = null;
  const sizes = async () => {
    const now = clock.monotonicMs();
    if (figures && now - figures.at < FIGURES_MS) return figures.store;
    const { rows } = await db.pool.query<{ chunks: string; samples: string; bytes: string }>(
      `SELECT count(*) AS chunks, coalesce(sum(samples), 0) AS samples,
              (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c
               WHERE c.relkind = 'r' AND (c.relname = 'metric_fresh' OR c.relname LIKE 'metric\\_chunks\\_%')) AS bytes
       FROM (SELECT samples FROM metric_chunks UNION ALL SELECT samples FROM metric_fresh) AS c`,
    );
    const store = {
      chunks: Number(rows[0]?.chunks ?? 0),
      samples: Number(rows[0]?.samples ?? 0),
      bytes: Number(rows[0]?.bytes ?? 0),
    };
    figures = { at: now, store };
    return store;
  };

  return {
    write: ingest.write,
    ingest: (samples) => ingest.writeUnknown(samples, 'api'),
    describe: catalog.tell,
    writeDescriptions: catalog.writeTold,
    remote: {
      known(raw) {
        const key = rawKeys.get(raw);
        return key === undefined ? undefined : registry.find(key);
      },
      write: ingest.writeDecoded,
      learn(raw, key) {
        if (rawKeys.size >= MAX_RAW_KEYS) rawKeys.clear();
        rawKeys.set(raw, key);
      },
    },
    query: async (query, signal) => (await explain(query, signal)).result,
    async explain(query, signal) {
      const { result, plan } = await explain(query, signal);
      const { series, ...rest } = result;
      return {
        result: {
          ...rest,
          series: series.length,
          points: series.reduce((sum, { points }) => sum + points.length, 0),
        },
        plan,
      };
    },
    samples: readSamples,
    catalog,
    async setRetention(authority, { metric, ...days }) {
      await db.tx(async (tx) => {
        const before = await tx.metricName.findUnique({
          where: { name: metric },
          select: { id: true, rawDays: true, minuteDays: true, hourDays: true },
        });
        if (!before) throw new AppError('NOT_FOUND', `There is no metric ${metric}.`);
        const { id, ...old } = before;
        await tx.metricName.update({ where: { id }, data: days });
        await audit.append(tx, authority, {
          action: 'metrics.setRetention',
          target: { kind: 'metric', id: String(id), name: metric },
          before: old,
          after: days,
        });
      });
      deps.bus.publish({ topic: 'metrics', type: 'retention' });
      const { labels: _labels, ...item } = await catalog.describe(metric);
      return item;
    },
    saved,
    async status() {
      const size = await sizes();
      const { bytes } = wal.stats();
      return {
        ...ingest.status(),
        store: {
          ...size,
          series: registry.stats().series,
          seriesMax: deps.seriesMax,
          seriesPerMetricMax: deps.seriesPerMetricMax,
          recentSamples: wal.head.size,
          walBytes: bytes,
          bytesPerSample:
            size.samples > 0 ? Math.round((size.bytes / size.samples) * 100) / 100 : null,
        },
      };
    },
    figures: () => ({
      samplesPerSecond: ingest.perSecond(),
      series: registry.stats().series,
      recentSamples: wal.head.size,
      waiting: wal.stats().waiting,
    }),
    compaction,
    wal,
    start() {
      every('pack samples', TICK_MS, () => compaction.tick());
      every('adopt samples', ADOPT_EVERY_MS, async () => {
        await wal.open();
        await wal.adopt();
      });
      every('descriptions', 5_000, () => catalog.writeTold());
      every('sweep series', SWEEP_EVERY_MS, async () => registry.sweep());
      if (deps.own) every('own metrics', OWN_EVERY_MS, writeOwn);
    },
    async close() {
      closed = true;
      for (const timer of timers) clearInterval(timer);
      await catalog.writeTold().catch(() => undefined);
      await wal.close();
    },
  };
}
