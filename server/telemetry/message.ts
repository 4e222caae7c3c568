/**
 * One way to read OTLP messages from protobuf bytes and from JSON: fields are asked for by number and by name, with
 * the type they must have. Protobuf is indexed one message at a time and never copied; JSON follows the protobuf
 * mapping with OTLP's exceptions (identifiers in hex, enums as numbers). Fields that nobody asks for are ignored.
 * Absent fields have their default. Whatever has the wrong form throws `Malformed`. Pure.
 *
 * Source: protobuf.dev "Encoding"; OTLP specification, "JSON Protobuf Encoding".
 */
export class Malformed extends Error {}

export type Message = {
  has(id: number, name: string): boolean;
  text(id: number, name: string): string;
  /** Lower-case hex. */
  identifier(id: number, name: string): string;
  base64(id: number, name: string): string;
  flag(id: number, name: string): boolean;
  /** `int32`, `int64`, `uint32`, `uint64`. */
  integer(id: number, name: string): bigint;
  /** `sint32`, `sint64`. */
  signed(id: number, name: string): number;
  /** In JSON also by name. */
  choice(id: number, name: string, names: Readonly<Record<string, number>>): number;
  double(id: number, name: string): number;
  /** `fixed64`. */
  fixed(id: number, name: string): bigint;
  /** `sfixed64`. */
  signedFixed(id: number, name: string): bigint;
  fixed32(id: number, name: string): number;
  doubles(id: number, name: string): number[];
  /** `repeated fixed64`. */
  fixeds(id: number, name: string): number[];
  /** `repeated uint64`. */
  integers(id: number, name: string): number[];
  message(id: number, name: string): Message | null;
  messages(id: number, name: string): Message[];
};

/** More numbers in one list are no measurement. */
const MAX_LIST = 20_000;
const empty = Buffer.alloc(0);

export function protobufMessage(bytes: Buffer): Message {
  // Triples: field number and wire type, start, end.
  const fields: number[] = [];
  let at = 0;
  const varint = (limit: number): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= limit) break;
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Malformed('a varint has no end');
  };
  /** Numbers below 2^28, which tags and lengths are, without big integers. */
  const short = (): number => {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= bytes.length) break;
      const byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Malformed('a tag or length is too large');
  };
  const skipVarint = () => {
    for (let count = 0; count < 10; count++) {
      if (at >= bytes.length) break;
      if ((bytes[at++] ?? 0) < 0x80) return;
    }
    throw new Malformed('a varint has no end');
  };
  while (at < bytes.length) {
    const tag = short();
    if (tag >> 3 === 0) throw new Malformed('a field has the number 0');
    let start = at;
    switch (tag & 7) {
      case 0:
        skipVarint();
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = short();
        start = at;
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Malformed(`a field has the wire type ${tag & 7}`);
    }
    if (at > bytes.length) throw new Malformed('a field is longer than its message');
    fields.push(tag, start, at);
  }

  /** Where the last one of this field stands, as protobuf has it; -1 when it is absent. */
  const find = (id: number, wire: number): number => {
    for (let i = fields.length - 3; i >= 0; i -= 3) {
      if ((fields[i] ?? 0) >> 3 !== id) continue;
      if (((fields[i] ?? 0) & 7) !== wire) throw new Malformed(`field ${id} has another type`);
      return i;
    }
    return -1;
  };
  const slice = (id: number): Buffer => {
    const i = find(id, 2);
    return i < 0 ? empty : bytes.subarray(fields[i + 1], fields[i + 2]);
  };
  const integerAt = (id: number): bigint => {
    const i = find(id, 0);
    if (i < 0) return 0n;
    at = fields[i + 1] ?? 0;
    return varint(fields[i + 2] ?? 0);
  };
  /** Packed or one by one, as both are allowed. */
  const list = (id: number, wire: number, read: (end: number) => number): number[] => {
    const values: number[] = [];
    for (let i = 0; i < fields.length; i += 3) {
      const tag = fields[i] ?? 0;
      if (tag >> 3 !== id) continue;
      if ((tag & 7) !== 2 && (tag & 7) !== wire)
        throw new Malformed(`field ${id} has another type`);
      at = fields[i + 1] ?? 0;
      const end = fields[i + 2] ?? 0;
      while (at < end) {
        if (values.length >= MAX_LIST) throw new Malformed(`field ${id} has too many numbers`);
        values.push(read(end));
      }
    }
    return values;
  };
  const eight = (end: number): number => {
    at += 8;
    if (at > end) throw new Malformed('a list of numbers ends within one');
    return at - 8;
  };

  return {
    has(id) {
      for (let i = 0; i < fields.length; i += 3) if ((fields[i] ?? 0) >> 3 === id) return true;
      return false;
    },
    text: (id) => slice(id).toString('utf8'),
    identifier: (id) => slice(id).toString('hex'),
    base64: (id) => slice(id).toString('base64'),
    flag: (id) => integerAt(id) !== 0n,
    integer: (id) => BigInt.asIntN(64, integerAt(id)),
    signed(id) {
      const raw = integerAt(id);
      return Number((raw >> 1n) ^ -(raw & 1n));
    },
    choice: (id) => Number(BigInt.asIntN(32, integerAt(id))),
    double(id) {
      const i = find(id, 1);
      return i < 0 ? 0 : bytes.readDoubleLE(fields[i + 1]);
    },
    fixed(id) {
      const i = find(id, 1);
      return i < 0 ? 0n : bytes.readBigUInt64LE(fields[i + 1]);
    },
    signedFixed(id) {
      const i = find(id, 1);
      return i < 0 ? 0n : bytes.readBigInt64LE(fields[i + 1]);
    },
    fixed32(id) {
      const i = find(id, 5);
      return i < 0 ? 0 : bytes.readUInt32LE(fields[i + 1]);
    },
    doubles: (id) => list(id, 1, (end) => bytes.readDoubleLE(eight(end))),
    fixeds: (id) => list(id, 1, (end) => Number(bytes.readBigUInt64LE(eight(end)))),
    integers: (id) => list(id, 0, (end) => Number(varint(end))),
    message: (id) => (find(id, 2) < 0 ? null : protobufMessage(slice(id))),
    messages(id) {
      const found: Message[] = [];
      for (let i = 0; i < fields.length; i += 3) {
        const tag = fields[i] ?? 0;
        if (tag >> 3 !== id) continue;
        if ((tag & 7) !== 2) throw new Malformed(`field ${id} has another type`);
        found.push(protobufMessage(bytes.subarray(fields[i + 1], fields[i + 2])));
      }
      return found;
    },
  };
}

const HEX = /^(?:[0-9a-f]{2})*$/i;
const WHOLE = /^-?\d{1,20}$/;

/** `path` says in errors where this object stands. */
export function jsonMessage(value: unknown, path = ''): Message {
  const where = (name: string) => (path ? `${path}.${name}` : name);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Malformed(`${path || 'the body'}: must be an object`);
  }
  const object: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(value));
  const read = (name: string): unknown =>
    Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined;
  const wrong = (name: string, wanted: string) =>
    new Malformed(`${where(name)}: must be ${wanted}`);
  const textOf = (name: string): string => {
    const found = read(name);
    if (found === undefined) return '';
    if (typeof found !== 'string') throw wrong(name, 'a text');
    return found;
  };
  const whole = (found: unknown, name: string): bigint => {
    if (found === undefined) return 0n;
    if (typeof found === 'string' && WHOLE.test(found)) return BigInt(found);
    if (typeof found === 'number' && Number.isInteger(found)) return BigInt(found);
    throw wrong(name, 'a whole number');
  };
  const real = (found: unknown, name: string): number => {
    if (found === undefined) return 0;
    if (typeof found === 'number') return found;
    if (found === 'NaN' || found === 'Infinity' || found === '-Infinity') return Number(found);
    if (typeof found === 'string' && found.trim() !== '' && Number.isFinite(Number(found)))
      return Number(found);
    throw wrong(name, 'a number');
  };
  const list = (name: string): readonly unknown[] => {
    const found = read(name);
    if (found === undefined) return [];
    if (!Array.isArray(found)) throw wrong(name, 'a list');
    return found;
  };
  const numbers = (name: string, one: (found: unknown, name: string) => number): number[] => {
    const found = list(name);
    if (found.length > MAX_LIST) throw wrong(name, `at most ${MAX_LIST} numbers`);
    return found.map((item) => one(item ?? undefined, name));
  };
  const integer = (name: string) => whole(read(name), name);

  return {
    has: (_id, name) => read(name) !== undefined,
    text: (_id, name) => textOf(name),
    identifier(_id, name) {
      const found = textOf(name);
      if (!HEX.test(found)) throw wrong(name, 'hexadecimal digits');
      return found.toLowerCase();
    },
    base64: (_id, name) => textOf(name),
    flag(_id, name) {
      const found = read(name);
      if (found !== undefined && typeof found !== 'boolean') throw wrong(name, 'true or false');
      return found ?? false;
    },
    integer: (_id, name) => integer(name),
    signed: (_id, name) => Number(integer(name)),
    choice(_id, name, names) {
      const found = read(name);
      if (typeof found !== 'string' || WHOLE.test(found)) return Number(whole(found, name));
      const number = Object.hasOwn(names, found) ? names[found] : undefined;
      if (number === undefined) throw wrong(name, `a number or one of ${Object.keys(names)}`);
      return number;
    },
    double: (_id, name) => real(read(name), name),
    fixed: (_id, name) => integer(name),
    signedFixed: (_id, name) => integer(name),
    fixed32: (_id, name) => Number(integer(name)),
    doubles: (_id, name) => numbers(name, real),
    fixeds: (_id, name) => numbers(name, (found) => Number(whole(found, name))),
    integers: (_id, name) => numbers(name, (found) => Number(whole(found, name))),
    message(_id, name) {
      const found = read(name);
      return found === undefined ? null : jsonMessage(found, where(name));
    },
    messages: (_id, name) =>
      list(name).map((item, index) => jsonMessage(item, `${where(name)}.${index}`)),
  };
}
