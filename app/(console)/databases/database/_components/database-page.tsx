'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { parseAsBoolean, parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { useState } from 'react';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { FilterInput } from '../../../../../components/data/filter-input.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { Stat } from '../../../../../components/data/stat.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { formatBytes } from '../../../../../components/format/bytes.ts';
import { count, formatNumber } from '../../../../../components/format/number.ts';
import { formatInstant, formatRelative } from '../../../../../components/format/time.ts';
import { useNow } from '../../../../../components/live/use-now.ts';
import { ms, stateOf } from '../../../../../components/queries/words.ts';
import { useMe } from '../../../../../components/shell/use-me.ts';
import { api, trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { allows } from '../../../../../components/trpc/role.ts';
import { Button, buttonClass } from '../../../../../components/ui/button.tsx';
import { Tabs } from '../../../../../components/ui/tabs.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { DatabaseDetail } from '../../../../../server/queries/contract.ts';
import type { DatabaseAction } from '../../_components/row-menu.tsx';
import { refreshDatabases } from '../../_components/use-databases.ts';
import { placeText } from '../../_components/words.ts';
import { Relations } from './relations.tsx';
import { Setup } from './setup.tsx';

const DatabaseSheet = dynamic(() => import('../../_components/database-sheet.tsx'), { ssr: false });
const ActionDialog = dynamic(() => import('../../_components/action-dialog.tsx'), { ssr: false });
const tabs = ['setup', 'tables', 'indexes'] as const;
const tabWords = { setup: 'Set-up', tables: 'Tables', indexes: 'Indexes' } as const;

function Figures({ database, now }: { database: DatabaseDetail; now: number }) {
  const lacking = database.setup.filter(({ state }) => state === 'missing').length;
  const weak = database.setup.filter(({ state }) => state === 'warning').length;
  const share = database.lookServerMs === null ? null : database.lookServerMs / 60_000;
  return (
    <div className="mb-4 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Stat
        label="Last look"
        value={database.lastAt ? formatRelative(database.lastAt, now) : 'never'}
        note={database.lastAt ? formatInstant(database.lastAt) : ' '}
        tone={database.state === 'failed' ? 'bad' : 'plain'}
      />
      <Stat
        label="Statements counted"
        value={database.entries === null ? '–' : formatNumber(database.entries)}
        note={
          database.evictions
            ? `${count(database.evictions, 'time')} without room in the last look`
            : 'none without room'
        }
        tone={database.evictions ? 'warn' : 'plain'}
      />
      <Stat
        label="A look takes"
        value={database.lookServerMs === null ? '–' : ms(database.lookServerMs)}
        note={share === null ? ' ' : `${(share * 100).toFixed(2)} % of a minute`}
      />
      <Stat
        label="Set-up"
        value={lacking > 0 ? `${lacking} missing` : weak > 0 ? `${weak} weak` : 'Complete'}
        note={
          database.sizeBytes === null ? ' ' : `the database has ${formatBytes(database.sizeBytes)}`
        }
        tone={lacking > 0 ? 'warn' : 'plain'}
      />
    </div>
  );
}

function Missing() {
  return (
    <>
      <PageHeader title="Database" state="" />
      <EmptyState
        title="There is no such database"
        why="It was removed, or the address is cut off."
        action={
          <Link href="/databases" className={buttonClass('secondary')}>
            All databases
          </Link>
        }
      />
    </>
  );
}

/** Asks for a look now, with tables, indexes and set-up. */
function LookButton({ database }: { database: DatabaseDetail }) {
  const look = useMutation({
    mutationFn: () => api.queries.databases.refresh.mutate({ id: database.id }),
    onSuccess: async ({ state, detail }) => {
      await refreshDatabases();
      toast(state === 'ok' ? 'ok' : 'bad', detail ?? `${database.name} was looked at.`);
    },
    onError: (error) => toast('bad', failureOf(error).message),
  });
  return (
    <Button busy={look.isPending} onClick={() => look.mutate()}>
      Look now
    </Button>
  );
}

/** One database: what is missing, its tables and its indexes. */
export function DatabasePage() {
  const [filters, setFilters] = useQueryStates({
    id: parseAsString.withDefault(''),
    tab: parseAsStringLiteral(tabs).withDefault('setup').withOptions({ history: 'push' }),
    q: parseAsString.withDefault(''),
    unused: parseAsBoolean.withDefault(false),
  });
  const now = useNow() ?? 0;
  const me = useMe();
  const admin = me !== undefined && allows(me.role, 'admin');
  const operator = me !== undefined && allows(me.role, 'operator');
  const [doing, setDoing] = useState<DatabaseAction | null>(null);
  const query = useQuery(
    trpc.queries.databases.get.queryOptions(
      { id: filters.id },
      { enabled: filters.id !== '', refetchInterval: 15_000 },
    ),
  );
  const { data: database } = query;
  const status = query.isError ? failureOf(query.error).status : null;
  if (filters.id === '' || status === 404 || status === 400) return <Missing />;
  if (query.isError && !database) {
    return (
      <>
        <PageHeader title="Database" state="" />
        <ErrorPanel what="The database" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!database) return <PageSkeleton title="Database" />;
  const close = () => setDoing(null);
  return (
    <>
      <PageHeader
        title={database.name}
        state={
          <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <StatusBadge {...stateOf(database)} />
            <span className="break-all font-mono text-12">
              {placeText(database)} as {database.user}
            </span>
            {database.version ? <span>PostgreSQL {database.version}</span> : null}
          </span>
        }
        action={
          <>
            <Link href={`/queries?database=${database.id}`} className={buttonClass('secondary')}>
              Queries
            </Link>
            {operator && !database.paused ? <LookButton database={database} /> : null}
            {admin ? (
              <>
                <Button onClick={() => setDoing('edit')}>Edit</Button>
                {database.kind === 'own' ? null : (
                  <Button onClick={() => setDoing('remove')}>Remove</Button>
                )}
                <Button onClick={() => setDoing(database.paused ? 'resume' : 'pause')}>
                  {database.paused ? 'Resume' : 'Pause'}
                </Button>
              </>
            ) : null}
          </>
        }
      />
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      {database.detail && !database.paused ? (
        <p role="status" className="mb-3 rounded-card border bg-surface px-4 py-3 text-13">
          {database.detail}
          {database.failingSince ? (
            <span className="text-muted"> Since {formatInstant(database.failingSince)}.</span>
          ) : null}
        </p>
      ) : null}
      <Figures database={database} now={now} />
      <Tabs
        tabs={tabs}
        words={tabWords}
        tab={filters.tab}
        onTab={(tab) => void setFilters({ tab, q: null })}
      />
      {filters.tab === 'setup' ? (
        <Setup database={database} />
      ) : (
        <>
          <div className="mb-3 flex flex-wrap items-center gap-3">
            <FilterInput
              label={filters.tab === 'tables' ? 'Find a table' : 'Find an index'}
              value={filters.q}
              onChange={(q) => void setFilters({ q: q || null })}
            />
            {filters.tab === 'indexes' ? (
              <label className="flex h-8 items-center gap-2 text-13">
                <input
                  type="checkbox"
                  checked={filters.unused}
                  onChange={({ target }) => void setFilters({ unused: target.checked || null })}
                  className="size-4 accent-accent"
                />
                Unused only
              </label>
            ) : null}
          </div>
          <Relations
            databaseId={database.id}
            kind={filters.tab === 'tables' ? 'table' : 'index'}
            search={filters.q}
            unused={filters.unused}
          />
        </>
      )}
      {doing === 'edit' ? <DatabaseSheet database={database} onClose={close} /> : null}
      {doing && doing !== 'edit' ? (
        <ActionDialog action={doing} database={database} onClose={close} />
      ) : null}
    </>
  );
}
