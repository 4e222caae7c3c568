'use client';

import { useMemo } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { formatInstant, formatSpanOf } from '../../../../components/format/time.ts';
import { labelText } from '../../../../components/metrics/lines.ts';
import { formatOf, unitOf } from '../../../../components/metrics/units.ts';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import type { Query, SampleItem } from '../../../../server/metrics/contract.ts';
import { Spans } from './spans.tsx';

export type Picked = { from: number; to: number; labels: Readonly<Record<string, string>> };
type Row = SampleItem & { id: string };

const PAGE = 100;

function columnsOf(format: (value: number) => string): Column<Row>[] {
  return [
    {
      id: 'at',
      header: 'Time',
      width: '190px',
      csv: ({ at }) => at,
      cell: ({ at }) => <time dateTime={at}>{formatInstant(at)}</time>,
    },
    {
      id: 'labels',
      header: 'Series',
      csv: ({ labels }) => JSON.stringify(labels),
      cell: ({ labels }) => <span title={labelText(labels)}>{labelText(labels) || '–'}</span>,
    },
    {
      id: 'value',
      header: 'Value',
      width: '110px',
      align: 'right',
      csv: ({ value, text }) => value ?? text,
      cell: ({ value, text }) => <span title={text}>{value === null ? text : format(value)}</span>,
    },
  ];
}

/** The samples behind one point: its bucket, its group, the query's own filters. */
export default function SamplesSheet(props: {
  query: Query;
  picked: Picked;
  unit: string;
  onClose(): void;
}) {
  const { query, picked, unit, onClose } = props;
  const input = useMemo(
    () => ({
      metric: query.metric,
      timeRange: {
        from: new Date(picked.from).toISOString(),
        to: new Date(picked.to).toISOString(),
      },
      filters: [
        ...(query.filters ?? []),
        ...Object.entries(picked.labels).map(([field, value]) => ({
          field,
          op: 'eq' as const,
          value,
        })),
      ].slice(0, 20),
      ...(query.sourceId ? { sourceId: query.sourceId } : {}),
    }),
    [query, picked],
  );
  const { query: pages, items } = usePages({
    pathKey: trpc.metrics.samples.pathKey(),
    input,
    fetchPage: (cursor, signal) =>
      api.metrics.samples.query({ ...input, limit: PAGE, cursor }, { signal }),
  });
  const columns = useMemo(
    () => columnsOf(formatOf(unitOf(query.metric, unit, 'last'))),
    [query.metric, unit],
  );
  const rows = useMemo(
    () => items?.map((item, index): Row => ({ ...item, id: String(index) })),
    [items],
  );
  return (
    <Dialog
      open
      as="sheet"
      title="Samples behind the point"
      description={`${labelText(picked.labels) || query.metric}, ${formatSpanOf(picked.from, picked.to)}`}
      onOpenChange={onClose}
    >
      {query.metric === 'span_duration_seconds' && !query.sourceId ? (
        <Spans query={query} picked={picked} />
      ) : null}
      {pages.isError && !rows ? (
        <ErrorPanel what="The samples" error={pages.error} onRetry={() => pages.refetch()} />
      ) : !rows ? (
        <TableSkeleton />
      ) : rows.length === 0 ? (
        <p className="text-13 text-muted">
          The samples themselves are no longer kept for this time; the point comes from roll-ups.
        </p>
      ) : (
        <>
          <p className="mb-2 text-13 text-muted">
            {count(rows.length, 'sample')}
            {pages.hasNextPage ? ' so far' : ''}, oldest first
          </p>
          <LazyTable
            label="Samples"
            narrow
            columns={columns}
            rows={rows}
            rowId={({ id }) => id}
            more={
              pages.hasNextPage
                ? { load: () => pages.fetchNextPage(), busy: pages.isFetchingNextPage }
                : null
            }
          />
        </>
      )}
    </Dialog>
  );
}
