/** Entry of the worker threads: the parts of the store that would hold up the event loop. */
import type { Columns } from './batch.ts';
import { execute, type Gathered } from './execute.ts';
import { encodeRollup, encodeSketches, rollUp } from './rollup.ts';
import { type ChunkList, compact, DAY_MS, decodeList, joined, merge } from './samples.ts';

export const compactTask = (
  input: Pick<Columns, 'ids' | 'times' | 'values' | 'count'>,
): ChunkList => compact(input);

export const mergeTask = (list: ChunkList): ChunkList => merge(list);

export type DayRollup = {
  seriesId: number;
  minutes: { data: Uint8Array; sketch: Uint8Array };
  hours: { data: Uint8Array; sketch: Uint8Array };
};
/** Chunks of a day and of the slot before it, sorted by series and slot. */
export function rollTask(input: { list: ChunkList; day: number; delta: number[] }): DayRollup[] {
  const { list, day } = input;
  const runs = decodeList(list);
  const delta = new Set(input.delta);
  const out: DayRollup[] = [];
  const start = day * DAY_MS;
  let begin = 0;
  for (let i = 1; i <= runs.length; i++) {
    if (i < runs.length && list.series[i] === list.series[begin]) continue;
    const seriesId = list.series[begin] ?? 0;
    const whole = joined(runs.slice(begin, i));
    begin = i;
    let first = 0;
    while (first < whole.times.length && (whole.times[first] ?? 0) < start) first++;
    const run = { times: whole.times.subarray(first), values: whole.values.subarray(first) };
    if (run.times.length === 0) continue;
    const options = {
      delta: delta.has(seriesId),
      before:
        first > 0 ? { at: whole.times[first - 1] ?? 0, value: whole.values[first - 1] ?? 0 } : null,
    };
    const [minutes, hours] = [60_000, 3_600_000].map((stepMs) => {
      const { rollup, sketches } = rollUp(run, stepMs, options);
      return { data: encodeRollup(rollup), sketch: encodeSketches(sketches) };
    });
    if (minutes && hours) out.push({ seriesId, minutes, hours });
  }
  return out;
}

export const queryTask = (input: Gathered) => execute(input);
