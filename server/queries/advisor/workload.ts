/** What the advisor is told of a workload. Pure. */
import type { StatementKind } from '../statement/describe.ts';

export type Parameters = {
  /** As the program sent them, when they may be kept. */
  values: readonly unknown[];
  calls: number;
};
export type WorkloadStatement = {
  /** What advice names it by: its fingerprint, or a name of its own. */
  id: string;
  /** As it was sent, or with `$n` in place of values. */
  sql: string;
  /** Calls in the window. */
  calls: number;
  /** Mean time of a call in milliseconds; null when nobody measured it. */
  meanMs: number | null;
  /** Rows a call returns or changes, and blocks of 8 kB that it touches; null when unknown. */
  rows: number | null;
  blocks: number | null;
  /** Blocks that a call writes to temporary files, as sorts and hashes do that do not fit into `work_mem`. */
  spilled?: number;
  kind?: StatementKind;
  /** Known sets of values, those called most first. */
  parameters: readonly Parameters[];
  /**
   * Share of the calls in the window that repeated the very same values; null when unknown. A statement without parameters
   * always repeats itself.
   */
  repeated: number | null;
  /** Scans of plans that were really run: rows expected and found. */
  observed?: readonly { table: string; estimated: number; actual: number }[];
};

/** One statement as a program sent it, in the order of time. */
export type StatementEvent = {
  /** What belongs to one request: a trace, a request id. */
  trace: string;
  session?: string;
  atMs: number;
  durationMs?: number;
  sql: string;
  params?: readonly unknown[];
  /** Where in the program it came from. */
  caller?: string;
  /** Of the normalised text, when known. */
  fingerprint?: string;
};

/** Rows written to a table within the window. */
export type TableWrites = {
  inserted: number;
  updated: number;
  hotUpdated: number;
  deleted: number;
};

export type Workload = {
  windowMs: number;
  statements: readonly WorkloadStatement[];
  events?: readonly StatementEvent[];
  /** By table as `schema.name`; without it writes are told from the statements alone. */
  writes?: ReadonlyMap<string, TableWrites>;
  /** Scans of indexes within the time that they were watched: by `schema.name`. */
  indexScans?: ReadonlyMap<string, { scans: number; watchedMs: number }>;
};
