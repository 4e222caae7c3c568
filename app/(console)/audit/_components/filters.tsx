'use client';

import { useQuery } from '@tanstack/react-query';
import { FilterInput, FilterSelect } from '../../../../components/data/filter-input.tsx';
import { trpc } from '../../../../components/trpc/client.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { filterNames, type useAudit } from './use-audit.ts';

function Day(props: { label: string; value: string; onChange(value: string): void }) {
  return (
    <label className="flex items-center gap-1.5 text-12 text-muted">
      {props.label}
      <input
        type="date"
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        className="h-8 rounded-control border border-line-control bg-surface px-2 text-13 text-text"
      />
    </label>
  );
}

export function Filters({
  filters,
  setFilters,
}: Pick<ReturnType<typeof useAudit>, 'filters' | 'setFilters'>) {
  const actions = useQuery(trpc.audit.actions.queryOptions(undefined, { staleTime: 60_000 })).data;
  const options = [
    { value: '', label: 'Any action' },
    ...(actions?.items ?? []).map((value) => ({ value, label: value })),
  ];
  // A prefix such as `users.` may come with a link.
  if (!options.some(({ value }) => value === filters.action)) {
    options.push({ value: filters.action, label: filters.action });
  }
  const set = (name: (typeof filterNames)[number]) => (value: string) =>
    void setFilters({ [name]: value || null });
  const filtered = filterNames.some((name) => filters[name] !== '');
  return (
    <>
      <FilterInput label="Who" value={filters.actor} onChange={set('actor')} />
      <FilterSelect
        label="Action"
        value={filters.action}
        options={options}
        onChange={set('action')}
      />
      <FilterInput label="Target" value={filters.target} onChange={set('target')} />
      <Day label="From" value={filters.from} onChange={set('from')} />
      <Day label="To" value={filters.to} onChange={set('to')} />
      {filtered ? (
        <Button look="ghost" onClick={() => void setFilters(null)}>
          Clear filters
        </Button>
      ) : null}
    </>
  );
}
