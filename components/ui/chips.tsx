'use client';

import { X } from 'lucide-react';

/** Several of a list: what is chosen, each with a way out, and the rest to add. */
export function Chips<T extends string>(props: {
  /** Names the group, e.g. `Group by`. */
  label: string;
  values: readonly T[];
  options: readonly { value: T; label: string }[];
  onChange(values: T[]): void;
  /** What stays cannot be taken out. */
  least?: number;
  add: string;
  /** What is not in the list can be written; answers null for what cannot be. */
  free?: (text: string) => T | null;
}) {
  const { label, values, options, onChange, least = 0, add, free } = props;
  const rest = options.filter(({ value }) => !values.includes(value));
  const wordOf = (value: T) => options.find((each) => each.value === value)?.label ?? value;
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1.5 font-medium text-13">{label}</legend>
      <div className="flex flex-wrap items-center gap-1.5">
        {values.map((value) => (
          <span
            key={value}
            className="inline-flex h-7 max-w-full items-center gap-1 rounded-control bg-active pl-2 text-13"
          >
            <span className="truncate">{wordOf(value)}</span>
            <button
              type="button"
              aria-label={`Remove ${wordOf(value)} from ${label.toLowerCase()}`}
              disabled={values.length <= least}
              onClick={() => onChange(values.filter((each) => each !== value))}
              className="grid size-7 place-items-center rounded-control text-muted hover:text-text disabled:opacity-40"
            >
              <X aria-hidden className="size-3.5" />
            </button>
          </span>
        ))}
        {rest.length > 0 ? (
          <select
            aria-label={`Add to ${label.toLowerCase()}`}
            value=""
            onChange={({ target }) => {
              const option = rest.find(({ value }) => value === target.value);
              if (option) onChange([...values, option.value]);
            }}
            className="h-7 max-w-40 rounded-control border border-line-control bg-surface px-1 text-13 text-muted focus-visible:outline-offset-0"
          >
            <option value="">{add}</option>
            {rest.map(({ value, label: word }) => (
              <option key={value} value={value}>
                {word}
              </option>
            ))}
          </select>
        ) : null}
        {free ? (
          <input
            aria-label={`Write a name to add to ${label.toLowerCase()}`}
            placeholder="name, Enter"
            autoComplete="off"
            spellCheck={false}
            onKeyDown={(event) => {
              if (event.key !== 'Enter') return;
              event.preventDefault();
              const value = free(event.currentTarget.value.trim());
              if (value === null || values.includes(value)) return;
              event.currentTarget.value = '';
              onChange([...values, value]);
            }}
            className="h-7 w-32 rounded-control border border-line-control bg-surface px-2 text-13 placeholder:text-faint focus-visible:outline-offset-0"
          />
        ) : null}
      </div>
    </fieldset>
  );
}
