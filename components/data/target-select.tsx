'use client';

import { useQuery } from '@tanstack/react-query';
import { trpc } from '../trpc/client.ts';

/** Chooses any number of targets. `control` carries what a `Field` puts on its control. */
export function TargetSelect(props: {
  control: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': true | undefined };
  value: readonly string[];
  onChange(ids: string[]): void;
  /** A target that cannot be chosen: the one that is edited. */
  without?: string | null;
}) {
  const { control, value, onChange, without } = props;
  const targets = useQuery(
    trpc.health.targets.list.queryOptions({ limit: 200, sort: 'name' }),
  ).data?.items.filter(({ id }) => id !== without);
  return (
    <select
      {...control}
      multiple
      size={Math.min(8, Math.max(2, targets?.length ?? 2))}
      value={[...value]}
      onChange={(event) =>
        onChange([...event.target.selectedOptions].map((option) => option.value))
      }
      className="w-full rounded-control border border-line-control bg-surface px-2 py-1 text-13"
    >
      {targets?.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}
