/**
 * The way in. Each sample is judged by itself; what is accepted of a call is committed before the call answers.
 */
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { Columns } from './batch.ts';
import { type IngestResult, type IngestStatus, type Way, ways } from './contract.ts';
import { type Labels, labelFault, type Sample, seriesKey, timeFault } from './labels.ts';
import type { Registry, Series, Wanted } from './registry.ts';
import type { Wal } from './wal.ts';

const MAX_REJECTIONS = 100;
/** Reasons that one call answers and notes; further ones are counted. */
const MAX_NOTED = 20;

/** What a remote-write request brings: one entry a series, labels only where the series is unknown. */
export type Decoded = {
  /** Series of each sample: a place in `series`. */
  places: Int32Array;
  times: Float64Array;
  values: Float64Array;
  count: number;
  series: (Series | Wanted | string)[];
};
export type Ingest = {
  /**
   * Resolves once everything accepted is committed. Throws TOO_MANY_REQUESTS or SERVICE_UNAVAILABLE when nothing can be
   * taken; nothing of the call was taken then.
   */
  write(samples: readonly Sample[], way: Way): Promise<IngestResult>;
  /** The same for samples as `metrics.ingest` takes them, not yet looked at. */
  writeUnknown(samples: readonly unknown[], way: Way): Promise<IngestResult>;
  /** The same by series, for remote write. */
  writeDecoded(
    decoded: Decoded,
    way: Way,
  ): Promise<{ accepted: number; rejected: number; reasons: string[] }>;
  status(): Pick<IngestStatus, 'ways' | 'rejections'>;
  perSecond(): number;
};

type Tally = {
  accepted: number;
  rejected: number;
  lastAt: string | null;
  minute: Float64Array;
  second: number;
};

export function createIngest(deps: {
  clock: Clock;
  registry: Registry;
  wal: Wal;
  /** Age up to which samples are accepted: as long as raw ones are kept. */
  keepMs: number;
  onTaken?: (way: Way, accepted: number, rejected: number) => void;
}): Ingest {
  const { clock, registry, wal, keepMs } = deps;
  const tallies = new Map<Way, Tally>(
    ways.map((way) => [
      way,
      { accepted: 0, rejected: 0, lastAt: null, minute: new Float64Array(60), second: -1 },
    ]),
  );
  const rejections = new Map<string, IngestStatus['rejections'][number]>();

  const advance = (tally: Tally, second: number) => {
    const from = Math.max(tally.second + 1, second - 59);
    for (let each = from; each <= second; each++) tally.minute[each % 60] = 0;
    tally.second = Math.max(second, tally.second);
  };
  const count = (way: Way, accepted: number, rejected: number) => {
    const tally = tallies.get(way);
    if (!tally) return;
    const now = clock.now();
    const second = Math.floor(clock.monotonicMs() / 1000);
    advance(tally, second);
    tally.accepted += accepted;
    tally.rejected += rejected;
    tally.minute[second % 60] = (tally.minute[second % 60] ?? 0) + accepted;
    if (accepted > 0) tally.lastAt = now.toISOString();
    deps.onTaken?.(way, accepted, rejected);
  };
  const note = (way: Way, reason: string, metric: string | null) => {
    // Times and counts in a reason differ from sample to sample; the reason is the same.
    const key = `${way}\0${metric}\0${reason.replace(/[\d.:TZ-]+/g, '#')}`;
    const before = rejections.get(key);
    rejections.delete(key);
    rejections.set(key, {
      at: clock.now().toISOString(),
      way,
      reason,
      metric,
      count: (before?.count ?? 0) + 1,
    });
    if (rejections.size > MAX_REJECTIONS) {
      const [oldest] = rejections.keys();
      if (oldest !== undefined) rejections.delete(oldest);
    }
  };

  const write = async (
    samples: readonly Sample[],
    way: Way,
    refused?: Map<number, string>,
  ): Promise<IngestResult> => {
    const now = clock.now().getTime();
    const rejected: IngestResult['rejected'] = [];
    const reject = (index: number, reason: string, metric: string | null) => {
      rejected.push({ index, reason });
      if (rejected.length <= MAX_NOTED) note(way, reason, metric);
    };
    const taken: { index: number; key: string; at: number; value: number }[] = [];
    const unknown = new Map<string, Wanted>();
    samples.forEach((sample, index) => {
      const { metric, labels, value } = sample;
      const at = Math.round(sample.at * 1000) / 1000;
      const reason =
        refused?.get(index) ?? labelFault(metric, labels) ?? timeFault(at, now, keepMs);
      if (reason) {
        reject(index, reason, metric);
        return;
      }
      const delta = sample.delta ?? false;
      const key = seriesKey(metric, labels, delta);
      if (!registry.find(key)) unknown.set(key, { key, metric, labels, delta });
      taken.push({ index, key, at, value });
    });
    const made = unknown.size > 0 ? await registry.create([...unknown.values()]) : null;
    const columns = new Columns(taken.length);
    for (const { index, key, at, value } of taken) {
      const series = made?.get(key) ?? registry.find(key);
      if (typeof series === 'object') columns.push(series.id, at, value);
      else
        reject(
          index,
          series ?? 'labels: the series could not be made',
          samples[index]?.metric ?? null,
        );
    }
    await wal.write(columns);
    rejected.sort((a, b) => a.index - b.index);
    count(way, columns.count, rejected.length);
    return { accepted: columns.count, rejected };
  };

  return {
    write: (samples, way) => write(samples, way),
    writeUnknown(list, way) {
      const refused = new Map<number, string>();
      const now = clock.now().getTime();
      const samples = list.map((item, index) => {
        const read = readSample(item, now);
        if ('reason' in read) refused.set(index, read.reason);
        return 'reason' in read ? { metric: read.metric, labels: {}, at: now, value: 0 } : read;
      });
      return write(samples, way, refused);
    },
    async writeDecoded({ places, times, values, count: total, series }, way) {
      const now = clock.now().getTime();
      const reasons = new Map<string, number>();
      const ids = new Int32Array(series.length);
      const wanted = series.filter((one): one is Wanted => typeof one === 'object' && 'key' in one);
      const made = wanted.length > 0 ? await registry.create(wanted) : null;
      const why: string[] = [];
      series.forEach((one, place) => {
        const found = typeof one === 'object' && 'key' in one ? made?.get(one.key) : one;
        if (typeof found === 'object') ids[place] = found.id;
        else why[place] = found ?? 'labels: the series could not be made';
      });
      const columns = new Columns(total);
      const [oldest, newest] = [now - keepMs, now + 600_000];
      const refuse = (place: number, reason: string) => {
        const known = reasons.get(reason);
        reasons.set(reason, (known ?? 0) + 1);
        if (known !== undefined || reasons.size > MAX_NOTED) return;
        const one = series[place];
        note(way, reason, typeof one === 'object' ? one.metric : null);
      };
      for (let i = 0; i < total; i++) {
        const place = places[i] as number;
        const id = ids[place] as number;
        const at = times[i] as number;
        if (id === 0) refuse(place, why[place] ?? 'unknown series');
        else if (at < oldest || at > newest)
          refuse(place, timeFault(at, now, keepMs) ?? 'at: not a time');
        else columns.push(id, at, values[i] as number);
      }
      await wal.write(columns);
      const rejected = total - columns.count;
      count(way, columns.count, rejected);
      return { accepted: columns.count, rejected, reasons: [...reasons.keys()] };
    },
    status() {
      const second = Math.floor(clock.monotonicMs() / 1000);
      return {
        ways: [...tallies].map(([way, tally]) => {
          advance(tally, second);
          return {
            way,
            samplesLastMinute: tally.minute.reduce((sum, n) => sum + n, 0),
            acceptedTotal: tally.accepted,
            rejectedTotal: tally.rejected,
            lastAt: tally.lastAt,
          };
        }),
        rejections: [...rejections.values()].reverse(),
      };
    },
    perSecond() {
      const second = Math.floor(clock.monotonicMs() / 1000);
      let sum = 0;
      for (const tally of tallies.values()) {
        advance(tally, second);
        for (let back = 1; back <= 10; back++) sum += tally.minute[(second - back + 60) % 60] ?? 0;
      }
      return sum / 10;
    },
  };
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** One sample of `metrics.ingest`, or why it is none. */
function readSample(item: unknown, now: number): Sample | { reason: string; metric: string } {
  const no = (reason: string, metric = '') => ({ reason, metric });
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return no('a sample is an object { metric, value, at?, labels? }');
  }
  const { metric, value, at, labels, ...rest } = item as Record<string, unknown>;
  if (typeof metric !== 'string') return no('metric: must be a text');
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    return no(
      `${unknown.slice(0, 60)}: no such field; accepted are metric, value, at, labels`,
      metric,
    );
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return no(
      `value: ${JSON.stringify(value)?.slice(0, 60) ?? 'absent'} is no finite number`,
      metric,
    );
  }
  let time = now;
  if (at !== undefined && at !== null) {
    if (typeof at !== 'string' || !ISO.test(at) || Number.isNaN(Date.parse(at))) {
      return no(
        `at: ${JSON.stringify(at)?.slice(0, 60)} is no ISO-8601 time with a zone, such as 2026-01-31T12:00:00Z`,
        metric,
      );
    }
    time = Date.parse(at) + microseconds(at);
  }
  if (
    labels !== undefined &&
    (typeof labels !== 'object' || labels === null || Array.isArray(labels))
  ) {
    return no('labels: must be an object of texts', metric);
  }
  return { metric, value, at: time, labels: (labels ?? {}) as Labels };
}

/** Digits of a second beyond milliseconds, as a fraction of one: `Date.parse` drops them. */
function microseconds(at: string): number {
  const digits = /\.\d{3}(\d{1,3})/.exec(at)?.[1];
  return digits ? Number(digits.padEnd(3, '0')) / 1000 : 0;
}

/** Back-pressure in seconds, for `Retry-After`. */
export const retryAfterSeconds = (error: unknown): number | null =>
  error instanceof AppError &&
  (error.code === 'TOO_MANY_REQUESTS' || error.code === 'SERVICE_UNAVAILABLE')
    ? error.code === 'TOO_MANY_REQUESTS'
      ? 1
      : 5
    : null;
