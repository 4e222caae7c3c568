'use client';

import { useRouter } from 'next/navigation';
import type { Column } from '../../../../components/data/columns.ts';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { FilterInput, FilterSelect } from '../../../../components/data/filter-input.tsx';
import { IncidentBadge } from '../../../../components/data/incident-badge.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { SeverityBadge } from '../../../../components/data/severity-badge.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { Stat } from '../../../../components/data/stat.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import { count, formatNumber } from '../../../../components/format/number.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { IncidentFigures, IncidentItem } from '../../../../server/incidents/contract.ts';
import { statuses, useIncidents } from './use-incidents.ts';

const lasted = ({ startedAt, resolvedAt }: IncidentItem) =>
  resolvedAt === null ? null : (Date.parse(resolvedAt) - Date.parse(startedAt)) / 1000;

const columns: readonly Column<IncidentItem>[] = [
  {
    id: 'status',
    header: 'Status',
    width: '140px',
    sort: ({ status }) => status,
    csv: ({ status }) => status,
    cell: ({ status }) => <IncidentBadge status={status} />,
  },
  {
    id: 'severity',
    header: 'Severity',
    width: '110px',
    sort: ({ severity }) => severity,
    csv: ({ severity }) => severity,
    cell: ({ severity }) => <SeverityBadge severity={severity} />,
  },
  {
    id: 'title',
    header: 'Title',
    sort: ({ title }) => title,
    csv: ({ title }) => title,
    cell: (incident) => (
      <span className="flex min-w-0 items-baseline gap-2">
        <span title={incident.title} className="truncate font-medium">
          {incident.title}
        </span>
        <span className="min-w-0 flex-1 truncate text-12 text-muted">
          {incident.timeline.findLast(({ kind }) => kind !== 'notified')?.detail}
        </span>
      </span>
    ),
  },
  {
    id: 'opened',
    header: 'Opened',
    width: '120px',
    sort: ({ openedAt }) => openedAt,
    csv: ({ openedAt }) => openedAt,
    cell: ({ openedAt }) => <RelativeTime at={openedAt} />,
  },
  {
    id: 'lasted',
    header: 'Lasted',
    width: '110px',
    align: 'right',
    sort: lasted,
    csv: lasted,
    cell: (incident) => {
      const seconds = lasted(incident);
      return seconds === null ? 'goes on' : formatDuration(seconds);
    },
  },
  {
    id: 'by',
    header: 'On it',
    width: '140px',
    sort: ({ acknowledgedBy }) => acknowledgedBy,
    csv: ({ acknowledgedBy }) => acknowledgedBy,
    cell: ({ acknowledgedBy }) => acknowledgedBy ?? '–',
  },
];
const statusWords = {
  all: 'Any status',
  unresolved: 'Unresolved',
  open: 'Open',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
} as const;

const mean = (ms: number | null | undefined) =>
  ms === undefined ? undefined : ms === null ? '–' : formatDuration(ms / 1000);

function Figures({ figures }: { figures: IncidentFigures | undefined }) {
  return (
    <section aria-label="Figures" className="mb-4 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Stat
        label="Incidents, 30 d"
        value={figures ? formatNumber(figures.opened) : undefined}
        note={figures ? `${figures.unresolved} not resolved` : ''}
        tone={figures && figures.unresolved > 0 ? 'bad' : 'plain'}
      />
      <Stat
        label="Mean time to detect"
        value={mean(figures?.meanDetectMs)}
        note="from the first failed check"
      />
      <Stat
        label="Mean time to acknowledge"
        value={mean(figures?.meanAcknowledgeMs)}
        note="by a person"
      />
      <Stat
        label="Mean time to recover"
        value={mean(figures?.meanRecoverMs)}
        note="from the first failed check"
      />
    </section>
  );
}

function List({ list }: { list: ReturnType<typeof useIncidents> }) {
  const { filters, setFilters, query, incidents } = list;
  const router = useRouter();
  if (query.isError && !incidents) {
    return <ErrorPanel what="The incidents" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!incidents) return <TableSkeleton />;
  const filtered = filters.q !== '' || filters.status !== 'all';
  if (incidents.length === 0 && !filtered) {
    return (
      <EmptyState
        title="No incident yet"
        why="When a target goes down an incident opens with what was seen, what was done and who was told. It resolves by itself when the target is well again."
      />
    );
  }
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Incidents"
        columns={columns}
        rows={incidents}
        rowId={({ id }) => id}
        stamp={({ status, severity }) => `${status}${severity}`}
        onOpen={({ id }) => router.push(`/incidents/detail?id=${id}`)}
        sort={filters.sort}
        onSort={(sort) => void setFilters({ sort })}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
        toolbar={
          <>
            <FilterInput
              label="Filter by title"
              value={filters.q}
              onChange={(q) => void setFilters({ q: q || null })}
            />
            <FilterSelect
              label="Status"
              value={filters.status}
              options={statuses.map((value) => ({ value, label: statusWords[value] }))}
              onChange={(value) =>
                void setFilters({ status: statuses.find((each) => each === value) ?? null })
              }
            />
          </>
        }
      />
      {incidents.length === 0 ? (
        <div className="mt-3">
          <EmptyState
            title="No incident fits these filters"
            why="Filters look at title and status."
            action={<Button onClick={() => void setFilters(null)}>Clear filters</Button>}
          />
        </div>
      ) : null}
    </>
  );
}

export function IncidentsPage() {
  const list = useIncidents();
  const { figures } = list;
  return (
    <>
      <PageHeader
        title="Incidents"
        state={
          figures ? (
            figures.unresolved === 0 ? (
              'Nothing is open.'
            ) : (
              `${count(figures.unresolved, 'incident')} not resolved.`
            )
          ) : (
            <Skeleton className="h-4 w-40" />
          )
        }
      />
      <Figures figures={figures} />
      <List list={list} />
    </>
  );
}
