/** What replicas tell each other: which tags became old, and a pattern of keys. */
export type Change = { from: string; tags: string[]; pattern?: string };

export function parseChange(text: string): Change | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  if (!('from' in value) || typeof value.from !== 'string') return null;
  if (!('tags' in value) || !Array.isArray(value.tags)) return null;
  if (!value.tags.every((tag) => typeof tag === 'string')) return null;
  const { from, tags } = value;
  const pattern = 'pattern' in value && typeof value.pattern === 'string' ? value.pattern : null;
  return { from, tags, ...(pattern === null ? {} : { pattern }) };
}
