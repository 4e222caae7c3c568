import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSecrets } from './secrets.ts';

const secrets = createSecrets('the root secret of this test, long enough');

test('what was sealed opens again, each time from another text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, context) => {
      const sealed = secrets.seal(text, context);
      return secrets.open(sealed, context) === text && sealed !== secrets.seal(text, context);
    }),
  );
});
test('a changed text, another place and another root secret do not open it', () => {
  const sealed = secrets.seal('postgresql://…', 'database:1');
  const at = sealed.length - 3;
  const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1);
  expect(() => secrets.open(changed, 'database:1')).toThrow('cannot be decrypted');
  expect(() => secrets.open(sealed, 'database:2')).toThrow('cannot be decrypted');
  expect(() =>
    createSecrets('another root secret, also long enough').open(sealed, 'database:1'),
  ).toThrow('cannot be decrypted');
  expect(() => secrets.open('plain text', 'database:1')).toThrow('unknown format');
});
test('each purpose has a key of its own', () => {
  expect(secrets.derive('a')).toHaveLength(32);
  expect(secrets.derive('a').equals(secrets.derive('a'))).toBe(true);
  expect(secrets.derive('a').equals(secrets.derive('b'))).toBe(false);
});
