/**
 * Writes a prom-client registry in the Prometheus text format as prom-client does, at a fraction of the time: what stands
 * before a value (name and labels) is made once a series and kept, and a long text is written in slices between which
 * other work goes on. Kinds of metrics that are not known here are left to prom-client.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Registry } from 'prom-client';

/** After so long others get a turn. */
const SLICE_MS = 2;
/** Series between two looks at the clock. */
const LOOK_EVERY = 256;

type Prefixes = Map<string, string | readonly string[]>;

/** Answers a function that writes the registry as it is now. */
export function createExposition(registry: Registry): () => Promise<string> {
  const cache = new WeakMap<object, Prefixes>();
  const prefixesOf = (metric: object): Prefixes => {
    let prefixes = cache.get(metric);
    if (!prefixes) {
      prefixes = new Map();
      cache.set(metric, prefixes);
    }
    return prefixes;
  };
  return async () => {
    const parts: string[] = [];
    let begun = performance.now();
    const turn = async () => {
      if (performance.now() - begun < SLICE_MS) return;
      await nextTurn();
      begun = performance.now();
    };
    for (const metric of registry.getMetricsAsArray()) {
      // What prom-client keeps of a metric: a field that its types do not show, so each part is looked at first.
      const inner: Record<string, unknown> = Object(metric);
      const { name, help, type, hashMap, collect } = inner;
      const known = type === 'counter' || type === 'gauge' || type === 'histogram';
      if (!known || !isRecord(hashMap) || typeof name !== 'string' || typeof help !== 'string') {
        parts.push(await registry.getSingleMetricAsString(String(name)));
        continue;
      }
      if (typeof collect === 'function') await collect.call(metric);
      // Gauges that are collected may have a new one.
      const entries = inner.hashMap;
      if (!isRecord(entries)) continue;
      const lines = [`# HELP ${name} ${escapeText(help)}`, `# TYPE ${name} ${type}`];
      const prefixes = prefixesOf(metric);
      const bounds = Array.isArray(inner.upperBounds) ? inner.upperBounds.map(Number) : [];
      let written = 0;
      for (const key in entries) {
        const entry = entries[key];
        if (!isRecord(entry)) continue;
        if (type === 'histogram') writeHistogram(lines, { name, key, entry, bounds, prefixes });
        else {
          let prefix = prefixes.get(key);
          if (typeof prefix !== 'string') {
            prefix = `${name}${braced(labelText(entry.labels))} `;
            prefixes.set(key, prefix);
          }
          lines.push(prefix + valueText(entry.value));
        }
        if (++written % LOOK_EVERY === 0) await turn();
      }
      // Series that are gone leave their prefixes behind.
      if (prefixes.size > 2 * written + 100) prefixes.clear();
      parts.push(lines.join('\n'));
      await turn();
    }
    return `${parts.join('\n\n')}\n`;
  };
}

function writeHistogram(
  lines: string[],
  given: {
    name: string;
    key: string;
    entry: Record<string, unknown>;
    bounds: readonly number[];
    prefixes: Prefixes;
  },
): void {
  const { name, key, entry, bounds, prefixes } = given;
  let known = prefixes.get(key);
  if (known === undefined || typeof known === 'string') {
    const labels = labelText(entry.labels);
    const more = labels === '' ? '' : `,${labels}`;
    known = [
      ...bounds.map((bound) => `${name}_bucket{le="${bound}"${more}} `),
      `${name}_bucket{le="+Inf"${more}} `,
      `${name}_sum${braced(labels)} `,
      `${name}_count${braced(labels)} `,
    ];
    prefixes.set(key, known);
  }
  const buckets: Record<string, unknown> = isRecord(entry.bucketValues) ? entry.bucketValues : {};
  let sum = 0;
  for (let i = 0; i < bounds.length; i++) {
    sum += Number(buckets[bounds[i] ?? ''] ?? 0);
    lines.push(`${known[i]}${sum}`);
  }
  const count = valueText(entry.count);
  lines.push(
    known[bounds.length] + count,
    known[bounds.length + 1] + valueText(entry.sum),
    known[bounds.length + 2] + count,
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

function valueText(value: unknown): string {
  const number = Number(value);
  if (Number.isFinite(number)) return String(number);
  if (Number.isNaN(number)) return 'NaN';
  return number < 0 ? '-Inf' : '+Inf';
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);
const escapeText = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const labelText = (labels: unknown): string =>
  Object.entries(Object(labels))
    .map(([name, value]) => {
      const text = typeof value === 'string' ? escapeText(value).replaceAll('"', '\\"') : value;
      return `${name}="${text}"`;
    })
    .join(',');
