/** Where panels stand in the grid of twelve columns. Pure: every function answers a new list. */
import type { Panel } from '../../../../../server/dashboards/contract.ts';

export const GRID_COLUMNS = 12;
export const MIN_WIDTH = 2;
export const MAX_HEIGHT = 12;
/** Of the contract: places below it cannot be stored. */
export const MAX_ROW = 500;

export type Place = Pick<Panel, 'x' | 'y' | 'width' | 'height'>;

export const overlap = (a: Place, b: Place): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** From the top, left to right: also the order on a narrow window. */
export const inOrder = <T extends Place>(panels: readonly T[]): T[] =>
  panels.toSorted((a, b) => a.y - b.y || a.x - b.x);

/** Lets every panel rise until it meets another; of two in one row `first` goes before. */
export function settle<T extends Place & { id: string }>(
  panels: readonly T[],
  first?: string,
): T[] {
  const queue = panels.toSorted(
    (a, b) => a.y - b.y || Number(b.id === first) - Number(a.id === first) || a.x - b.x,
  );
  const placed: T[] = [];
  for (const panel of queue) {
    let next = { ...panel, y: 0 };
    for (;;) {
      const other = placed.find((each) => overlap(each, next));
      if (!other) break;
      next = { ...next, y: other.y + other.height };
    }
    placed.push(next);
  }
  // Their order in the list stays, so that nothing is drawn anew.
  const byId = new Map(placed.map((panel) => [panel.id, panel]));
  return panels.map((panel) => byId.get(panel.id) ?? panel);
}

const clamp = (value: number, least: number, most: number) =>
  Math.max(least, Math.min(most, Math.round(value)));

/** Puts a panel somewhere, or gives it another size; others make room. */
export function change<T extends Place & { id: string }>(
  panels: readonly T[],
  id: string,
  to: Partial<Place>,
): T[] {
  return settle(
    panels.map((panel) => {
      if (panel.id !== id) return panel;
      const wanted = { ...panel, ...to };
      const width = clamp(wanted.width, MIN_WIDTH, GRID_COLUMNS);
      return {
        ...wanted,
        width,
        height: clamp(wanted.height, 1, MAX_HEIGHT),
        x: clamp(wanted.x, 0, GRID_COLUMNS - width),
        y: clamp(wanted.y, 0, MAX_ROW),
      };
    }),
    id,
  );
}
