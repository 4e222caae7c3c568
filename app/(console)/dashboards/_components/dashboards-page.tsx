'use client';

import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useRouter } from 'next/navigation';
import { parseAsString, useQueryState } from 'nuqs';
import { useMemo, useState } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { RowActions } from '../../../../components/data/row-actions.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { Badge } from '../../../../components/ui/badge.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { DashboardItem } from '../../../../server/dashboards/contract.ts';
import type { DashboardAction, RowMenuProps } from './row-menu.tsx';

const NameDialog = dynamic(() => import('./name-dialog.tsx'), { ssr: false });
const RemoveDialog = dynamic(() => import('./remove-dialog.tsx'), { ssr: false });
const loadMenu = () => import('./row-menu.tsx');

function columnsOf(act: RowMenuProps['act'] | null): Column<DashboardItem>[] {
  const plain: Column<DashboardItem>[] = [
    {
      id: 'name',
      header: 'Name',
      sort: ({ name }) => name,
      csv: ({ name }) => name,
      cell: ({ name, builtIn }) => (
        <span className="flex items-center gap-2">
          <span title={name} className="truncate font-medium">
            {name}
          </span>
          {builtIn ? <Badge>shipped</Badge> : null}
        </span>
      ),
    },
    {
      id: 'panels',
      header: 'Panels',
      width: '100px',
      align: 'right',
      sort: ({ panels }) => panels,
      csv: ({ panels }) => panels,
      cell: ({ panels }) => panels,
    },
    {
      id: 'updated',
      header: 'Changed',
      width: '140px',
      sort: ({ updatedAt }) => updatedAt,
      csv: ({ updatedAt }) => updatedAt,
      cell: ({ updatedAt }) => <RelativeTime at={updatedAt} />,
    },
  ];
  if (!act) return plain;
  return [
    ...plain,
    {
      id: 'actions',
      header: '',
      width: '56px',
      cell: (dashboard) => (
        <RowActions name={dashboard.name} load={loadMenu} menu={{ dashboard, act }} />
      ),
    },
  ];
}

type Pending = { action: DashboardAction; dashboard: DashboardItem };

/** All dashboards; a row opens one. */
export function DashboardsPage() {
  const router = useRouter();
  const me = useMe();
  const operator = me !== undefined && allows(me.role, 'operator');
  const [sort, setSort] = useQueryState('sort', parseAsString);
  const [pending, setPending] = useState<Pending | 'create' | null>(null);
  const { query, items } = usePages({
    pathKey: trpc.dashboards.list.pathKey(),
    input: {},
    fetchPage: (cursor, signal) => api.dashboards.list.query({ limit: 200, cursor }, { signal }),
  });
  const columns = useMemo(
    () => columnsOf(operator ? (action, dashboard) => setPending({ action, dashboard }) : null),
    [operator],
  );
  const close = () => setPending(null);
  return (
    <>
      <PageHeader
        title="Dashboards"
        state={items ? `${count(items.length, 'dashboard')}.` : <Skeleton className="h-4 w-40" />}
        action={
          operator ? (
            <Button look="primary" onClick={() => setPending('create')}>
              <Plus aria-hidden className="size-4" />
              Create dashboard
            </Button>
          ) : undefined
        }
      />
      {query.isError && !items ? (
        <ErrorPanel what="The dashboards" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : items.length === 0 ? (
        <EmptyState
          title="No dashboard yet"
          why="A dashboard shows several queries at one time, arranged as you like. The console makes one about itself when it starts."
          action={
            operator ? (
              <Button onClick={() => setPending('create')}>Create dashboard</Button>
            ) : undefined
          }
        />
      ) : (
        <>
          {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
          <LazyTable
            label="Dashboards"
            columns={columns}
            rows={items}
            rowId={({ id }) => id}
            stamp={({ version }) => String(version)}
            onOpen={({ id }) => router.push(`/dashboards/view?id=${id}`)}
            sort={sort}
            onSort={(next) => void setSort(next)}
            more={
              query.hasNextPage
                ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
                : null
            }
          />
        </>
      )}
      {pending === 'create' ? <NameDialog dashboard={null} onClose={close} /> : null}
      {pending !== 'create' && pending?.action === 'rename' ? (
        <NameDialog dashboard={pending.dashboard} onClose={close} />
      ) : null}
      {pending !== 'create' && pending?.action === 'remove' ? (
        <RemoveDialog dashboard={pending.dashboard} onClose={close} />
      ) : null}
    </>
  );
}
