/** The text form of a key. Pure but for randomness, which is handed in. */
import { createHash } from 'node:crypto';
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

/** Whether a text is a well-formed key with the right checksum. Says nothing about whether it exists. */
export function isKey(text: string): boolean {
  const match = pattern.exec(text);
  return match?.[1] !== undefined && checksum(match[1]) === match[2];
}

export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
