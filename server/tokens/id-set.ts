/**
 * A set of UUIDs in one typed array: 16 bytes an id, open addressing with linear probing, never more than half full, so that a
 * look-up touches one or two cache lines and a million ids take 32 MB, out of the garbage collector's sight.
 *
 * The slot comes from the last 64 bits, which are random in versions 4 and 7; an id of zeros marks an empty slot and is
 * never a member.
 */
const WORDS = 4;
const SMALLEST = 1_024;

export type IdSet = {
  add(id: string): void;
  has(id: string): boolean;
  size(): number;
  bytes(): number;
};

/** Value of a hexadecimal digit by character code; 255 for all else. */
const digits = new Uint8Array(128).fill(255);
for (let i = 0; i < 16; i++) {
  digits[i.toString(16).charCodeAt(0)] = i;
  digits[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** Reads the 32 digits of a UUID into four words; false when it is none. */
export function readId(id: string, into: Uint32Array): boolean {
  if (id.length !== 36) return false;
  let digit = 0;
  let word = 0;
  for (let at = 0; at < 36; at++) {
    const code = id.charCodeAt(at);
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      if (code !== 45) return false;
      continue;
    }
    const value = code < 128 ? (digits[code] ?? 255) : 255;
    if (value === 255) return false;
    word = (word << 4) | value;
    if ((++digit & 7) === 0) into[(digit >> 3) - 1] = word;
  }
  return true;
}

export function createIdSet(expected = 0): IdSet {
  let slots = SMALLEST;
  while (slots < expected * 2) slots *= 2;
  let table = new Uint32Array(slots * WORDS);
  let size = 0;
  const wanted = new Uint32Array(WORDS);

  /** Where `a b c d` stands, or the empty slot where it belongs. */
  const find = (a: number, b: number, c: number, d: number): number => {
    let slot = (Math.imul(c ^ d, 0x9e3779b1) >>> 0) & (slots - 1);
    for (;;) {
      const at = slot * WORDS;
      const w = table[at];
      const x = table[at + 1];
      const y = table[at + 2];
      const z = table[at + 3];
      if (w === a && x === b && y === c && z === d) return at;
      if (w === 0 && x === 0 && y === 0 && z === 0) return at;
      slot = (slot + 1) & (slots - 1);
    }
  };
  const isEmpty = (at: number) =>
    table[at] === 0 && table[at + 1] === 0 && table[at + 2] === 0 && table[at + 3] === 0;
  const put = (from: Uint32Array, offset: number): boolean => {
    const a = from[offset] ?? 0;
    const b = from[offset + 1] ?? 0;
    const c = from[offset + 2] ?? 0;
    const d = from[offset + 3] ?? 0;
    const at = find(a, b, c, d);
    if (!isEmpty(at)) return false;
    table[at] = a;
    table[at + 1] = b;
    table[at + 2] = c;
    table[at + 3] = d;
    return true;
  };
  const grow = () => {
    const old = table;
    slots *= 2;
    table = new Uint32Array(slots * WORDS);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at] || old[at + 1] || old[at + 2] || old[at + 3]) put(old, at);
    }
  };
  return {
    add(id) {
      if (!readId(id, wanted)) return;
      if (!(wanted[0] || wanted[1] || wanted[2] || wanted[3])) return;
      if ((size + 1) * 2 > slots) grow();
      if (put(wanted, 0)) size++;
    },
    has(id) {
      if (!readId(id, wanted)) return false;
      return !isEmpty(find(wanted[0] ?? 0, wanted[1] ?? 0, wanted[2] ?? 0, wanted[3] ?? 0));
    },
    size: () => size,
    bytes: () => table.byteLength,
  };
}
