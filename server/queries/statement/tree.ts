/** Reading the parse tree: nested objects with one key, the type of the node. Pure. */

export type Node = { readonly [name: string]: unknown };

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `{ ColumnRef: {…} }` as `['ColumnRef', {…}]`; null for what is no wrapped node. */
export function unwrap(value: unknown): [type: string, node: Node] | null {
  if (!isNode(value)) return null;
  const [entry, ...others] = Object.entries(value);
  return entry && others.length === 0 && isNode(entry[1]) && /^[A-Z]/.test(entry[0])
    ? [entry[0], entry[1]]
    : null;
}

/** The node when it has this type. */
export const as = (value: unknown, type: string): Node | null => {
  const found = unwrap(value);
  return found?.[0] === type ? found[1] : null;
};

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Calls `visit` with each typed node, outer ones first; `false` leaves out what is inside. Does not recurse, so that depth is no matter. */
export function walk(root: unknown, visit: (type: string, node: Node) => unknown): void {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (Array.isArray(value)) {
      for (let n = value.length - 1; n >= 0; n--) waiting.push(value[n]);
      continue;
    }
    if (!isNode(value)) continue;
    const typed = unwrap(value);
    if (typed && visit(typed[0], typed[1]) === false) continue;
    const inner = Object.values(typed ? typed[1] : value);
    for (let n = inner.length - 1; n >= 0; n--) waiting.push(inner[n]);
  }
}

/** A RangeVar's name; with its schema unless that is `public`. */
export function nameOf(range: Node): string {
  const schema = text(range['schemaname']);
  return schema === '' || schema === 'public'
    ? text(range['relname'])
    : `${schema}.${text(range['relname'])}`;
}

/** The strings of a list of `{ String: { sval } }`, such as the parts of a name. */
export const strings = (value: unknown): string[] =>
  list(value).flatMap((part) => {
    const node = as(part, 'String');
    return node ? [text(node['sval'])] : [];
  });
