/** When a message that could not be sent is tried again. Pure. */
import { createHash } from 'node:crypto';

export const MAX_ATTEMPTS = 25;
const FIRST_MS = 5_000;
const FACTOR = 3;
const LONGEST_MS = 15 * 60_000;
const JITTER = 0.2;
const LONGEST_RETRY_AFTER_MS = 60 * 60_000;
const SHORTEST_RETRY_AFTER_MS = 1_000;

/** 5 s, 15 s, 45 s … 15 min, ±20 %. The jitter comes from id and attempt, so that a plan can be told again. */
export function backoffMs(id: string, attempt: number): number {
  const plain = Math.min(FIRST_MS * FACTOR ** Math.max(0, attempt - 1), LONGEST_MS);
  const hash = createHash('sha256').update(`${id}:${attempt}`).digest().readUInt32BE(0);
  return Math.round(plain * (1 - JITTER + 2 * JITTER * (hash / 0xffffffff)));
}

/** RFC 9110 §10.2.3: seconds or an HTTP date. Null when it is neither; from a second to an hour otherwise. */
export function retryAfterMs(header: string | null | undefined, now: Date): number | null {
  const value = header?.trim() ?? '';
  let ms: number;
  if (/^\d+(\.\d+)?$/.test(value)) ms = Number(value) * 1000;
  else if (/^[A-Za-z]{3,9}, .+ GMT$/.test(value)) ms = Date.parse(value) - now.getTime();
  else return null;
  if (Number.isNaN(ms)) return null;
  return Math.round(Math.min(Math.max(ms, SHORTEST_RETRY_AFTER_MS), LONGEST_RETRY_AFTER_MS));
}
