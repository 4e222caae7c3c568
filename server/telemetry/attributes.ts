/** OpenTelemetry attributes as labels of series and as the JSON of events. Pure. */
import type { Message } from './message.ts';

export type Scalar = string | number | boolean;
export type Attributes = Record<string, Scalar>;

const MAX_DEPTH = 8;
const MAX_ATTRIBUTES = 128;
const MAX_NAME = 200;
const MAX_VALUE = 8_192;
/** All values of one event together; what comes later is left out. */
const MAX_TOTAL = 64 * 1024;

/** Text that PostgreSQL holds: no NUL, no half of a surrogate pair. */
export const storable = (text: string, max: number): string =>
  (text.length > max ? text.slice(0, max) : text).toWellFormed().replaceAll('\0', '');

/** Nested lists and maps as plain JSON. */
function plain(value: Message | null, depth: number): unknown {
  if (!value) return null;
  if (depth > MAX_DEPTH) return '…';
  if (value.has(1, 'stringValue')) return value.text(1, 'stringValue');
  if (value.has(2, 'boolValue')) return value.flag(2, 'boolValue');
  if (value.has(3, 'intValue')) {
    const number = value.integer(3, 'intValue');
    const exact = Number(number);
    return Number.isSafeInteger(exact) ? exact : number.toString();
  }
  if (value.has(4, 'doubleValue')) {
    const number = value.double(4, 'doubleValue');
    return Number.isFinite(number) ? number : String(number);
  }
  if (value.has(5, 'arrayValue')) {
    const list = value.message(5, 'arrayValue')?.messages(1, 'values') ?? [];
    return list.map((item) => plain(item, depth + 1));
  }
  if (value.has(6, 'kvlistValue')) {
    const list = value.message(6, 'kvlistValue')?.messages(1, 'values') ?? [];
    return Object.fromEntries(
      list.map((pair) => [pair.text(1, 'key'), plain(pair.message(2, 'value'), depth + 1)]),
    );
  }
  if (value.has(7, 'bytesValue')) return value.base64(7, 'bytesValue');
  return null;
}

/** One value: a text, a number or a boolean as it is, anything else as JSON; null for none. */
export function scalarOf(value: Message | null): Scalar | null {
  const found = plain(value, 0);
  if (typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean')
    return found;
  return found === null ? null : JSON.stringify(found);
}

/** Calls `take` for each attribute that has a value. */
export function eachAttribute(
  pairs: readonly Message[],
  take: (name: string, value: Scalar) => void,
): void {
  for (const pair of pairs) {
    const name = pair.text(1, 'key');
    const value = scalarOf(pair.message(2, 'value'));
    if (name !== '' && value !== null) take(name, value);
  }
}

/** Adds attributes to labels, as text. */
export function addLabels(labels: Record<string, string>, pairs: readonly Message[]): void {
  eachAttribute(pairs, (name, value) => {
    labels[name] = String(value);
  });
}

/** Attributes of an event; later lists win over earlier ones. Bounded in number and size. */
export function attributesOf(...lists: (readonly Message[])[]): Attributes {
  const found = new Map<string, Scalar>();
  for (const pairs of lists) {
    eachAttribute(pairs, (name, value) => {
      const key = storable(name, MAX_NAME);
      if (found.size >= MAX_ATTRIBUTES && !found.has(key)) return;
      found.set(key, typeof value === 'string' ? storable(value, MAX_VALUE) : value);
    });
  }
  let total = 0;
  return Object.fromEntries(
    [...found].filter(([name, value]) => {
      total += name.length + (typeof value === 'string' ? value.length : 8);
      return total <= MAX_TOTAL;
    }),
  );
}

export type Resource = { service: string; instance: string; attributes: Message[] };

/** Who sent it. `unknown_service` is what OpenTelemetry itself says when nobody knows. */
export function resourceOf(holder: Message): Resource {
  const attributes = holder.message(1, 'resource')?.messages(1, 'attributes') ?? [];
  let service = '';
  let instance = '';
  eachAttribute(attributes, (name, value) => {
    if (name === 'service.name') service = String(value);
    if (name === 'service.instance.id') instance = String(value);
  });
  return { service: service || 'unknown_service', instance, attributes };
}

/** Nanoseconds since 1970 as milliseconds with microseconds after the point. */
export const millis = (nanos: bigint): number => Number((nanos + 500n) / 1000n) / 1000;
