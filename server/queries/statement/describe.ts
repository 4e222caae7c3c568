/** The worker's side of `service.ts`. */
import { createHash } from 'node:crypto';
import {
  fingerprintSync,
  hasSqlDetails,
  MAX_PARSED,
  mended,
  normalizeSync,
  parseSync,
} from './parser.ts';
import { redact } from './redact.ts';
import { type Node, nameOf, walk } from './tree.ts';

export type StatementKind =
  | 'select'
  | 'insert'
  | 'update'
  | 'delete'
  | 'merge'
  | 'utility'
  | 'other';
export type Described = {
  /** 16 hexadecimal digits: the same for texts that differ in values, spaces and letter case. */
  fingerprint: string;
  /** With `$n` in place of values; `(does not parse, 120 characters)` when it does not. */
  normalized: string;
  kind: StatementKind;
  /** Tables by their names as written, without those that WITH defines; sorted. */
  tables: string[];
  /** How many statements the text holds. */
  statements: number;
  error: string | null;
};

const kinds: Readonly<Record<string, StatementKind>> = {
  SelectStmt: 'select',
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
  MergeStmt: 'merge',
};

export const describeTask = async (texts: string[]): Promise<Described[]> => {
  await mended();
  return texts.map(describe);
};

export function describe(text: string): Described {
  try {
    if (text.length > MAX_PARSED) throw new Error(`longer than ${MAX_PARSED} characters`);
    const tree = parseSync(text);
    const [first] = tree.stmts ?? [];
    const kind = Object.keys(first?.stmt ?? {})[0] ?? '';
    return {
      fingerprint: fingerprintSync(text),
      normalized: redact(normalizeSync(text).trim()),
      kind: kinds[kind] ?? (kind === '' ? 'other' : 'utility'),
      tables: tablesOf(tree.stmts?.map(({ stmt }) => stmt) ?? []),
      statements: tree.stmts?.length ?? 0,
      error: null,
    };
  } catch (error) {
    // The text may hold a secret, and the parser's message quotes from it.
    return {
      fingerprint: createHash('sha256').update(text).digest('hex').slice(0, 16),
      normalized: `(does not parse, ${text.length} characters)`,
      kind: 'other',
      tables: [],
      statements: 0,
      error: hasSqlDetails(error)
        ? `syntax error at character ${error.sqlDetails?.cursorPosition ?? 0}`
        : `not parsed: ${text.length} characters, at most ${MAX_PARSED} are`,
    };
  }
}

function tablesOf(statements: unknown[]): string[] {
  const tables = new Set<string>();
  const named = new Set<string>();
  walk(statements, (type, node: Node) => {
    if (type === 'CommonTableExpr' && typeof node['ctename'] === 'string')
      named.add(node['ctename']);
    // FOR UPDATE OF names relations by their aliases.
    if (type === 'LockingClause') return false;
    if (type === 'RangeVar') tables.add(nameOf(node));
    // These hold a RangeVar that is not wrapped in its type.
    const relation = node['relation'];
    if (
      /^(Insert|Update|Delete|Merge)Stmt$/.test(type) &&
      relation !== null &&
      typeof relation === 'object'
    )
      tables.add(nameOf(relation as Node));
    return undefined;
  });
  return [...tables].filter((name) => name !== '' && !named.has(name)).sort();
}
