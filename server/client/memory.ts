/**
 * Watches the heap of the process that embeds it and reports to the console, which judges. Reports the heap after each
 * full collection, in batches that are kept until the console took them; when the console asks, it samples allocations,
 * counts objects by class, or takes a snapshot if that is safe. Depends on nothing but Node 20 or newer.
 */
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Examination,
  examine,
  heapFigures,
  oldHeapBytes,
  type SnapshotResult,
  snapshotRefusal,
  takeSnapshot,
  watchCollections,
} from './heap.ts';

/** How the console judges this process; what is left out is as docs/modules/memory.md says. */
export type MemoryPolicy = {
  windowSeconds?: number;
  growthRatio?: number;
  growthBytes?: number;
  warmupSeconds?: number;
  confirmSeconds?: number;
};
export type MemoryResult =
  | ({ id: string; kind: 'profile' } & Examination)
  | ({ id: string; kind: 'snapshot' } & SnapshotResult)
  | { id: string; kind: 'refused'; reason: string };
export type MemoryReport = {
  process: { name: string; instance: string; version: string; node: string; startedAt: string };
  policy?: MemoryPolicy;
  sentAt: string;
  samples: { at: string; usedBytes: number }[];
  heapBytes: number;
  limitBytes: number;
  rssBytes: number;
  freeBytes: number;
  result?: MemoryResult;
};
export type MemoryAsk = { id: string; kind: 'profile' | 'snapshot' | 'restart'; seconds: number };
export type MemoryAnswer = { ask: MemoryAsk | null };
export type MemoryWatcher = {
  /** Sends what there is now; rejects when the console did not take it. By itself every `reportEveryMs`. */
  flush(): Promise<void>;
  close(): Promise<void>;
};
export type MemoryWatcherOptions = {
  /** What runs here, e.g. `api`; equal for all of its replicas. */
  name: string;
  /** Which replica; equal again after a restart. */
  instance: string;
  version?: string;
  policy?: MemoryPolicy;
  /** Where reports go: `reportTo(url, key)`, or a function of one's own. */
  send: (report: MemoryReport, signal: AbortSignal) => Promise<MemoryAnswer>;
  reportEveryMs?: number;
  /** Where a snapshot lies until it is counted. */
  folder?: string;
  /** Runs the taking of a snapshot, e.g. out of the load balancer's sight; may refuse by throwing. */
  aroundSnapshot?: (take: () => Promise<SnapshotResult>) => Promise<SnapshotResult>;
  /** Restarts the process gracefully; without it the console is told that it cannot. */
  restart?: () => void;
  onError?: (error: unknown) => void;
};

const REPORT_EVERY_MS = 15_000;
const BACKOFF_MAX_MS = 120_000;
const SEND_TIMEOUT_MS = 10_000;
const SAMPLES_MAX = 500;
const WINDOW_SECONDS = 3_600;
/** So many full collections a window at least: they are asked for when none come by themselves. */
const COLLECTIONS_A_WINDOW = 15;
/** Above this a collection pauses for long; then only those count that come by themselves. */
const COLLECT_MAX_BYTES = 1024 * 1024 * 1024;

/** Sends reports to a console; the key needs the scope `ingest`. */
export function reportTo(url: string, key: string): MemoryWatcherOptions['send'] {
  const address = `${url.replace(/\/+$/, '')}/api/trpc/memory.report`;
  return async (report, signal) => {
    const answer = await fetch(address, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(report),
      signal,
    });
    const body: unknown = await answer.json().catch(() => null);
    const { result, error } = Object(body);
    if (!answer.ok || !result) {
      throw new Error(`The console did not take the report: ${error?.message ?? answer.status}`);
    }
    return { ask: result.data?.ask ?? null };
  };
}

/** The wall clock, by way of the clock that never goes back. */
const now = () => new Date(performance.timeOrigin + performance.now());

export function watchMemory(options: MemoryWatcherOptions): MemoryWatcher {
  const windowMs = (options.policy?.windowSeconds ?? WINDOW_SECONDS) * 1000;
  // A short window has four reports too.
  const every = options.reportEveryMs ?? Math.min(REPORT_EVERY_MS, windowMs / 4);
  const collectAfterMs = windowMs / COLLECTIONS_A_WINDOW;
  const startedAt = new Date(performance.timeOrigin).toISOString();
  const closed = new AbortController();
  let samples: { at: string; usedBytes: number }[] = [];
  let collectedAt = performance.now();
  let result: MemoryResult | null = null;
  let running: Promise<void> | null = null;
  let sending: Promise<void> | null = null;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;

  const collections = watchCollections((usedBytes) => {
    collectedAt = performance.now();
    samples.push({ at: now().toISOString(), usedBytes });
    // While nobody takes them every second one goes: the course stays, at half the detail.
    if (samples.length >= SAMPLES_MAX) samples = samples.filter((_, index) => index % 2 === 0);
  });
  const collector = setInterval(
    () => {
      if (performance.now() - collectedAt < collectAfterMs) return;
      if (oldHeapBytes() < COLLECT_MAX_BYTES) collections.collect();
    },
    Math.max(250, collectAfterMs / 3),
  );
  collector.unref();

  const snapshot = async (): Promise<SnapshotResult> => {
    // Just before, because the heap may have grown since the console asked.
    const refusal = snapshotRefusal(heapFigures());
    if (refusal) throw new Error(refusal);
    return takeSnapshot(options.folder ?? tmpdir());
  };
  /** Null when there is nothing to be told: a restart that was begun. */
  const perform = async (ask: MemoryAsk): Promise<MemoryResult | null> => {
    const { id, kind, seconds } = ask;
    try {
      if (kind === 'snapshot') {
        const around = options.aroundSnapshot ?? ((take) => take());
        return { id, kind, ...(await around(snapshot)) };
      }
      if (kind === 'restart') {
        if (!options.restart) throw new Error('This program does not restart itself.');
        options.restart();
        return null;
      }
      const wait = () =>
        sleep(seconds * 1000, undefined, { signal: closed.signal, ref: false }).catch(
          () => undefined,
        );
      return { id, kind, ...(await examine(async () => void (await wait()))) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { id, kind: 'refused', reason: reason.slice(0, 500) };
    }
  };
  const report = async () => {
    const { usedBytes: heapBytes, ...figures } = heapFigures();
    const taken = samples;
    const told = result;
    samples = [];
    const { name, instance, version = '' } = options;
    try {
      const { ask } = await options.send(
        {
          process: { name, instance, version, node: process.versions.node, startedAt },
          ...(options.policy ? { policy: options.policy } : {}),
          sentAt: now().toISOString(),
          samples: taken,
          heapBytes,
          ...figures,
          ...(told ? { result: told } : {}),
        },
        AbortSignal.any([closed.signal, AbortSignal.timeout(SEND_TIMEOUT_MS)]),
      );
      if (told && result === told) result = null;
      failures = 0;
      if (ask && !running && !result && !closed.signal.aborted) {
        running = perform(ask).then((done) => {
          result = done;
          running = null;
        });
      }
    } catch (error) {
      samples = [...taken, ...samples].slice(-SAMPLES_MAX);
      failures++;
      throw error;
    }
  };
  const flush = async () => {
    await sending?.catch(() => undefined);
    sending = report();
    try {
      await sending;
    } finally {
      sending = null;
    }
  };
  const next = () => {
    const wait = Math.min(BACKOFF_MAX_MS, every * 2 ** Math.min(failures, 6));
    timer = setTimeout(async () => {
      await flush().catch((error) => options.onError?.(error));
      if (!closed.signal.aborted) next();
    }, wait);
    timer.unref();
  };
  next();
  return {
    flush,
    async close() {
      closed.abort();
      clearTimeout(timer);
      clearInterval(collector);
      collections.close();
      await Promise.allSettled([sending, running]);
    },
  };
}
