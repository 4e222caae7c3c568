/**
 * The statements that the loop runs, built from structured advice. Names are quoted here; an expression or predicate comes
 * from the parse tree of a statement and is looked at again: the parser must see exactly the one statement that was meant.
 */
import { createHash } from 'node:crypto';
import type { IndexSpec } from '../contract.ts';

const MAX_NAME = 63;
const METHODS = new Set(['btree', 'gin', 'gist', 'brin', 'hash']);

export type Place = { schema: string; table: string };

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const placed = ({ schema, table }: Place): string => `${quoted(schema)}.${quoted(table)}`;

/** `wh_orders_customer_id_3f2a9c1b`: told by it that the console made the index. */
export function indexNameOf(
  key: string,
  { table, columns }: Pick<IndexSpec, 'table' | 'columns'>,
): string {
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 8);
  const words = [table.split('.').at(-1) ?? '', ...columns]
    .map((word) =>
      word
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '_')
        .replace(/^_+|_+$/g, ''),
    )
    .filter(Boolean)
    .join('_');
  return `wh_${words.slice(0, MAX_NAME - 'wh__'.length - hash.length).replace(/_+$/, '')}_${hash}`;
}

/** What the catalogue says of the keys: their types when they are columns, and for which type a class of operators is. */
export type Catalogue = {
  columns: ReadonlyMap<string, string>;
  classType: string | null;
};
const plainType = (type: string): string => type.replace(/^character varying.*/, 'text');

/** Which keys a class of operators is meant for: those of its type; else the expressions, whose type nobody knows; else all. */
function classKeys(
  spec: IndexSpec,
  { columns, classType }: Catalogue,
): (column: string) => boolean {
  const fits = (column: string) => plainType(columns.get(column) ?? '') === classType;
  if (spec.columns.some(fits)) return fits;
  const isExpression = (column: string) => !columns.has(column);
  return spec.columns.some(isExpression) ? isExpression : () => true;
}

/** A key that is no column of the table is an expression. */
export function createIndexText(
  name: string,
  place: Place,
  spec: IndexSpec,
  catalogue: Catalogue,
): string {
  if (!METHODS.has(spec.method)) throw new Error(`No index method ${spec.method}`);
  const opclass = spec.opclass ? ` ${spec.opclass.split('.').map(quoted).join('.')}` : '';
  const takesClass = classKeys(spec, catalogue);
  const keys = spec.columns.map((column, n) => {
    const order = spec.method === 'btree' && spec.order?.[n] === 'DESC' ? ' DESC' : '';
    const key = catalogue.columns.has(column) ? quoted(column) : `(${column})`;
    return `${key}${takesClass(column) ? opclass : ''}${order}`;
  });
  const include = spec.include?.length ? ` INCLUDE (${spec.include.map(quoted).join(', ')})` : '';
  const where = spec.where ? ` WHERE (${spec.where})` : '';
  return `CREATE ${spec.unique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY IF NOT EXISTS ${quoted(name)} ON ${placed(place)} USING ${spec.method} (${keys.join(', ')})${include}${where}`;
}

export const dropIndexText = (schema: string, name: string): string =>
  `DROP INDEX CONCURRENTLY IF EXISTS ${quoted(schema)}.${quoted(name)}`;
export const reindexText = (schema: string, name: string): string =>
  `REINDEX INDEX CONCURRENTLY ${quoted(schema)}.${quoted(name)}`;
export const analyzeText = (place: Place): string => `ANALYZE ${placed(place)}`;
/** What `pg_get_indexdef` gave, to be run again. */
export const restoreText = (definition: string): string =>
  definition.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX CONCURRENTLY IF NOT EXISTS ');

/** What the parser must see in a CREATE INDEX of ours. */
export type Meant = {
  name: string;
  place: Place;
  method: string;
  keys: number;
  include: number;
  where: boolean;
  unique: boolean;
};
