'use client';

import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { parseAsBoolean, useQueryState } from 'nuqs';
import { useMemo, useState } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterSelect } from '../../../../components/data/filter-input.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge, type StatusKind } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import { count } from '../../../../components/format/number.ts';
import { formatInstant } from '../../../../components/format/time.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { MaintenanceItem } from '../../../../server/health/contract.ts';

const EndDialog = dynamic(() => import('./end-dialog.tsx'), { ssr: false });
const WindowForm = dynamic(() => import('./window-form.tsx'), { ssr: false });

const statuses: Record<MaintenanceItem['status'], { kind: StatusKind; word: string }> = {
  active: { kind: 'maintenance', word: 'Active' },
  planned: { kind: 'info', word: 'Planned' },
  ended: { kind: 'off', word: 'Ended' },
  cancelled: { kind: 'off', word: 'Cancelled' },
};

function When({ window }: { window: MaintenanceItem }) {
  if (window.cron) {
    return (
      <span title={window.timeZone}>
        <code className="font-mono text-12">{window.cron}</code> for{' '}
        {formatDuration((window.durationMinutes ?? 0) * 60)}, {window.timeZone}
      </span>
    );
  }
  return (
    <>
      {window.startsAt ? formatInstant(window.startsAt) : ''} to{' '}
      {window.endsAt ? formatInstant(window.endsAt) : ''}
    </>
  );
}

function columnsOf(end: ((window: MaintenanceItem) => void) | null): Column<MaintenanceItem>[] {
  return [
    {
      id: 'status',
      header: 'Status',
      width: '120px',
      csv: ({ status }) => status,
      cell: ({ status }) => <StatusBadge {...statuses[status]} />,
    },
    {
      id: 'name',
      header: 'Name',
      width: '180px',
      csv: ({ name }) => name,
      cell: ({ name }) => (
        <span title={name} className="font-medium">
          {name}
        </span>
      ),
    },
    {
      id: 'targets',
      header: 'Targets',
      width: '150px',
      csv: (window) => (window.all ? 'all' : window.targets.map(({ name }) => name).join(', ')),
      cell: (window) => {
        if (window.all) return 'The whole fleet';
        const names = window.targets.map(({ name }) => name).join(', ');
        return <span title={names}>{names || 'none left'}</span>;
      },
    },
    {
      id: 'when',
      header: 'When',
      width: '380px',
      csv: (window) => window.cron ?? `${window.startsAt} – ${window.endsAt}`,
      cell: (window) => <When window={window} />,
    },
    {
      id: 'next',
      header: 'Next or end',
      width: '120px',
      cell: (window) =>
        window.activeUntil ? (
          <RelativeTime at={window.activeUntil} />
        ) : window.nextAt ? (
          <RelativeTime at={window.nextAt} />
        ) : (
          '–'
        ),
    },
    ...(end
      ? [
          {
            id: 'end',
            header: '',
            width: '112px',
            cell: (window: MaintenanceItem) =>
              window.status === 'active' || window.status === 'planned' ? (
                <Button className="h-7" onClick={() => end(window)}>
                  {window.status === 'active' && !window.cron ? 'End now' : 'Cancel'}
                </Button>
              ) : null,
          },
        ]
      : []),
  ];
}

export function MaintenancePage() {
  const me = useMe();
  const mayAct = me !== undefined && me !== null && allows(me.role, 'operator');
  const [ended, setEnded] = useQueryState('ended', parseAsBoolean.withDefault(false));
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<MaintenanceItem | null>(null);
  const input = { limit: 100, ended };
  const { query, items } = usePages({
    pathKey: trpc.health.maintenance.list.pathKey(),
    input,
    fetchPage: (cursor, signal) =>
      api.health.maintenance.list.query({ ...input, cursor }, { signal }),
  });
  const columns = useMemo(() => columnsOf(mayAct ? setEnding : null), [mayAct]);
  const active = items?.filter(({ status }) => status === 'active').length ?? 0;
  const add = (
    <Button look="primary" onClick={() => setAdding(true)}>
      <Plus aria-hidden className="size-4" />
      Plan window
    </Button>
  );
  return (
    <>
      <PageHeader
        title="Maintenance"
        state={
          items ? (
            ended ? (
              'Windows that are over.'
            ) : (
              `${count(active, 'window')} active, ${items.length - active} planned. Checks go on; alerts, remedies and uptime leave the time out.`
            )
          ) : (
            <Skeleton className="h-4 w-64" />
          )
        }
        action={mayAct ? add : null}
      />
      {query.isError && !items ? (
        <ErrorPanel what="The windows" error={query.error} onRetry={() => query.refetch()} />
      ) : !items ? (
        <TableSkeleton />
      ) : items.length === 0 && !ended ? (
        <EmptyState
          title="No maintenance is planned"
          why="Plan a window before you work on something, once or every week: it is checked on, but nobody is woken and nothing is restarted under your hands."
          action={
            <span className="flex gap-2">
              {mayAct ? add : null}
              <Button onClick={() => void setEnded(true)}>Show ended</Button>
            </span>
          }
        />
      ) : (
        <LazyTable
          label="Maintenance windows"
          columns={columns}
          rows={items}
          rowId={({ id }) => id}
          stamp={({ status }) => status}
          more={
            query.hasNextPage
              ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
              : null
          }
          toolbar={
            <FilterSelect
              label="Which"
              value={ended ? 'ended' : ''}
              options={[
                { value: '', label: 'Active and planned' },
                { value: 'ended', label: 'Ended' },
              ]}
              onChange={(value) => void setEnded(value === 'ended' ? true : null)}
            />
          }
        />
      )}
      {adding ? <WindowForm onClose={() => setAdding(false)} /> : null}
      {ending ? <EndDialog window={ending} onClose={() => setEnding(null)} /> : null}
    </>
  );
}
