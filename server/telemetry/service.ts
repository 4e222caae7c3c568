import { setImmediate as turn } from 'node:timers/promises';
import type { MetricStore, Sample } from '../metrics/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { IngestedEvents } from './contract.ts';
import { type EventRow, type Events, readLogs, readSpans } from './events.ts';
import { jsonMessage, Malformed, type Message, protobufMessage } from './message.ts';
import { readMetrics } from './points.ts';
import { createEventStore, type EventStore } from './store.ts';
import { readWide } from './wide.ts';

export const signals = ['metrics', 'traces', 'logs'] as const;
export type Signal = (typeof signals)[number];
export type Received = { accepted: number; rejected: number; message: string };
export type Telemetry = {
  /** Takes one OTLP request. Throws `Malformed` for what is none; nothing was taken then. */
  receive(signal: Signal, format: 'json' | 'protobuf', body: Buffer): Promise<Received>;
  /** Wide events, judged one by one. */
  ingest(events: readonly unknown[]): Promise<IngestedEvents>;
  events: Pick<EventStore, 'list' | 'prune'>;
  close(): Promise<void>;
};

/** Different reasons that one answer names. */
const MAX_REASONS = 5;
const SAMPLES_AT_ONCE = 5_000;

export function createTelemetry(deps: {
  db: Db;
  clock: Clock;
  metrics: Metrics;
  metricStore: Pick<MetricStore, 'write' | 'describe'>;
  /** Called with events once they are stored; must not throw. */
  onEvents?: (rows: readonly EventRow[]) => void;
}): Telemetry {
  const { clock, metricStore } = deps;
  const store = createEventStore(deps);
  const items = deps.metrics.counter(
    'otlp_items_total',
    'Points, spans and log records that came in over OTLP, by signal and outcome.',
    ['signal', 'outcome'],
  );
  deps.metrics.gauge('telemetry_events_waiting', 'Events that wait to be written.', store.waiting);

  /** In parts: sent again after a part was refused, samples change nothing. */
  const write = async (samples: readonly Sample[]) => {
    const rejected: { index: number; reason: string }[] = [];
    for (let from = 0; from < samples.length; from += SAMPLES_AT_ONCE) {
      const part = await metricStore.write(samples.slice(from, from + SAMPLES_AT_ONCE), 'otlp');
      for (const { index, reason } of part.rejected) rejected.push({ index: from + index, reason });
    }
    return rejected;
  };
  const takeMetrics = async (request: Message, now: number): Promise<Received> => {
    const { samples, origin, points, refused, descriptions } = await paced(
      readMetrics(request, now),
    );
    const rejected = await write(samples);
    metricStore.describe(descriptions);
    for (const { index, reason } of rejected) {
      const point = origin[index];
      if (point !== undefined && !refused.has(point))
        refused.set(point, `${samples[index]?.metric}: ${reason}`);
    }
    return answer(points, refused);
  };
  const takeEvents = async ({ rows, samples, count, refused }: Events): Promise<Received> => {
    // Samples first: sent again they change nothing, events would stand there twice.
    const rejected = await write(samples);
    await store.write(rows);
    deps.onEvents?.(rows);
    const result = answer(count, refused);
    if (result.message === '' && rejected[0]) {
      // The events are kept; only what Explore draws of them is not complete.
      const { index, reason } = rejected[0];
      result.message = `${samples[index]?.metric}: ${reason}`;
    }
    return result;
  };

  return {
    async receive(signal, format, body) {
      const request = format === 'json' ? jsonMessage(parse(body)) : protobufMessage(body);
      const now = clock.now().getTime();
      const result = await (signal === 'metrics'
        ? takeMetrics(request, now)
        : takeEvents(
            await paced(signal === 'traces' ? readSpans(request, now) : readLogs(request, now)),
          ));
      if (result.accepted > 0) items.inc({ signal, outcome: 'accepted' }, result.accepted);
      if (result.rejected > 0) items.inc({ signal, outcome: 'rejected' }, result.rejected);
      return result;
    },
    async ingest(events) {
      const read = readWide(events, clock.now().getTime());
      await takeEvents(read);
      const rejected = [...read.refused].map(([index, reason]) => ({ index, reason }));
      return { accepted: events.length - rejected.length, rejected };
    },
    events: store,
    close: store.close,
  };
}

/** Runs `work` with a turn for others at each of its stops. */
async function paced<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await turn();
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Malformed('the body is not valid JSON');
  }
}

function answer(total: number, refused: ReadonlyMap<number, string>): Received {
  const reasons = [...new Set(refused.values())];
  const more = reasons.length > MAX_REASONS ? `; and ${reasons.length - MAX_REASONS} more` : '';
  return {
    accepted: total - refused.size,
    rejected: refused.size,
    message: reasons.slice(0, MAX_REASONS).join('; ') + more,
  };
}
