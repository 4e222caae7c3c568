/**
 * OTLP metrics as samples. Gauges and sums keep their name; histograms of both kinds become Prometheus's family of
 * `_bucket{le}` (cumulative over the bounds), `_sum` and `_count`, with `_min` and `_max` when they are given; summaries
 * become `{quantile}`. Delta temporality stays delta. Pure.
 *
 * Source: OpenTelemetry "Metrics Data Model" (exponential bucket i is (base^i, base^(i+1)], base = 2^(2^-scale)) and
 * "Prometheus and OpenMetrics Compatibility".
 */
import { addLabels, millis, resourceOf } from './attributes.ts';
import type { Message } from './message.ts';

export type Sample = {
  metric: string;
  labels: Record<string, string>;
  at: number;
  value: number;
  delta?: boolean;
};
export type Description = { metric: string; kind?: string; unit?: string; help?: string };
export type Points = {
  samples: Sample[];
  /** By sample: the point it came from. */
  origin: number[];
  /** Points in the request. */
  points: number;
  /** Points that are no measurement, with the reason. */
  refused: Map<number, string>;
  descriptions: Description[];
};

const temporalities = {
  AGGREGATION_TEMPORALITY_UNSPECIFIED: 0,
  AGGREGATION_TEMPORALITY_DELTA: 1,
  AGGREGATION_TEMPORALITY_CUMULATIVE: 2,
};
const DELTA = 1;
const CUMULATIVE = 2;
const NO_RECORDED_VALUE = 1n;
const MAX_BUCKETS = 2_000;
/** Points between two stops. */
const AT_ONCE = 500;
const NUMBER_IDS = { attributes: 7, flags: 8 };

/** A number as Prometheus writes it in `le` and `quantile` (Go's `%g` with the fewest digits). */
export function goNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  if (Number.isNaN(value)) return 'NaN';
  if (value === 0) return '0';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

type Context = {
  name: string;
  labels: Record<string, string>;
  /** `reading`: a value by itself, whatever the temporality. */
  add(metric: string, labels: Record<string, string>, value: number, reading?: boolean): void;
};
type Ids = { attributes: number; flags: number };

/** Stops now and then, so that a large request does not keep everything else waiting. */
export function* readMetrics(request: Message, now: number): Generator<void, Points> {
  const result: Points = {
    samples: [],
    origin: [],
    points: 0,
    refused: new Map(),
    descriptions: [],
  };
  for (const group of request.messages(1, 'resourceMetrics')) {
    const { service, instance } = resourceOf(group);
    const base: Record<string, string> = { service, ...(instance ? { instance } : {}) };
    for (const scope of group.messages(2, 'scopeMetrics')) {
      for (const metric of scope.messages(2, 'metrics'))
        yield* readMetric(metric, base, now, result);
    }
  }
  return result;
}

function* readMetric(
  metric: Message,
  base: Record<string, string>,
  now: number,
  result: Points,
): Generator<void, void> {
  const name = metric.text(1, 'name');
  const about = { help: metric.text(2, 'description'), unit: metric.text(3, 'unit') };
  const describe = (suffix: string, kind: string, unit = about.unit) =>
    result.descriptions.push({ metric: name + suffix, kind, unit, help: about.help });

  /** All points of one metric; `read` answers why a point is refused. */
  const each = function* (
    points: readonly Message[],
    ids: Ids,
    isDelta: boolean,
    read: (point: Message, context: Context) => string | null,
  ): Generator<void, void> {
    for (const point of points) {
      const index = result.points++;
      if (index % AT_ONCE === AT_ONCE - 1) yield;
      if ((point.integer(ids.flags, 'flags') & NO_RECORDED_VALUE) !== 0n) continue;
      const labels = { ...base };
      addLabels(labels, point.messages(ids.attributes, 'attributes'));
      const nanos = point.fixed(3, 'timeUnixNano');
      const at = nanos === 0n ? now : millis(nanos);
      const taken: Sample[] = [];
      const refused = read(point, {
        name,
        labels,
        add(series, of, value, reading = false) {
          const delta = isDelta && !reading ? { delta: true } : {};
          taken.push({ metric: series, labels: of, at, value, ...delta });
        },
      });
      if (refused !== null) {
        result.refused.set(index, `${name}: ${refused}`);
        continue;
      }
      for (const sample of taken) {
        result.samples.push(sample);
        result.origin.push(index);
      }
    }
  };
  const refuseAll = (points: readonly Message[], reason: string) => {
    for (const _ of points) result.refused.set(result.points++, `${name}: ${reason}`);
  };
  const temporality = (data: Message) => data.choice(2, 'aggregationTemporality', temporalities);

  const gauge = metric.message(5, 'gauge');
  if (gauge) {
    describe('', 'gauge');
    yield* each(gauge.messages(1, 'dataPoints'), NUMBER_IDS, false, number);
  }
  const sum = metric.message(7, 'sum');
  if (sum) {
    const points = sum.messages(1, 'dataPoints');
    const kind = temporality(sum);
    if (kind !== DELTA && kind !== CUMULATIVE)
      refuseAll(points, 'the aggregation temporality is missing');
    else {
      describe('', sum.flag(3, 'isMonotonic') || kind === DELTA ? 'counter' : 'gauge');
      yield* each(points, NUMBER_IDS, kind === DELTA, number);
    }
  }
  for (const [id, field, read, attributes, min] of [
    [9, 'histogram', histogram, 9, 11],
    [10, 'exponentialHistogram', exponential, 1, 12],
  ] as const) {
    const data = metric.message(id, field);
    if (!data) continue;
    const points = data.messages(1, 'dataPoints');
    const kind = temporality(data);
    if (kind !== DELTA && kind !== CUMULATIVE) {
      refuseAll(points, 'the aggregation temporality is missing');
      continue;
    }
    describe('_bucket', 'histogram');
    describe('_sum', 'counter');
    describe('_count', 'counter', '');
    if (points.some((point) => point.has(min, 'min'))) describe('_min', 'gauge');
    if (points.some((point) => point.has(min + 1, 'max'))) describe('_max', 'gauge');
    yield* each(points, { attributes, flags: 10 }, kind === DELTA, read);
  }
  const summaryData = metric.message(11, 'summary');
  if (summaryData) {
    describe('', 'summary');
    describe('_sum', 'counter');
    describe('_count', 'counter', '');
    yield* each(summaryData.messages(1, 'dataPoints'), NUMBER_IDS, false, summary);
  }
}

function number(point: Message, { name, labels, add }: Context): string | null {
  if (point.has(6, 'asInt')) add(name, labels, Number(point.signedFixed(6, 'asInt')));
  else if (point.has(4, 'asDouble')) add(name, labels, point.double(4, 'asDouble'));
  else return 'the point has no value';
  return null;
}

function histogram(point: Message, { name, labels, add }: Context): string | null {
  const bounds = point.doubles(7, 'explicitBounds');
  const counts = point.fixeds(6, 'bucketCounts');
  if (counts.length > MAX_BUCKETS) return `more than ${MAX_BUCKETS} buckets`;
  if (counts.length > 0 && counts.length !== bounds.length + 1) {
    return `${bounds.length} bounds need ${bounds.length + 1} buckets; there are ${counts.length}`;
  }
  for (let i = 1; i < bounds.length; i++) {
    if (!((bounds[i] ?? 0) > (bounds[i - 1] ?? 0))) return 'the bounds do not increase';
  }
  let seen = 0;
  bounds.forEach((bound, i) => {
    seen += counts[i] ?? 0;
    if (counts.length > 0) add(`${name}_bucket`, { ...labels, le: goNumber(bound) }, seen);
  });
  finish(point, { name, labels, add }, 11);
  return null;
}

function exponential(point: Message, { name, labels, add }: Context): string | null {
  const scale = point.signed(6, 'scale');
  if (!(scale >= -10 && scale <= 20)) return `the scale ${scale} is not between -10 and 20`;
  const side = (id: number, field: string) => {
    const data = point.message(id, field);
    return {
      offset: data?.signed(1, 'offset') ?? 0,
      counts: data?.integers(2, 'bucketCounts') ?? [],
    };
  };
  const [positive, negative] = [side(8, 'positive'), side(9, 'negative')];
  if (positive.counts.length + negative.counts.length > MAX_BUCKETS) {
    return `more than ${MAX_BUCKETS} buckets`;
  }
  const bound = (index: number) => 2 ** (index * 2 ** -scale);
  let seen = 0;
  const bucket = (upper: number) => {
    if (Number.isFinite(upper)) add(`${name}_bucket`, { ...labels, le: goNumber(upper) }, seen);
  };
  for (let i = negative.counts.length - 1; i >= 0; i--) {
    const count = negative.counts[i] ?? 0;
    if (count === 0) continue;
    seen += count;
    // [-base^(i+1), -base^i): the nearest that a closed upper bound comes to it.
    bucket(-bound(negative.offset + i));
  }
  seen += Number(point.fixed(7, 'zeroCount'));
  bucket(point.double(14, 'zeroThreshold'));
  positive.counts.forEach((count, i) => {
    if (count === 0) return;
    seen += count;
    bucket(bound(positive.offset + i + 1));
  });
  finish(point, { name, labels, add }, 12);
  return null;
}

/** What both kinds of histogram end with. `min` is the number of that field; `max` has the next. */
function finish(point: Message, { name, labels, add }: Context, min: number): void {
  const count = Number(point.fixed(4, 'count'));
  add(`${name}_bucket`, { ...labels, le: '+Inf' }, count);
  add(`${name}_count`, labels, count);
  if (point.has(5, 'sum')) add(`${name}_sum`, labels, point.double(5, 'sum'));
  if (point.has(min, 'min')) add(`${name}_min`, labels, point.double(min, 'min'), true);
  if (point.has(min + 1, 'max')) add(`${name}_max`, labels, point.double(min + 1, 'max'), true);
}

function summary(point: Message, { name, labels, add }: Context): string | null {
  for (const quantile of point.messages(6, 'quantileValues')) {
    const q = goNumber(quantile.double(1, 'quantile'));
    add(name, { ...labels, quantile: q }, quantile.double(2, 'value'));
  }
  add(`${name}_count`, labels, Number(point.fixed(4, 'count')));
  add(`${name}_sum`, labels, point.double(5, 'sum'));
  return null;
}
