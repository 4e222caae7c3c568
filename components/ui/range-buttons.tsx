'use client';

import { cx } from './cx.ts';

/** A few ranges of time beside each other, one of them chosen. */
export function RangeButtons<T extends string>(props: {
  ranges: readonly T[];
  value: T;
  onChange(value: T): void;
}) {
  return (
    <fieldset className="flex items-center rounded-control border p-0.5">
      <legend className="sr-only">Range of time</legend>
      {props.ranges.map((value) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          onClick={() => props.onChange(value)}
          className={cx(
            'h-6 rounded-[4px] px-2 font-medium text-12 tabular-nums',
            value === props.value ? 'bg-active text-text' : 'text-muted hover:text-text',
          )}
        >
          {value}
        </button>
      ))}
    </fieldset>
  );
}
