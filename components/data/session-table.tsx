'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { describeAgent } from '../format/agent.ts';
import { type Outputs, queryClient, trpc } from '../trpc/client.ts';
import { failureOf } from '../trpc/errors.ts';
import { Badge } from '../ui/badge.tsx';
import { Button } from '../ui/button.tsx';
import { toast } from '../ui/toast.tsx';
import type { Column } from './columns.ts';
import { EmptyState } from './empty-state.tsx';
import { ErrorPanel } from './error-panel.tsx';
import { LazyTable } from './lazy-table.tsx';
import { RelativeTime } from './relative-time.tsx';
import { TableSkeleton } from './table-skeleton.tsx';

type Session = Outputs['sessions']['list']['items'][number];

function useRevoke() {
  return useMutation(
    trpc.sessions.revoke.mutationOptions({
      onSuccess: () => {
        toast('ok', 'Session ended.');
        return queryClient.invalidateQueries({ queryKey: trpc.sessions.list.pathKey() });
      },
      onError: (error) => toast('bad', failureOf(error).message),
    }),
  );
}

function columnsOf(revoke: (id: string) => void): readonly Column<Session>[] {
  return [
    {
      id: 'device',
      header: 'Device',
      sort: (s) => describeAgent(s.userAgent),
      csv: (s) => s.userAgent,
      cell: (s) => (
        <span title={s.userAgent} className="flex items-center gap-2">
          <span className="truncate">{describeAgent(s.userAgent)}</span>
          {s.current ? <Badge tone="accent">This session</Badge> : null}
        </span>
      ),
    },
    {
      id: 'address',
      header: 'Address',
      width: '150px',
      sort: (s) => s.address,
      csv: (s) => s.address,
      cell: (s) => <span className="font-mono text-12">{s.address}</span>,
    },
    {
      id: 'method',
      header: 'Signed in by',
      width: '110px',
      csv: (s) => s.method,
      cell: (s) => (s.method === 'oidc' ? 'OIDC' : 'Password'),
    },
    {
      id: 'lastSeen',
      header: 'Last seen',
      width: '120px',
      sort: (s) => s.lastSeenAt,
      csv: (s) => s.lastSeenAt,
      cell: (s) => <RelativeTime at={s.lastSeenAt} />,
    },
    {
      id: 'created',
      header: 'Started',
      width: '120px',
      sort: (s) => s.createdAt,
      csv: (s) => s.createdAt,
      cell: (s) => <RelativeTime at={s.createdAt} />,
    },
    {
      id: 'end',
      header: 'Actions',
      width: '120px',
      cell: (s) =>
        s.current ? null : (
          <Button className="h-7" onClick={() => revoke(s.id)}>
            End session
          </Button>
        ),
    },
  ];
}

const inSheet = new Set(['device', 'lastSeen', 'end']);

/** Live sessions of one person; without `userId` one's own. `narrow` is for sheets. */
export function SessionTable({ userId, narrow }: { userId?: string; narrow?: true }) {
  const query = useQuery(
    trpc.sessions.list.queryOptions({ limit: 200, ...(userId ? { userId } : {}) }),
  );
  const { mutate } = useRevoke();
  const columns = useMemo(() => {
    const all = columnsOf((id) => mutate({ id }));
    return narrow ? all.filter(({ id }) => inSheet.has(id)) : all;
  }, [mutate, narrow]);
  if (query.data) {
    return query.data.items.length === 0 ? (
      <EmptyState title="No sessions" why="Nobody is signed in with this account at the moment." />
    ) : (
      <LazyTable
        label="Sessions"
        columns={columns}
        rows={query.data.items}
        rowId={(session) => session.id}
        {...(narrow ? { narrow } : {})}
      />
    );
  }
  if (query.isError) {
    return <ErrorPanel what="The sessions" error={query.error} onRetry={() => query.refetch()} />;
  }
  return <TableSkeleton />;
}
