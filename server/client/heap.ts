/**
 * What a Node process can find out about its own heap, from the cheapest on: its size after each full collection;
 * which functions allocated what is still alive (sampling profiler); which classes have how many objects (a census,
 * about 1 µs an object); and a full snapshot, which stops the process for long and needs many times the heap.
 * Depends on nothing but Node 20 or newer.
 */
import { spawn } from 'node:child_process';
import { rm, stat } from 'node:fs/promises';
import { Session } from 'node:inspector';
import { freemem } from 'node:os';
import path from 'node:path';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { getHeapSpaceStatistics, getHeapStatistics, writeHeapSnapshot } from 'node:v8';
import type { Histogram } from './heap-snapshot.ts';

export type FunctionShare = {
  name: string;
  /** Relative to where the process was started; empty for the engine itself. */
  file: string;
  line: number;
  /** Bytes that it allocated while it was watched and that are still alive. */
  bytes: number;
};
export type ClassGrowth = { name: string; before: number; after: number };

/** One sample stands for so many bytes: measured at 4 to 7 % of CPU in the worst case. */
const SAMPLING_INTERVAL_BYTES = 512 * 1024;
const FUNCTIONS_MAX = 20;
const CLASSES_MAX = 30;
/** A class that gained fewer objects is noise. */
const GAIN_MIN = 20;
const CENSUS_MAX_BYTES = 1024 * 1024 * 1024;
/** The list of all objects and the full collection before it. */
const CENSUS_HEADROOM = 2;
/** Measured: a heap of 123 MB took the process from 195 MB to 2.1 GB. */
const SNAPSHOT_HEADROOM = 16;
const ANALYSIS_TIMEOUT_MS = 300_000;
const ANALYSIS_OUTPUT_MAX = 4 * 1024 * 1024;

/** What lives after a full collection lies in the old spaces; what was allocated since then lies in the new ones. */
export function oldHeapBytes(): number {
  let bytes = 0;
  for (const space of getHeapSpaceStatistics()) {
    if (!space.space_name.startsWith('new_')) bytes += space.space_used_size;
  }
  return bytes;
}

export type Collections = {
  /** A full collection now, which is told like any other; takes about 0.3 ms a megabyte. */
  collect(): void;
  close(): void;
};

/** Calls back with the size of the heap after each full collection. */
export function watchCollections(onCollected: (usedBytes: number) => void): Collections {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = Object('detail' in entry ? entry.detail : null);
      if (kind !== constants.NODE_PERFORMANCE_GC_MAJOR) continue;
      // Of several in one turn only the last is what the heap is now.
      onCollected(oldHeapBytes());
      return;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    collect() {
      const { post, close } = openSession();
      try {
        post('HeapProfiler.collectGarbage');
      } finally {
        close();
      }
      // Observers are not told of those that an inspector asks for.
      onCollected(oldHeapBytes());
    },
    close: () => observer.disconnect(),
  };
}

/** Memory that this process may still take: of its control group and of the machine, whichever is less. */
export function freeMemoryBytes(): number {
  const own = typeof process.availableMemory === 'function' ? process.availableMemory() : freemem();
  return Math.min(own, freemem());
}

export function heapFigures(): {
  usedBytes: number;
  limitBytes: number;
  rssBytes: number;
  freeBytes: number;
} {
  return {
    usedBytes: process.memoryUsage().heapUsed,
    limitBytes: getHeapStatistics().heap_size_limit,
    rssBytes: process.memoryUsage.rss(),
    freeBytes: freeMemoryBytes(),
  };
}

type Post = (method: string, params?: object) => Record<string, unknown>;

/** A debugger's session with this very process; answers come at once. */
function openSession(): { post: Post; close(): void } {
  const session = new Session();
  session.connect();
  const post: Post = (method, params = {}) => {
    let answer: Record<string, unknown> = {};
    let failure: Error | null = null;
    session.post(method, params, (error, result) => {
      if (error) failure = new Error(`${method}: ${error.message}`);
      else answer = Object(result);
    });
    if (failure) throw failure;
    return answer;
  };
  return { post, close: () => session.disconnect() };
}

// One at a time: stopping one would end the other.
let profiling = false;

/** Begins to sample allocations; null when somebody does already. */
export function startProfile(): { stop(): FunctionShare[] } | null {
  if (profiling) return null;
  const { post, close } = openSession();
  try {
    post('HeapProfiler.startSampling', { samplingInterval: SAMPLING_INTERVAL_BYTES });
  } catch (error) {
    close();
    throw error;
  }
  profiling = true;
  return {
    stop() {
      try {
        return rankFunctions(Object(post('HeapProfiler.stopSampling').profile).head);
      } finally {
        profiling = false;
        close();
      }
    },
  };
}

/** Adds up by function; what the engine itself allocates counts for the function that called it. */
function rankFunctions(head: unknown): FunctionShare[] {
  const shares = new Map<string, FunctionShare>();
  const visit = (given: unknown, caller: Omit<FunctionShare, 'bytes'> | null) => {
    const node = Object(given);
    const frame = Object(node.callFrame);
    const url = String(frame.url ?? '');
    const own = {
      name: String(frame.functionName ?? '') || '(anonymous)',
      file: shortFile(url),
      line: Number(frame.lineNumber ?? -1) + 1,
    };
    const at = url === '' || url.startsWith('node:') ? (caller ?? own) : own;
    const bytes = Number(node.selfSize ?? 0);
    if (bytes > 0) {
      const key = `${at.name}\n${at.file}\n${at.line}`;
      const known = shares.get(key);
      if (known) known.bytes += bytes;
      else shares.set(key, { ...at, bytes });
    }
    if (Array.isArray(node.children)) for (const child of node.children) visit(child, at);
  };
  visit(head, null);
  return [...shares.values()].sort((a, b) => b.bytes - a.bytes).slice(0, FUNCTIONS_MAX);
}

function shortFile(url: string): string {
  const root = pathToFileURL(`${process.cwd()}${path.sep}`).href;
  const file = url.startsWith(root) ? url.slice(root.length) : url.replace(/^file:\/\//, '');
  return file.slice(-200);
}

// Runs inside the engine on the list of all objects. Reads own data properties only, so that no code of the program
// runs: no getter, no proxy.
const COUNT = `function () {
  const byPrototype = new Map();
  for (let i = 0; i < this.length; i++) {
    const prototype = Object.getPrototypeOf(this[i]);
    byPrototype.set(prototype, (byPrototype.get(prototype) ?? 0) + 1);
  }
  const counts = new Map();
  for (const [prototype, count] of byPrototype) {
    const own = prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, 'constructor');
    const name = typeof own?.value === 'function' ? Object.getOwnPropertyDescriptor(own.value, 'name')?.value : undefined;
    const label = typeof name === 'string' && name !== '' ? name.slice(0, 200) : '(no class)';
    counts.set(label, (counts.get(label) ?? 0) + count);
  }
  return JSON.stringify([...counts].sort((a, b) => b[1] - a[1]).slice(0, 5000));
}`;

/** Why a census would not be safe now; null when it is. */
export function censusRefusal(): string | null {
  const { usedBytes, freeBytes } = heapFigures();
  if (usedBytes > CENSUS_MAX_BYTES) return 'The heap is larger than 1 GiB.';
  if (freeBytes < usedBytes * CENSUS_HEADROOM) return 'Less than twice the heap is free.';
  return null;
}

/** Counts all living objects by the name of their class. Stops the process for about 1 µs an object. */
export function takeCensus(): Map<string, number> {
  const { post, close } = openSession();
  const objectGroup = 'census';
  try {
    const root = Object(
      post('Runtime.evaluate', { expression: 'Object.prototype', objectGroup }).result,
    );
    const found = Object(
      post('Runtime.queryObjects', { prototypeObjectId: root.objectId, objectGroup }).objects,
    );
    const counted = Object(
      post('Runtime.callFunctionOn', {
        objectId: found.objectId,
        functionDeclaration: COUNT,
        returnByValue: true,
      }).result,
    );
    const rows: unknown = JSON.parse(String(counted.value));
    const counts = new Map<string, number>();
    if (Array.isArray(rows))
      for (const [name, count] of rows) counts.set(String(name), Number(count));
    return counts;
  } finally {
    post('Runtime.releaseObjectGroup', { objectGroup });
    close();
  }
}

/** Classes that gained objects, those that gained most first. */
export function growthOf(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): ClassGrowth[] {
  const grown: ClassGrowth[] = [];
  for (const [name, count] of after) {
    const earlier = before.get(name) ?? 0;
    if (count - earlier >= GAIN_MIN) grown.push({ name, before: earlier, after: count });
  }
  const ordinary = (name: string) => (PLAIN.has(name) ? 1 : 0);
  // An array in each record grows as fast as the records; the class with a name of its own says more.
  return grown
    .sort((a, b) => b.after - b.before - (a.after - a.before))
    .slice(0, CLASSES_MAX)
    .sort((a, b) => ordinary(a.name) - ordinary(b.name));
}
const PLAIN: ReadonlySet<string> = new Set([
  'Object',
  'Array',
  'Function',
  'Map',
  'Set',
  '(no class)',
]);

export type Examination = {
  /** How long allocations were watched. */
  seconds: number;
  functions: FunctionShare[];
  /** Null when objects could not be counted safely; `note` says why. */
  classes: ClassGrowth[] | null;
  /** Longest time for which the process stood still. */
  pauseMs: number;
  note: string | null;
};

/** Watches allocations and counts objects before and after, while `between` goes on. */
export async function examine(between: () => Promise<void>): Promise<Examination> {
  const note = censusRefusal();
  let pauseMs = 0;
  const count = () => {
    const begun = performance.now();
    const counts = takeCensus();
    pauseMs = Math.max(pauseMs, performance.now() - begun);
    return counts;
  };
  const before = note === null ? count() : null;
  const begun = performance.now();
  const profile = startProfile();
  let functions: FunctionShare[] = [];
  try {
    await between();
  } finally {
    functions = profile?.stop() ?? [];
  }
  const seconds = (performance.now() - begun) / 1000;
  // The heap may have grown meanwhile beyond what is safe.
  const late = before === null ? note : censusRefusal();
  return {
    seconds: Math.round(seconds * 10) / 10,
    functions,
    classes: before !== null && late === null ? growthOf(before, count()) : null,
    pauseMs: Math.round(pauseMs),
    note: late ?? (profile ? null : 'Another profiler was at work; no functions are known.'),
  };
}

/** Why a snapshot would endanger the process now; null when it would not. */
export function snapshotRefusal(figures: { usedBytes: number; freeBytes: number }): string | null {
  const needed = figures.usedBytes * SNAPSHOT_HEADROOM;
  if (figures.freeBytes >= needed) return null;
  const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
  return `A snapshot needs ${SNAPSHOT_HEADROOM} times the heap (${mib(needed)}); ${mib(figures.freeBytes)} are free.`;
}

export type SnapshotResult = Histogram & { pauseMs: number; fileBytes: number; analysisMs: number };

/** Writes a snapshot into `folder`, has it counted by a process of its own, and deletes it. */
export async function takeSnapshot(folder: string, limit = 300): Promise<SnapshotResult> {
  const file = path.join(
    folder,
    `heap-${process.pid}-${Math.round(performance.now())}.heapsnapshot`,
  );
  try {
    const begun = performance.now();
    // Mode 0600: it holds whatever the process held in memory.
    writeHeapSnapshot(file);
    const written = performance.now();
    const { fileBytes, ...histogram } = await analyse(file, limit);
    return {
      ...histogram,
      fileBytes,
      pauseMs: Math.round(written - begun),
      analysisMs: Math.round(performance.now() - written),
    };
  } finally {
    await rm(file, { force: true });
  }
}

async function analyse(file: string, limit: number): Promise<Histogram & { fileBytes: number }> {
  const { size: fileBytes } = await stat(file);
  const here = fileURLToPath(import.meta.url);
  const program = path.join(path.dirname(here), `analyse-snapshot${path.extname(here)}`);
  const flags = ['--max-old-space-size=64', '--max-semi-space-size=1'];
  const child = spawn(process.execPath, [...flags, program, file, String(limit)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { NODE_ENV: 'production' },
    timeout: ANALYSIS_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > ANALYSIS_OUTPUT_MAX) child.kill('SIGKILL');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2_000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`The snapshot could not be analysed (${code}): ${complaint}`);
  // Our own program wrote it.
  const histogram: Histogram = JSON.parse(output);
  return { ...histogram, fileBytes };
}
