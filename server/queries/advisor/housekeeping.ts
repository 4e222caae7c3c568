/** Advice that needs no statement: indexes that are broken, that another covers, that nobody reads; statistics that are old. Pure. */
import type { Advice } from '../contract.ts';
import { plainText, quoted, tablePath } from './candidates.ts';
import type { Index, Table } from './catalog.ts';
import { megabytes } from './words.ts';

const UNUSED_MS = 14 * 86_400_000;
const WORTH_BYTES = 1_000_000;

const indexPath = (index: Index): string =>
  index.schema === 'public' ? quoted(index.name) : `${quoted(index.schema)}.${quoted(index.name)}`;
const named = (index: Index): string =>
  index.schema === 'public' ? index.name : `${index.schema}.${index.name}`;
const dropped = (index: Index): string => `DROP INDEX CONCURRENTLY ${indexPath(index)}`;

export function brokenIndexes(
  table: Table,
  useful: (index: Index) => boolean,
  duplicates: ReadonlySet<string>,
): Advice[] {
  return table.indexes
    .filter((index) => !index.valid && !index.partition)
    .map((index): Advice => {
      const left = /_ccnew\d*$|_ccold\d*$/.test(index.name);
      const twin = table.indexes.some(
        (other) => other !== index && other.valid && covers(other, index),
      );
      if (left || twin || duplicates.has(index.name) || (!useful(index) && !index.needed))
        return {
          kind: 'drop_index',
          name: named(index),
          table: table.shown,
          reason: `An attempt to build ${index.name} failed and left it invalid: no query can use it, and every write keeps it up. ${
            duplicates.has(index.name)
              ? 'It cannot be finished, as the table holds rows that it would refuse.'
              : twin
                ? 'A valid index covers the same columns.'
                : 'No statement of the workload needs it.'
          }`,
          ddl: dropped(index),
        };
      return {
        kind: 'reindex',
        name: named(index),
        table: table.shown,
        reason: `An attempt to build ${index.name} failed and left it invalid: every write keeps it up, and no query can use it until it is built anew.`,
        ddl: `REINDEX INDEX CONCURRENTLY ${indexPath(index)}`,
      };
    });
}

/** Whether whatever `index` serves, `other` serves as well. */
export function covers(other: Index, index: Index): boolean {
  if (
    other.method !== index.method ||
    plainText(other.where ?? '') !== plainText(index.where ?? '')
  )
    return false;
  if (other.keys.length < index.keys.length) return false;
  // Only B-trees serve a prefix of their keys.
  if (index.method !== 'btree' && other.keys.length !== index.keys.length) return false;
  const included = [...other.include, ...other.keys.map(({ expression }) => expression)];
  if (!index.include.every((column) => included.includes(column))) return false;
  const turned = index.keys.every((key, n) => other.keys[n]?.descending !== key.descending);
  return index.keys.every((key, n) => {
    const same = other.keys[n];
    return (
      same !== undefined &&
      plainText(same.expression) === plainText(key.expression) &&
      same.opclass === key.opclass &&
      same.collation === key.collation &&
      (turned
        ? same.nullsFirst !== key.nullsFirst
        : same.descending === key.descending && same.nullsFirst === key.nullsFirst)
    );
  });
}

/** Of a group that cover each other one stays: what uniqueness or a constraint stands on, else the widest, else the oldest. */
export function redundantIndexes(table: Table): Advice[] {
  const gone = new Set<Index>();
  const advice: Advice[] = [];
  const candidates = table.indexes.filter(
    (index) => index.valid && !index.unique && !index.needed && !index.partition,
  );
  // Newer ones first, so that of two equal ones the older stays.
  for (const index of candidates.reverse()) {
    const other = table.indexes.find(
      (each) => each !== index && each.valid && !gone.has(each) && covers(each, index),
    );
    if (!other) continue;
    gone.add(index);
    const equal = other.keys.length === index.keys.length;
    advice.push({
      kind: 'drop_index',
      name: named(index),
      table: table.shown,
      reason: `${other.name} ${equal ? 'has the same columns' : `begins with the same columns (${other.keys.map(({ expression }) => expression).join(', ')})`} and serves whatever ${index.name} does; without it each write is cheaper and ${megabytes(index.bytes)} are free.`,
      ddl: dropped(index),
    });
  }
  return advice;
}

/** Seen unused for two weeks, by `scans` of the collector; a standby's reads do not show here. */
export function unusedIndexes(
  table: Table,
  scans: ReadonlyMap<string, { scans: number; watchedMs: number }>,
  writesPerDay: number,
): Advice[] {
  return table.indexes.flatMap((index): Advice[] => {
    const seen = scans.get(`${index.schema}.${index.name}`);
    if (!seen || seen.scans > 0 || seen.watchedMs < UNUSED_MS || index.bytes < WORTH_BYTES)
      return [];
    if (!index.valid || index.unique || index.needed || index.partition) return [];
    return [
      {
        kind: 'drop_index',
        name: named(index),
        table: table.shown,
        reason: `Nobody read ${index.name} in the ${Math.floor(seen.watchedMs / 86_400_000)} days that it was watched; it takes ${megabytes(index.bytes)}${writesPerDay > 0 ? ` and is kept up with each of ${Math.round(writesPerDay)} writes a day` : ''}. Standbys count for themselves: look there first.`,
        ddl: dropped(index),
      },
    ];
  });
}

/** `misjudged` is by which factor plans were wrong about its rows; 1 when nobody ran them. */
export function staleStatistics(table: Table, misjudged: number): Advice | null {
  const rows = Math.max(table.rows, table.live);
  const share = rows > 0 ? table.changed / rows : 0;
  const never = !table.analyzed && rows >= 1_000;
  const old = table.analyzed && table.changed >= 1_000 && share >= 0.2;
  if (!(never || old || (misjudged >= 10 && table.changed >= 1_000))) return null;
  return {
    kind: 'analyze',
    table: table.shown,
    reason: `${
      never
        ? `${table.shown} was never analyzed`
        : `${Math.round(table.changed)} rows of ${table.shown} changed since its statistics were taken (${Math.round(share * 100)} %)`
    }${misjudged >= 10 ? `, and the planner is wrong about its rows by a factor of ${Math.round(misjudged)}` : ''}: plans rest on numbers that are not true any more.`,
    ddl: `ANALYZE ${tablePath(table)}`,
  };
}
