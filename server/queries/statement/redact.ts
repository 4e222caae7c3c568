/**
 * What the parser's normalisation leaves behind: it replaces values in queries and most utility statements, but keeps comments,
 * and texts in COPY … PROGRAM, NOTIFY, COMMENT, ALTER SYSTEM, EXECUTE, DEFAULT and the like. Any of them may hold a secret.
 */
import { scanSync } from './parser.ts';

const NEEDED = /'|--|\/\*|\$[A-Za-z_\u0080-\uffff]|\$\$/;
const comments = new Set(['SQL_COMMENT', 'C_COMMENT']);
const texts = new Set(['SCONST', 'USCONST', 'BCONST', 'XCONST']);

/** A normalised text without comments, and with `$n` in place of every text that is left. */
export function redact(normalized: string): string {
  if (!NEEDED.test(normalized)) return normalized;
  const bytes = Buffer.from(normalized);
  let highest = 0;
  for (const [, digits] of normalized.matchAll(/\$(\d{1,5})/g))
    highest = Math.max(highest, Number(digits));
  const parts: string[] = [];
  let at = 0;
  // Places are counted in bytes.
  for (const { start, end, tokenName, text } of scanSync(normalized).tokens) {
    const comment = comments.has(tokenName);
    if (!comment && !texts.has(tokenName) && !isText(text)) continue;
    parts.push(bytes.toString('utf8', at, start), comment ? ' ' : `$${++highest}`);
    at = end;
  }
  parts.push(bytes.toString('utf8', at));
  return parts.join('').trim();
}

/** The scanner does not name every token; a text begins with a quote, or with dollars. */
const isText = (token: string): boolean =>
  /^([eEbBxXnN]|[uU]&)?'|^\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.test(token);
