/**
 * Prometheus remote write 1.0: `prometheus.WriteRequest`, read straight from the bytes, because a general decoder
 * makes an object of each label and sample and takes ten times as long. Fields (prompb/remote.proto, types.proto):
 * WriteRequest 1 timeseries, 3 metadata; TimeSeries 1 labels, 2 samples; Label 1 name, 2 value; Sample 1 value
 * (double), 2 timestamp (int64, ms). Exemplars and native histograms are skipped; staleness markers end a series and
 * are no sample. Pure.
 */
import type { Decoded } from './ingest.ts';
import { type Labels, labelFault, seriesKey } from './labels.ts';
import type { Series } from './registry.ts';

export class MalformedWrite extends Error {}

export type Metadata = { metric: string; kind: string; unit: string; help: string };
const kinds = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gauge',
  'summary',
  'unknown',
  'unknown',
];
/** Labels of one series may take so many bytes. */
const MAX_LABEL_BYTES = 256 * 1024;

/**
 * `known` finds a series by the bytes of its labels (as Latin-1 text: every byte one character), `learn` is told which
 * canonical key these bytes have.
 */
export function decodeWrite(
  bytes: Buffer,
  known: (raw: string) => Series | undefined,
): { decoded: Decoded; metadata: Metadata[]; raw: Map<number, string>; histograms: number } {
  const reader = new Reader(bytes);
  const series: Decoded['series'] = [];
  const raw = new Map<number, string>();
  const metadata: Metadata[] = [];
  let capacity = 1024;
  let places = new Int32Array(capacity);
  let times = new Float64Array(capacity);
  let values = new Float64Array(capacity);
  let count = 0;
  let histograms = 0;
  const grow = () => {
    capacity *= 2;
    const [p, t, v] = [
      new Int32Array(capacity),
      new Float64Array(capacity),
      new Float64Array(capacity),
    ];
    p.set(places);
    t.set(times);
    v.set(values);
    [places, times, values] = [p, t, v];
  };

  while (reader.at < bytes.length) {
    const tag = reader.varint();
    if (tag === 0x1a) {
      const one = readMetadata(reader);
      if (one) metadata.push(one);
      continue;
    }
    if (tag !== 0x0a) {
      reader.skip(tag);
      continue;
    }
    const end = reader.block();
    const place = series.length;
    let labelsFrom = -1;
    let labelsTo = -1;
    let scattered = false;
    const begin = count;
    const start = reader.at;
    while (reader.at < end) {
      const fieldAt = reader.at;
      const field = reader.varint();
      if (field === 0x0a) {
        if (labelsFrom < 0) labelsFrom = fieldAt;
        else if (labelsTo !== fieldAt) scattered = true;
        reader.at = reader.block();
        labelsTo = reader.at;
      } else if (field === 0x12) {
        const sampleEnd = reader.block();
        let value = 0;
        let stale = false;
        let at = 0;
        while (reader.at < sampleEnd) {
          const part = reader.varint();
          if (part === 0x09) {
            if (reader.at + 8 > sampleEnd) throw new MalformedWrite('a value is cut off');
            // The staleness marker is this one NaN (prometheus/model/value).
            stale =
              bytes.readUInt32LE(reader.at) === 2 &&
              bytes.readUInt32LE(reader.at + 4) === 0x7ff00000;
            value = bytes.readDoubleLE(reader.at);
            reader.at += 8;
          } else if (part === 0x10) at = reader.signed();
          else reader.skip(part);
        }
        if (reader.at !== sampleEnd) throw new MalformedWrite('a sample is cut off');
        if (stale) continue;
        if (count === capacity) grow();
        places[count] = place;
        times[count] = at;
        values[count] = value;
        count++;
      } else {
        if (field === 0x22) histograms++;
        reader.skip(field);
      }
    }
    if (reader.at !== end) throw new MalformedWrite('a series is cut off');
    if (count === begin) continue;
    if (labelsTo - labelsFrom > MAX_LABEL_BYTES) {
      series.push(
        `labels: ${labelsTo - labelsFrom} bytes; at most ${MAX_LABEL_BYTES} are accepted`,
      );
      continue;
    }
    const text = labelsFrom < 0 ? '' : bytes.toString('latin1', labelsFrom, labelsTo);
    const found = scattered ? undefined : known(text);
    if (found) {
      series.push(found);
      continue;
    }
    const { metric, labels } = readLabels(reader, start, end);
    const fault = labelFault(metric, labels);
    series.push(fault ?? { key: seriesKey(metric, labels, false), metric, labels, delta: false });
    if (!scattered && !fault) raw.set(place, text);
  }
  return { decoded: { places, times, values, count, series }, metadata, raw, histograms };
}

function readLabels(
  reader: Reader,
  start: number,
  end: number,
): { metric: string; labels: Labels } {
  const back = reader.at;
  reader.at = start;
  const labels: Labels = {};
  let metric = '';
  while (reader.at < end) {
    const field = reader.varint();
    if (field !== 0x0a) {
      reader.skip(field);
      continue;
    }
    const labelEnd = reader.block();
    let name = '';
    let value = '';
    while (reader.at < labelEnd) {
      const part = reader.varint();
      if (part === 0x0a) name = reader.text();
      else if (part === 0x12) value = reader.text();
      else reader.skip(part);
    }
    if (name === '__name__') metric = value;
    else labels[name] = value;
  }
  reader.at = back;
  return { metric, labels };
}

function readMetadata(reader: Reader): Metadata | null {
  const end = reader.block();
  const out: Metadata = { metric: '', kind: 'unknown', unit: '', help: '' };
  while (reader.at < end) {
    const field = reader.varint();
    if (field === 0x08) out.kind = kinds[reader.varint()] ?? 'unknown';
    else if (field === 0x12) out.metric = reader.text();
    else if (field === 0x22) out.help = reader.text();
    else if (field === 0x2a) out.unit = reader.text();
    else reader.skip(field);
  }
  if (reader.at !== end) throw new MalformedWrite('metadata is cut off');
  return out.metric ? out : null;
}

class Reader {
  at = 0;
  private readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  /** Up to 2^53; larger ones (negative int64) lose their low bits, see `signed`. */
  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] as number;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let factor = 0x80;
    for (let i = 0; i < 9; i++) {
      byte = bytes[this.at++] as number;
      if (byte === undefined) throw new MalformedWrite('the message is cut off');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw new MalformedWrite('a number is longer than 10 bytes');
  }
  /** int64 as two's complement. */
  signed(): number {
    const start = this.at;
    const value = this.varint();
    if (value < 2 ** 53) return value;
    let big = 0n;
    for (let i = this.at - 1; i >= start; i--)
      big = (big << 7n) | BigInt((this.bytes[i] as number) & 0x7f);
    return Number(BigInt.asIntN(64, big));
  }
  /** End of the block whose length comes next. */
  block(): number {
    const length = this.varint();
    const end = this.at + length;
    if (!(end <= this.bytes.length)) throw new MalformedWrite('a block is longer than the message');
    return end;
  }
  text(): string {
    const end = this.block();
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end;
    return text;
  }
  skip(tag: number): void {
    const kind = tag & 7;
    if (tag < 8 || Number.isNaN(tag)) throw new MalformedWrite('a field has no number');
    if (kind === 0) this.varint();
    else if (kind === 1) this.at += 8;
    else if (kind === 2) this.at = this.block();
    else if (kind === 5) this.at += 4;
    else throw new MalformedWrite(`wire type ${kind} is not known`);
    if (this.at > this.bytes.length) throw new MalformedWrite('the message is cut off');
  }
}
