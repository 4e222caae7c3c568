import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPlainText } from './contract.ts';

test.each([
  'Ada Lovelace',
  "O'Brien",
  '😀',
  '👨‍👩‍👧 family',
  '👩🏽‍💻',
  '🏳️‍🌈',
  'می‌خواهم',
  'क्‍ष',
  'שלום',
  'İstanbul',
  'ﬁ',
  '日本語',
])('%s is plain', (text) => {
  expect(isPlainText(text)).toBe(true);
});
test.each([
  ['an override of direction', 'invoice\u202egpj.exe'],
  ['an isolate', '\u2066admin\u2069'],
  ['a mark of direction', 'admin\u200e'],
  ['a space without width', 'ad\u200bmin'],
  ['a word joiner', 'ad\u2060min'],
  ['a byte order mark', '\ufeffadmin'],
  ['a soft hyphen', 'ad\u00admin'],
  ['a joiner between Latin letters', 'ad\u200dmin'],
  ['a non-joiner between Latin letters', 'ad\u200cmin'],
  ['a joiner at the start', '\u200dadmin'],
  ['a blank letter', '\u3164'],
  ['text in tags', `hello${String.fromCodePoint(0xe0069, 0xe0067)}`],
  ['selectors that spell something', '😀\ufe0f\ufe01\ufe02'],
  ['a line separator', 'a\u2028b'],
  ['NUL', 'a\u0000b'],
  ['an escape', '\u001b[31m'],
  ['half of a pair', 'a\ud800'],
])('%s is not', (_what, text) => {
  expect(isPlainText(text)).toBe(false);
});
test('all of ASCII that can be seen is plain, and it takes no time to say so', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom(...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))),
      }),
      isPlainText,
    ),
  );
  const began = performance.now();
  expect(isPlainText(`${'\u0915\u200d'.repeat(50_000)}\u202e`)).toBe(false);
  expect(performance.now() - began).toBeLessThan(500);
});
