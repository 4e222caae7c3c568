'use client';

import { useQuery } from '@tanstack/react-query';
import { trpc } from '../trpc/client.ts';
import { Field } from '../ui/field.tsx';
import { Select } from '../ui/input.tsx';

/** Which store is asked; not there while there is only the console's own. */
export function SourceSelect(props: {
  value: string | null;
  onChange(sourceId: string | null): void;
}) {
  const { value, onChange } = props;
  const { data } = useQuery(
    trpc.sources.list.queryOptions({ kind: 'prometheus', limit: 200 }, { staleTime: 60_000 }),
  );
  const sources = data?.items ?? [];
  if (sources.length === 0 && value === null) return null;
  const known = value === null || sources.some(({ id }) => id === value);
  return (
    <div className="w-44">
      <Field label="Store">
        {(control) => (
          <Select
            {...control}
            value={value ?? ''}
            onChange={({ target }) => onChange(target.value || null)}
          >
            <option value="">This console</option>
            {sources.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
            {known ? null : <option value={value ?? ''}>A removed source</option>}
          </Select>
        )}
      </Field>
    </div>
  );
}
