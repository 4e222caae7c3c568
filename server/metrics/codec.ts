/**
 * Compressed samples of one series.
 *
 * Times: delta of delta, as in Pelkonen et al., "Gorilla: A Fast, Scalable, In-Memory Time Series Database", VLDB
 * 2015, section 4.1.1, with wider classes because times are milliseconds (or microseconds, where one needs them).
 * Values: XOR with the value before, section 4.1.2 of the same paper; or, where all values are decimal numbers with
 * few digits (counters, percentages), their integer differences in Rice codes (Rice 1979), whichever is smaller.
 * Every bit comes back, NaN payloads and −0 included; times may be equal or go backwards.
 *
 * Layout: flags (1 byte), count (varint), then a bit stream padded to a byte. Readers look up to 8 bytes past the
 * end: give them a buffer with that much room (`decodeChunk` of a whole buffer makes it itself).
 */

const MICROSECONDS = 1;
const DECIMAL = 2;
/** Differences of differences are coded, not differences. */
const SECOND_ORDER = 4;
export const PADDING = 8;
const MAX_EXPONENT = 6;
const RICE_ESCAPE = 24;
const MAX_SAFE = 2 ** 53;
const powers = [1, 10, 100, 1e3, 1e4, 1e5, 1e6];

class BitWriter {
  bytes = new Uint8Array(1024);
  length = 0;
  private acc = 0;
  private free = 8;

  byte(value: number): void {
    if (this.length === this.bytes.length) {
      const wider = new Uint8Array(this.bytes.length * 2);
      wider.set(this.bytes);
      this.bytes = wider;
    }
    this.bytes[this.length++] = value;
  }
  /** The low `count` bits of `value`, 1–32 of them. */
  bits(value: number, count: number): void {
    let left = count;
    while (left > 0) {
      const take = Math.min(left, this.free);
      const part = (value >>> (left - take)) & ((1 << take) - 1);
      this.acc = (this.acc << take) | part;
      this.free -= take;
      left -= take;
      if (this.free === 0) {
        this.byte(this.acc & 0xff);
        this.acc = 0;
        this.free = 8;
      }
    }
  }
  ones(count: number): void {
    let left = count;
    for (; left >= 16; left -= 16) this.bits(0xffff, 16);
    if (left > 0) this.bits((1 << left) - 1, left);
  }
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }
  finish(): Uint8Array {
    if (this.free < 8) this.byte((this.acc << this.free) & 0xff);
    return this.bytes.slice(0, this.length);
  }
}

/** Signed to unsigned, small magnitudes first; exact up to 2^52. */
const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1);
const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

function wide(out: BitWriter, value: number): void {
  out.bits(Math.floor(value / 2 ** 32) >>> 0, 32);
  out.bits((value % 2 ** 32) >>> 0, 32);
}

function writeTimes(out: BitWriter, times: Float64Array, scale: number): void {
  let before = Math.round((times[0] ?? 0) * scale);
  wide(out, zigzag(before));
  let delta = 0;
  for (let i = 1; i < times.length; i++) {
    const at = Math.round((times[i] ?? 0) * scale);
    const next = at - before;
    const change = next - delta;
    before = at;
    delta = next;
    if (change === 0) out.bits(0, 1);
    else if (change >= -63 && change <= 64) {
      out.bits(0b10, 2);
      out.bits(change + 63, 7);
    } else if (change >= -8191 && change <= 8192) {
      out.bits(0b110, 3);
      out.bits(change + 8191, 14);
    } else if (change >= -524_287 && change <= 524_288) {
      out.bits(0b1110, 4);
      out.bits(change + 524_287, 20);
    } else {
      out.bits(0b1111, 4);
      wide(out, zigzag(change));
    }
  }
}

function writeXor(out: BitWriter, values: Float64Array): void {
  // As words, not numbers: a NaN may lose its payload when it is read as a number.
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  let low = words[0] ?? 0;
  let high = words[1] ?? 0;
  out.bits(high, 32);
  out.bits(low, 32);
  let leading = 65;
  let trailing = 0;
  for (let i = 1; i < values.length; i++) {
    const nextLow = words[i * 2] ?? 0;
    const nextHigh = words[i * 2 + 1] ?? 0;
    const xorLow = (nextLow ^ low) >>> 0;
    const xorHigh = (nextHigh ^ high) >>> 0;
    low = nextLow;
    high = nextHigh;
    if (xorLow === 0 && xorHigh === 0) {
      out.bits(0, 1);
      continue;
    }
    let lead = xorHigh === 0 ? 32 + Math.clz32(xorLow) : Math.clz32(xorHigh);
    const trail = xorLow === 0 ? 32 + trailingZeros(xorHigh) : trailingZeros(xorLow);
    if (lead > 31) lead = 31;
    if (leading <= 64 && lead >= leading && trail >= trailing) {
      out.bits(0b10, 2);
    } else {
      leading = lead;
      trailing = trail;
      out.bits(0b11, 2);
      out.bits(leading, 5);
      // 1–64 significant bits in six bits: 64 is written as 0.
      out.bits((64 - leading - trailing) & 63, 6);
    }
    shifted(out, xorHigh, xorLow, trailing, 64 - leading - trailing);
  }
}

const trailingZeros = (word: number): number => (word === 0 ? 32 : 31 - Math.clz32(word & -word));

/** `count` bits of the 64-bit number, from bit `trailing` up. */
function shifted(out: BitWriter, high: number, low: number, trailing: number, count: number): void {
  let upper = high;
  let lower = low;
  if (trailing >= 32) {
    lower = upper >>> (trailing - 32);
    upper = 0;
  } else if (trailing > 0) {
    lower = ((lower >>> trailing) | (upper << (32 - trailing))) >>> 0;
    upper >>>= trailing;
  }
  if (count > 32) out.bits(upper, count - 32);
  out.bits(lower, Math.min(32, count));
}

/** Integers whose quotient by 10^exponent is each value exactly; null when there are none. */
function asDecimals(values: Float64Array): { exponent: number; integers: Float64Array } | null {
  const integers = new Float64Array(values.length);
  let exponent = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (!Number.isFinite(value) || Object.is(value, -0)) return null;
    let found = false;
    for (let e = exponent; e <= MAX_EXPONENT; e++) {
      const power = powers[e] ?? 1;
      const integer = Math.round(value * power);
      if (Math.abs(integer) < MAX_SAFE / 8 && integer / power === value) {
        if (e > exponent) {
          // What came before is written with more digits; what does not survive that is no decimal.
          const from = powers[exponent] ?? 1;
          for (let j = 0; j < i; j++) {
            const wider = Math.round(((integers[j] ?? 0) / from) * power);
            if (Math.abs(wider) >= MAX_SAFE / 8 || wider / power !== values[j]) return null;
            integers[j] = wider;
          }
          exponent = e;
        }
        integers[i] = integer;
        found = true;
        break;
      }
    }
    if (!found) return null;
  }
  return { exponent, integers };
}

/** Zigzag differences, first or second order; the first one or two numbers are whole. */
function differences(integers: Float64Array, secondOrder: boolean): Float64Array {
  const out = new Float64Array(integers.length);
  let before = 0;
  let delta = 0;
  for (let i = 0; i < integers.length; i++) {
    const next = (integers[i] ?? 0) - before;
    out[i] = zigzag(secondOrder && i > 1 ? next - delta : next);
    before = integers[i] ?? 0;
    delta = next;
  }
  return out;
}

/** Best Rice parameter and the bits it takes, of all but the first number. */
function riceCost(numbers: Float64Array): { k: number; bits: number } {
  let sum = 0;
  for (let i = 1; i < numbers.length; i++) sum += numbers[i] ?? 0;
  const mean = numbers.length > 1 ? sum / (numbers.length - 1) : 0;
  const middle = Math.max(0, Math.min(30, Math.round(Math.log2(mean + 1))));
  let best = { k: 0, bits: Number.POSITIVE_INFINITY };
  // The mean misleads where a few numbers are huge, so smaller parameters are tried as well.
  for (const k of new Set([0, 1, 2, 4, middle - 3, middle - 2, middle - 1, middle])) {
    if (k < 0) continue;
    const unit = 2 ** k;
    let bits = 0;
    for (let i = 1; i < numbers.length; i++) {
      const quotient = Math.floor((numbers[i] ?? 0) / unit);
      bits += quotient < RICE_ESCAPE ? quotient + 1 + k : RICE_ESCAPE + 64;
    }
    if (bits < best.bits) best = { k, bits };
  }
  return best;
}

function writeRice(out: BitWriter, numbers: Float64Array, k: number): void {
  wide(out, numbers[0] ?? 0);
  const unit = 2 ** k;
  for (let i = 1; i < numbers.length; i++) {
    const number = numbers[i] ?? 0;
    const quotient = Math.floor(number / unit);
    if (quotient >= RICE_ESCAPE) {
      out.ones(RICE_ESCAPE);
      wide(out, number);
      continue;
    }
    if (quotient > 0) out.ones(quotient);
    out.bits(0, 1);
    if (k > 0) out.bits(number % unit, k);
  }
}

/**
 * Samples in the given order. `times` are milliseconds since 1970 in multiples of 0.001; from one to the
 * next they may change by 2^50 units (microseconds, or milliseconds where all are whole), far more than a slot.
 */
export function encodeChunk(times: Float64Array, values: Float64Array): Uint8Array {
  const count = times.length;
  const micro = times.some((at) => !Number.isInteger(at));
  let flags = micro ? MICROSECONDS : 0;
  const xor = new BitWriter();
  if (count > 0) writeXor(xor, values);
  const decimals = count > 1 ? asDecimals(values) : null;
  let rice: { numbers: Float64Array; k: number } | null = null;
  if (decimals) {
    const first = differences(decimals.integers, false);
    const second = differences(decimals.integers, true);
    const [a, b] = [riceCost(first), riceCost(second)];
    const better = a.bits <= b.bits ? a : b;
    if (better.bits + 64 + 16 < xor.length * 8) {
      flags |= DECIMAL;
      if (better === b) flags |= SECOND_ORDER;
      rice = { numbers: better === a ? first : second, k: better.k };
    }
  }
  const out = new BitWriter();
  out.byte(flags);
  out.varint(count);
  if (count === 0) return out.finish();
  writeTimes(out, times, micro ? 1000 : 1);
  if (rice) {
    out.bits(decimals?.exponent ?? 0, 4);
    out.bits(rice.k, 5);
    writeRice(out, rice.numbers, rice.k);
  } else {
    writeXor(out, values);
  }
  return out.finish();
}

/** Samples in a chunk, without decoding it. */
export function chunkCount(bytes: Uint8Array, offset = 0): number {
  let count = 0;
  let factor = 1;
  for (let at = offset + 1; ; at++) {
    const byte = bytes[at] ?? 0;
    count += (byte & 0x7f) * factor;
    if (byte < 0x80) return count;
    factor *= 0x80;
  }
}

/** A chunk by itself. */
export function decodeChunk(bytes: Uint8Array): { times: Float64Array; values: Float64Array } {
  const count = chunkCount(bytes);
  const times = new Float64Array(count);
  const values = new Float64Array(count);
  const padded = new Uint8Array(bytes.length + PADDING);
  padded.set(bytes);
  decodeInto(padded, 0, times, values, 0);
  return { times, values };
}

/**
 * Decodes the chunk at `offset` of `bytes`, which must have `PADDING` bytes behind it, into `times` and `values`
 * from `start` on; answers how many samples that were.
 */
export function decodeInto(
  bytes: Uint8Array,
  offset: number,
  times: Float64Array,
  values: Float64Array,
  start: number,
): number {
  const flags = bytes[offset] ?? 0;
  const count = chunkCount(bytes, offset);
  if (count === 0) return 0;
  let head = offset + 2;
  while ((bytes[head - 1] ?? 0) >= 0x80) head++;
  // Position in bits. One function over local numbers: a reader object would cost twice the time.
  let at = head * 8;
  const read = (n: number): number => {
    const p = at >>> 3;
    const off = at & 7;
    at += n;
    const word =
      (((bytes[p] as number) << 24) |
        ((bytes[p + 1] as number) << 16) |
        ((bytes[p + 2] as number) << 8) |
        (bytes[p + 3] as number)) >>>
      0;
    if (off + n <= 32) return ((word << off) >>> (32 - n)) >>> 0;
    return (((word << off) | ((bytes[p + 4] as number) >>> (8 - off))) >>> (32 - n)) >>> 0;
  };
  const readWide = (): number => read(32) * 2 ** 32 + read(32);

  const perMs = (flags & MICROSECONDS) !== 0 ? 1000 : 1;
  let time = unzigzag(readWide());
  let delta = 0;
  times[start] = time / perMs;
  for (let i = 1; i < count; i++) {
    if (read(1) !== 0) {
      let kind = 0;
      while (kind < 3 && read(1) !== 0) kind++;
      if (kind === 0) delta += read(7) - 63;
      else if (kind === 1) delta += read(14) - 8191;
      else if (kind === 2) delta += read(20) - 524_287;
      else delta += unzigzag(readWide());
    }
    time += delta;
    times[start + i] = time / perMs;
  }
  if ((flags & DECIMAL) !== 0) {
    const power = powers[read(4)] ?? 1;
    const k = read(5);
    const secondOrder = (flags & SECOND_ORDER) !== 0;
    const unit = 2 ** k;
    let integer = unzigzag(readWide());
    let step = integer;
    values[start] = integer / power;
    for (let i = 1; i < count; i++) {
      // The unary part: ones before the first zero.
      const ahead = ~read(32);
      at -= 32;
      const ones = Math.clz32(ahead);
      let number: number;
      if (ones >= RICE_ESCAPE) {
        at += RICE_ESCAPE;
        number = readWide();
      } else {
        at += ones + 1;
        number = k > 0 ? ones * unit + read(k) : ones;
      }
      const difference = unzigzag(number);
      step = secondOrder && i > 1 ? step + difference : difference;
      integer += step;
      values[start + i] = integer / power;
    }
    return count;
  }
  const words = new Uint32Array(values.buffer, values.byteOffset + start * 8, count * 2);
  let high = read(32);
  let low = read(32);
  words[0] = low;
  words[1] = high;
  let leading = 0;
  let trailing = 0;
  for (let i = 1; i < count; i++) {
    if (read(1) !== 0) {
      if (read(1) !== 0) {
        leading = read(5);
        const significant = read(6);
        trailing = 64 - leading - (significant === 0 ? 64 : significant);
      }
      const bits = 64 - leading - trailing;
      let upper = bits > 32 ? read(bits - 32) : 0;
      let lower = read(Math.min(bits, 32));
      if (trailing >= 32) {
        upper = (lower << (trailing - 32)) >>> 0;
        lower = 0;
      } else if (trailing > 0) {
        upper = ((upper << trailing) | (lower >>> (32 - trailing))) >>> 0;
        lower = (lower << trailing) >>> 0;
      }
      high = (high ^ upper) >>> 0;
      low = (low ^ lower) >>> 0;
    }
    words[i * 2] = low;
    words[i * 2 + 1] = high;
  }
  return count;
}
