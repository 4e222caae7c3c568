import { expect, test } from 'vitest';
import { relationsSchema, slowLogSchema, slowSchema, statementSchema } from './contract.ts';

const databaseId = '01a1fc6f-0000-7000-8000-000000000000';
const ok = (schema: { safeParse(value: unknown): { success: boolean } }, more: object) =>
  schema.safeParse({ databaseId, ...more }).success;

test('cursors and numbers that nobody gave are refused before anything is read', () => {
  for (const cursor of ['1750000000000~12.5~7', '0~0~1', '1750000000000~1.2e-7~2147483647'])
    expect([cursor, ok(slowSchema, { cursor })]).toEqual([cursor, true]);
  for (const cursor of [
    '',
    '1~e~1',
    '1~1~2147483648',
    '9999999999999999~1~1',
    '1~1~1~1',
    '1~.~1',
    "1~1~1'",
  ])
    expect([cursor, ok(slowSchema, { cursor })]).toEqual([cursor, false]);
  expect(ok(slowLogSchema, { cursor: '1750000000000~99' })).toBe(true);
  for (const cursor of ['9999999999999999~1', '1~', '~1', '1~1~1'])
    expect([cursor, ok(slowLogSchema, { cursor })]).toEqual([cursor, false]);
  expect(ok(relationsSchema, { kind: 'table', cursor: '8192~public.a~b' })).toBe(true);
  for (const cursor of ['~x', 'x~y', '1~a\0b'])
    expect([cursor, ok(relationsSchema, { kind: 'table', cursor })]).toEqual([cursor, false]);
  expect(statementSchema.safeParse({ id: '9999999999' }).success).toBe(false);
  expect(statementSchema.safeParse({ id: '7' }).success).toBe(true);
});
