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
export const protobufMessage = (bytes: Buffer): Message =>
  new ProtobufMessage(bytes, 0, bytes.length);
export const jsonMessage = (value: unknown): Message => new JsonMessage(value, '');

/** A class and not closures: a large request makes many thousands of these. */
class ProtobufMessage implements Message {
  private readonly bytes: Buffer;
  private at: number;
  private readonly end: number;
  /** Triples: field number and wire type, start, end. Made when first asked for. */
  private indexed: number[] | null = null;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }
  private get fields(): number[] {
    this.indexed ??= this.index();
    return this.indexed;
  }
  private index(): number[] {
    const { end } = this;
    const fields: number[] = [];
    while (this.at < end) {
      const tag = this.short();
      if (tag >> 3 === 0) throw new Malformed('a field has the number 0');
      let start = this.at;
      switch (tag & 7) {
        case 0:
          this.skipVarint();
          break;
        case 1:
          this.at += 8;
          break;
        case 2: {
          const length = this.short();
          start = this.at;
          this.at += length;
          break;
        }
        case 5:
          this.at += 4;
          break;
        default:
          throw new Malformed(`a field has the wire type ${tag & 7}`);
      }
      if (this.at > end) throw new Malformed('a field is longer than its message');
      fields.push(tag, start, this.at);
    }
    return fields;
  }
  /** Numbers below 2^28, which tags and lengths are, without big integers. */
  private short(): number {
    let value = 0;
    for (let shift = 0; shift < 28 && this.at < this.end; shift += 7) {
      const byte = this.bytes[this.at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Malformed('a tag or length is too large');
  }
  private skipVarint(): void {
    for (let count = 0; count < 10 && this.at < this.end; count++) {
      if ((this.bytes[this.at++] ?? 0) < 0x80) return;
    }
    throw new Malformed('a varint has no end');
  }
  private varint(limit: number): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n && this.at < limit; shift += 7n) {
      const byte = this.bytes[this.at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Malformed('a varint has no end');
  }
  /** Where the last one of this field begins, as protobuf has it, with its end in `upTo`; -1 when it is absent. */
  private find(id: number, wire: number): number {
    const { fields } = this;
    for (let i = fields.length - 3; i >= 0; i -= 3) {
      const tag = fields[i] ?? 0;
      if (tag >> 3 !== id) continue;
      if ((tag & 7) !== wire) throw new Malformed(`field ${id} has another type`);
      this.upTo = fields[i + 2] ?? 0;
      return fields[i + 1] ?? 0;
    }
    return -1;
  }
  private upTo = 0;
  private part(id: number, encoding: 'utf8' | 'hex' | 'base64'): string {
    const start = this.find(id, 2);
    return start < 0 ? '' : this.bytes.toString(encoding, start, this.upTo);
  }
  private varintOf(id: number): bigint {
    const start = this.find(id, 0);
    if (start < 0) return 0n;
    this.at = start;
    return this.varint(this.upTo);
  }
  /** Packed or one by one, as both are allowed. */
  private list(id: number, wire: number, read: (end: number) => number): number[] {
    const { fields } = this;
    const values: number[] = [];
    for (let i = 0; i < fields.length; i += 3) {
      const tag = fields[i] ?? 0;
      if (tag >> 3 !== id) continue;
      if ((tag & 7) !== 2 && (tag & 7) !== wire)
        throw new Malformed(`field ${id} has another type`);
      this.at = fields[i + 1] ?? 0;
      const end = fields[i + 2] ?? 0;
      while (this.at < end) {
        if (values.length >= MAX_LIST) throw new Malformed(`field ${id} has too many numbers`);
        values.push(read(end));
      }
    }
    return values;
  }
  private eight(end: number): number {
    this.at += 8;
    if (this.at > end) throw new Malformed('a list of numbers ends within one');
    return this.at - 8;
  }

  has(id: number): boolean {
    const { fields } = this;
    for (let i = 0; i < fields.length; i += 3) if ((fields[i] ?? 0) >> 3 === id) return true;
    return false;
  }
  text(id: number): string {
    return this.part(id, 'utf8');
  }
  identifier(id: number): string {
    return this.part(id, 'hex');
  }
  base64(id: number): string {
    return this.part(id, 'base64');
  }
  flag(id: number): boolean {
    return this.varintOf(id) !== 0n;
  }
  integer(id: number): bigint {
    return BigInt.asIntN(64, this.varintOf(id));
  }
  signed(id: number): number {
    const raw = this.varintOf(id);
    return Number((raw >> 1n) ^ -(raw & 1n));
  }
  choice(id: number): number {
    return Number(BigInt.asIntN(32, this.varintOf(id)));
  }
  double(id: number): number {
    const start = this.find(id, 1);
    return start < 0 ? 0 : this.bytes.readDoubleLE(start);
  }
  fixed(id: number): bigint {
    const start = this.find(id, 1);
    return start < 0 ? 0n : this.bytes.readBigUInt64LE(start);
  }
  signedFixed(id: number): bigint {
    return BigInt.asIntN(64, this.fixed(id));
  }
  fixed32(id: number): number {
    const start = this.find(id, 5);
    return start < 0 ? 0 : this.bytes.readUInt32LE(start);
  }
  doubles(id: number): number[] {
    return this.list(id, 1, (end) => this.bytes.readDoubleLE(this.eight(end)));
  }
  fixeds(id: number): number[] {
    return this.list(id, 1, (end) => Number(this.bytes.readBigUInt64LE(this.eight(end))));
  }
  integers(id: number): number[] {
    return this.list(id, 0, (end) => Number(this.varint(end)));
  }
  message(id: number): Message | null {
    const start = this.find(id, 2);
    return start < 0 ? null : new ProtobufMessage(this.bytes, start, this.upTo);
  }
  messages(id: number): Message[] {
    const { fields } = this;
    const found: Message[] = [];
    for (let i = 0; i < fields.length; i += 3) {
      const tag = fields[i] ?? 0;
      if (tag >> 3 !== id) continue;
      if ((tag & 7) !== 2) throw new Malformed(`field ${id} has another type`);
      found.push(new ProtobufMessage(this.bytes, fields[i + 1] ?? 0, fields[i + 2] ?? 0));
    }
    return found;
  }
}

const HEX = /^(?:[0-9a-f]{2})*$/i;
const WHOLE = /^-?\d{1,20}$/;

class JsonMessage implements Message {
  private readonly object: object;
  /** Where this object stands, for errors. */
  private readonly path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Malformed(`${path || 'the body'}: must be an object`);
    }
    this.object = value;
    this.path = path;
  }
  private where(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }
  private read(name: string): unknown {
    const found: unknown = Object.getOwnPropertyDescriptor(this.object, name)?.value;
    return found ?? undefined;
  }
  private wrong(name: string, wanted: string): Malformed {
    return new Malformed(`${this.where(name)}: must be ${wanted}`);
  }
  private whole(found: unknown, name: string): bigint {
    if (found === undefined) return 0n;
    if (typeof found === 'string' && WHOLE.test(found)) return BigInt(found);
    if (typeof found === 'number' && Number.isInteger(found)) return BigInt(found);
    throw this.wrong(name, 'a whole number');
  }
  private real(found: unknown, name: string): number {
    if (found === undefined) return 0;
    if (typeof found === 'number') return found;
    if (found === 'NaN' || found === 'Infinity' || found === '-Infinity') return Number(found);
    if (typeof found === 'string' && found.trim() !== '' && Number.isFinite(Number(found)))
      return Number(found);
    throw this.wrong(name, 'a number');
  }
  private list(name: string): readonly unknown[] {
    const found = this.read(name);
    if (found === undefined) return [];
    if (!Array.isArray(found)) throw this.wrong(name, 'a list');
    return found;
  }
  private numbers(name: string, one: (found: unknown) => number): number[] {
    const found = this.list(name);
    if (found.length > MAX_LIST) throw this.wrong(name, `at most ${MAX_LIST} numbers`);
    return found.map((item) => one(item ?? undefined));
  }

  has(_id: number, name: string): boolean {
    return this.read(name) !== undefined;
  }
  text(_id: number, name: string): string {
    const found = this.read(name);
    if (found === undefined) return '';
    if (typeof found !== 'string') throw this.wrong(name, 'a text');
    return found;
  }
  identifier(id: number, name: string): string {
    const found = this.text(id, name);
    if (!HEX.test(found)) throw this.wrong(name, 'hexadecimal digits');
    return found.toLowerCase();
  }
  base64(id: number, name: string): string {
    return this.text(id, name);
  }
  flag(_id: number, name: string): boolean {
    const found = this.read(name);
    if (found !== undefined && typeof found !== 'boolean') throw this.wrong(name, 'true or false');
    return found ?? false;
  }
  integer(_id: number, name: string): bigint {
    return this.whole(this.read(name), name);
  }
  signed(id: number, name: string): number {
    return Number(this.integer(id, name));
  }
  choice(_id: number, name: string, names: Readonly<Record<string, number>>): number {
    const found = this.read(name);
    if (typeof found !== 'string' || WHOLE.test(found)) return Number(this.whole(found, name));
    const number = Object.hasOwn(names, found) ? names[found] : undefined;
    if (number === undefined) throw this.wrong(name, `a number or one of ${Object.keys(names)}`);
    return number;
  }
  double(_id: number, name: string): number {
    return this.real(this.read(name), name);
  }
  fixed(id: number, name: string): bigint {
    return this.integer(id, name);
  }
  signedFixed(id: number, name: string): bigint {
    return this.integer(id, name);
  }
  fixed32(id: number, name: string): number {
    return Number(this.integer(id, name));
  }
  doubles(_id: number, name: string): number[] {
    return this.numbers(name, (found) => this.real(found, name));
  }
  fixeds(_id: number, name: string): number[] {
    return this.numbers(name, (found) => Number(this.whole(found, name)));
  }
  integers(id: number, name: string): number[] {
    return this.fixeds(id, name);
  }
  message(_id: number, name: string): Message | null {
    const found = this.read(name);
    return found === undefined ? null : new JsonMessage(found, this.where(name));
  }
  messages(_id: number, name: string): Message[] {
    return this.list(name).map(
      (item, index) => new JsonMessage(item, `${this.where(name)}.${index}`),
    );
  }
}
