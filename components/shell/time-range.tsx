'use client';

import { parseAsStringLiteral, useQueryState } from 'nuqs';
import { cx } from '../ui/cx.ts';

const ranges = ['5m', '15m'] as const;
const rangeMs: Record<(typeof ranges)[number], number> = { '5m': 300_000, '15m': 900_000 };
const parser = parseAsStringLiteral(ranges).withDefault('5m');

/** How far back charts go; lives in the URL. */
export function useTimeRange(): { rangeMs: number; label: string } {
  const [range] = useQueryState('range', parser);
  return { rangeMs: rangeMs[range], label: range };
}

export function TimeRange() {
  const [range, setRange] = useQueryState('range', parser);
  return (
    <fieldset className="flex items-center rounded-control border p-0.5">
      <legend className="sr-only">Range of time</legend>
      {ranges.map((value) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === range}
          onClick={() => setRange(value)}
          className={cx(
            'h-6 rounded-[4px] px-2 font-medium text-12 tabular-nums',
            value === range ? 'bg-active text-text' : 'text-muted hover:text-text',
          )}
        >
          {value}
        </button>
      ))}
    </fieldset>
  );
}
