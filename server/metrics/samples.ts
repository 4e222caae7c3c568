/** What happens to the samples of one series on their way from memory to chunks. Pure; runs in worker threads. */
import type { Columns } from './batch.ts';
import { chunkCount, decodeInto, encodeChunk, PADDING } from './codec.ts';
import type { Run } from './head.ts';

export const SLOT_MS = 2 * 3_600_000;
export const DAY_MS = 86_400_000;
export const SLOTS_PER_DAY = DAY_MS / SLOT_MS;
export const slotOf = (at: number): number => Math.floor(at / SLOT_MS);

/**
 * Sorts samples by time. Of several with the same time the last one stays: what was acknowledged last is what counts.
 * Answers the same arrays when there is nothing to do.
 */
export function inOrder({ times, values }: Run): Run {
  let sorted = true;
  for (let i = 1; i < times.length; i++) {
    if ((times[i] ?? 0) <= (times[i - 1] ?? 0)) {
      sorted = false;
      break;
    }
  }
  if (sorted) return { times, values };
  const order = Uint32Array.from(times, (_, i) => i);
  order.sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
  const outTimes = new Float64Array(times.length);
  const outValues = new Float64Array(times.length);
  let n = 0;
  for (const i of order) {
    const at = times[i] ?? 0;
    if (n > 0 && outTimes[n - 1] === at) n--;
    outTimes[n] = at;
    outValues[n] = values[i] ?? 0;
    n++;
  }
  return { times: outTimes.subarray(0, n), values: outValues.subarray(0, n) };
}

/** Runs one after the other; later runs win over earlier ones where times are equal. */
export function joined(runs: readonly Run[]): Run {
  const [only] = runs;
  if (runs.length === 1 && only) return inOrder(only);
  const total = runs.reduce((sum, { times }) => sum + times.length, 0);
  const times = new Float64Array(total);
  const values = new Float64Array(total);
  let at = 0;
  for (const run of runs) {
    times.set(run.times, at);
    values.set(run.values, at);
    at += run.times.length;
  }
  return inOrder({ times, values });
}

/** Chunks of many series in one buffer with room behind it. */
export type ChunkList = {
  series: Int32Array;
  slots: Int32Array;
  samples: Int32Array;
  /** Start of each chunk in `bytes`; one more than there are chunks. */
  offsets: Int32Array;
  bytes: Uint8Array;
};

/** Parts in one buffer with room behind it; `offsets` has one more entry than there are parts. */
export function packed(parts: readonly Uint8Array[]): { bytes: Uint8Array; offsets: Int32Array } {
  const offsets = new Int32Array(parts.length + 1);
  let total = 0;
  parts.forEach((part, i) => {
    offsets[i] = total;
    total += part.length;
  });
  offsets[parts.length] = total;
  const bytes = new Uint8Array(total + PADDING);
  parts.forEach((part, i) => {
    bytes.set(part, offsets[i]);
  });
  return { bytes, offsets };
}

class ChunkListBuilder {
  private readonly series: number[] = [];
  private readonly slots: number[] = [];
  private readonly samples: number[] = [];
  private readonly parts: Uint8Array[] = [];
  add(series: number, slot: number, run: Run): void {
    this.series.push(series);
    this.slots.push(slot);
    this.samples.push(run.times.length);
    this.parts.push(encodeChunk(run.times, run.values));
  }
  build(): ChunkList {
    const { bytes, offsets } = packed(this.parts);
    return {
      series: Int32Array.from(this.series),
      slots: Int32Array.from(this.slots),
      samples: Int32Array.from(this.samples),
      offsets,
      bytes,
    };
  }
}

/** Samples in the order of arrival to chunks by series and slot. */
export function compact({
  ids,
  times,
  values,
  count,
}: Pick<Columns, 'ids' | 'times' | 'values' | 'count'>): ChunkList {
  const order = new Uint32Array(count);
  const starts = new Map<number, number>();
  for (let i = 0; i < count; i++) starts.set(ids[i] ?? 0, (starts.get(ids[i] ?? 0) ?? 0) + 1);
  // Counting sort by series: keeps the order of arrival within each.
  const series = [...starts.keys()].sort((a, b) => a - b);
  let at = 0;
  for (const id of series) {
    const size = starts.get(id) ?? 0;
    starts.set(id, at);
    at += size;
  }
  for (let i = 0; i < count; i++) {
    const id = ids[i] ?? 0;
    const place = starts.get(id) ?? 0;
    order[place] = i;
    starts.set(id, place + 1);
  }
  const out = new ChunkListBuilder();
  let begin = 0;
  for (const id of series) {
    const end = starts.get(id) ?? 0;
    const run: Run = {
      times: new Float64Array(end - begin),
      values: new Float64Array(end - begin),
    };
    for (let i = begin; i < end; i++) {
      run.times[i - begin] = times[order[i] ?? 0] ?? 0;
      run.values[i - begin] = values[order[i] ?? 0] ?? 0;
    }
    begin = end;
    bySlot(inOrder(run), (slot, part) => out.add(id, slot, part));
  }
  return out.build();
}

function bySlot({ times, values }: Run, take: (slot: number, run: Run) => void): void {
  let start = 0;
  while (start < times.length) {
    const slot = slotOf(times[start] ?? 0);
    const limit = (slot + 1) * SLOT_MS;
    let end = start + 1;
    while (end < times.length && (times[end] ?? 0) < limit) end++;
    take(slot, { times: times.subarray(start, end), values: values.subarray(start, end) });
    start = end;
  }
}

export function decodeList(list: ChunkList): Run[] {
  const total = list.samples.reduce((sum, n) => sum + n, 0);
  const times = new Float64Array(total);
  const values = new Float64Array(total);
  let at = 0;
  return Array.from(list.series, (_, i) => {
    const n = decodeInto(list.bytes, list.offsets[i] ?? 0, times, values, at);
    const run = { times: times.subarray(at, at + n), values: values.subarray(at, at + n) };
    at += n;
    return run;
  });
}

/** Several chunks of one series and slot become one. `list` is sorted by slot, series and age. */
export function merge(list: ChunkList): ChunkList {
  const runs = decodeList(list);
  const out = new ChunkListBuilder();
  let begin = 0;
  for (let i = 1; i <= runs.length; i++) {
    const same = list.series[i] === list.series[begin] && list.slots[i] === list.slots[begin];
    if (i < runs.length && same) continue;
    out.add(list.series[begin] ?? 0, list.slots[begin] ?? 0, joined(runs.slice(begin, i)));
    begin = i;
  }
  return out.build();
}

/** Chunks as they come from the database, put into one buffer. */
export function chunkList(
  rows: readonly { series_id: number; slot: number; data: Uint8Array }[],
): ChunkList {
  const { bytes, offsets } = packed(rows.map(({ data }) => data));
  return {
    series: Int32Array.from(rows, ({ series_id }) => series_id),
    slots: Int32Array.from(rows, ({ slot }) => slot),
    samples: Int32Array.from(rows, ({ data }) => chunkCount(data)),
    offsets,
    bytes,
  };
}
