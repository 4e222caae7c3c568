'use client';

import { parseAsString, useQueryState } from 'nuqs';
import { useMemo } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { Button } from '../../../../components/ui/button.tsx';
import type { Effect } from '../../../../server/policies/contract.ts';
import { type Act, columnsOf } from './rule-columns.tsx';

const PAGE = { limit: 200 };

export function RuleList(props: { defaultEffect: Effect | undefined; onAdd(): void; act: Act }) {
  const { defaultEffect, onAdd, act } = props;
  const [sort, setSort] = useQueryState('sort', parseAsString);
  const { query, items } = usePages({
    pathKey: trpc.policies.list.pathKey(),
    input: PAGE,
    fetchPage: (cursor, signal) => api.policies.list.query({ ...PAGE, cursor }, { signal }),
  });
  const columns = useMemo(() => columnsOf(act), [act]);
  if (query.isError && !items) {
    return <ErrorPanel what="The rules" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!items) return <TableSkeleton />;
  if (items.length === 0) {
    return (
      <EmptyState
        title="No rule yet"
        why={
          defaultEffect === 'deny'
            ? 'The default is to deny: programs and people are refused everything but the own account, and admins keep policies, users and sessions. Add a rule that allows something.'
            : 'As shipped, everybody may do what the role allows. A rule narrows that: who may call which tool, in which scope, when and from where. Nothing that a rule says gives more than the role.'
        }
        action={<Button onClick={onAdd}>Add rule</Button>}
      />
    );
  }
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Rules"
        columns={columns}
        rows={items}
        rowId={({ id }) => id}
        stamp={({ version }) => String(version)}
        onOpen={(rule) => act('edit', rule)}
        sort={sort}
        onSort={(next) => void setSort(next)}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
      />
    </>
  );
}
