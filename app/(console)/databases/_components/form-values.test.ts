import { expect, test } from 'vitest';
import { checkChange, checkNew, valuesOf } from './form-values.ts';

const url = 'postgresql://reader:secret@db:5432/shop';
const filled = { ...valuesOf(null), name: ' Shop ', url };

test('a filled form is an input; defaults are said', () => {
  expect(checkNew(filled)).toEqual({
    faults: {},
    input: { name: 'Shop', url, slowMs: 100, keepParameters: false, paused: false, test: true },
  });
});

test.each([
  ['a name is missing', { name: ' ' }, 'name'],
  ['another protocol', { url: 'mysql://a:b@c/d' }, 'url'],
  ['no database', { url: 'postgresql://a:b@c' }, 'url'],
  ['no URL', { url: 'db.example' }, 'url'],
  ['a duration that is none', { slowMs: '' }, 'slowMs'],
  ['a duration of nothing', { slowMs: '0' }, 'slowMs'],
  ['another role at no URL', { applyUrl: 'x' }, 'applyUrl'],
])('%s: said at the field', (_name, change, field) => {
  const { input, faults } = checkNew({ ...filled, ...change });
  expect(input).toBeNull();
  expect(Object.keys(faults)).toEqual([field]);
});

test('URLs that are left empty stay as they are', () => {
  const id = '01a1fc6f-0000-7000-8000-000000000000';
  expect(checkChange({ ...filled, url: '' }, id).input).toEqual({
    id,
    name: 'Shop',
    slowMs: 100,
    keepParameters: false,
    test: true,
  });
});
