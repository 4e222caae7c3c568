'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useMemo, useState } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { FilterInput, FilterWords } from '../../../../components/data/filter-input.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { PagedList } from '../../../../components/data/paged-list.tsx';
import { count } from '../../../../components/format/number.ts';
import { useNow } from '../../../../components/live/use-now.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { recoveryInterval, trpc } from '../../../../components/trpc/client.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { ResourceCounts } from '../../../../server/capacity/contract.ts';
import { resourceColumns } from './resource-columns.tsx';
import { useCapacityFilters, useResources } from './use-resources.ts';
import { kindWords, stateOf } from './words.ts';

const ResourceDialog = dynamic(() => import('./resource-dialog.tsx'), { ssr: false });
const ResourceSheet = dynamic(() => import('./resource-sheet.tsx'), { ssr: false });
const showWords = { all: 'All states', notice: 'Near or over', paused: 'Paused' } as const;

function State({ counts }: { counts: ResourceCounts | undefined }) {
  if (!counts) return <Skeleton className="h-4 w-64" />;
  const { all, critical, warn } = counts;
  const near = [
    ...(critical > 0 ? [`${critical} critical`] : []),
    ...(warn > 0 ? [`${warn} to see to soon`] : []),
  ];
  return (
    <>
      {near.length === 0 ? 'Nothing is near its limit' : near.join(', ')} among{' '}
      {count(all, 'resource')}.
    </>
  );
}

function List({ operator, onAdd }: { operator: boolean; onAdd(): void }) {
  const [filters, setFilters] = useCapacityFilters();
  const { query, items } = useResources(filters);
  const now = useNow();
  // Days do not change by the second.
  const minute = now === null ? null : Math.floor(now / 60_000) * 60_000;
  const columns = useMemo(() => resourceColumns(minute ?? 0), [minute]);
  const filtered = filters.q !== '' || filters.kind !== null || filters.show !== 'all';
  return (
    <PagedList
      what="The resources"
      query={query}
      items={items}
      label="Resources"
      columns={columns}
      rowId={({ id }) => id}
      stamp={(item) => stateOf(item).word}
      openId={filters.id}
      onOpen={({ id }) => void setFilters({ id })}
      empty={
        filtered ? (
          <EmptyState
            title="No such resource"
            why="Look for a part of the name, or choose another state."
          />
        ) : (
          <EmptyState
            title="Nothing is measured yet"
            why="The disk of the data folder, heaps, connections and sizes of databases come by themselves within five minutes. Any saved query can be given a limit now."
            action={operator ? <Button onClick={onAdd}>Add resource</Button> : undefined}
          />
        )
      }
    />
  );
}

/** What fills up or runs out, the most urgent first. */
export function CapacityPage() {
  const [filters, setFilters] = useCapacityFilters();
  const counts = useQuery(
    trpc.capacity.counts.queryOptions(undefined, {
      refetchInterval: ({ state }) => recoveryInterval(state) ?? 60_000,
    }),
  );
  const me = useMe();
  const operator = me !== undefined && allows(me.role, 'operator');
  const [adding, setAdding] = useState(false);
  return (
    <>
      <PageHeader
        title="Capacity"
        state={<State counts={counts.data} />}
        action={
          operator ? (
            <Button look="primary" onClick={() => setAdding(true)}>
              <Plus aria-hidden className="size-4" />
              Add resource
            </Button>
          ) : undefined
        }
      />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <FilterInput
          label="Find a resource"
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
          label="Kind"
          value={filters.kind}
          words={kindWords}
          all="All kinds"
          onChange={(kind) => void setFilters({ kind })}
        />
      </div>
      <List operator={operator} onAdd={() => setAdding(true)} />
      {adding ? <ResourceDialog resource={null} onClose={() => setAdding(false)} /> : null}
      {filters.id ? (
        <ResourceSheet
          id={filters.id}
          operator={operator}
          onClose={() => void setFilters({ id: null })}
        />
      ) : null}
    </>
  );
}
