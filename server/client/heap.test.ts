import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeHeapSnapshot } from 'node:v8';
import fc from 'fast-check';
import { afterAll, describe, expect, test, vi } from 'vitest';
import {
  censusRefusal,
  examine,
  freeMemoryBytes,
  growthOf,
  oldHeapBytes,
  snapshotRefusal,
  takeCensus,
  takeSnapshot,
  watchCollections,
} from './heap.ts';
import { createHistogramReader, type Histogram } from './heap-snapshot.ts';
import { type MemoryReport, watchMemory } from './memory.ts';

const MB = 1024 * 1024;
const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-heap-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

class PlantedRecord {
  readonly id: number;
  readonly tags: string[];
  constructor(id: number) {
    this.id = id;
    this.tags = [`tag ${id}`];
  }
}
const held: PlantedRecord[] = [];
function plantRecords(count: number): void {
  for (let i = 0; i < count; i++) held.push(new PlantedRecord(i));
}
afterAll(() => {
  held.length = 0;
});

const read = (bytes: Uint8Array, cuts: readonly number[]): Histogram => {
  const reader = createHistogramReader();
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    reader.push(bytes.subarray(from, Math.max(from, cut)));
    from = Math.max(from, cut);
  }
  return reader.finish(10_000);
};

/** A snapshot as V8 writes it, small. */
function document(nodes: { type: number; name: string; size: number }[]): Buffer {
  const names = [...new Set(nodes.map(({ name }) => name))];
  const meta = {
    node_fields: ['type', 'name', 'id', 'self_size', 'edge_count', 'detachedness'],
    node_types: [['hidden', 'array', 'string', 'object', 'native'], 'string', 'number', 'number'],
  };
  const rows = nodes.map(({ type, name, size }, i) =>
    [type, names.indexOf(name), i * 2 + 1, size, 0, 0].join(','),
  );
  return Buffer.from(
    `{"snapshot":{"meta":${JSON.stringify(meta)},"node_count":${nodes.length}},\n"nodes":[${rows.join('\n,')}],\n"edges":[1,2,3\n,4,5,6],\n"samples":[],"strings":[${names.map((name) => JSON.stringify(name)).join(',\n')}]}`,
  );
}

describe('the class histogram of a snapshot', () => {
  test('equals what JSON.parse counts, wherever the chunks are cut', () => {
    const node = fc.record({
      type: fc.integer({ min: 0, max: 4 }),
      name: fc.oneof(
        fc.constantFrom('Session', 'Ünï "quoted" \\ text', '"nodes":[', '"strings":[', ']'),
        fc.string({ maxLength: 12 }),
      ),
      size: fc.integer({ min: 0, max: 1e7 }),
    });
    fc.assert(
      fc.property(
        fc.array(node, { minLength: 1, maxLength: 40 }),
        fc.array(fc.nat(4_000), { maxLength: 30 }),
        (nodes, cuts) => {
          const bytes = document(nodes);
          const expected = new Map<string, { count: number; bytes: number }>();
          const kinds = ['(hidden)', '(array)', '(string)'];
          for (const { type, name, size } of nodes) {
            const label = kinds[type] ?? name;
            const known = expected.get(label) ?? { count: 0, bytes: 0 };
            expected.set(label, { count: known.count + 1, bytes: known.bytes + size });
          }
          const { classes, nodes: count } = read(
            bytes,
            cuts.sort((a, b) => a - b),
          );
          expect(count).toBe(nodes.length);
          expect(new Map(classes.map(({ name, ...rest }) => [name, rest]))).toEqual(expected);
        },
      ),
    );
  });
  test('agrees with JSON.parse on a real one', () => {
    plantRecords(2_000);
    const file = writeHeapSnapshot(path.join(folder, 'real.heapsnapshot'));
    const bytes = readFileSync(file);
    rmSync(file);
    const parsed = JSON.parse(bytes.toString('utf8'));
    const fields: string[] = parsed.snapshot.meta.node_fields;
    const types: string[] = parsed.snapshot.meta.node_types[0];
    let count = 0;
    let size = 0;
    let all = 0;
    for (let i = 0; i < parsed.nodes.length; i += fields.length) {
      const at = (field: string) => parsed.nodes[i + fields.indexOf(field)];
      all += at('self_size');
      if (types[at('type')] !== 'object') continue;
      if (parsed.strings[at('name')] !== 'PlantedRecord') continue;
      count++;
      size += at('self_size');
    }
    const histogram = read(bytes, [100_000, 1_000_001]);
    expect(count).toBeGreaterThanOrEqual(2_000);
    expect(histogram.classes.find(({ name }) => name === 'PlantedRecord')).toEqual({
      name: 'PlantedRecord',
      count,
      bytes: size,
    });
    expect(histogram.nodes).toBe(parsed.snapshot.node_count);
    expect(histogram.bytes).toBe(all);
  });
  test.each([
    ['is cut short', document([{ type: 3, name: 'A', size: 1 }]).subarray(0, -20), /cut short/],
    ['is empty', Buffer.alloc(0), /cut short/],
    ['is something else', Buffer.alloc(100_000, 'x'), /no heap snapshot/],
    ['has other fields', Buffer.from('{"snapshot":{"meta":{}},"nodes":[1]}'), /no heap snapshot/],
  ])('one that %s is refused', (_name, bytes, message) => {
    expect(() => read(bytes, [])).toThrow(message);
  });
});

describe('this process', () => {
  test('full collections are told, with what lives after them', async () => {
    const seen: number[] = [];
    const watcher = watchCollections((bytes) => seen.push(bytes));
    watcher.collect();
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBeGreaterThan(MB);
    expect(seen[0]).toBeLessThan(oldHeapBytes() * 2);
    // Those that come by themselves: garbage until there was one.
    await vi.waitFor(
      () => {
        const garbage = Array.from({ length: 400_000 }, (_, i) => ({ i }));
        expect(garbage.length).toBe(400_000);
        expect(seen.length).toBeGreaterThan(1);
      },
      { timeout: 20_000, interval: 1 },
    );
    watcher.close();
  });
  test('a census counts objects by class and runs nothing of theirs', () => {
    let ran = 0;
    const trap = Object.create(
      Object.defineProperty({}, 'constructor', {
        get() {
          ran++;
          return Object;
        },
      }),
    );
    const proxy = new Proxy(new PlantedRecord(0), {
      getPrototypeOf() {
        ran++;
        return null;
      },
    });
    const before = takeCensus();
    plantRecords(500);
    const after = takeCensus();
    expect((after.get('PlantedRecord') ?? 0) - (before.get('PlantedRecord') ?? 0)).toBe(500);
    expect(growthOf(before, after)[0]?.name).toBe('PlantedRecord');
    expect(ran).toBe(0);
    expect([typeof trap, typeof proxy]).toEqual(['object', 'object']);
  });
  test('an examination names the class and the function that make what stays', async () => {
    const found = await examine(async () => plantRecords(60_000));
    expect(found.note).toBeNull();
    expect(found.classes?.[0]).toMatchObject({ name: 'PlantedRecord' });
    const names = found.functions.slice(0, 3).map(({ name }) => name);
    expect(names.some((name) => /plantRecords|PlantedRecord/.test(name))).toBe(true);
    expect(found.functions[0]?.file).toContain('heap.test.ts');
  });
  test('two examinations at once: the second has no profile and says so', async () => {
    let inner: Awaited<ReturnType<typeof examine>> | undefined;
    await examine(async () => {
      inner = await examine(async () => undefined);
    });
    expect(inner?.functions).toEqual([]);
    expect(inner?.note).toContain('profiler');
    expect((await examine(async () => undefined)).note).toBeNull();
  });
  test('a snapshot is counted by another process and leaves no file', async () => {
    plantRecords(100);
    const result = await takeSnapshot(folder);
    expect(result.classes.find(({ name }) => name === 'PlantedRecord')?.count).toBe(
      takeCensus().get('PlantedRecord'),
    );
    expect(result.pauseMs).toBeGreaterThan(0);
    expect(readdirSync(folder)).toEqual([]);
  });
  test('free memory is known, and what would be unsafe is refused', () => {
    expect(freeMemoryBytes()).toBeGreaterThan(0);
    expect(censusRefusal()).toBeNull();
    expect(snapshotRefusal({ usedBytes: 100 * MB, freeBytes: 1_600 * MB })).toBeNull();
    expect(snapshotRefusal({ usedBytes: 100 * MB, freeBytes: 1_599 * MB })).toContain('1600 MiB');
  });
});

describe('the watcher', () => {
  const options = { name: 'test', instance: 'one', reportEveryMs: 1_000_000, folder };

  test('keeps samples until they are taken, and sends a result until it is', async () => {
    const reports: MemoryReport[] = [];
    let failing = true;
    const id = '01a1fc6f-0000-7000-8000-000000000001';
    const watcher = watchMemory({
      ...options,
      async send(report) {
        reports.push(structuredClone(report));
        if (failing) throw new Error('not now');
        return {
          ask: reports.length === 2 && !failing ? { id, kind: 'profile', seconds: 0 } : null,
        };
      },
    });
    await vi.waitFor(
      async () => {
        const garbage = Array.from({ length: 400_000 }, (_, i) => ({ i }));
        expect(garbage.length).toBe(400_000);
        await watcher.flush().catch(() => undefined);
        expect(reports.at(-1)?.samples.length).toBeGreaterThan(1);
      },
      { timeout: 20_000, interval: 1 },
    );
    // The last one that was refused, and what is asked for in the second that is taken.
    reports.splice(0, reports.length - 1);
    const kept = reports[0]?.samples ?? [];
    failing = false;
    await watcher.flush();
    expect(reports[1]?.samples.slice(0, kept.length)).toEqual(kept);
    failing = true;
    await vi.waitFor(async () => {
      await watcher.flush().catch(() => undefined);
      expect(reports.at(-1)?.result).toMatchObject({ id, kind: 'profile' });
    });
    failing = false;
    await watcher.flush();
    expect(reports.at(-1)?.result).toMatchObject({ id, kind: 'profile' });
    await watcher.flush();
    expect(reports.at(-1)?.result).toBeUndefined();
    await watcher.close();
  });
  test('a snapshot that the surroundings refuse, and a restart that it cannot do, are answered', async () => {
    const results: MemoryReport['result'][] = [];
    const asks = ['snapshot', 'restart'] as const;
    for (const kind of asks) {
      let asked = false;
      const watcher = watchMemory({
        ...options,
        aroundSnapshot: () => Promise.reject(new Error('not here')),
        async send(report) {
          if (report.result) results.push(report.result);
          const first = !asked;
          asked = true;
          const id = '01a1fc6f-0000-7000-8000-000000000002';
          return { ask: first ? { id, kind, seconds: 1 } : null };
        },
      });
      const before = results.length;
      await vi.waitFor(async () => {
        await watcher.flush();
        expect(results.length).toBeGreaterThan(before);
      });
      await watcher.close();
    }
    expect(results.map((result) => result?.kind === 'refused' && result.reason)).toEqual([
      'not here',
      'This program does not restart itself.',
    ]);
  });
});
