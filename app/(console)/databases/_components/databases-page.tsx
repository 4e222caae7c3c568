'use client';

import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useRouter } from 'next/navigation';
import { useMemo, useState } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { RowActions } from '../../../../components/data/row-actions.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { count, formatNumber } from '../../../../components/format/number.ts';
import { databaseHref, stateOf } from '../../../../components/queries/words.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Badge } from '../../../../components/ui/badge.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { DatabaseItem } from '../../../../server/queries/contract.ts';
import type { DatabaseAction, RowMenuProps } from './row-menu.tsx';
import { useDatabases } from './use-databases.ts';
import { placeText } from './words.ts';

const DatabaseSheet = dynamic(() => import('./database-sheet.tsx'), { ssr: false });
const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });
const loadMenu = () => import('./row-menu.tsx');

function columnsOf(act: RowMenuProps['act'] | null, admin: boolean): Column<DatabaseItem>[] {
  const plain: Column<DatabaseItem>[] = [
    {
      id: 'state',
      header: 'State',
      width: '128px',
      csv: (database) => stateOf(database).word,
      cell: (database) => (
        <span title={database.detail ?? undefined}>
          <StatusBadge {...stateOf(database)} />
        </span>
      ),
    },
    {
      id: 'name',
      header: 'Name',
      width: '190px',
      csv: ({ name }) => name,
      cell: ({ name, kind }) => (
        <span className="flex items-center gap-2">
          <span title={name} className="truncate font-medium">
            {name}
          </span>
          {kind === 'own' ? <Badge>Own</Badge> : null}
        </span>
      ),
    },
    {
      id: 'place',
      header: 'Where',
      csv: placeText,
      cell: (database) => (
        <span
          title={
            database.detail ? `${placeText(database)}: ${database.detail}` : placeText(database)
          }
          className="font-mono text-12"
        >
          {placeText(database)}
        </span>
      ),
    },
    {
      id: 'version',
      header: 'Version',
      width: '84px',
      csv: ({ version }) => version,
      cell: ({ version }) => version ?? '–',
    },
    {
      id: 'size',
      header: 'Size',
      width: '90px',
      align: 'right',
      csv: ({ sizeBytes }) => sizeBytes,
      cell: ({ sizeBytes }) => (sizeBytes === null ? '–' : formatBytes(sizeBytes)),
    },
    {
      id: 'entries',
      header: 'Statements',
      width: '100px',
      align: 'right',
      csv: ({ entries }) => entries,
      cell: ({ entries }) => (entries === null ? '–' : formatNumber(entries)),
    },
    {
      id: 'last',
      header: 'Last look',
      width: '108px',
      csv: ({ lastAt }) => lastAt,
      cell: ({ lastAt }) => (lastAt ? <RelativeTime at={lastAt} /> : 'never'),
    },
  ];
  if (!act) return plain;
  return [
    ...plain,
    {
      id: 'actions',
      header: '',
      width: '56px',
      cell: (database) => (
        <RowActions name={database.name} load={loadMenu} menu={{ database, admin, act }} />
      ),
    },
  ];
}

function State({ databases }: { databases: readonly DatabaseItem[] | undefined }) {
  if (!databases) return <Skeleton className="h-4 w-64" />;
  const of = (state: DatabaseItem['state']) =>
    databases.filter((one) => one.state === state).length;
  const parts = [
    `${count(databases.length, 'database is', 'databases are')} watched`,
    ...(of('failed') > 0 ? [`${of('failed')} cannot be looked at`] : []),
    ...(of('partial') > 0 ? [`${of('partial')} with something missing`] : []),
    ...(of('paused') > 0 ? [`${of('paused')} paused`] : []),
  ];
  return <>{parts.join(', ')}.</>;
}

/** What is watched, how it is, and the way to add one. */
export function DatabasesPage() {
  const router = useRouter();
  const { query, items } = useDatabases();
  const me = useMe();
  const admin = me !== undefined && allows(me.role, 'admin');
  const operator = me !== undefined && allows(me.role, 'operator');
  const [adding, setAdding] = useState(false);
  const [pending, setPending] = useState<{ action: DatabaseAction; database: DatabaseItem } | null>(
    null,
  );
  const columns = useMemo(
    () =>
      columnsOf(operator ? (action, database) => setPending({ action, database }) : null, admin),
    [operator, admin],
  );
  const close = () => {
    setPending(null);
    setAdding(false);
  };
  return (
    <>
      <PageHeader
        title="Databases"
        state={<State databases={items} />}
        action={
          admin ? (
            <Button look="primary" onClick={() => setAdding(true)}>
              <Plus aria-hidden className="size-4" />
              Add database
            </Button>
          ) : undefined
        }
      />
      {query.isError && !items ? (
        <ErrorPanel what="The databases" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : (
        <>
          {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
          <LazyTable
            label="Databases"
            columns={columns}
            rows={items}
            rowId={({ id }) => id}
            stamp={(database) => stateOf(database).word}
            onOpen={({ id }) => router.push(databaseHref(id))}
          />
          {items.length === 1 && items[0]?.kind === 'own' ? (
            <p className="mt-3 text-13 text-muted">
              The console’s own database is watched from the start.{' '}
              {admin
                ? 'Add others by a URL with a role that only reads.'
                : 'An admin can add others by a URL with a role that only reads.'}
            </p>
          ) : null}
        </>
      )}
      {adding || pending?.action === 'edit' ? (
        <DatabaseSheet database={pending?.database ?? null} onClose={close} />
      ) : pending ? (
        <ActionDialog action={pending.action} database={pending.database} onClose={close} />
      ) : null}
    </>
  );
}
