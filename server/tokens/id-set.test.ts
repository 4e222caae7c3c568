import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createIdSet } from './id-set.ts';

test('holds exactly what was added', () => {
  fc.assert(
    fc.property(fc.array(fc.uuid(), { maxLength: 200 }), fc.array(fc.uuid()), (added, others) => {
      const set = createIdSet();
      for (const id of added) set.add(id);
      const known = new Set(added);
      expect(set.size()).toBe(known.size);
      for (const id of added) expect(set.has(id)).toBe(true);
      for (const id of others) expect(set.has(id)).toBe(known.has(id));
    }),
  );
});
test('grows past its first table and forgets nobody', () => {
  const set = createIdSet();
  const ids = Array.from({ length: 20_000 }, () => randomUUID());
  for (const id of ids) set.add(id);
  for (const id of ids) set.add(id);
  expect(set.size()).toBe(20_000);
  expect(ids.every((id) => set.has(id))).toBe(true);
  expect(set.has(randomUUID())).toBe(false);
  expect(set.bytes()).toBe(65_536 * 16);
});
test('ids that differ in their time alone, or in one digit, are different', () => {
  const set = createIdSet();
  set.add('01a1fc6f-0000-7000-8000-000000000001');
  expect(set.has('01a1fc70-0000-7000-8000-000000000001')).toBe(false);
  expect(set.has('01a1fc6f-0000-7000-8000-000000000002')).toBe(false);
  expect(set.has('01A1FC6F-0000-7000-8000-000000000001')).toBe(true);
});
test.each([
  '',
  'x',
  '00000000-0000-0000-0000-000000000000',
  '01a1fc6f-0000-7000-8000-00000000000g',
  '01a1fc6f00000-7000-8000-000000000001',
  '\u{1F600}'.repeat(18),
])('%j is never a member', (text) => {
  const set = createIdSet();
  set.add(text);
  expect(set.has(text)).toBe(false);
  expect(set.size()).toBe(0);
});
