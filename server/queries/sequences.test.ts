import { expect, test } from 'vitest';
import { findNPlusOne, type SequenceStep } from './sequences.ts';

const step = (given: Partial<SequenceStep>): SequenceStep => ({
  trace: 't',
  caller: '',
  atMs: 0,
  durationMs: null,
  fingerprint: 'child',
  isSelect: true,
  tables: ['comments'],
  values: '1',
  key: { table: 'comments', column: 'post_id' },
  ...given,
});
const parent = step({ fingerprint: 'parent', tables: ['posts'], values: null, key: null });
const children = (count: number, each: (n: number) => Partial<SequenceStep> = () => ({})) =>
  Array.from({ length: count }, (_, n) => step({ atMs: n + 1, values: String(n), ...each(n) }));

test('one statement for each row of another is found, with its parent and key', () => {
  expect(findNPlusOne([parent, ...children(12)])).toEqual([
    {
      trace: 't',
      caller: '',
      fingerprint: 'child',
      parent: 'parent',
      parentTable: 'posts',
      child: 'comments',
      key: 'post_id',
      calls: 12,
      traces: 1,
      totalMs: null,
    },
  ]);
});

test('what looks alike and is none', () => {
  const none = (steps: SequenceStep[]) => expect(findNPlusOne(steps)).toEqual([]);
  none([parent, ...children(4)]);
  none(children(12));
  // A poller: other requests, or the same value again and again.
  none([parent, ...children(12, (n) => ({ trace: `t${n}` }))]);
  none([parent, ...children(12, () => ({ values: '7' }))]);
  // Far apart, or at the same time.
  none([parent, ...children(12, (n) => ({ atMs: n * 5_000 }))]);
  none([parent, ...children(12, () => ({ atMs: 1, durationMs: 30 }))]);
  // Writes, lists of values, too short to matter, other places of the program.
  none([parent, ...children(12, () => ({ isSelect: false }))]);
  none([parent, ...children(12, () => ({ key: null }))]);
  none([parent, ...children(12, (n) => ({ atMs: n * 2, durationMs: 0.5 }))]);
  none([parent, ...children(12, (n) => ({ caller: `line ${n}` }))]);
});

test('two loops over one list, mixed, and the same loop in several requests', () => {
  const mixed = Array.from({ length: 20 }, (_, n) =>
    n % 2
      ? step({ atMs: n + 1, values: String(n) })
      : step({
          atMs: n + 1,
          values: String(n),
          fingerprint: 'author',
          tables: ['authors'],
          key: { table: 'authors', column: 'id' },
        }),
  );
  const found = findNPlusOne([parent, ...mixed]);
  expect(found.map(({ child }) => child).sort()).toEqual(['authors', 'comments']);
  const again = ['a', 'b', 'c'].flatMap((trace) => [
    { ...parent, trace },
    ...children(6, () => ({ trace })),
  ]);
  expect(findNPlusOne(again)).toMatchObject([{ calls: 6, traces: 3 }]);
});
