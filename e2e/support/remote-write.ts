/** Remote-write requests as a Prometheus would send them; for tests and benchmarks. */
import { compressSync } from 'snappy';

export type WriteSeries = { labels: Record<string, string> };

const varint = (value: number): number[] => {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
  return out;
};
const block = (tag: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);

/** The labels of a series in the order that Prometheus sends them. */
export function encodeLabels(labels: Record<string, string>): Buffer {
  return Buffer.concat(
    Object.keys(labels)
      .sort()
      .map((name) =>
        block(
          0x0a,
          Buffer.concat([
            block(0x0a, Buffer.from(name)),
            block(0x12, Buffer.from(labels[name] ?? '')),
          ]),
        ),
      ),
  );
}

/** One request, not compressed. */
export function encodeWriteRequest(
  series: readonly {
    labels: Record<string, string>;
    samples: readonly { at: number; value: number }[];
  }[],
): Buffer {
  return Buffer.concat(
    series.map(({ labels, samples }) =>
      block(
        0x0a,
        Buffer.concat([
          encodeLabels(labels),
          ...samples.map(({ at, value }) => {
            const double = Buffer.alloc(9);
            double[0] = 0x09;
            double.writeDoubleLE(value, 1);
            return block(0x12, Buffer.concat([double, Buffer.from([0x10, ...varint(at)])]));
          }),
        ]),
      ),
    ),
  );
}

/**
 * A request for the same series again and again: one sample each, of which only time and value change. Answers the
 * compressed body.
 */
export function createTemplate(
  series: readonly WriteSeries[],
): (at: number, value: (index: number) => number) => Buffer {
  const at = 1_790_000_000_000;
  const raw = encodeWriteRequest(
    series.map(({ labels }) => ({ labels, samples: [{ at, value: 0 }] })),
  );
  const places: number[] = [];
  const time = Buffer.from([0x10, ...varint(at)]);
  // Each sample ends with its time; the value stands before it.
  for (let from = raw.indexOf(time); from >= 0; from = raw.indexOf(time, from + 1))
    places.push(from);
  if (places.length !== series.length) throw new Error('the template is ambiguous');
  return (now, value) => {
    const bytes = Buffer.from([0x10, ...varint(now)]);
    if (bytes.length !== time.length) throw new Error('a time of another length');
    places.forEach((place, i) => {
      bytes.copy(raw, place);
      raw.writeDoubleLE(value(i), place - 8);
    });
    return compressSync(raw);
  };
}

export const writeHeaders = (key?: string): Record<string, string> => ({
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
  ...(key ? { authorization: `Bearer ${key}` } : {}),
});
