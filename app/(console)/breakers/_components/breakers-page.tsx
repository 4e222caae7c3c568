'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useRouter } from 'next/navigation';
import { useMemo, useState } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterInput, FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { recoveryInterval, trpc } from '../../../../components/trpc/client.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { BreakerCounts, BreakerItem } from '../../../../server/breakers/contract.ts';
import { type BreakerAction, columnsOf } from './columns.tsx';
import { REFRESH_MS, useBreakers } from './use-breakers.ts';
import { detailHref, sharingWords, urgency } from './words.tsx';

const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });
const PolicySheet = dynamic(() => import('./policy-sheet.tsx'), { ssr: false });
const shows = [
  { value: '', label: 'All states' },
  { value: 'unwell', label: 'Not closed or held' },
];

function State({ counts }: { counts: BreakerCounts | undefined }) {
  if (!counts) return <Skeleton className="h-4 w-64" />;
  const { total, open, halfOpen, held, sharing } = counts;
  const parts = [
    `${open} of ${count(total, 'breaker')} open`,
    ...(halfOpen > 0 ? [`${halfOpen} on trial`] : []),
    ...(held > 0 ? [`${held} held`] : []),
  ];
  return (
    <>
      {parts.join(', ')}; state is {sharingWords[sharing]}.
    </>
  );
}

/** Every breaker of the fleet with its live state. */
export function BreakersPage() {
  const me = useMe();
  const router = useRouter();
  const mayAct = me !== undefined && me !== null && allows(me.role, 'operator');
  const counts = useQuery(
    trpc.breakers.counts.queryOptions(undefined, {
      refetchInterval: ({ state }) => recoveryInterval(state) ?? REFRESH_MS,
    }),
  );
  const { filters, setFilters, query, items } = useBreakers();
  const [doing, setDoing] = useState<{ action: BreakerAction; breaker: BreakerItem } | null>(null);
  const [adding, setAdding] = useState(false);
  const columns = useMemo(
    () => columnsOf(mayAct ? (action, breaker) => setDoing({ action, breaker }) : null),
    [mayAct],
  );
  const rows = useMemo(
    () =>
      items?.toSorted((a, b) => urgency[a.state] - urgency[b.state] || (a.name < b.name ? -1 : 1)),
    [items],
  );
  const close = () => setDoing(null);
  return (
    <>
      <PageHeader
        title="Breakers"
        state={<State counts={counts.data} />}
        action={
          mayAct ? (
            <Button look="primary" onClick={() => setAdding(true)}>
              <Plus aria-hidden className="size-4" />
              Add breaker
            </Button>
          ) : undefined
        }
      />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <FilterInput
          label="Find a breaker"
          value={filters.q}
          onChange={(q) => void setFilters({ q: q || null })}
        />
        <FilterSelect
          label="State"
          value={filters.show}
          options={shows}
          onChange={(value) => void setFilters({ show: value === 'unwell' ? 'unwell' : null })}
        />
      </div>
      {query.isError && !rows ? (
        <ErrorPanel what="The breakers" error={query.error} onRetry={() => query.refetch()} />
      ) : !rows ? (
        <TableSkeleton />
      ) : rows.length === 0 ? (
        filters.show === 'unwell' || filters.q !== '' ? (
          <EmptyState
            title={
              filters.show === 'unwell' ? 'All breakers are closed' : 'No breaker of that name'
            }
            why={
              filters.show === 'unwell'
                ? 'Calls pass everywhere, and nobody holds one.'
                : 'Look for a part of the name; case does not matter.'
            }
          />
        ) : (
          <EmptyState
            title="No breaker yet"
            why="A breaker stops calls to a service that fails, tries it again after a while, and is shared by all programs that ask for it. Programs make theirs with the client or with breakers.upsert; the console's own calls appear here with their first use."
            action={
              mayAct ? <Button onClick={() => setAdding(true)}>Add breaker</Button> : undefined
            }
          />
        )
      ) : (
        <>
          {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
          <LazyTable
            label="Breakers"
            columns={columns}
            rows={rows}
            rowId={({ id }) => id}
            stamp={({ state, hold }) => `${state}${hold?.at ?? ''}`}
            onOpen={({ name }) => router.push(detailHref(name))}
            sort={filters.sort}
            onSort={(sort) => void setFilters({ sort })}
            more={
              query.hasNextPage
                ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
                : null
            }
          />
        </>
      )}
      {adding ? <PolicySheet name={null} onClose={() => setAdding(false)} /> : null}
      {doing?.action === 'edit' ? <PolicySheet name={doing.breaker.name} onClose={close} /> : null}
      {doing && doing.action !== 'edit' ? (
        <ActionDialog action={doing.action} breaker={doing.breaker} onClose={close} />
      ) : null}
    </>
  );
}
