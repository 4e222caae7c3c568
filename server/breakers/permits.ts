/**
 * Permits: what a caller carries from `breakers.permit` to `breakers.record`. A permit names the replica that gave it,
 * the generation, and the trial slot if it has one, signed for the breaker's name: it cannot be made up, used for
 * another breaker, or counted twice.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export type Permit = {
  instance: string;
  generation: number;
  /** Token of the replica that gave it. */
  token: number;
  /** Of a trial call. */
  slot: number | null;
  nonce: string;
  /** Seconds since 1970. */
  at: number;
};
/** A permit is good for this long; a call that lasts longer is not recorded. */
export const PERMIT_SECONDS = 3_600;
const MAX_CLAIMS = 100_000;

export function createPermits(key: Buffer) {
  const sign = (name: string, text: string) =>
    createHmac('sha256', key)
      .update(`${name}\0${text}`)
      .digest()
      .subarray(0, 12)
      .toString('base64url');
  return {
    write(name: string, permit: Omit<Permit, 'nonce'>): string {
      const { instance, generation, token, slot, at } = permit;
      const nonce = randomBytes(9).toString('base64url');
      const text = [instance, generation, token, slot ?? 'c', at, nonce].join('.');
      return `${text}.${sign(name, text)}`;
    },
    /** Null for what was not made here for this breaker. */
    read(name: string, text: string): Permit | null {
      const cut = text.lastIndexOf('.');
      const body = text.slice(0, Math.max(0, cut));
      const given = Buffer.from(text.slice(cut + 1));
      const right = Buffer.from(sign(name, body));
      if (given.length !== right.length || !timingSafeEqual(given, right)) return null;
      const [instance = '', generation, token, slot, at, nonce = ''] = body.split('.');
      return {
        instance,
        generation: Number(generation),
        token: Number(token),
        slot: slot === 'c' ? null : Number(slot),
        nonce,
        at: Number(at),
      };
    },
  };
}

/** Remembers what was recorded; the oldest leave first. */
export function createClaims() {
  const claimed = new Set<string>();
  return (nonce: string): boolean => {
    if (claimed.has(nonce)) return false;
    claimed.add(nonce);
    if (claimed.size > MAX_CLAIMS) {
      for (const oldest of claimed) {
        claimed.delete(oldest);
        break;
      }
    }
    return true;
  };
}
