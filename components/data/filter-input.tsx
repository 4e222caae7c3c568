'use client';

import { Search } from 'lucide-react';

/** The filter of a page; `/` puts the cursor into it. */
export function FilterInput(props: {
  label: string;
  value: string;
  onChange(value: string): void;
  list?: string;
}) {
  return (
    <div className="relative">
      <Search
        aria-hidden
        className="pointer-events-none absolute top-2 left-2.5 size-4 text-faint"
      />
      <input
        data-filter
        type="search"
        aria-label={props.label}
        placeholder={props.label}
        list={props.list}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        className="h-8 w-56 rounded-control border border-line-control bg-surface pr-2 pl-8 text-13 placeholder:text-faint focus-visible:outline-offset-0"
      />
    </div>
  );
}

/** A filter with few answers. The empty value is all of them. */
export function FilterSelect(props: {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  onChange(value: string): void;
}) {
  return (
    <select
      aria-label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
      className="h-8 max-w-48 rounded-control border border-line-control bg-surface px-2 text-13 focus-visible:outline-offset-0"
    >
      {props.options.map(({ value, label }) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

/** A filter of a few known words, such as states; null is all of them. */
export function FilterWords<T extends string>(props: {
  label: string;
  value: T | null;
  words: Readonly<Record<T, string>>;
  /** What stands for no filter; without it one of the words does. */
  all?: string;
  onChange(value: T | null): void;
}) {
  const { words, all } = props;
  // Keys of a record are its words.
  const known = Object.keys(words) as T[];
  return (
    <FilterSelect
      label={props.label}
      value={props.value ?? ''}
      options={[
        ...(all === undefined ? [] : [{ value: '', label: all }]),
        ...known.map((value) => ({ value, label: words[value] })),
      ]}
      onChange={(chosen) => props.onChange(known.find((value) => value === chosen) ?? null)}
    />
  );
}
