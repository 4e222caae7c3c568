/** Texts on their way out: what may stand in them, and how much of it. Pure. */
import type { NotifyMessage } from './contract.ts';

/** No half of a surrogate pair and no control characters but line ends and tabs. */
export function clean(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/\p{Cc}/gu, (sign) => (sign === '\n' || sign === '\t' ? sign : ' '));
}

export const oneLine = (text: string): string => clean(text).replace(/\s+/g, ' ').trim();

/** At most `max` UTF-16 units, never half a character; what is cut ends in an ellipsis. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, Math.max(0, max - 1));
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/**
 * Escapes `text` sign by sign and stops while it still fits, measured as it will stand in JSON: escapes are never
 * cut, and no limit of a receiver is passed however it counts.
 */
export function clipEscaped(text: string, max: number, write: (sign: string) => string): string {
  let out = '';
  let size = 0;
  let fits = 0;
  for (const sign of text) {
    const piece = write(sign);
    const cost = JSON.stringify(piece).length - 2;
    if (size + cost > max) return `${out.slice(0, fits)}…`;
    out += piece;
    size += cost;
    // Room for the ellipsis.
    if (size <= max - 1) fits = out.length;
  }
  return out;
}

const htmlSigns: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => htmlSigns[sign] ?? sign);

const MAX_URL = 1_000;

/** Where `href` leads on this console; its front page for anything that is no path of it. */
export function absoluteUrl(publicUrl: string, href: string): string {
  const home = publicUrl.replace(/\/+$/, '');
  if (!/^\/(?![/\\])/.test(href)) return home;
  const url = URL.parse(home + href);
  return url && url.href.length <= MAX_URL ? url.href : home;
}

const LIMITS = { key: 300, title: 300, text: 8_000, facts: 50, label: 200, value: 2_000 };

/** The message as it is kept: PostgreSQL holds it, and it has an end. */
export function bounded(message: NotifyMessage): NotifyMessage {
  return {
    ...message,
    key: clip(clean(message.key), LIMITS.key),
    thread: clip(clean(message.thread), LIMITS.key),
    title: clip(oneLine(message.title), LIMITS.title) || 'No title',
    text: clip(clean(message.text), LIMITS.text),
    facts: message.facts.slice(0, LIMITS.facts).map(({ label, value }) => ({
      label: clip(oneLine(label), LIMITS.label),
      value: clip(clean(value), LIMITS.value),
    })),
    href: clip(oneLine(message.href), MAX_URL),
  };
}
