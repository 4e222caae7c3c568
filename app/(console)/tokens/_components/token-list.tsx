'use client';

import { useMemo } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import type { Target } from './revoke-dialog.tsx';
import { tokenColumns } from './token-columns.tsx';
import type { useTokens } from './use-tokens.ts';
import { stateWords, tokenStates } from './words.ts';

const options = [
  { value: '', label: 'Any state' },
  ...tokenStates.map((value) => ({ value, label: stateWords[value].word })),
];

export function TokenList(props: {
  list: ReturnType<typeof useTokens>;
  onIssue(): void;
  revoke(target: Target): void;
}) {
  const { list, onIssue, revoke } = props;
  const { state, setState, query, tokens } = list;
  const columns = useMemo(() => tokenColumns(revoke), [revoke]);
  if (query.isError && !tokens) {
    return <ErrorPanel what="The tokens" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!tokens) return <TableSkeleton />;
  if (tokens.length === 0 && state === null)
    return (
      <EmptyState
        title="No token was issued yet"
        why="A token is a signed permission of a day at most, for an agent or a job that should hold nothing that lasts."
        action={<Button onClick={onIssue}>Issue a token</Button>}
      />
    );
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Tokens"
        columns={columns}
        rows={tokens}
        rowId={({ jti }) => jti}
        stamp={({ state: now }) => now}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
        toolbar={
          <FilterSelect
            label="State"
            value={state ?? ''}
            options={options}
            onChange={(value) => void setState(tokenStates.find((each) => each === value) ?? null)}
          />
        }
      />
      {tokens.length === 0 ? (
        <div className="mt-3">
          <EmptyState
            title="No token is in this state"
            why="Take the filter away to see the others."
            action={<Button onClick={() => void setState(null)}>Clear filter</Button>}
          />
        </div>
      ) : null}
    </>
  );
}
