/**
 * Samples of many series in the order they came: the payload of a row of the write-ahead log. Blocks stand one after
 * the other, so that payloads are joined by putting them together (PostgreSQL does so itself).
 *
 * A block: count (varint), then by column: series ids (zigzag varint of the difference), times (zigzag varint of the
 * difference in microseconds), values (8 bytes each, as they are).
 */

export class Columns {
  ids: Int32Array;
  times: Float64Array;
  values: Float64Array;
  count = 0;
  constructor(capacity: number) {
    this.ids = new Int32Array(capacity);
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
  }
  /** Makes room for `more` samples. */
  reserve(more: number): void {
    const needed = this.count + more;
    if (needed <= this.ids.length) return;
    const capacity = Math.max(needed, this.ids.length * 2);
    const wider = new Columns(capacity);
    wider.ids.set(this.ids.subarray(0, this.count));
    wider.times.set(this.times.subarray(0, this.count));
    wider.values.set(this.values.subarray(0, this.count));
    this.ids = wider.ids;
    this.times = wider.times;
    this.values = wider.values;
  }
  push(id: number, at: number, value: number): void {
    if (this.count === this.ids.length) this.reserve(1);
    const i = this.count++;
    this.ids[i] = id;
    this.times[i] = at;
    this.values[i] = value;
  }
  append(other: Columns): void {
    this.reserve(other.count);
    this.ids.set(other.ids.subarray(0, other.count), this.count);
    this.times.set(other.times.subarray(0, other.count), this.count);
    this.values.set(other.values.subarray(0, other.count), this.count);
    this.count += other.count;
  }
}

const MAX_VARINT = 8;

export function encodeBatch({ ids, times, values, count }: Columns): Buffer {
  const bytes = Buffer.allocUnsafe(MAX_VARINT + count * (5 + MAX_VARINT + 8));
  let at = 0;
  const varint = (value: number) => {
    let rest = value;
    while (rest >= 0x80) {
      bytes[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[at++] = rest;
  };
  const signed = (value: number) => varint(value >= 0 ? value * 2 : -value * 2 - 1);
  varint(count);
  let id = 0;
  for (let i = 0; i < count; i++) {
    const next = ids[i] ?? 0;
    signed(next - id);
    id = next;
  }
  let time = 0;
  for (let i = 0; i < count; i++) {
    const next = Math.round((times[i] ?? 0) * 1000);
    signed(next - time);
    time = next;
  }
  // Copied as bytes, so that a NaN keeps its payload.
  const raw = Buffer.from(values.buffer, values.byteOffset, count * 8);
  raw.copy(bytes, at);
  return bytes.subarray(0, at + count * 8);
}

/** Appends all samples of a payload to `into`. */
export function decodeBatch(bytes: Uint8Array, into: Columns): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('a batch of samples ends too early');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
  };
  const signed = (): number => {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  while (at < bytes.length) {
    const count = varint();
    into.reserve(count);
    const start = into.count;
    let id = 0;
    for (let i = 0; i < count; i++) {
      id += signed();
      into.ids[start + i] = id;
    }
    let time = 0;
    for (let i = 0; i < count; i++) {
      time += signed();
      into.times[start + i] = time / 1000;
    }
    if (at + count * 8 > bytes.length) throw new Error('a batch of samples ends too early');
    new Uint8Array(into.values.buffer, into.values.byteOffset + start * 8, count * 8).set(
      bytes.subarray(at, at + count * 8),
    );
    at += count * 8;
    into.count = start + count;
  }
}
