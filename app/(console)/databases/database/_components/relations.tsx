'use client';

import { useMemo } from 'react';
import type { Column } from '../../../../../components/data/columns.ts';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../../components/data/lazy-table.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { TableSkeleton } from '../../../../../components/data/table-skeleton.tsx';
import { useDebounced } from '../../../../../components/data/use-debounced.ts';
import { formatBytes } from '../../../../../components/format/bytes.ts';
import { count, formatNumber } from '../../../../../components/format/number.ts';
import { formatPercent } from '../../../../../components/format/percent.ts';
import { api, trpc } from '../../../../../components/trpc/client.ts';
import { usePages } from '../../../../../components/trpc/use-pages.ts';
import { Badge } from '../../../../../components/ui/badge.tsx';
import type { RelationItem } from '../../../../../server/queries/contract.ts';

type TableItem = Extract<RelationItem, { kind: 'table' }>;
type IndexItem = Extract<RelationItem, { kind: 'index' }>;

const named = ({ schema, name }: RelationItem): string =>
  schema === 'public' ? name : `${schema}.${name}`;
const nameColumn = <T extends RelationItem>(header: string, width: string): Column<T> => ({
  id: 'name',
  header,
  width,
  csv: named,
  cell: (item) => (
    <span title={named(item)} className="font-medium">
      {named(item)}
    </span>
  ),
});
/** Bytes, and what share of the whole that is. */
function Bloat({ bytes, of }: { bytes: number | null; of: number }) {
  if (bytes === null)
    return (
      <span title="No statistics of all columns may be read" className="text-faint">
        –
      </span>
    );
  if (bytes === 0 || of === 0) return <>0</>;
  return (
    <span className={bytes / of > 0.4 && bytes > 1e7 ? 'text-warn-text' : undefined}>
      {formatBytes(bytes)} <span className="text-muted">{formatPercent(bytes / of)}</span>
    </span>
  );
}

const tableColumns: readonly Column<TableItem>[] = [
  nameColumn('Table', '22%'),
  {
    id: 'size',
    header: 'Size',
    width: '90px',
    align: 'right',
    csv: ({ figures }) => figures.sizeBytes,
    cell: ({ figures }) => formatBytes(figures.sizeBytes),
  },
  {
    id: 'indexes',
    header: 'Indexes',
    width: '90px',
    align: 'right',
    csv: ({ figures }) => figures.indexBytes,
    cell: ({ figures }) => formatBytes(figures.indexBytes),
  },
  {
    id: 'bloat',
    header: 'Bloat, estimated',
    width: '136px',
    align: 'right',
    csv: ({ figures }) => figures.bloatBytes,
    cell: ({ figures }) => <Bloat bytes={figures.bloatBytes} of={figures.sizeBytes} />,
  },
  {
    id: 'rows',
    header: 'Rows',
    width: '100px',
    align: 'right',
    csv: ({ figures }) => figures.rows,
    cell: ({ figures }) => formatNumber(figures.rows),
  },
  {
    id: 'dead',
    header: 'Dead rows',
    width: '92px',
    align: 'right',
    csv: ({ figures }) => figures.deadRows,
    cell: ({ figures }) => formatNumber(figures.deadRows),
  },
  {
    id: 'scans',
    header: 'Seq. / index scans',
    width: '148px',
    align: 'right',
    csv: ({ figures }) => figures.seqScans,
    cell: ({ figures }) =>
      `${formatNumber(figures.seqScans)} / ${formatNumber(figures.indexScans)}`,
  },
  {
    id: 'writes',
    header: 'Writes a day',
    width: '104px',
    align: 'right',
    csv: ({ writesPerDay }) => writesPerDay,
    cell: ({ writesPerDay }) => (writesPerDay === null ? '–' : formatNumber(writesPerDay)),
  },
  {
    id: 'analyzed',
    header: 'Analyzed',
    width: '108px',
    csv: ({ figures }) => figures.analyzedAt,
    cell: ({ figures }) =>
      figures.analyzedAt ? <RelativeTime at={figures.analyzedAt} /> : 'never',
  },
];

const indexColumns: readonly Column<IndexItem>[] = [
  nameColumn('Index', '22%'),
  {
    id: 'state',
    header: 'State',
    width: '150px',
    csv: ({ figures, unusedDays }) =>
      figures.valid ? (unusedDays === null ? 'used' : `unused for ${unusedDays} days`) : 'invalid',
    cell: (item) => {
      const { figures, unusedDays } = item;
      if (!figures.valid) return <Badge tone="bad">Invalid</Badge>;
      if (figures.primary) return <Badge>Primary key</Badge>;
      if (figures.constraint || figures.unique) return <Badge>Unique</Badge>;
      return unusedDays !== null && unusedDays >= 14 ? (
        <Badge tone="warn">Unused {count(unusedDays, 'day')}</Badge>
      ) : (
        <span className="text-muted">
          {item.usedAt === null && figures.scans === 0 ? 'No scan yet' : 'In use'}
        </span>
      );
    },
  },
  {
    id: 'definition',
    header: 'Definition',
    csv: ({ figures }) => figures.definition,
    cell: ({ figures }) => (
      <code title={figures.definition} className="font-mono text-12">
        {figures.definition.replace(/^CREATE (UNIQUE )?INDEX \S+ /, '')}
      </code>
    ),
  },
  {
    id: 'size',
    header: 'Size',
    width: '90px',
    align: 'right',
    csv: ({ figures }) => figures.sizeBytes,
    cell: ({ figures }) => formatBytes(figures.sizeBytes),
  },
  {
    id: 'bloat',
    header: 'Bloat, estimated',
    width: '136px',
    align: 'right',
    csv: ({ figures }) => figures.bloatBytes,
    cell: ({ figures }) => <Bloat bytes={figures.bloatBytes} of={figures.sizeBytes} />,
  },
  {
    id: 'scans',
    header: 'Scans',
    width: '90px',
    align: 'right',
    csv: ({ figures }) => figures.scans,
    cell: ({ figures }) => formatNumber(figures.scans),
  },
  {
    id: 'used',
    header: 'Last used',
    width: '108px',
    csv: ({ usedAt }) => usedAt,
    cell: ({ usedAt }) =>
      usedAt ? (
        <RelativeTime at={usedAt} />
      ) : (
        <span title="Not since it is watched" className="text-faint">
          –
        </span>
      ),
  },
];

/** Tables or indexes, largest first. */
export function Relations(props: {
  databaseId: string;
  kind: 'table' | 'index';
  search: string;
  unused: boolean;
}) {
  const { databaseId, kind, unused } = props;
  const search = useDebounced(props.search.trim());
  const input = { limit: 100, databaseId, kind, search, unused: kind === 'index' && unused };
  const { query, items } = usePages<RelationItem>({
    pathKey: trpc.queries.databases.relations.pathKey(),
    input,
    refetchMs: 60_000,
    fetchPage: (cursor, signal) =>
      api.queries.databases.relations.query({ ...input, cursor }, { signal }),
  });
  const tables = useMemo(
    () => items?.filter((one): one is TableItem => one.kind === 'table'),
    [items],
  );
  const indexes = useMemo(
    () => items?.filter((one): one is IndexItem => one.kind === 'index'),
    [items],
  );
  const what = kind === 'table' ? 'Tables' : 'Indexes';
  if (query.isError && !items)
    return <ErrorPanel what={what} error={query.error} onRetry={() => query.refetch()} />;
  if (!tables || !indexes) return <TableSkeleton />;
  if (tables.length + indexes.length === 0) {
    return (
      <EmptyState
        title={input.unused ? 'No unused index' : `No ${what.toLowerCase()}`}
        why={
          input.unused
            ? 'An index counts as unused when nothing scanned it for 14 days and it enforces nothing.'
            : search === ''
              ? 'They are read every ten minutes, and when somebody asks for a look.'
              : 'Look for a part of the name of a table, an index or a schema.'
        }
      />
    );
  }
  const more = query.hasNextPage
    ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
    : null;
  const rowId = (item: RelationItem) => `${item.schema}.${item.name}`;
  return kind === 'table' ? (
    <LazyTable label="Tables" columns={tableColumns} rows={tables} rowId={rowId} more={more} />
  ) : (
    <LazyTable label="Indexes" columns={indexColumns} rows={indexes} rowId={rowId} more={more} />
  );
}
