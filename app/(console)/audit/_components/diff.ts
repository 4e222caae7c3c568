/** What differs between two values, path by path. */
export type DiffLine = { path: string; before: string | null; after: string | null };

function flatten(value: unknown, path: string, into: Map<string, string>): void {
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) into.set(path, Array.isArray(value) ? '[]' : '{}');
    for (const [key, inner] of entries) flatten(inner, path ? `${path}.${key}` : key, into);
  } else if (value !== undefined) {
    into.set(path || 'value', typeof value === 'string' ? value : JSON.stringify(value));
  }
}

export function diffLines(before: unknown, after: unknown): DiffLine[] {
  const left = new Map<string, string>();
  const right = new Map<string, string>();
  // `null` on one side is "there was nothing".
  if (before !== null) flatten(before, '', left);
  if (after !== null) flatten(after, '', right);
  return [...new Set([...left.keys(), ...right.keys()])].sort().map((path) => ({
    path,
    before: left.get(path) ?? null,
    after: right.get(path) ?? null,
  }));
}
