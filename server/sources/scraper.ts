/**
 * Reads expositions on schedule. Which process reads is decided in the database: a source that is due is claimed by
 * moving its time on, with SKIP LOCKED, so that of any number of replicas one reads it in each interval, and when one
 * ends the others go on. A source is not read again before its time-out, which is not longer than its interval.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { describeFault } from '../health/index.ts';
import type { MetricStore, Sample } from '../metrics/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Secrets } from '../platform/secrets.ts';
import { createExposition, type ExposedFamily } from './exposition.ts';
import { columns, requestHeaders, type Source, sourceOf } from './store.ts';

const TICK_MS = 500;
const CONCURRENCY = 16;
const MAX_BODY = 16 * 1024 * 1024;
const MAX_SAMPLES = 200_000;
/** Lines that are read, and samples that are written, before others get their turn. */
const LINES_AT_ONCE = 2_000;
const SAMPLES_AT_ONCE = 5_000;
const ACCEPT =
  'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

export type Scrape = {
  samples: Sample[];
  families: ExposedFamily[];
  /** Samples in the answer. */
  count: number;
  faults: { count: number; first: string[] };
  tookMs: number;
};
export type Scraper = {
  /** Reads once, writes nothing. Throws an Error whose message may be shown. */
  read(source: Source, signal?: AbortSignal): Promise<Scrape>;
  /** Claims what is due and begins to read it; answers how many. */
  tick(): Promise<number>;
  /** Waits for what is being read. */
  idle(): Promise<void>;
  start(): void;
  close(): Promise<void>;
};

export class ScrapeFault extends Error {}

export function createScraper(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  http: HttpClient;
  secrets: Secrets;
  metrics: Metrics;
  metricStore: Pick<MetricStore, 'write' | 'describe'>;
}): Scraper {
  const { db, clock, log, http, secrets, metricStore } = deps;
  const scrapes = deps.metrics.counter('scrapes_total', 'Expositions that were read, by outcome.', [
    'outcome',
  ]);
  const running = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let ticking = false;

  const read: Scraper['read'] = async (source, signal) => {
    const begun = clock.monotonicMs();
    const at = clock.now().getTime();
    const answer = await http
      .send({
        url: source.url,
        headers: { accept: ACCEPT, ...requestHeaders(source.access) },
        timeoutMs: source.timeoutMs,
        maxBodyBytes: MAX_BODY,
        maxRedirects: 3,
        verifyTls: source.access.verifyTls,
        ...(signal ? { signal } : {}),
      })
      .catch((error: unknown) => {
        throw new ScrapeFault(
          error instanceof AppError
            ? error.publicMessage
            : describeFault(error, source.timeoutMs).detail,
        );
      });
    if (answer.status !== 200) throw new ScrapeFault(`the answer has the status ${answer.status}`);
    if (answer.truncated) throw new ScrapeFault('the answer is larger than 16 MiB');
    const type = String(answer.headers['content-type'] ?? '');
    if (/^text\/html\b/i.test(type)) throw new ScrapeFault('the answer is a page, not metrics');
    const exposition = createExposition(/^application\/openmetrics-text\b/i.test(type));
    const own = ownLabels(source);
    const samples: Sample[] = [];
    let count = 0;
    for (const line of answer.body.toString('utf8').split('\n')) {
      count += 1;
      if (count % LINES_AT_ONCE === 0) await turn();
      const one = exposition.take(line);
      if (!one) continue;
      if (samples.length >= MAX_SAMPLES)
        throw new ScrapeFault(`the answer has more than ${MAX_SAMPLES} samples`);
      samples.push({
        metric: one.name,
        labels: withOwn(one.labels, own),
        at: one.at ?? at,
        value: one.value,
      });
    }
    return {
      samples,
      families: exposition.families(),
      count: samples.length,
      faults: exposition.faults(),
      tookMs: clock.monotonicMs() - begun,
    };
  };

  const scrape = async (source: Source): Promise<void> => {
    const at = clock.now().getTime();
    const begun = clock.monotonicMs();
    const labels = ownLabels(source);
    const about = (metric: string, value: number): Sample => ({ metric, labels, at, value });
    let error: string | null = null;
    let count = 0;
    try {
      const found = await read(source, stopping.signal);
      count = found.count;
      let refused = 0;
      let reason = '';
      for (let from = 0; from < found.samples.length; from += SAMPLES_AT_ONCE) {
        const part = found.samples.slice(from, from + SAMPLES_AT_ONCE);
        const { rejected } = await metricStore.write(part, 'scrape');
        refused += rejected.length;
        reason ||= rejected[0]?.reason ?? '';
      }
      metricStore.describe(found.families);
      const said: string[] = [];
      if (found.faults.count > 0)
        said.push(`${found.faults.count} lines cannot be read: ${found.faults.first[0]}`);
      if (refused > 0) said.push(`${refused} samples were refused: ${reason}`);
      error = said.length > 0 ? said.join('; ') : null;
      await metricStore.write(
        [
          about('up', 1),
          about('scrape_duration_seconds', found.tookMs / 1_000),
          about('scrape_samples_scraped', count),
        ],
        'scrape',
      );
    } catch (cause) {
      if (stopping.signal.aborted) return;
      if (!(cause instanceof ScrapeFault) && !(cause instanceof AppError)) throw cause;
      error = cause.message;
      await metricStore.write(
        [
          about('up', 0),
          about('scrape_duration_seconds', (clock.monotonicMs() - begun) / 1_000),
          about('scrape_samples_scraped', 0),
        ],
        'scrape',
      );
    }
    scrapes.inc({ outcome: error === null ? 'succeeded' : count > 0 ? 'partial' : 'failed' });
    await db.pool.query(
      'UPDATE metric_sources SET last_error = $2, last_samples = $3 WHERE id = $1',
      [source.id, error?.toWellFormed().replaceAll('\0', '').slice(0, 500) ?? null, count],
    );
  };

  const tick: Scraper['tick'] = async () => {
    const free = CONCURRENCY - running.size;
    if (free <= 0) return 0;
    const now = clock.now();
    // The time of the last scrape moves on by whole intervals, so that the rhythm stays; after a pause it begins anew.
    const { rows } = await db.pool.query<{ id: string }>({
      name: 'sources-claim',
      text: `UPDATE metric_sources s SET last_at = CASE
               WHEN s.last_at + s.interval_seconds * interval '1 second' > $1::timestamptz - s.interval_seconds * interval '0.5 second'
               THEN s.last_at + s.interval_seconds * interval '1 second' ELSE $1 END
             WHERE s.id IN (
               SELECT id FROM metric_sources
               WHERE kind = 'scrape' AND NOT paused AND id <> ALL($3::uuid[])
                 AND (last_at IS NULL OR last_at + interval_seconds * interval '1 second' <= $1)
               ORDER BY last_at NULLS FIRST LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING s.id::text`,
      values: [now, free, [...running.keys()]],
    });
    if (rows.length === 0) return 0;
    const sources = await db.prisma.metricSource.findMany({
      where: { id: { in: rows.map(({ id }) => id) } },
      select: columns,
    });
    for (const row of sources) {
      const work = Promise.resolve()
        .then(() => scrape(sourceOf(secrets, row)))
        .catch((err) => {
          if (!stopping.signal.aborted) log.warn({ err, source: row.name }, 'a scrape failed');
        })
        .finally(() => running.delete(row.id));
      running.set(row.id, work);
    }
    return sources.length;
  };

  return {
    read,
    tick,
    async idle() {
      await Promise.all(running.values());
    },
    start() {
      timer = setInterval(() => {
        if (ticking || !db.status().up) return;
        ticking = true;
        tick()
          .catch((err) => log.warn({ err }, 'sources that are due could not be read'))
          .finally(() => {
            ticking = false;
          });
      }, TICK_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      stopping.abort();
      await Promise.all(running.values());
    },
  };
}

/** As Prometheus has it: `job` and `instance` say where a sample comes from. */
function ownLabels({ name, url, labels }: Source): Record<string, string> {
  const { hostname, port, protocol } = new URL(url);
  const instance = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  return { job: name, instance, ...labels };
}

/** What the exposition says under one of our names stays as `exported_…`, as with Prometheus. */
function withOwn(
  exposed: Record<string, string>,
  own: Record<string, string>,
): Record<string, string> {
  const labels = { ...own };
  for (const [name, value] of Object.entries(exposed)) {
    labels[Object.hasOwn(own, name) ? `exported_${name}` : name] = value;
  }
  return labels;
}
