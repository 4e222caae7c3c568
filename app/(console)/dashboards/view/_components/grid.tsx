'use client';

import { type CSSProperties, useRef, useState } from 'react';
import type { Range } from '../../../../../components/metrics/range.ts';
import type { Panel } from '../../../../../server/dashboards/contract.ts';
import { change, GRID_COLUMNS, inOrder, type Place } from './layout.ts';
import { PanelCard } from './panel-card.tsx';

const ROW_PX = 80;
const GAP_PX = 12;

type Styled = CSSProperties & Record<`--${string}`, string>;
/** Read by the classes of the cell: a place in the grid where there is room, a height on a phone. */
const placeOf = ({ x, y, width, height }: Place): Styled => ({
  '--panel-column': `${x + 1} / span ${width}`,
  '--panel-row': `${y + 1} / span ${height}`,
  '--panel-height': `${Math.max(2, height) * (ROW_PX + GAP_PX) - GAP_PX}px`,
});

export type Gesture = { id: string; kind: 'move' | 'resize' };

/** Twelve columns where there is room, one on a phone. While arranging, panels follow the pointer and the arrow keys. */
export function Grid(props: {
  panels: readonly Panel[];
  range: Range;
  editing: boolean;
  onArrange(panels: Panel[]): void;
  onEdit(panel: Panel): void;
  onRemove(panel: Panel): void;
}) {
  const { panels, range, editing, onArrange } = props;
  const grid = useRef<HTMLDivElement>(null);
  const [live, setLive] = useState<{ gesture: Gesture; panels: Panel[] } | null>(null);
  const [said, setSaid] = useState('');
  const shown = live?.panels ?? panels;

  const drag = (gesture: Gesture, by: { x: number; y: number }) => {
    const start = panels.find(({ id }) => id === gesture.id);
    const width = grid.current?.clientWidth ?? 0;
    if (!start || width === 0) return;
    const columns = Math.round(by.x / ((width + GAP_PX) / GRID_COLUMNS));
    const rows = Math.round(by.y / (ROW_PX + GAP_PX));
    const to: Partial<Place> =
      gesture.kind === 'move'
        ? { x: start.x + columns, y: start.y + rows }
        : { width: start.width + columns, height: start.height + rows };
    setLive({ gesture, panels: change(panels, gesture.id, to) });
  };
  const drop = () => {
    if (live && JSON.stringify(live.panels) !== JSON.stringify(panels)) onArrange(live.panels);
    setLive(null);
  };
  const nudge = ({ id, kind }: Gesture, by: { x: number; y: number }) => {
    const start = panels.find((each) => each.id === id);
    if (!start) return;
    const next =
      kind === 'move'
        ? change(panels, id, { x: start.x + by.x, y: rowFor(panels, start, by.y) })
        : change(panels, id, { width: start.width + by.x, height: start.height + by.y });
    const now = next.find((each) => each.id === id);
    if (!now || JSON.stringify(next) === JSON.stringify(panels)) return;
    setSaid(`Column ${now.x + 1}, row ${now.y + 1}, ${now.width} wide, ${now.height} high`);
    onArrange(next);
  };
  return (
    <>
      <div ref={grid} className="grid gap-3 max-md:grid-cols-1 md:auto-rows-[80px] md:grid-cols-12">
        {inOrder(shown).map((panel) => (
          <div
            key={panel.id}
            className="min-w-0 max-md:h-(--panel-height) md:[grid-column:var(--panel-column)] md:[grid-row:var(--panel-row)]"
            style={placeOf(panel)}
          >
            <PanelCard
              panel={panel}
              range={range}
              editing={editing}
              held={live?.gesture.id === panel.id}
              onDrag={drag}
              onDrop={drop}
              onCancel={() => setLive(null)}
              onNudge={nudge}
              onEdit={() => props.onEdit(panel)}
              onRemove={() => props.onRemove(panel)}
            />
          </div>
        ))}
      </div>
      <p role="status" className="sr-only">
        {said}
      </p>
    </>
  );
}

/**
 * Where a step up or down leads: to the place of the next panel above, or past the next one below. By single rows a
 * panel would only be pushed back.
 */
function rowFor(panels: readonly Panel[], start: Panel, step: number): number {
  if (step === 0) return start.y;
  const bottom = start.y + start.height;
  const column = panels.filter(
    ({ id, x, width }) => id !== start.id && x < start.x + start.width && start.x < x + width,
  );
  if (step < 0) {
    const above = column.filter(({ y, height }) => y + height <= start.y);
    return Math.max(0, ...above.map(({ y }) => y));
  }
  const next = inOrder(column).find(({ y }) => y >= bottom);
  return next ? next.y + next.height - start.height + 1 : start.y;
}
