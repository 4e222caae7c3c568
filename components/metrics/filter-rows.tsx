'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus, X } from 'lucide-react';
import { type ReactNode, useId, useState } from 'react';
import type { FieldError } from '../../server/api/contract.ts';
import type { Filter, MetricDetail, Operator } from '../../server/metrics/contract.ts';
import { useDebounced } from '../data/use-debounced.ts';
import { trpc } from '../trpc/client.ts';
import { Button } from '../ui/button.tsx';
import { Input, Select } from '../ui/input.tsx';

const words: Readonly<Record<Operator, string>> = {
  eq: 'is',
  ne: 'is not',
  in: 'is one of',
  nin: 'is none of',
  contains: 'contains',
  regex: 'matches regex',
  exists: 'exists',
  gt: '>',
  gte: '≥',
  lt: '<',
  lte: '≤',
};
const ofLabels: readonly Operator[] = ['eq', 'ne', 'in', 'nin', 'contains', 'regex', 'exists'];
const ofValues: readonly Operator[] = ['gt', 'gte', 'lt', 'lte', 'eq', 'ne'];
const VALUE = 'value';

function operatorsOf(field: string, op: Operator): readonly Operator[] {
  const usual = field === VALUE ? ofValues : ofLabels;
  return usual.includes(op) ? usual : [...usual, op];
}

/** As it stands in the field. */
function textOf({ op, value }: Filter): string {
  if (op === 'exists') return value === false ? 'no' : 'yes';
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}
function withText(filter: Filter, text: string): Filter {
  const { op } = filter;
  if (op === 'exists') return { ...filter, value: text !== 'no' };
  if (op === 'in' || op === 'nin') {
    return {
      ...filter,
      value: text
        .split(',')
        .map((each) => each.trim())
        .filter(Boolean),
    };
  }
  return { ...filter, value: text };
}

/** Values that the label has, as suggestions; past the first hundred they are searched. */
function useSuggestions(metric: string, label: string, typed: string, detail?: MetricDetail) {
  const known = detail?.labels.find(({ name }) => name === label);
  const search = useDebounced(typed).slice(0, 100);
  const asked = useQuery(
    trpc.metrics.labelValues.queryOptions(
      { metric, label, search },
      { enabled: Boolean(known?.more && search && metric) },
    ),
  );
  return asked.data ?? known?.values ?? [];
}

/** One of the metric's labels; written by hand where they are not known, as of other servers. */
function FieldChoice(props: {
  number: number;
  value: string;
  labels: readonly string[] | null;
  onChange(field: string): void;
}) {
  const { number, value, labels, onChange } = props;
  const name = `Filter ${number}: field`;
  if (!labels) {
    return (
      <Input
        aria-label={name}
        autoComplete="off"
        spellCheck={false}
        placeholder="label"
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    );
  }
  const fields = [...new Set([...labels, value])].filter((each) => each !== VALUE);
  return (
    <Select aria-label={name} value={value} onChange={({ target }) => onChange(target.value)}>
      {fields.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
      <option value={VALUE}>value (of the sample)</option>
    </Select>
  );
}

function FilterRow(props: {
  metric: string;
  detail: MetricDetail | undefined;
  filter: Filter;
  number: number;
  error: string | undefined;
  onChange(filter: Filter): void;
  onRemove(): void;
}) {
  const { metric, detail, filter, number, error, onChange, onRemove } = props;
  const id = useId();
  // A list is typed with its commas; what it means is told on.
  const [text, setText] = useState(textOf(filter));
  const [given, setGiven] = useState(filter);
  if (given !== filter) {
    setGiven(filter);
    if (JSON.stringify(withText(filter, text)) !== JSON.stringify(filter)) setText(textOf(filter));
  }
  const suggestions = useSuggestions(metric, filter.field, text, detail);
  const fault = error ? { 'aria-invalid': true as const, 'aria-describedby': `${id}-fault` } : {};
  const change = (next: string) => {
    setText(next);
    onChange(withText(filter, next));
  };
  return (
    <li className="grid gap-1">
      <div className="grid grid-cols-[minmax(0,1fr)_minmax(0,8rem)_2rem] gap-1.5 sm:grid-cols-[minmax(0,12rem)_9rem_minmax(0,1fr)_2rem]">
        <FieldChoice
          number={number}
          value={filter.field}
          labels={detail?.labels.map(({ name }) => name) ?? null}
          onChange={(field) => {
            setText('');
            onChange({ field, op: field === VALUE ? 'gt' : 'eq', value: '' });
          }}
        />
        <Select
          aria-label={`Filter ${number}: condition`}
          value={filter.op}
          onChange={({ target }) => {
            const op = operatorsOf(filter.field, filter.op).find((each) => each === target.value);
            if (op) onChange(withText({ ...filter, op }, text));
          }}
        >
          {operatorsOf(filter.field, filter.op).map((op) => (
            <option key={op} value={op}>
              {words[op]}
            </option>
          ))}
        </Select>
        <div className="max-sm:col-span-2 max-sm:row-start-2">
          {filter.op === 'exists' ? (
            <Select
              aria-label={`Filter ${number}: value`}
              value={textOf(filter)}
              onChange={({ target }) => change(target.value)}
            >
              <option value="yes">yes</option>
              <option value="no">no</option>
            </Select>
          ) : (
            <Input
              {...fault}
              aria-label={`Filter ${number}: value`}
              list={`${id}-values`}
              autoComplete="off"
              spellCheck={false}
              inputMode={filter.field === VALUE ? 'decimal' : 'text'}
              placeholder={filter.op === 'in' || filter.op === 'nin' ? 'a, b, c' : ''}
              value={text}
              onChange={({ target }) => change(target.value)}
            />
          )}
          <datalist id={`${id}-values`}>
            {suggestions.slice(0, 100).map((value) => (
              <option key={value} value={value} />
            ))}
          </datalist>
        </div>
        <Button
          look="ghost"
          size="icon"
          aria-label={`Remove filter ${number}`}
          onClick={onRemove}
          className="max-sm:col-start-3 max-sm:row-start-1"
        >
          <X aria-hidden className="size-4" />
        </Button>
      </div>
      {error ? (
        <p id={`${id}-fault`} role="alert" className="text-13 text-bad-text">
          {error}
        </p>
      ) : null}
    </li>
  );
}

/** Which samples take part. */
export function FilterRows(props: {
  metric: string;
  detail: MetricDetail | undefined;
  filters: readonly Filter[];
  errors: readonly FieldError[];
  onChange(filters: Filter[]): void;
  aside?: ReactNode;
}) {
  const { metric, detail, filters, errors, onChange, aside } = props;
  // Rows have no identity of their own; one is kept for as long as it stands.
  const [ids, setIds] = useState<readonly number[]>(() => filters.map((_, index) => index));
  if (ids.length < filters.length) setIds([...ids, Math.max(-1, ...ids) + 1]);
  const change = (index: number, next: Filter) =>
    onChange(filters.map((each, i) => (i === index ? next : each)));
  return (
    <fieldset className="min-w-0">
      <legend className={filters.length > 0 ? 'mb-1.5 font-medium text-13' : 'sr-only'}>
        Filters
      </legend>
      <ul className="grid gap-1.5">
        {filters.map((filter, index) => (
          <FilterRow
            key={ids[index] ?? index}
            metric={metric}
            detail={detail}
            filter={filter}
            number={index + 1}
            error={errors.find(({ path }) => path.startsWith(`filters.${index}`))?.message}
            onChange={(next) => change(index, next)}
            onRemove={() => {
              setIds(ids.filter((_, i) => i !== index));
              onChange(filters.filter((_, i) => i !== index));
            }}
          />
        ))}
      </ul>
      <div className="mt-1 flex flex-wrap items-center justify-between gap-2">
        <Button
          look="ghost"
          className="-ml-3"
          disabled={!metric || filters.length >= 20}
          onClick={() =>
            onChange([
              ...filters,
              { field: detail ? (detail.labels[0]?.name ?? VALUE) : '', op: 'eq', value: '' },
            ])
          }
        >
          <Plus aria-hidden className="size-4" />
          Add filter
        </Button>
        {aside}
      </div>
    </fieldset>
  );
}
