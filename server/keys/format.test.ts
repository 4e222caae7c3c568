import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { faultOf, formatKey } from './format.ts';

test('a key has a known prefix, 43 random characters and a checksum', () => {
  for (let i = 0; i < 200; i++) {
    const key = formatKey(randomBytes);
    expect(key).toMatch(/^wh_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
    expect(faultOf(key)).toBeNull();
  }
});
test('any single changed character is noticed without asking the database', () => {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  fc.assert(
    fc.property(fc.nat({ max: 52 }), fc.nat({ max: 61 }), (at, letter) => {
      const key = formatKey(randomBytes);
      const changed = key.slice(0, at) + alphabet.charAt(letter) + key.slice(at + 1);
      return changed === key || faultOf(changed) !== null;
    }),
    { numRuns: 2_000 },
  );
});
test('other texts are no keys', () => {
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => faultOf(text) === 'malformed'));
  expect(faultOf(`${formatKey(randomBytes)}\n`)).toBe('malformed');
});
test('every character is equally likely', () => {
  const counts = new Map<string, number>();
  const rounds = 3_000;
  for (let i = 0; i < rounds; i++) {
    for (const letter of formatKey(randomBytes).slice(3, 46))
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  const expected = (rounds * 43) / 62;
  // Six standard deviations: fails by chance less than once in ten million runs.
  for (const count of counts.values())
    expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
  expect(counts.size).toBe(62);
});
