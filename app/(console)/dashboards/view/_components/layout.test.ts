import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { change, GRID_COLUMNS, inOrder, overlap, settle } from './layout.ts';

const panel = (id: string, x: number, y: number, width = 6, height = 3) => ({
  id,
  x,
  y,
  width,
  height,
});
const places = (list: readonly { id: string; x: number; y: number }[]) =>
  Object.fromEntries(list.map(({ id, x, y }) => [id, [x, y]]));

const two = [panel('a', 0, 0), panel('b', 6, 0), panel('c', 0, 3), panel('d', 6, 3)];

describe('moving', () => {
  test.each<[string, Parameters<typeof change>[2], Record<string, number[]>]>([
    ['nowhere', {}, { a: [0, 0], b: [6, 0], c: [0, 3], d: [6, 3] }],
    [
      'onto the first: it makes room',
      { x: 0, y: 0 },
      { d: [0, 0], a: [0, 3], b: [6, 0], c: [0, 6] },
    ],
    ['far down: it rises again', { y: 40 }, { a: [0, 0], b: [6, 0], c: [0, 3], d: [6, 3] }],
    [
      'past the right edge: it stops there',
      { x: 30 },
      { a: [0, 0], b: [6, 0], c: [0, 3], d: [6, 3] },
    ],
  ])('%s', (_name, to, expected) => {
    expect(places(change(two, 'd', to))).toEqual(expected);
  });
  test('wider than the room at its right: it goes left, and those it covers go down', () => {
    const wide = change(two, 'b', { width: 12 });
    expect(wide.find(({ id }) => id === 'b')).toMatchObject({ x: 0, y: 0, width: 12 });
    expect(places(wide)).toMatchObject({ a: [0, 3], c: [0, 6], d: [6, 3] });
  });
  test('sizes keep to the grid', () => {
    expect(change(two, 'a', { width: 0, height: 99 })[0]).toMatchObject({ width: 2, height: 12 });
  });
});

test('a hole closes', () => {
  expect(places(settle([panel('a', 0, 5), panel('b', 0, 20)]))).toEqual({ a: [0, 0], b: [0, 3] });
});
test('the order of a narrow window is from the top, left to right', () => {
  expect(
    inOrder([two[3], two[0], two[2], two[1]].flatMap((each) => each ?? [])).map(({ id }) => id),
  ).toEqual(['a', 'b', 'c', 'd']);
});
const anyPanels = fc
  .array(
    fc.record({
      x: fc.nat(11),
      y: fc.nat(30),
      width: fc.integer({ min: 2, max: 12 }),
      height: fc.integer({ min: 1, max: 6 }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((list) =>
    list.map((each, i) => ({
      ...each,
      id: `p${i}`,
      x: Math.min(each.x, GRID_COLUMNS - each.width),
    })),
  );

test('whatever is moved, nothing covers anything, nothing hangs in the air, and all is inside', () => {
  fc.assert(
    fc.property(
      anyPanels,
      fc.nat(19),
      fc.record({ x: fc.integer(), y: fc.integer(), width: fc.integer(), height: fc.integer() }),
      (panels, which, to) => {
        const id = `p${which % panels.length}`;
        const moved = change(panels, id, to);
        expect(moved.map((each) => each.id)).toEqual(panels.map((each) => each.id));
        for (const [i, a] of moved.entries()) {
          expect(a.x).toBeGreaterThanOrEqual(0);
          expect(a.x + a.width).toBeLessThanOrEqual(GRID_COLUMNS);
          expect(moved.slice(i + 1).some((b) => overlap(a, b))).toBe(false);
          const above = { ...a, y: a.y - 1 };
          if (a.y > 0) expect(moved.some((b) => b.id !== a.id && overlap(above, b))).toBe(true);
        }
        expect(settle(moved)).toEqual(moved);
      },
    ),
    { numRuns: 200 },
  );
});
