/** When a message that could not be sent is tried again. Pure. */
import { createHash } from 'node:crypto';

export const MAX_ATTEMPTS = 25;
const FIRST_MS = 5_000;
const FACTOR = 3;
const LONGEST_MS = 15 * 60_000;
const JITTER = 0.2;

/** 5 s, 15 s, 45 s … 15 min, ±20 %. The jitter comes from id and attempt, so that a plan can be told again. */
export function backoffMs(id: string, attempt: number): number {
  const plain = Math.min(FIRST_MS * FACTOR ** Math.max(0, attempt - 1), LONGEST_MS);
  const hash = createHash('sha256').update(`${id}:${attempt}`).digest().readUInt32BE(0);
  return Math.round(plain * (1 - JITTER + 2 * JITTER * (hash / 0xffffffff)));
}
