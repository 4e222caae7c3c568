/**
 * Counts of all rows, and a uniform sample of them (reservoir, algorithm R, seeded), in memory that does not grow with the rows.
 * Pure. Mean and deviation are Welford's, so that large offsets cost no digits.
 */
import type { FeatureKind } from '../contract.ts';
import { readCategory } from '../statistics/cells.ts';
import { numberOf, timeOf } from './sniff.ts';

/** Different values of a categorical feature that are told apart, and over all features. */
const MAX_CATEGORIES = 20_000;
const MAX_ALL_CATEGORIES = 200_000;
const MAX_CATEGORY_LENGTH = 500;
const OTHER = '(other values)';
/** PostgreSQL holds neither NUL nor half of a surrogate pair. */
const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd');
/** Places that are named of each kind of fault. */
const MAX_NAMED = 5;

export type ProfiledFeature = { name: string; kind: FeatureKind; min?: number; max?: number };
export type FeatureProfile = {
  name: string;
  kind: FeatureKind;
  missing: number;
  infinite: number;
  /** Texts in a numeric feature; counted as missing. */
  notNumeric: number;
  /** The first of those: line and text. */
  examples: { line: number; text: string }[];
  /** Outside of the range that the schema names. */
  outside: number;
  mean: number | null;
  sd: number | null;
  min: number | null;
  max: number | null;
  /** Different values of a categorical feature, as far as they are told apart. */
  categories: number | null;
};
export type ProfileColumn = {
  name: string;
  kind: FeatureKind | 'time';
  dictionary: string[];
  /** Numbers or times; or places in the dictionary, -1 where missing. */
  values: Float64Array | Int32Array;
};
export type Profile = {
  rows: number;
  sampled: number;
  from: number | null;
  to: number | null;
  features: FeatureProfile[];
  /** In the order of their times, or of the rows. */
  columns: ProfileColumn[];
  /** Rows whose time cannot be read; they are not in the sample. */
  withoutTime: number;
};

/** Uniform in [0, 1): a small seeded generator (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

type Tally = FeatureProfile & { count: number; squares: number; dictionary: Map<string, number> };

export function createProfiler(options: {
  features: readonly ProfiledFeature[];
  /** Rows of the sample. */
  size: number;
  seed: number;
  decimal: '.' | ',';
  timed: boolean;
}) {
  const { features, size, decimal, timed } = options;
  const random = seeded(options.seed);
  const tallies = features.map(
    ({ name, kind }): Tally => ({
      name,
      kind,
      missing: 0,
      infinite: 0,
      notNumeric: 0,
      examples: [],
      outside: 0,
      mean: null,
      sd: null,
      min: null,
      max: null,
      categories: kind === 'categorical' ? 0 : null,
      count: 0,
      squares: 0,
      dictionary: new Map(),
    }),
  );
  const values = features.map(({ kind }) =>
    kind === 'numeric' ? new Float64Array(size) : new Int32Array(size),
  );
  const times = new Float64Array(size);
  const order = new Float64Array(size);
  let rows = 0;
  let offered = 0;
  let withoutTime = 0;
  let from = Infinity;
  let to = -Infinity;
  let categories = 0;

  const numeric = (tally: Tally, feature: ProfiledFeature, cell: unknown, line: number): number => {
    const value =
      typeof cell === 'number'
        ? cell
        : cell === null || cell === undefined
          ? Number.NaN
          : typeof cell === 'string'
            ? numberOf(cell, decimal)
            : null;
    if (value === null) {
      tally.notNumeric++;
      tally.missing++;
      if (tally.examples.length < MAX_NAMED) {
        const text = (typeof cell === 'string' ? cell : JSON.stringify(cell)).slice(0, 60);
        tally.examples.push({ line, text: storable(text) });
      }
      return Number.NaN;
    }
    if (Number.isNaN(value)) {
      tally.missing++;
      return value;
    }
    if (!Number.isFinite(value)) {
      tally.infinite++;
      return value;
    }
    tally.count++;
    const before = tally.mean ?? 0;
    const mean = before + (value - before) / tally.count;
    tally.squares += (value - before) * (value - mean);
    tally.mean = mean;
    if (tally.min === null || value < tally.min) tally.min = value;
    if (tally.max === null || value > tally.max) tally.max = value;
    if (value < (feature.min ?? -Infinity) || value > (feature.max ?? Infinity)) tally.outside++;
    return value;
  };
  const categorical = (tally: Tally, cell: unknown): number => {
    const plain = cell === null || typeof cell === 'number' || typeof cell === 'string';
    const text = readCategory(plain ? cell : cell === undefined ? null : JSON.stringify(cell));
    if (text === null) {
      tally.missing++;
      return -1;
    }
    const key = text.length > MAX_CATEGORY_LENGTH ? text.slice(0, MAX_CATEGORY_LENGTH) : text;
    const known = tally.dictionary.get(key);
    if (known !== undefined) return known;
    const full = tally.dictionary.size >= MAX_CATEGORIES || categories >= MAX_ALL_CATEGORIES;
    const name = full ? OTHER : key;
    const other = tally.dictionary.get(name);
    if (other !== undefined) return other;
    categories++;
    tally.dictionary.set(name, tally.dictionary.size);
    return tally.dictionary.size - 1;
  };
  /** Where this row goes in the sample; -1: nowhere. */
  const slot = (): number => {
    const place = offered < size ? offered : Math.floor(random() * (offered + 1));
    offered++;
    return place < size ? place : -1;
  };

  return {
    /** Cells in the order of the features; what is absent is missing. */
    add(cells: readonly unknown[], line: number, time: unknown = null): void {
      rows++;
      let at = rows;
      if (timed) {
        const read = timeOf(time);
        if (read === null) withoutTime++;
        else {
          at = read;
          from = Math.min(from, read);
          to = Math.max(to, read);
        }
        if (read === null) at = Number.NaN;
      }
      const place = Number.isNaN(at) ? -1 : slot();
      for (let i = 0; i < tallies.length; i++) {
        const tally = tallies[i] as Tally;
        const value =
          tally.kind === 'numeric'
            ? numeric(tally, features[i] as ProfiledFeature, cells[i], line)
            : categorical(tally, cells[i]);
        if (place >= 0) (values[i] as Float64Array | Int32Array)[place] = value;
      }
      if (place < 0) return;
      times[place] = at;
      order[place] = rows;
    },
    rows: () => rows,
    finish(): Profile {
      const sampled = Math.min(offered, size);
      const places = Uint32Array.from({ length: sampled }, (_, i) => i).sort(
        (a, b) =>
          (times[a] as number) - (times[b] as number) ||
          (order[a] as number) - (order[b] as number),
      );
      const columns = features.map(({ name, kind }, i): ProfileColumn => {
        const source = values[i] as Float64Array | Int32Array;
        const sorted = kind === 'numeric' ? new Float64Array(sampled) : new Int32Array(sampled);
        places.forEach((place, to) => {
          sorted[to] = source[place] as number;
        });
        return {
          name,
          kind,
          dictionary: [...(tallies[i]?.dictionary.keys() ?? [])].map(storable),
          values: sorted,
        };
      });
      if (timed) {
        columns.push({
          name: '',
          kind: 'time',
          dictionary: [],
          values: Float64Array.from(places, (place) => times[place] as number),
        });
      }
      return {
        rows,
        sampled,
        from: timed && from <= to ? from : null,
        to: timed && from <= to ? to : null,
        features: tallies.map(({ count, squares, dictionary, ...profile }) => ({
          ...profile,
          sd: count > 0 ? Math.sqrt(squares / count) : null,
          categories: profile.kind === 'categorical' ? dictionary.size : null,
        })),
        columns,
        withoutTime,
      };
    },
  };
}
