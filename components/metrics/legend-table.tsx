'use client';

import { ChevronDown, ChevronUp } from 'lucide-react';
import { useState } from 'react';
import { colorOf } from '../charts/series.ts';
import { cx } from '../ui/cx.ts';
import { ScrollRegion } from '../ui/scroll-region.tsx';
import type { Line, Stats } from './lines.ts';
import { formatOf } from './units.ts';

const figures = ['last', 'min', 'avg', 'max'] as const satisfies readonly (keyof Stats)[];
type Sort = { by: 'label' | keyof Stats; down: boolean };

function sorted(lines: readonly Line[], { by, down }: Sort): Line[] {
  const sign = down ? -1 : 1;
  return lines.toSorted((a, b) =>
    by === 'label'
      ? sign * a.label.localeCompare(b.label, 'en', { numeric: true })
      : sign *
        ((a.stats?.[by] ?? Number.NEGATIVE_INFINITY) - (b.stats?.[by] ?? Number.NEGATIVE_INFINITY)),
  );
}

/** Least, mean, most and last of each line; sorted by a press on a column, and a line left out by a press on its name. */
export function LegendTable(props: {
  lines: readonly Line[];
  hidden: readonly string[];
  onHidden?: ((hidden: string[]) => void) | undefined;
  /** As high as its lines; else it scrolls by itself. */
  whole?: boolean;
}) {
  const { lines, hidden, onHidden, whole = false } = props;
  const [sort, setSort] = useState<Sort>({ by: 'label', down: false });
  const head = (by: Sort['by'], word: string) => {
    const Arrow = sort.down ? ChevronDown : ChevronUp;
    const current = sort.by === by;
    return (
      <th
        key={by}
        scope="col"
        aria-sort={current ? (sort.down ? 'descending' : 'ascending') : 'none'}
        className={cx('font-normal', by === 'label' ? 'text-left' : 'w-[17%] text-right')}
      >
        <button
          type="button"
          onClick={() => setSort({ by, down: current ? !sort.down : by !== 'label' })}
          className="inline-flex h-6 items-center gap-0.5 hover:text-text"
        >
          {word}
          {current ? <Arrow aria-hidden className="size-3" /> : null}
        </button>
      </th>
    );
  };
  const toggle = (label: string) =>
    onHidden?.(
      hidden.includes(label) ? hidden.filter((each) => each !== label) : [...hidden, label],
    );
  const table = (
    <table className="w-full table-fixed text-12 tabular-nums">
      <thead className="sticky top-0 bg-surface text-muted">
        <tr>
          {head('label', 'Series')}
          {figures.map((figure) => head(figure, figure))}
        </tr>
      </thead>
      <tbody>
        {sorted(lines, sort).map((line) => {
          const off = hidden.includes(line.label);
          const format = formatOf(line.unit);
          const name = (
            <>
              <span
                aria-hidden
                className={cx('h-0.5 w-3 shrink-0', off && 'opacity-25')}
                style={{ background: colorOf(line) }}
              />
              <span className={cx('truncate', off && 'line-through')}>{line.label}</span>
            </>
          );
          return (
            <tr key={line.name} className={cx('h-6', off && 'text-faint')}>
              <th scope="row" className="text-left font-normal">
                {onHidden ? (
                  <button
                    type="button"
                    aria-pressed={!off}
                    title={line.label}
                    onClick={() => toggle(line.label)}
                    className="flex h-6 w-full items-center gap-2 rounded-control text-left hover:bg-hover"
                  >
                    {name}
                  </button>
                ) : (
                  <span title={line.label} className="flex items-center gap-2">
                    {name}
                  </span>
                )}
              </th>
              {figures.map((figure) => (
                <td key={figure} className="truncate text-right">
                  {line.stats ? format(line.stats[figure]) : '–'}
                </td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
  return whole ? (
    table
  ) : (
    <ScrollRegion aria-label="Legend" className="mt-2 max-h-52 shrink-0 overflow-y-auto">
      {table}
    </ScrollRegion>
  );
}
