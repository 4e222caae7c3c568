'use client';

import { useMemo } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterInput, FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { useMe } from '../../../../components/shell/use-me.ts';
import { Button } from '../../../../components/ui/button.tsx';
import type { UserItem } from '../../../../server/users/contract.ts';
import { columnsOf, statusWords, type UserAction } from './columns.tsx';
import type { useUsers } from './use-users.ts';

type UserListProps = {
  list: ReturnType<typeof useUsers>;
  openId: string | null;
  onOpen(user: UserItem): void;
  onInvite(): void;
  act(action: UserAction, users: readonly UserItem[], done: () => void): void;
};

const statusOptions = [
  { value: '', label: 'Any status' },
  ...(['active', 'invited', 'disabled'] as const).map((value) => ({
    value,
    label: statusWords[value].word,
  })),
];

export function UserList({ list, openId, onOpen, onInvite, act }: UserListProps) {
  const { filters, setFilters, query, users } = list;
  const me = useMe();
  const columns = useMemo(
    () => columnsOf(me?.id, (action, user) => act(action, [user], () => undefined)),
    [me?.id, act],
  );
  if (query.isError && !users) {
    return <ErrorPanel what="The users" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!users) return <TableSkeleton />;
  const filtered = filters.q !== '' || filters.status !== null;
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Users"
        columns={columns}
        rows={users}
        rowId={(user) => user.id}
        stamp={(user) => `${user.role}${user.status}${user.name}`}
        onOpen={onOpen}
        openId={openId}
        sort={filters.sort}
        onSort={(sort) => void setFilters({ sort })}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
        bulk={(rows, clear) => {
          const active = rows.filter(({ id, status }) => status === 'active' && id !== me?.id);
          return (
            <>
              <Button
                look="danger"
                disabled={active.length === 0}
                onClick={() => act('disable', active, clear)}
              >
                Disable {active.length}
              </Button>
              <Button look="ghost" onClick={clear}>
                Clear selection
              </Button>
            </>
          );
        }}
        toolbar={
          <>
            <FilterInput
              label="Filter by name or e-mail"
              value={filters.q}
              onChange={(q) => void setFilters({ q: q || null })}
            />
            <FilterSelect
              label="Status"
              value={filters.status ?? ''}
              options={statusOptions}
              onChange={(value) => {
                const status = (['active', 'invited', 'disabled'] as const).find(
                  (s) => s === value,
                );
                void setFilters({ status: status ?? null });
              }}
            />
          </>
        }
      />
      {users.length === 0 ? (
        <div className="mt-3">
          <EmptyState
            title={filtered ? 'Nobody fits these filters' : 'Nobody is here yet'}
            why={
              filtered ? 'Filters look at names, e-mail addresses and status.' : 'Invite somebody.'
            }
            action={
              filtered ? (
                <Button onClick={() => void setFilters({ q: null, status: null })}>
                  Clear filters
                </Button>
              ) : (
                <Button onClick={onInvite}>Invite</Button>
              )
            }
          />
        </div>
      ) : null}
    </>
  );
}
