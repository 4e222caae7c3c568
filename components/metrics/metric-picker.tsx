'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useDebounced } from '../data/use-debounced.ts';
import { count } from '../format/number.ts';
import { trpc } from '../trpc/client.ts';
import { Combobox } from '../ui/combobox.tsx';
import { Field } from '../ui/field.tsx';

/** Searches the catalog by name and description. */
export function MetricPicker(props: {
  value: string;
  onChoose(metric: string, kind: string): void;
  help?: string | undefined;
  error?: string | undefined;
}) {
  const [search, setSearch] = useState('');
  const settled = useDebounced(search);
  const found = useQuery(
    trpc.metrics.catalog.queryOptions({ limit: 50, ...(settled ? { search: settled } : {}) }),
  );
  return (
    <Field label="Metric" help={props.help} error={props.error}>
      {(control) => (
        <Combobox
          control={control}
          value={props.value}
          placeholder="Search metrics"
          empty={found.data ? 'No metric is called that.' : 'Asking for metrics …'}
          onSearch={setSearch}
          onChoose={(metric) =>
            props.onChoose(
              metric,
              found.data?.items.find((each) => each.metric === metric)?.kind ?? 'unknown',
            )
          }
          choices={(found.data?.items ?? []).map(({ metric, kind, unit, help, series }) => ({
            value: metric,
            note: [kind, unit, count(series, 'series', 'series'), help].filter(Boolean).join(' · '),
          }))}
        />
      )}
    </Field>
  );
}
