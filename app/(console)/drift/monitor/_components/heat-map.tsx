'use client';

import { useEffect, useRef, useState } from 'react';
import { effectWord, verdictStatus } from '../../../../../components/drift/words.ts';
import { formatInstant } from '../../../../../components/format/time.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { cx } from '../../../../../components/ui/cx.ts';
import { ScrollRegion } from '../../../../../components/ui/scroll-region.tsx';
import type { Heatmap } from '../../../../../server/drift/contract.ts';

type Cell = Heatmap['cells'][number][number];
export type Chosen = { runId: string; feature: string };

function wordOf(cell: Cell): string {
  if (cell === null) return 'not compared';
  if (cell.drifted === null) return 'not testable';
  return cell.drifted ? effectWord(cell.effect) : 'quiet';
}
/** Colour says whether, the mark says how far: each without the other is enough. */
function lookOf(cell: Cell): { className: string; mark: string } {
  if (cell === null) return { className: 'bg-transparent', mark: '' };
  if (cell.drifted === null) return { className: 'bg-unknown-soft text-unknown-text', mark: '?' };
  if (!cell.drifted) return { className: 'bg-ok-soft', mark: '' };
  const effect = cell.effect ?? 0;
  if (effect < 0.25) return { className: 'bg-warn-soft text-warn-text', mark: '·' };
  return effect < 0.6
    ? { className: 'bg-bad-soft text-bad-text', mark: '•' }
    : { className: 'bg-bad text-on-accent', mark: '•' };
}

const legend: readonly { cell: Cell; word: string }[] = [
  { cell: { drifted: false, effect: 0 }, word: 'quiet' },
  { cell: { drifted: true, effect: 0.1 }, word: 'moved a little' },
  { cell: { drifted: true, effect: 0.4 }, word: 'moved' },
  { cell: { drifted: true, effect: 1 }, word: 'moved far' },
  { cell: { drifted: null, effect: null }, word: 'not testable' },
];

/** Features by time. Each cell opens what was found; arrows move between cells. */
export function HeatMap(props: {
  map: Heatmap;
  chosen: Chosen | null;
  onChoose(chosen: Chosen): void;
}) {
  const { map, chosen, onChoose } = props;
  const [asTable, setAsTable] = useState(false);
  const grid = useRef<HTMLTableElement>(null);
  const newest = map.runs.at(-1)?.id;
  // The newest windows are what one came for; on a phone they would be out of sight.
  useEffect(() => {
    const frame = grid.current?.parentElement;
    if (frame && newest && !asTable) frame.scrollLeft = frame.scrollWidth;
  }, [newest, asTable]);
  const move = (event: React.KeyboardEvent<HTMLTableElement>) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[
      event.key
    ];
    const from = event.target instanceof HTMLElement ? event.target.dataset.cell : undefined;
    if (!step || !from) return;
    event.preventDefault();
    const [row = 0, column = 0] = from.split(':').map(Number);
    event.currentTarget
      .querySelector<HTMLElement>(
        `[data-cell="${row + (step[0] ?? 0)}:${column + (step[1] ?? 0)}"]`,
      )
      ?.focus();
  };
  const first = map.features.length > 0 ? `0:${map.runs.length - 1}` : '';
  return (
    <section aria-labelledby="heat" className="mb-4">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h2 id="heat" className="font-medium text-14">
          Features over time
        </h2>
        <Button aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? 'Show as a map' : 'Show as a table'}
        </Button>
      </div>
      <ScrollRegion
        aria-label="Features over time, scrolls"
        className="max-h-[480px] overflow-auto rounded-card border bg-surface py-3 pr-3"
      >
        {asTable ? (
          <table className="ml-3 w-full min-w-[520px] text-12">
            <thead className="text-left text-muted">
              <tr>
                {['Window until', 'Verdict', 'Changed', 'Not testable'].map((head) => (
                  <th key={head} scope="col" className="pr-4 font-normal">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {map.runs
                .map((run, place) => ({ run, cells: map.cells[place] ?? [] }))
                .reverse()
                .map(({ run, cells }) => (
                  <tr key={run.id} className="align-top">
                    <th scope="row" className="whitespace-nowrap pr-4 text-left font-normal">
                      {formatInstant(run.to)}
                    </th>
                    <td className="pr-4">{verdictStatus[run.verdict].word}</td>
                    <td className="pr-4">
                      {map.features
                        .filter((_, place) => cells[place]?.drifted)
                        .map(
                          (name) => `${name} ${wordOf(cells[map.features.indexOf(name)] ?? null)}`,
                        )
                        .join(', ') || '–'}
                    </td>
                    <td>
                      {map.features
                        .filter((_, place) => cells[place]?.drifted === null)
                        .join(', ') || '–'}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        ) : (
          <table ref={grid} className="border-separate border-spacing-px text-12" onKeyDown={move}>
            <caption className="sr-only">
              Rows are features, columns are windows, the newest at the right.
            </caption>
            <tbody>
              {map.features.map((feature, row) => (
                <tr key={feature}>
                  <th
                    scope="row"
                    title={feature}
                    className="sticky left-0 max-w-44 truncate bg-surface pr-3 pl-3 text-left font-normal"
                  >
                    {feature}
                  </th>
                  {map.runs.map((run, column) => {
                    const cell = map.cells[column]?.[row] ?? null;
                    const { className, mark } = lookOf(cell);
                    const label = `${feature}, window until ${formatInstant(run.to)}: ${wordOf(cell)}`;
                    const on = chosen?.runId === run.id && chosen.feature === feature;
                    return (
                      <td key={run.id} className="p-0">
                        <button
                          type="button"
                          data-cell={`${row}:${column}`}
                          tabIndex={on || (!chosen && `${row}:${column}` === first) ? 0 : -1}
                          aria-label={label}
                          aria-pressed={on}
                          title={label}
                          disabled={cell === null}
                          onClick={() => onChoose({ runId: run.id, feature })}
                          className={cx(
                            'grid size-6 place-items-center rounded-[3px] border font-semibold text-14',
                            on ? 'border-accent-text' : 'border-transparent',
                            className,
                          )}
                        >
                          <span aria-hidden>{mark}</span>
                        </button>
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </ScrollRegion>
      <div className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-12 text-muted">
        {legend.map(({ cell, word }) => {
          const { className, mark } = lookOf(cell);
          return (
            <span key={word} className="inline-flex items-center gap-1.5">
              <span
                aria-hidden
                className={cx(
                  'grid size-4 place-items-center rounded-[3px] font-semibold',
                  className,
                )}
              >
                {mark}
              </span>
              {word}
            </span>
          );
        })}
        {map.left > 0 ? <span>{map.left} older windows are not shown.</span> : null}
      </div>
    </section>
  );
}
