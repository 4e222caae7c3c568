'use client';

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { trpc } from '../trpc/client.ts';
import { Field } from '../ui/field.tsx';
import { Input, Select } from '../ui/input.tsx';

/** Names and values of labels, one `name=value` a line or comma. */
export function readLabels(text: string): Record<string, string> | null {
  const labels: Record<string, string> = {};
  for (const part of text.split(/[\n,]/).map((each) => each.trim())) {
    if (part === '') continue;
    const [, name, value] = /^([A-Za-z_][\w.\-/]*)\s*=\s*(.*)$/.exec(part) ?? [];
    if (name === undefined || value === undefined) return null;
    labels[name] = value;
  }
  return labels;
}

type Bound = {
  value: string;
  onChange(event: { target: { value: string } }): void;
  onBlur(): void;
};

/** A saved query, and which of its series. */
export function SeriesFields(props: {
  bind(field: 'savedId' | 'labels'): Bound;
  errorOf(field: 'savedId' | 'labels'): string | undefined;
  help?: ReactNode;
}) {
  const { bind, errorOf, help } = props;
  const saved = useQuery(trpc.metrics.saved.list.queryOptions());
  const items = saved.data?.items ?? [];
  const none = saved.isSuccess && items.length === 0;
  return (
    <>
      <Field
        label="Saved query"
        error={errorOf('savedId')}
        help={none ? 'None is saved yet: build one on Explore, save it, and come back.' : help}
      >
        {(control) => (
          <Select {...control} {...bind('savedId')}>
            <option value="">{saved.isPending ? 'Loading…' : 'Choose one'}</option>
            {items.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field
        label="Series"
        error={errorOf('labels')}
        help="Where the query has several: its labels, such as host=db1, instance=a. Empty for a query with one."
      >
        {(control) => (
          <Input {...control} {...bind('labels')} autoComplete="off" spellCheck={false} />
        )}
      </Field>
    </>
  );
}
