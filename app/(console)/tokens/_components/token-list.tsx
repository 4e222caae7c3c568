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
            title={state ? 'No token is in this state' : 'No token was issued yet'}
            why={
              state
                ? 'Take the filter away to see the others.'
                : 'A token is a signed permission of a day at most, for an agent or a job that should hold nothing that lasts.'
            }
            action={
              state ? (
                <Button onClick={() => void setState(null)}>Clear filter</Button>
              ) : (
                <Button onClick={onIssue}>Issue a token</Button>
              )
            }
          />
        </div>
      ) : null}
    </>
  );
}
