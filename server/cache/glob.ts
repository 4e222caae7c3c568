/** Patterns in which `*` stands for any text and everything else for itself. Linear in the text, whatever the pattern. */
export function matchesGlob(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return pattern === text;
  if (!text.startsWith(first) || text.length < first.length + last.length) return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return text.endsWith(last);
}

/** The same pattern as Redis' SCAN wants it. */
export const toRedisGlob = (pattern: string): string => pattern.replace(/[\\?[\]^-]/g, '\\$&');
