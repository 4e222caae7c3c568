/**
 * Outcomes of breakers as samples of the metric `breaker_calls` (labels breaker, outcome, source): what a bucket of a
 * window counted, once it is over. The back-test and the charts read them.
 */
import type { Breaker, Bucket } from '../client/index.ts';
import { querySchema } from '../metrics/contract.ts';
import type { MetricStore, Sample } from '../metrics/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Bin } from './backtest.ts';

export const METRIC = 'breaker_calls';
/** More breakers than this leave no outcomes behind within one writing. */
const MAX_BREAKERS = 1_000;
const MAX_MARKS = 50_000;
/** Samples that wait for the next writing; what comes beyond them is not kept. */
const MAX_WAITING = 50_000;
const SLOTS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];

export type Outcomes = ReturnType<typeof createOutcomes>;

export function createOutcomes(deps: { clock: Clock; metricStore: MetricStore; replica: string }) {
  const { clock, metricStore } = deps;
  /** Newest bucket that was written, by source and breaker. */
  const marks = new Map<string, number>();
  let waiting: Sample[] = [];

  const take = (source: string, name: string, bucketMs: number, buckets: readonly Bucket[]) => {
    const now = clock.monotonicMs();
    const wall = clock.now().getTime();
    const head = Math.floor(now / bucketMs);
    const key = `${source}\0${name}`;
    const last = marks.get(key) ?? head - Math.ceil(60_000 / bucketMs);
    let newest = last;
    for (const [age, calls, failures, slow] of buckets) {
      const number = head - age;
      // The running bucket is not over.
      if (age < 1 || number <= last) continue;
      newest = Math.max(newest, number);
      const at = Math.round(wall - (now - number * bucketMs));
      const sample = (outcome: string, value: number) => {
        if (value > 0 && waiting.length < MAX_WAITING) {
          const labels = { breaker: name, outcome, source };
          waiting.push({ metric: METRIC, labels, at, value });
        }
      };
      sample('success', calls - failures);
      sample('failure', failures);
      sample('slow', slow);
    }
    marks.delete(key);
    marks.set(key, newest);
    if (marks.size > MAX_MARKS) {
      for (const oldest of marks.keys()) {
        marks.delete(oldest);
        break;
      }
    }
  };
  return {
    take,
    async write(breakers: Iterable<Breaker>): Promise<void> {
      const now = clock.monotonicMs();
      let some = 0;
      for (const breaker of breakers) {
        const buckets = breaker.buckets(now);
        if (buckets.length === 0) continue;
        if (++some > MAX_BREAKERS) break;
        take(deps.replica, breaker.name, breaker.policy.bucketMs, buckets);
      }
      if (waiting.length === 0) return;
      const samples = waiting;
      waiting = [];
      await metricStore.write(samples, 'console');
    },
    /** Stored outcomes of a range, in steps that keep their number below `max`. */
    async read(
      name: string,
      from: Date,
      to: Date,
      max: number,
    ): Promise<{ stepMs: number; bins: Bin[] }> {
      const span = (to.getTime() - from.getTime()) / 1000;
      const seconds = SLOTS_S.find((each) => span / each <= max) ?? Math.ceil(span / max);
      const { series } = await metricStore.query(
        querySchema.parse({
          metric: METRIC,
          timeRange: { from: from.toISOString(), to: to.toISOString() },
          step: `${seconds}s`,
          groupBy: ['outcome'],
          filters: [{ field: 'breaker', op: 'eq', value: name }],
          aggregations: ['sum'],
        }),
      );
      const bins = new Map<number, Bin>();
      for (const { labels, points } of series) {
        for (const { at, values } of points) {
          const value = values.sum;
          if (!value) continue;
          const time = Date.parse(at);
          const bin = bins.get(time) ?? { at: time, successes: 0, failures: 0, slow: 0 };
          if (labels.outcome === 'success') bin.successes += value;
          else if (labels.outcome === 'failure') bin.failures += value;
          else bin.slow += value;
          bins.set(time, bin);
        }
      }
      return { stepMs: seconds * 1000, bins: [...bins.values()].sort((a, b) => a.at - b.at) };
    },
  };
}
