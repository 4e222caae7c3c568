'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterInput, FilterSelect } from '../../../../components/data/filter-input.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { formatPercent } from '../../../../components/format/percent.ts';
import {
  databaseHref,
  ms,
  queryRanges,
  statementKinds,
  stateOf,
} from '../../../../components/queries/words.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { buttonClass } from '../../../../components/ui/button.tsx';
import { RangeButtons } from '../../../../components/ui/range-buttons.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { Tabs } from '../../../../components/ui/tabs.tsx';
import type { DatabaseItem } from '../../../../server/queries/contract.ts';
import { SlowCalls, Statements } from './statements.tsx';
import { sorts, tabs, useDatabases, useQueryFilters } from './use-queries.ts';

const tabWords = { statements: 'Statements', calls: 'Slow calls' } as const;
const sortWords = { total: 'Total time', mean: 'Mean time', calls: 'Calls', rows: 'Rows' } as const;
const rangeWords = {
  '15m': '15 minutes',
  '1h': 'hour',
  '6h': '6 hours',
  '24h': '24 hours',
  '7d': '7 days',
  '30d': '30 days',
} as const;

function State({
  database,
  range,
}: {
  database: DatabaseItem | undefined;
  range: (typeof queryRanges)[number];
}) {
  const { data } = useQuery(
    trpc.queries.slow.queryOptions(
      { databaseId: database?.id ?? '', range, limit: 1 },
      { enabled: database !== undefined, refetchInterval: 30_000 },
    ),
  );
  if (!database || !data) return <Skeleton className="h-4 w-64" />;
  const [first] = data.items;
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span>
        {ms(data.totalMs)} of database time in the last {rangeWords[range]}
        {first ? `; the first statement has ${formatPercent(first.share)}` : ''}.
      </span>
      {database.state === 'ok' ? null : (
        <Link href={databaseHref(database.id)} title={database.detail ?? undefined}>
          <StatusBadge {...stateOf(database)} />
        </Link>
      )}
    </span>
  );
}

/** Statements of a database by what they cost, and the single calls that took long. */
export function QueriesPage() {
  const [filters, setFilters] = useQueryFilters();
  const { query, items: databases } = useDatabases();
  // Without a choice: the first that somebody added, otherwise the console's own.
  const database =
    databases?.find(({ id }) => id === filters.database) ??
    databases?.find(({ kind }) => kind === 'external') ??
    databases?.[0];
  const setUp = database ? (
    <Link href={databaseHref(database.id)} className={buttonClass('secondary')}>
      See its set-up
    </Link>
  ) : null;
  return (
    <>
      <PageHeader
        title="Queries"
        state={<State database={database} range={filters.range} />}
        action={
          <Link href="/databases" className={buttonClass('secondary')}>
            Databases
          </Link>
        }
      />
      <Tabs
        tabs={tabs}
        words={tabWords}
        tab={filters.tab}
        onTab={(tab) => void setFilters({ tab })}
      />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        {databases && database ? (
          <FilterSelect
            label="Database"
            value={database.id}
            options={databases.map(({ id, name }) => ({ value: id, label: name }))}
            onChange={(id) => void setFilters({ database: id })}
          />
        ) : (
          <Skeleton className="h-8 w-40" />
        )}
        <FilterInput
          label={filters.tab === 'calls' ? 'Find in text or caller' : 'Find in text'}
          value={filters.q}
          onChange={(q) => void setFilters({ q: q || null })}
        />
        {filters.tab === 'statements' ? (
          <>
            <FilterSelect
              label="Kind"
              value={filters.kind ?? ''}
              options={[
                { value: '', label: 'All kinds' },
                ...statementKinds.map((kind) => ({ value: kind, label: kind.toUpperCase() })),
              ]}
              onChange={(value) =>
                void setFilters({ kind: statementKinds.find((kind) => kind === value) ?? null })
              }
            />
            <FilterSelect
              label="Order"
              value={filters.sort}
              options={sorts.map((sort) => ({
                value: sort,
                label: `By ${sortWords[sort].toLowerCase()}`,
              }))}
              onChange={(value) =>
                void setFilters({ sort: sorts.find((sort) => sort === value) ?? null })
              }
            />
            <RangeButtons
              ranges={queryRanges}
              value={filters.range}
              onChange={(range) => void setFilters({ range })}
            />
          </>
        ) : null}
      </div>
      {query.isError && !databases ? (
        <ErrorPanel what="The databases" error={query.error} onRetry={() => query.refetch()} />
      ) : !databases ? (
        <TableSkeleton />
      ) : !database ? (
        <EmptyState
          title="No database is watched"
          why="The console’s own is there from the start; it comes back when the console starts anew."
        />
      ) : filters.tab === 'calls' ? (
        <SlowCalls filters={filters} database={database} />
      ) : (
        <Statements filters={filters} database={database} setUp={setUp} />
      )}
    </>
  );
}
