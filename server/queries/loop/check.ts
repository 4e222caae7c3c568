/** The worker's side of `apply.ts`: whether a text is exactly the CREATE INDEX that was meant. */
import { as, isNode, list, text } from '../statement/tree.ts';
import type { Meant } from './ddl.ts';

/** Null when it is; otherwise what is wrong with it. */
export async function checkIndexTask({
  sql,
  meant,
}: {
  sql: string;
  meant: Meant;
}): Promise<string | null> {
  const { parseSync } = await import('../statement/parser.ts');
  let stmts: { stmt?: unknown }[];
  try {
    // The package's declarations leave out what a tree holds.
    stmts = (parseSync(sql) as { stmts?: { stmt?: unknown }[] }).stmts ?? [];
  } catch {
    return 'it does not parse';
  }
  if (stmts.length !== 1) return `it holds ${stmts.length} statements`;
  const index = as(stmts[0]?.stmt, 'IndexStmt');
  if (!index) return 'it is no CREATE INDEX';
  const relation = isNode(index['relation']) ? index['relation'] : {};
  const seen: Meant = {
    name: text(index['idxname']),
    place: { schema: text(relation['schemaname']), table: text(relation['relname']) },
    method: text(index['accessMethod']),
    keys: list(index['indexParams']).length,
    include: list(index['indexIncludingParams']).length,
    where: index['whereClause'] !== undefined,
    unique: index['unique'] === true,
  };
  if (index['concurrent'] !== true) return 'it is not CONCURRENTLY';
  if (JSON.stringify(seen) !== JSON.stringify(meant)) return 'it means another index';
  // A key that closes its parenthesis would show as options, or as another shape of the key.
  for (const name of ['options', 'tableSpace', 'excludeOpNames']) {
    if (index[name] !== undefined) return `it has ${name}`;
  }
  return null;
}
