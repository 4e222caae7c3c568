'use client';

import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import { revocationColumns } from './token-columns.tsx';
import { useRevocations } from './use-tokens.ts';
import { kindWords, revocationKinds } from './words.ts';

const options = [
  { value: '', label: 'Anything' },
  ...revocationKinds.map((value) => ({ value, label: kindWords[value] })),
];

export function RevocationList() {
  const { kind, setKind, query, revocations } = useRevocations();
  if (query.isError && !revocations) {
    return (
      <ErrorPanel what="The revocations" error={query.error} onRetry={() => query.refetch()} />
    );
  }
  if (!revocations) return <TableSkeleton />;
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Revocations"
        columns={revocationColumns}
        rows={revocations}
        rowId={({ id }) => id}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
        toolbar={
          <FilterSelect
            label="What"
            value={kind ?? ''}
            options={options}
            onChange={(value) =>
              void setKind(revocationKinds.find((each) => each === value) ?? null)
            }
          />
        }
      />
      {revocations.length === 0 ? (
        <div className="mt-3">
          <EmptyState
            title={kind ? 'Nothing of this kind is revoked' : 'Nothing is revoked'}
            why="A revocation holds on every replica within a second, and is kept until what it refuses would have ended by itself. Sessions that were ended stand here too."
            action={
              kind ? <Button onClick={() => void setKind(null)}>Clear filter</Button> : undefined
            }
          />
        </div>
      ) : null}
    </>
  );
}
