/**
 * Reads a V8 heap snapshot as a stream and counts its objects by class, in one pass and in little memory: numbers are
 * read byte by byte, nodes are added to typed arrays, edges are skipped, and of the strings only the names of classes
 * are kept. A snapshot is one JSON document: `snapshot.meta`, then `nodes` (rows of numbers; type and name are
 * indexes), `edges`, and at the end `strings`.
 */
export type ClassShare = { name: string; count: number; bytes: number };
export type Histogram = { nodes: number; bytes: number; classes: ClassShare[] };

const HEAD_MAX_BYTES = 64 * 1024;
const NAME_MAX_BYTES = 200;
const NODES = Buffer.from('"nodes":[');
const STRINGS = Buffer.from('"strings":[');
/** These have a class each; the others are counted by what they are. */
const NAMED = ['object', 'native'] as const;

type Column = { counts: Float64Array; bytes: Float64Array };
type Phase = 'head' | 'nodes' | 'skip' | 'strings' | 'end';

const column = (): Column => ({ counts: new Float64Array(1024), bytes: new Float64Array(1024) });

function addTo(target: Column, index: number, size: number): void {
  if (index >= target.counts.length) {
    const length = Math.max(index + 1, target.counts.length * 2);
    for (const field of ['counts', 'bytes'] as const) {
      const grown = new Float64Array(length);
      grown.set(target[field]);
      target[field] = grown;
    }
  }
  target.counts[index] = (target.counts[index] ?? 0) + 1;
  target.bytes[index] = (target.bytes[index] ?? 0) + size;
}

export type HistogramReader = {
  push(chunk: Uint8Array): void;
  /** The largest classes first; throws when the snapshot was cut short or is none. */
  finish(limit?: number): Histogram;
};

export function createHistogramReader(): HistogramReader {
  let phase: Phase = 'head';
  let carry: Buffer = Buffer.alloc(0);
  const kinds = column();
  const named = column();
  let typeNames: string[] = [];
  /** Which types are counted by name. */
  let byName: boolean[] = [];
  let fields = 0;
  let typeAt = 0;
  let nameAt = 0;
  let sizeAt = 0;
  // The row that is being read.
  let field = 0;
  let number = 0;
  let digits = false;
  let type = 0;
  let name = 0;
  let size = 0;
  let nodes = 0;
  // The string that is being read.
  let stringIndex = 0;
  let inString = false;
  let escaped = false;
  let wanted = false;
  let text: number[] = [];
  const names = new Map<number, string>();

  const readHead = (json: string) => {
    const head: unknown = JSON.parse(`${json}"nodes":[]}`);
    const meta = Object(Object(Object(head).snapshot).meta);
    const nodeFields: unknown = meta.node_fields;
    const types: unknown = Array.isArray(meta.node_types) ? meta.node_types[0] : null;
    if (!Array.isArray(nodeFields) || !Array.isArray(types)) {
      throw new Error('This is no heap snapshot: it does not describe its nodes.');
    }
    fields = nodeFields.length;
    typeAt = nodeFields.indexOf('type');
    nameAt = nodeFields.indexOf('name');
    sizeAt = nodeFields.indexOf('self_size');
    if (typeAt < 0 || nameAt < 0 || sizeAt < 0) {
      throw new Error('This heap snapshot has no types, names or sizes.');
    }
    typeNames = types.map(String);
    byName = typeNames.map((each) => NAMED.some((known) => known === each));
  };
  const endOfNumber = () => {
    if (field === typeAt) type = number;
    else if (field === nameAt) name = number;
    else if (field === sizeAt) size = number;
    number = 0;
    digits = false;
    field++;
    if (field < fields) return;
    field = 0;
    nodes++;
    if (byName[type]) addTo(named, name, size);
    else addTo(kinds, type, size);
  };
  const readNodes = (chunk: Buffer, from: number): number => {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte >= 48 && byte <= 57) {
        number = number * 10 + byte - 48;
        digits = true;
        continue;
      }
      if (digits) endOfNumber();
      if (byte === 93) {
        phase = 'skip';
        return at + 1;
      }
    }
    return chunk.length;
  };
  const endOfString = () => {
    if (wanted) {
      const bytes = Buffer.from(text).toString('utf8');
      let plain = bytes;
      try {
        plain = String(JSON.parse(`"${bytes}"`));
      } catch {
        // It was cut within an escape; the beginning as it stands will do.
      }
      names.set(stringIndex, plain);
      text = [];
    }
    inString = false;
    stringIndex++;
  };
  const readStrings = (chunk: Buffer, from: number): number => {
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      if (!inString) {
        at++;
        if (byte === 93) {
          phase = 'end';
          return chunk.length;
        }
        if (byte !== 34) continue;
        inString = true;
        escaped = false;
        wanted = (named.counts[stringIndex] ?? 0) > 0;
        continue;
      }
      if (escaped) escaped = false;
      else if (byte === 92) escaped = true;
      else if (byte === 34) {
        endOfString();
        at++;
        continue;
      }
      if (wanted && text.length < NAME_MAX_BYTES) text.push(byte);
      at++;
    }
    return at;
  };
  /** Behind `mark`, which may lie across two chunks; what may be its beginning is carried on. */
  const after = (chunk: Buffer, mark: Buffer): { rest: Buffer; before: Buffer } | null => {
    const all = carry.length > 0 ? Buffer.concat([carry, chunk]) : chunk;
    const at = all.indexOf(mark);
    if (at >= 0) {
      carry = Buffer.alloc(0);
      return { before: all.subarray(0, at), rest: all.subarray(at + mark.length) };
    }
    if (phase === 'head') {
      if (all.length > HEAD_MAX_BYTES) throw new Error('This is no heap snapshot.');
      carry = Buffer.from(all);
    } else carry = Buffer.from(all.subarray(Math.max(0, all.length - mark.length + 1)));
    return null;
  };

  return {
    push(part) {
      let chunk: Buffer = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
      if (phase === 'head') {
        const found = after(chunk, NODES);
        if (!found) return;
        readHead(found.before.toString('utf8'));
        phase = 'nodes';
        chunk = found.rest;
      }
      if (phase === 'nodes') chunk = chunk.subarray(readNodes(chunk, 0));
      if (phase === 'skip') {
        const found = after(chunk, STRINGS);
        if (!found) return;
        phase = 'strings';
        chunk = found.rest;
      }
      if (phase === 'strings') readStrings(chunk, 0);
    },
    finish(limit = 500) {
      if (phase !== 'end') throw new Error('The heap snapshot was cut short.');
      const byClass = new Map<string, ClassShare>();
      const put = (label: string, count: number, bytes: number) => {
        if (count === 0) return;
        const known = byClass.get(label);
        if (known) {
          known.count += count;
          known.bytes += bytes;
        } else byClass.set(label, { name: label, count, bytes });
      };
      for (const [index, label] of names) {
        put(label, named.counts[index] ?? 0, named.bytes[index] ?? 0);
      }
      for (const [index, label] of typeNames.entries()) {
        put(`(${label})`, kinds.counts[index] ?? 0, kinds.bytes[index] ?? 0);
      }
      const all = [...byClass.values()].sort((a, b) => b.bytes - a.bytes || b.count - a.count);
      return {
        nodes,
        bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
        classes: all.slice(0, limit),
      };
    },
  };
}
