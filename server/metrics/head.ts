/**
 * The recent window in memory: every sample that is committed to the write-ahead log and does not stand in a chunk
 * yet, in the order of arrival. Samples of one series are linked from the newest back, so that an append costs four
 * writes and no allocation. Blocks of 65 536 samples are taken on demand and given back whole after a flush; memory
 * is 24 bytes a sample, bounded by `capacity`.
 */
import { Columns } from './batch.ts';

const BLOCK_BITS = 16;
const BLOCK = 1 << BLOCK_BITS;
const MASK = BLOCK - 1;

type Block = { ids: Int32Array; times: Float64Array; values: Float64Array; back: Float64Array };
export type Run = { times: Float64Array; values: Float64Array };

export class Head {
  /** Positions only ever grow; `base` is the oldest one that is held. */
  private base = 0;
  private end = 0;
  private readonly blocks: Block[] = [];
  private scratch: Run = { times: new Float64Array(256), values: new Float64Array(256) };
  /** Newest position of each series. */
  private readonly newest = new Map<number, number>();

  get size(): number {
    return this.end - this.base;
  }
  get start(): number {
    return this.base;
  }
  /** Position after the newest sample: what a flush takes up to. */
  get position(): number {
    return this.end;
  }
  private blockOf(position: number): Block {
    const index = Math.floor(position / BLOCK) - Math.floor(this.base / BLOCK);
    const block = this.blocks[index];
    if (!block) throw new Error('a position outside of the recent window');
    return block;
  }

  append({ ids, times, values, count }: Columns): void {
    for (let i = 0; i < count; i++) {
      const position = this.end;
      const offset = position & MASK;
      let block: Block;
      if (offset === 0) {
        block = {
          ids: new Int32Array(BLOCK),
          times: new Float64Array(BLOCK),
          values: new Float64Array(BLOCK),
          back: new Float64Array(BLOCK),
        };
        this.blocks.push(block);
      } else {
        block = this.blocks[this.blocks.length - 1] as Block;
      }
      const id = ids[i] ?? 0;
      block.ids[offset] = id;
      block.times[offset] = times[i] ?? 0;
      block.values[offset] = values[i] ?? 0;
      block.back[offset] = this.newest.get(id) ?? -1;
      this.newest.set(id, position);
      this.end++;
    }
  }

  /** Samples of one series between two times (inclusive), in the order of arrival. */
  read(id: number, from: number, to: number): Run {
    // From the newest back, so it is filled from its end.
    let n = 0;
    let position = this.newest.get(id) ?? -1;
    while (position >= this.base) {
      const block = this.blockOf(position);
      const offset = position & MASK;
      const at = block.times[offset] ?? 0;
      if (at >= from && at <= to) {
        if (n === this.scratch.times.length) this.widenScratch();
        n++;
        const place = this.scratch.times.length - n;
        this.scratch.times[place] = at;
        this.scratch.values[place] = block.values[offset] ?? 0;
      }
      position = block.back[offset] ?? -1;
    }
    const { times, values } = this.scratch;
    return { times: times.slice(times.length - n), values: values.slice(values.length - n) };
  }
  private widenScratch(): void {
    const size = this.scratch.times.length;
    const wider = { times: new Float64Array(size * 2), values: new Float64Array(size * 2) };
    wider.times.set(this.scratch.times, size);
    wider.values.set(this.scratch.values, size);
    this.scratch = wider;
  }

  /** A copy of up to `limit` samples from position `start` on, for a flush. */
  copy(start: number, end: number, limit: number): Columns {
    const count = Math.min(limit, end - start);
    const out = new Columns(count);
    let at = start;
    while (out.count < count) {
      const block = this.blockOf(at);
      const offset = at & MASK;
      const take = Math.min(BLOCK - offset, count - out.count);
      out.ids.set(block.ids.subarray(offset, offset + take), out.count);
      out.times.set(block.times.subarray(offset, offset + take), out.count);
      out.values.set(block.values.subarray(offset, offset + take), out.count);
      out.count += take;
      at += take;
    }
    return out;
  }
  /** Forgets everything before `position`. */
  drop(position: number): void {
    const gone = Math.floor(position / BLOCK) - Math.floor(this.base / BLOCK);
    this.blocks.splice(0, gone);
    this.base = position;
    if (this.size === 0) {
      this.newest.clear();
      // The next sample begins a block.
      this.blocks.length = 0;
      this.base = this.end = Math.ceil(position / BLOCK) * BLOCK;
      return;
    }
    for (const [id, newest] of this.newest) if (newest < position) this.newest.delete(id);
  }
}
