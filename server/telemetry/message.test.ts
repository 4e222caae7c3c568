import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readLogs, readSpans } from './events.ts';
import { jsonMessage, Malformed, protobufMessage } from './message.ts';
import { goNumber, readMetrics } from './points.ts';

const readers = { metrics: readMetrics, traces: readSpans, logs: readLogs };
const all = (work: Generator<void, unknown>) => {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
};
const NOW = Date.parse('2026-03-02T08:00:00Z');

describe('protobuf', () => {
  const message = (...bytes: number[]) => protobufMessage(Buffer.from(bytes));

  test('scalars, the last of a field that is there twice, and unknown fields', () => {
    const m = message(
      ...[0x0a, 2, 0x68, 0x69], // 1: "hi"
      ...[0x10, 0x96, 0x01], // 2: 150
      ...[0x18, 0x03], // 3: zigzag -2
      ...[0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f], // 4: 1.0
      ...[0x29, 1, 0, 0, 0, 0, 0, 0, 0x80], // 5: fixed64
      ...[0x35, 7, 0, 0, 0], // 6: fixed32
      ...[0xfa, 0x3f, 1, 0], // 1023: ignored
      ...[0x10, 0x01], // 2 again
    );
    expect(m.text(1, 'a')).toBe('hi');
    expect(m.integer(2, 'b')).toBe(1n);
    expect(m.signed(3, 'c')).toBe(-2);
    expect(m.double(4, 'd')).toBe(1);
    expect(m.fixed(5, 'e')).toBe(2n ** 63n + 1n);
    expect(m.signedFixed(5, 'e')).toBe(-(2n ** 63n) + 1n);
    expect(m.fixed32(6, 'f')).toBe(7);
    expect([m.has(7, 'g'), m.text(7, 'g'), m.integer(7, 'g'), m.double(7, 'g')]).toEqual([
      false,
      '',
      0n,
      0,
    ]);
    expect(m.message(7, 'g')).toBeNull();
  });
  test('negative int64 takes ten bytes', () => {
    expect(message(0x08, ...Array(9).fill(0xff), 0x01).integer(1, 'a')).toBe(-1n);
  });
  test('lists are packed or not', () => {
    expect(message(0x0a, 3, 1, 0x96, 0x01).integers(1, 'a')).toEqual([1, 150]);
    expect(message(0x08, 1, 0x08, 0x96, 0x01).integers(1, 'a')).toEqual([1, 150]);
  });
  test.each([
    ['a varint without end', [0x08, 0xff]],
    ['a varint of eleven bytes', [0x08, ...Array(11).fill(0xff)]],
    ['a length beyond the end', [0x0a, 5, 1]],
    ['a length beyond everything', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['field 0', [0x00, 1]],
    ['a group', [0x0b, 0x0c]],
    ['eight bytes that are four', [0x09, 1, 2, 3, 4]],
  ])('%s is malformed', (_name, bytes) =>
    expect(() => message(...bytes).has(1, 'a')).toThrow(Malformed),
  );
  test('another type than asked for is malformed', () => {
    expect(() => message(0x08, 1).text(1, 'a')).toThrow(Malformed);
    expect(() => message(0x0a, 3, 1, 2, 3).doubles(1, 'a')).toThrow(Malformed);
  });
});

describe('JSON', () => {
  test('int64 as text or number, enums by number or name, NaN as text, null as absent', () => {
    const m = jsonMessage({
      a: '1700000000000000001',
      b: 12,
      c: 'TWO',
      d: 'NaN',
      e: '-Infinity',
      f: null,
      g: 'ABCD',
      h: ['1', 2],
    });
    expect(m.fixed(0, 'a')).toBe(1_700_000_000_000_000_001n);
    expect(m.integer(0, 'b')).toBe(12n);
    expect(m.choice(0, 'c', { ONE: 1, TWO: 2 })).toBe(2);
    expect(m.choice(0, 'b', {})).toBe(12);
    expect([m.double(0, 'd'), m.double(0, 'e')]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY]);
    expect([m.has(0, 'f'), m.text(0, 'f'), m.messages(0, 'f')]).toEqual([false, '', []]);
    expect(m.identifier(0, 'g')).toBe('abcd');
    expect(m.fixeds(0, 'h')).toEqual([1, 2]);
    expect(m.text(0, 'toString')).toBe('');
  });
  test('faults say where they are', () => {
    const body = { resourceMetrics: [{}, { scopeMetrics: [{ metrics: [{ name: 5 }] }] }] };
    expect(() => all(readMetrics(jsonMessage(body), NOW))).toThrow(
      'resourceMetrics.1.scopeMetrics.0.metrics.0.name: must be a text',
    );
  });
});

test.each([
  [0.005, '0.005'],
  [1, '1'],
  [250_000, '250000'],
  [1e6, '1e+06'],
  [1_234_567, '1.234567e+06'],
  [1e-5, '1e-05'],
  [0.0001, '0.0001'],
  [2.5, '2.5'],
  [-3, '-3'],
  [1e21, '1e+21'],
  [Number.POSITIVE_INFINITY, '+Inf'],
])('%s is written %s', (value, text) => expect(goNumber(value)).toBe(text));

describe('anything at all is read or malformed, never something else', () => {
  const attempt = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  };
  /** Wire format that is right on the outside, so that the readers come deep. */
  const { message } = fc.letrec<{ message: Uint8Array; field: Uint8Array }>((tie) => ({
    message: fc
      .array(tie('field'), { maxLength: 6 })
      .map((parts) => new Uint8Array(Buffer.concat(parts))),
    field: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc
        .tuple(fc.integer({ min: 1, max: 16 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
        .map(([id, value]) => new Uint8Array([...varint(BigInt(id) << 3n), ...varint(value)])),
      fc
        .tuple(fc.integer({ min: 1, max: 16 }), fc.uint8Array({ minLength: 8, maxLength: 8 }))
        .map(([id, value]) => new Uint8Array([...varint((BigInt(id) << 3n) | 1n), ...value])),
      fc
        .tuple(
          fc.integer({ min: 1, max: 16 }),
          fc.oneof(fc.uint8Array({ maxLength: 20 }), tie('message')),
        )
        .map(
          ([id, value]) =>
            new Uint8Array([
              ...varint((BigInt(id) << 3n) | 2n),
              ...varint(BigInt(value.length)),
              ...value,
            ]),
        ),
    ),
  }));
  const names = fc.constantFrom(
    ...['resourceMetrics', 'scopeMetrics', 'metrics', 'gauge', 'sum', 'histogram', 'dataPoints'],
    ...['exponentialHistogram', 'summary', 'attributes', 'key', 'value', 'stringValue', 'name'],
    ...['resourceSpans', 'scopeSpans', 'spans', 'traceId', 'spanId', 'endTimeUnixNano', 'status'],
    ...['resourceLogs', 'scopeLogs', 'logRecords', 'body', 'timeUnixNano', 'asInt', 'asDouble'],
    ...['bucketCounts', 'explicitBounds', 'positive', 'offset', 'scale', 'aggregationTemporality'],
    ...['kvlistValue', 'arrayValue', 'values', 'resource', 'severityNumber', 'flags', 'events'],
  );
  const { tree } = fc.letrec<{ tree: unknown; inner: unknown }>((tie) => ({
    inner: fc.oneof(
      { depthSize: 'medium' },
      fc.oneof(
        fc.string({ maxLength: 20 }),
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
      ),
      tie('tree'),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
    tree: fc.dictionary(names, tie('inner'), { maxKeys: 5 }),
  }));
  test.each(Object.entries(readers))('%s', (_signal, read) => {
    fc.assert(
      fc.property(fc.oneof(message, fc.uint8Array({ maxLength: 300 })), (bytes) =>
        attempt(() => all(read(protobufMessage(Buffer.from(bytes)), NOW))),
      ),
      { numRuns: 1_500 },
    );
    fc.assert(
      fc.property(fc.oneof(tree, fc.anything()), (value) =>
        attempt(() => all(read(jsonMessage(value), NOW))),
      ),
      { numRuns: 1_500 },
    );
  });
});

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}
