'use client';

import { useQuery } from '@tanstack/react-query';
import { capabilities, scopesSchema } from '../../server/api/scopes.ts';
import { trpc } from '../trpc/client.ts';
import { Chips } from '../ui/chips.tsx';

/** Scopes of a key or token: capabilities, and all of each module; single procedures can be written. */
export function ScopesField(props: {
  values: readonly string[];
  error: string | undefined;
  onChange(scopes: string[]): void;
}) {
  const { data } = useQuery(trpc.keys.procedures.queryOptions());
  const modules = [...new Set((data ?? []).map((name) => name.split('.')[0]))];
  const options = [...Object.keys(capabilities), ...modules.map((name) => `${name}.*`)].map(
    (value) => ({ value, label: value }),
  );
  const { values, error, onChange } = props;
  return (
    <div>
      <Chips
        label="Scopes"
        values={values}
        options={options}
        add="Add a scope"
        onChange={onChange}
        free={(text) => (scopesSchema.safeParse([text]).success ? text : null)}
      />
      <p className={error ? 'mt-1.5 text-13 text-bad-text' : 'mt-1.5 text-13 text-muted'}>
        {error ??
          'Empty: all that its role may. With module.* or a procedure such as breakers.permit: only that. ingest, webhook and metrics:read open one more way in each.'}
      </p>
    </div>
  );
}
