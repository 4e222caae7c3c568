/** What the advisor knows of a statement: which relations it reads, and by which predicates and orders. Pure. */
import type { StatementKind } from './describe.ts';

export type ColumnRef = { relation: string | null; column: string };
/** A side of a comparison. `sql` is the text as PostgreSQL prints it, without the relation's alias. */
export type Operand = {
  sql: string;
  /** Columns that it refers to; none for a constant. */
  refs: ColumnRef[];
  /** It is a column and nothing else. */
  column: ColumnRef | null;
  /** Number of the parameter that it is, also behind a cast. */
  parameter: number | null;
  /** The constant's value, also behind a cast; undefined when it is none. */
  constant?: string | number | boolean | null;
  /** Has a subquery inside. */
  nested: boolean;
  /** Function or cast around a column: its name (`lower`, `date`, `->>`); null for a plain column. */
  wrapper: string | null;
  /** Functions that it calls, without schema. */
  calls: string[];
};
export type Predicate = {
  /**
   * `=`, `<` …; `in` (also `= ANY`), `null`, `notnull`, `true`, `false`, `~~`, `~~*`, `@>` and so on; `any` for
   * `constant = ANY(column)`; `or`, whose branches stand in `branches`; `other`.
   */
  op: string;
  left: Operand;
  right: Operand | null;
  /** Values of IN. */
  values?: Operand[];
  branches?: Predicate[][];
  sql: string;
  /** From the ON of an outer join, so that it filters only the relation named here. */
  nullable?: string[];
};
export type OrderItem = {
  operand: Operand;
  direction: 'ASC' | 'DESC';
  nulls: 'FIRST' | 'LAST' | null;
};
export type Block = {
  relations: { alias: string; table: string }[];
  /** Names of derived tables, CTEs and functions in FROM, whose columns are no table's. */
  derived: string[];
  predicates: Predicate[];
  order: OrderItem[];
  group: Operand[];
  distinct: boolean;
  limit: Operand | null;
  offset: Operand | null;
  /** Argument of the only aggregate when that is min or max. */
  extreme: OrderItem | null;
  aggregated: boolean;
  /** Columns that are read anywhere in the block; null for `*`. */
  columns: ColumnRef[] | null;
  locks: boolean;
};
export type Rewrite = {
  pattern: 'keyset-pagination' | 'sargable-range' | 'exists-for-count' | 'other';
  rewrite: string;
  /** What is wrong, for a person. */
  why: string;
  /** For a predicate on a column: that column, so that indexes on it can be looked for. */
  column?: ColumnRef & { table: string | null };
  /** OFFSET as it stands. */
  offset?: { constant: number | null; parameter: number | null };
  /** The function or cast that hides the column. */
  wrapper?: string;
};
export type Facts = {
  kind: StatementKind;
  fingerprint: string;
  normalized: string;
  tables: string[];
  blocks: Block[];
  rewrites: Rewrite[];
  /** Tables written to, and the columns that an UPDATE sets. */
  written: { table: string; columns: string[]; action: 'insert' | 'update' | 'delete' } | null;
  /**
   * What UPDATE, DELETE and INSERT … SELECT read, as a SELECT: planning that needs no right to write. `parameters` are the numbers
   * that its `$1`, `$2` … had.
   */
  reading: { sql: string; parameters: number[] } | null;
  /** Rows of VALUES in an INSERT. */
  valueRows: number;
  /** The highest `$n`. */
  parameters: number;
  /** Has functions that change from call to call, such as random() or now(); what is cached must not. */
  volatile: boolean;
};
export type Read = { facts: Facts; error: null } | { facts: null; error: string };
