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
import { RoleGate } from '../../../../components/data/role-gate.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { useNow } from '../../../../components/live/use-now.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { KeyItem } from '../../../../server/keys/contract.ts';
import { columnsOf } from './key-columns.tsx';
import { useKeys } from './use-keys.ts';
import { detailHref, type KeyAction, stateOf, urgency } from './words.tsx';

const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });
const KeySheet = dynamic(() => import('./key-sheet.tsx'), { ssr: false });
const shows = [
  { value: 'live', label: 'Accepted' },
  { value: 'ended', label: 'No longer accepted' },
  { value: 'all', label: 'All keys' },
];
const TRY = `npm run -s cli -- keys create --name deploys --role operator --json`;

function State() {
  const { data } = useQuery(trpc.keys.figures.queryOptions());
  if (!data) return <Skeleton className="h-4 w-64" />;
  const parts = [
    `${count(data.live, 'key is', 'keys are')} accepted`,
    ...(data.overdue > 0 ? [`${data.overdue} overdue for a new version`] : []),
    ...(data.unscopedAdmins > 0
      ? [count(data.unscopedAdmins, 'admin key', 'admin keys').concat(' without scopes')]
      : []),
  ];
  return <>{parts.join(', ')}.</>;
}

function Keys() {
  const router = useRouter();
  const now = Math.floor((useNow() ?? 0) / 60_000) * 60_000;
  const { filters, setFilters, query, items } = useKeys();
  const [doing, setDoing] = useState<{ action: KeyAction; item: KeyItem } | null>(null);
  const [adding, setAdding] = useState(false);
  const columns = useMemo(
    () => columnsOf((action, item) => setDoing({ action, item }), now),
    [now],
  );
  const rows = useMemo(
    () => items?.toSorted((a, b) => urgency[stateOf(a, now).kind] - urgency[stateOf(b, now).kind]),
    [items, now],
  );
  const close = () => setDoing(null);
  const add = <Button onClick={() => setAdding(true)}>Create key</Button>;
  return (
    <>
      <PageHeader
        title="Keys"
        state={<State />}
        action={
          <Button look="primary" onClick={() => setAdding(true)}>
            <Plus aria-hidden className="size-4" />
            Create key
          </Button>
        }
      />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <FilterInput
          label="Find a key"
          value={filters.q}
          onChange={(q) => void setFilters({ q: q || null })}
        />
        <FilterSelect
          label="Show"
          value={filters.show}
          options={shows}
          onChange={(value) =>
            void setFilters({ show: value === 'ended' || value === 'all' ? value : null })
          }
        />
      </div>
      {query.isError && !rows ? (
        <ErrorPanel what="The keys" error={query.error} onRetry={() => query.refetch()} />
      ) : !rows ? (
        <TableSkeleton />
      ) : rows.length === 0 ? (
        filters.q !== '' || filters.show === 'ended' ? (
          <EmptyState
            title={filters.q === '' ? 'No key has ended' : 'No key of that name'}
            why={
              filters.q === ''
                ? 'Keys that are revoked, expired or ended stay here, so that their use can be traced.'
                : 'Look for a part of the name; case does not matter.'
            }
          />
        ) : (
          <EmptyState
            title="No key yet"
            why={
              <>
                Scripts, services and agents call the same procedures as these pages, with a key in
                the header Authorization: Bearer. Make one here, or on the command line:{' '}
                <code className="font-mono text-12">{TRY}</code>
              </>
            }
            action={add}
          />
        )
      ) : (
        <>
          {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
          <LazyTable
            label="Keys"
            columns={columns}
            rows={rows}
            rowId={({ id }) => id}
            stamp={(item) => stateOf(item, now).word}
            onOpen={({ id }) => router.push(detailHref(id))}
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
      {adding ? <KeySheet item={null} onClose={() => setAdding(false)} /> : null}
      {doing?.action === 'edit' ? <KeySheet item={doing.item} onClose={close} /> : null}
      {doing && doing.action !== 'edit' ? (
        <ActionDialog action={doing.action} item={doing.item} onClose={close} />
      ) : null}
    </>
  );
}

/** Every key: who it stands for, which versions are accepted, and what is due. */
export function KeysPage() {
  return (
    <RoleGate title="Keys" needs="admin">
      <Keys />
    </RoleGate>
  );
}
