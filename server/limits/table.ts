/**
 * The buckets of this process: for callers while Redis is away, and as a mirror of what Redis last said. Bounded.
 *
 * A bucket that is full again is as good as none and makes room first. When the table is full of buckets that are not,
 * newcomers share 1 024 cells by the hash of their name in place of pushing somebody out: a flood of addresses can
 * neither grow the table nor wash a refusal away, and only other newcomers feel it.
 */
import type { Cell } from './bucket.ts';

const SHARED = 1_024;
const SWEEP_EVERY_US = 1_000_000;

/** `kept` is false once the table has forgotten it: whoever remembers the cell has to ask for it again. */
export type KeptCell = Cell & { kept: boolean };

function slotOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % SHARED;
}

export function createBucketTable(max: number) {
  const cells = new Map<string, KeptCell>();
  // Never remembered: who shares a cell gets one of its own as soon as there is room.
  const shared = Array.from({ length: SHARED }, (): KeptCell => ({ fullAtUs: 0, kept: false }));
  let sweptAt = Number.NEGATIVE_INFINITY;
  let overflownUntil = Number.NEGATIVE_INFINITY;
  const makeRoom = (nowUs: number): boolean => {
    if (nowUs - sweptAt < SWEEP_EVERY_US) return false;
    sweptAt = nowUs;
    for (const [key, cell] of cells) {
      if (cell.fullAtUs > nowUs) continue;
      cell.kept = false;
      cells.delete(key);
    }
    return cells.size < max;
  };
  return {
    cell(key: string, nowUs: number): KeptCell {
      const known = cells.get(key);
      if (known) return known;
      const slot = nowUs < overflownUntil || cells.size >= max ? shared[slotOf(key)] : undefined;
      if (cells.size < max || makeRoom(nowUs)) {
        // What was used up in a shared cell is not given anew.
        const cell = { fullAtUs: slot?.fullAtUs ?? 0, kept: true };
        cells.set(key, cell);
        return cell;
      }
      if (!slot) throw new TypeError('the table has no shared cell');
      overflownUntil = Math.max(overflownUntil, nowUs + 60_000_000);
      return slot;
    },
    size: () => cells.size,
    *withDebt(nowUs: number): Generator<readonly [key: string, debtUs: number]> {
      for (const [key, { fullAtUs }] of cells) if (fullAtUs > nowUs) yield [key, fullAtUs - nowUs];
    },
  };
}
