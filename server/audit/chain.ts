/** Pure verification of a piece of the chain; also the worker task. */
import { type ChainEntry, chainHash } from '../platform/audit.ts';

export type StoredEntry = { entry: ChainEntry; previousHash: string; hash: string };
export type ChainState = { seq: number; hash: string };
export type ChainResult =
  | { ok: true; state: ChainState }
  | { ok: false; seq: number; reason: string };

/** Checks that `entries` follow from `state` without gap, change or reorder. Hashes are hex. */
export function verifyChain(state: ChainState, entries: readonly StoredEntry[]): ChainResult {
  let { seq, hash } = state;
  for (const stored of entries) {
    const { entry } = stored;
    if (entry.seq !== seq + 1) {
      return {
        ok: false,
        seq: seq + 1,
        reason: `Entry ${seq + 1} is missing; the next one is ${entry.seq}.`,
      };
    }
    if (stored.previousHash !== hash) {
      return {
        ok: false,
        seq: entry.seq,
        reason: `Entry ${entry.seq} does not point to the hash of entry ${seq}.`,
      };
    }
    const expected = chainHash(Buffer.from(hash, 'hex'), entry).toString('hex');
    if (stored.hash !== expected) {
      return {
        ok: false,
        seq: entry.seq,
        reason: `Entry ${entry.seq} was changed after it was written.`,
      };
    }
    seq = entry.seq;
    hash = expected;
  }
  return { ok: true, state: { seq, hash } };
}

/** Worker task: `{ state, entries }` → result. */
export function verifyTask(input: {
  state: ChainState;
  entries: readonly StoredEntry[];
}): ChainResult {
  return verifyChain(input.state, input.entries);
}
