/** The text form of a key. Pure but for randomness, which is handed in. */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BODY = 43; // 62^43 > 2^256
const CHECK = 6; // 62^6 > 2^32
const pattern = new RegExp(`^wh_([0-9A-Za-z]{${BODY}})_([0-9A-Za-z]{${CHECK}})$`);

function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let i = 0; i < CHECK; i++) {
    text = ALPHABET.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

/** Makes a key from random bytes; bytes above 247 are passed over, so that every character is equally likely. */
export function formatKey(random: (size: number) => Uint8Array): string {
  let body = '';
  while (body.length < BODY) {
    for (const byte of random(64)) {
      if (byte < 248 && body.length < BODY) body += ALPHABET.charAt(byte % 62);
    }
  }
  return `wh_${body}_${checksum(body)}`;
}

/** What is wrong with the form of a key; null when shape and checksum are right. Says nothing about whether it exists. */
export function faultOf(text: string): 'malformed' | 'checksum' | null {
  const body = pattern.exec(text)?.[1];
  if (body === undefined) return 'malformed';
  return checksum(body) === text.slice(-CHECK) ? null : 'checksum';
}

/** The part by which people recognise a key: 4 of its 43 random characters. */
export const hintOf = (key: string): string => key.slice(0, 7);

export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}
