/** Pure work on a prerendered page's HTML: which scripts it may run, and which it does without. */
import { createHash } from 'node:crypto';

/** Pages that may be seen without a session. They run no framework, only `/theme.js` and `/auth.js`. */
export const openPages: ReadonlySet<string> = new Set(['/sign-in', '/setup', '/invite']);

/** `sha256-…` sources of every inline script. */
export function inlineScriptHashes(html: string): string[] {
  const hashes = new Set<string>();
  for (const match of html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)) {
    const digest = createHash('sha256')
      .update(match[1] ?? '')
      .digest('base64');
    hashes.add(`'sha256-${digest}'`);
  }
  return [...hashes];
}

/**
 * Takes Next's scripts out: inline ones, those below `/_next/`, and their preloads. What is left is plain HTML
 * with the scripts that the project serves itself.
 */
export function withoutFramework(html: string): string {
  return html
    .replace(/<script(?![^>]*\ssrc="\/(?!_next\/))[^>]*>[\s\S]*?<\/script>/g, '')
    .replace(/<link[^>]*\bas="script"[^>]*>/g, '');
}
