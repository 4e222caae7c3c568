'use client';

import { skipToken, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useDebounced } from '../data/use-debounced.ts';
import { count } from '../format/number.ts';
import { trpc } from '../trpc/client.ts';
import { Combobox } from '../ui/combobox.tsx';
import { Field } from '../ui/field.tsx';

type Found = { metric: string; kind: string; note: string };

/** Metrics whose name or description holds a text: of the console's store, or of a server that is asked. */
function useFound(
  sourceId: string | null,
  search: string,
): { items: readonly Found[]; asked: boolean } {
  const own = useQuery(
    trpc.metrics.catalog.queryOptions(
      sourceId ? skipToken : { limit: 50, ...(search ? { search } : {}) },
    ),
  );
  const other = useQuery(
    trpc.sources.metrics.queryOptions(sourceId ? { id: sourceId, search } : skipToken),
  );
  if (sourceId) {
    const items = (other.data ?? []).map((metric) => ({ metric, kind: 'unknown', note: '' }));
    return { items, asked: other.data !== undefined };
  }
  const items = (own.data?.items ?? []).map(({ metric, kind, unit, help, series }) => ({
    metric,
    kind,
    note: [kind === 'unknown' ? '' : kind, unit, count(series, 'series', 'series'), help]
      .filter(Boolean)
      .join(' · '),
  }));
  return { items, asked: own.data !== undefined };
}

/** Searches metrics. */
export function MetricPicker(props: {
  value: string;
  sourceId: string | null;
  onChoose(metric: string, kind: string): void;
  help?: string | undefined;
  error?: string | undefined;
}) {
  const [search, setSearch] = useState('');
  const { items, asked } = useFound(props.sourceId, useDebounced(search));
  return (
    <Field label="Metric" help={props.help} error={props.error}>
      {(control) => (
        <Combobox
          control={control}
          value={props.value}
          placeholder="Search metrics"
          empty={asked ? 'No metric is called that.' : 'Asking for metrics …'}
          onSearch={setSearch}
          onChoose={(metric) =>
            props.onChoose(metric, items.find((each) => each.metric === metric)?.kind ?? 'unknown')
          }
          choices={items.map(({ metric, note }) => ({ value: metric, note }))}
        />
      )}
    </Field>
  );
}
