import { expect, test } from 'vitest';
import type { PreviewColumn } from '../../server/drift/contract.ts';
import { faultOf, mapFeatures, type Understood, wireOf } from './column-map.ts';

const column = (name: string, type: PreviewColumn['type'] = 'numeric'): PreviewColumn => ({
  name,
  type,
  missing: 0,
  notNumeric: type === 'mixed' ? 3 : 0,
  distinct: 9,
  examples: [],
  feature: null,
  problem: null,
});
const preview = (guess: string | null): Understood => ({
  ok: true,
  format: 'csv',
  encoding: 'utf-8',
  bom: false,
  delimiter: ',',
  decimal: '.',
  header: true,
  quoted: false,
  rows: 10,
  rowsExact: true,
  columns: [column('Amount'), column('x'), column('day', 'time'), column('mix', 'mixed')],
  features: [
    { name: 'amount', kind: 'numeric', column: guess },
    { name: 'age', kind: 'numeric', column: null },
    { name: 'constructor', kind: 'categorical', column: null },
  ],
  sample: [],
  absent: [],
  timeColumn: 'day',
  problems: [],
});
const mapped = (guess: string | null, ...chosen: [string, string][]) =>
  mapFeatures(preview(guess), new Map(chosen));
const shown = (features: ReturnType<typeof mapped>) =>
  features.map(({ column: name, fault, warning }) => [name, fault ?? warning]);

test('the guess stands until something is chosen; also that a feature is not in the file', () => {
  expect(shown(mapped('Amount'))).toEqual([
    ['Amount', null],
    ['', null],
    ['', null],
  ]);
  const chosen = mapped('Amount', ['amount', ''], ['age', 'x'], ['constructor', 'mix']);
  expect(wireOf(chosen)).toEqual({ age: 'x', constructor: 'mix' });
  expect(faultOf(chosen)).toBeNull();
});

test('what is wrong stands at the feature', () => {
  expect(shown(mapped('Amount', ['age', 'Amount'], ['constructor', 'gone']))).toEqual([
    ['Amount', null],
    ['Amount', 'Amount is the column of amount already.'],
    ['gone', 'The file has no column gone.'],
  ]);
  expect(shown(mapped(null, ['amount', 'mix'], ['age', 'day'], ['constructor', 'x']))).toEqual([
    ['mix', '3 values are no numbers; they count as missing.'],
    ['day', 'The feature is numeric; these are times.'],
    ['x', null],
  ]);
  expect(faultOf(mapped(null))).toMatch(/at least one feature/);
});
