'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { FilterInput, FilterWords } from '../../../../components/data/filter-input.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { PagedList } from '../../../../components/data/paged-list.tsx';
import { count } from '../../../../components/format/number.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { api, recoveryInterval, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { ForecastCounts } from '../../../../server/forecasts/contract.ts';
import { forecastColumns } from './forecast-columns.tsx';
import { refreshForecasts, useForecastFilters, useForecasts } from './use-forecasts.ts';
import { forecastHref, stateOf } from './words.ts';

const ForecastDialog = dynamic(() => import('./forecast-dialog.tsx'), { ssr: false });
const showWords = {
  all: 'All states',
  anomalous: 'Unusual now',
  attention: 'Unusual or failed',
  paused: 'Paused',
} as const;
const kindWords = { target: 'Targets', service: 'Services', saved: 'Saved queries' } as const;

function State({ counts }: { counts: ForecastCounts | undefined }) {
  if (!counts) return <Skeleton className="h-4 w-64" />;
  const { all, anomalous, attention } = counts;
  const failed = attention - anomalous;
  return (
    <>
      {anomalous === 0 ? 'Nothing unusual' : `${anomalous} unusual`} in{' '}
      {count(all, 'series', 'series')}
      {failed > 0 ? `, ${failed} could not be made` : ''}.
    </>
  );
}

/** Whether targets and services get forecasts by themselves. */
function BuiltIn({ on }: { on: boolean }) {
  const change = useMutation({
    mutationFn: () => api.forecasts.setBuiltIn.mutate({ builtIn: !on }),
    onSuccess: async () => {
      await refreshForecasts();
      toast(
        'ok',
        on ? 'Targets and services are not forecast any more.' : 'They are forecast again.',
      );
    },
    onError: (error) => toast('bad', failureOf(error).message),
  });
  return (
    <label className="flex min-h-8 items-center gap-2 text-13">
      <input
        type="checkbox"
        checked={on}
        disabled={change.isPending}
        onChange={() => change.mutate()}
        className="size-4"
      />
      Forecast targets and services by themselves
    </label>
  );
}

function List({ operator, onAdd }: { operator: boolean; onAdd(): void }) {
  const router = useRouter();
  const [filters] = useForecastFilters();
  const { query, items } = useForecasts(filters);
  const filtered = filters.q !== '' || filters.kind !== null || filters.show !== 'all';
  return (
    <PagedList
      what="The forecasts"
      query={query}
      items={items}
      label="Forecasts"
      columns={forecastColumns}
      rowId={({ id }) => id}
      stamp={(item) => stateOf(item).word}
      onOpen={({ id }) => router.push(forecastHref(id))}
      empty={
        filtered ? (
          <EmptyState
            title="No such forecast"
            why="Look for a part of the name, or choose another state."
          />
        ) : (
          <EmptyState
            title="Nothing is forecast yet"
            why="Success rate and latency of each target are forecast once it was checked for two days, and errors and latency of each service that sends spans or events. Any saved query can be added now."
            action={operator ? <Button onClick={onAdd}>Add forecast</Button> : undefined}
          />
        )
      }
    />
  );
}

/** Every series that is forecast: how it goes, what is expected, and how good that was before. */
export function ForecastsPage() {
  const [filters, setFilters] = useForecastFilters();
  const counts = useQuery(
    trpc.forecasts.counts.queryOptions(undefined, {
      refetchInterval: ({ state }) => recoveryInterval(state) ?? 60_000,
    }),
  );
  const me = useMe();
  const operator = me !== undefined && allows(me.role, 'operator');
  const [adding, setAdding] = useState(false);
  return (
    <>
      <PageHeader
        title="Forecasts"
        state={<State counts={counts.data} />}
        action={
          operator ? (
            <Button look="primary" onClick={() => setAdding(true)}>
              <Plus aria-hidden className="size-4" />
              Add forecast
            </Button>
          ) : undefined
        }
      />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <FilterInput
          label="Find a series"
          value={filters.q}
          onChange={(q) => void setFilters({ q: q || null })}
        />
        <FilterWords
          label="State"
          value={filters.show}
          words={showWords}
          onChange={(show) => void setFilters({ show })}
        />
        <FilterWords
          label="Of what"
          value={filters.kind}
          words={kindWords}
          all="Of everything"
          onChange={(kind) => void setFilters({ kind })}
        />
        {operator && counts.data ? <BuiltIn on={counts.data.builtIn} /> : null}
      </div>
      <List operator={operator} onAdd={() => setAdding(true)} />
      {adding ? <ForecastDialog forecast={null} onClose={() => setAdding(false)} /> : null}
    </>
  );
}
