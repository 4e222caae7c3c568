'use client';

import { useQuery } from '@tanstack/react-query';
import type { Column } from '../../../../../components/data/columns.ts';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../../components/data/lazy-table.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { formatNumber } from '../../../../../components/format/number.ts';
import { ms, sourceWords } from '../../../../../components/queries/words.ts';
import { trpc } from '../../../../../components/trpc/client.ts';
import { CopyButton } from '../../../../../components/ui/copy-button.tsx';
import type { CallerItem, SlowCall } from '../../../../../server/queries/contract.ts';

const callerColumns: readonly Column<CallerItem>[] = [
  {
    id: 'caller',
    header: 'Caller',
    csv: ({ caller }) => caller,
    cell: ({ caller }) => <span title={caller}>{caller}</span>,
  },
  {
    id: 'source',
    header: 'Seen by',
    width: '120px',
    csv: ({ source }) => source,
    cell: ({ source }) => sourceWords[source],
  },
  {
    id: 'calls',
    header: 'Calls',
    width: '90px',
    align: 'right',
    csv: ({ calls }) => calls,
    cell: ({ calls }) => formatNumber(calls),
  },
  {
    id: 'mean',
    header: 'Mean',
    width: '90px',
    align: 'right',
    csv: ({ meanMs }) => meanMs,
    cell: ({ meanMs }) => ms(meanMs),
  },
  {
    id: 'max',
    header: 'Longest',
    width: '90px',
    align: 'right',
    csv: ({ maxMs }) => maxMs,
    cell: ({ maxMs }) => ms(maxMs),
  },
  {
    id: 'slow',
    header: 'Slow calls',
    width: '100px',
    align: 'right',
    csv: ({ slow }) => slow,
    cell: ({ slow }) => formatNumber(slow),
  },
  {
    id: 'last',
    header: 'Last call',
    width: '110px',
    csv: ({ lastSeenAt }) => lastSeenAt,
    cell: ({ lastSeenAt }) => <RelativeTime at={lastSeenAt} />,
  },
];
const callColumns: readonly Column<SlowCall>[] = [
  {
    id: 'at',
    header: 'When',
    width: '120px',
    csv: ({ at }) => at,
    cell: ({ at }) => <RelativeTime at={at} />,
  },
  {
    id: 'took',
    header: 'Took',
    width: '100px',
    align: 'right',
    csv: ({ durationMs }) => durationMs,
    cell: ({ durationMs }) => ms(durationMs),
  },
  {
    id: 'caller',
    header: 'Caller',
    csv: ({ caller }) => caller,
    cell: ({ caller }) => <span title={caller ?? undefined}>{caller ?? '–'}</span>,
  },
  {
    id: 'request',
    header: 'Request or trace',
    width: '240px',
    csv: ({ requestId, traceId }) => requestId ?? traceId,
    cell: ({ requestId, traceId }) => {
      const id = requestId ?? traceId;
      return id ? (
        <span className="flex items-center gap-1">
          <code title={id} className="truncate font-mono text-12">
            {id}
          </code>
          <CopyButton value={id} what={requestId ? 'request id' : 'trace id'} />
        </span>
      ) : (
        '–'
      );
    },
  },
];

export function Callers({ callers }: { callers: readonly CallerItem[] }) {
  return (
    <section aria-labelledby="callers" className="mb-4">
      <h2 id="callers" className="mb-1 font-medium text-14">
        Who calls it
      </h2>
      {callers.length === 0 ? (
        <p className="text-13 text-muted">
          Nobody is known. Callers are seen for the console’s own calls, and for programs that send
          database spans over OpenTelemetry.
        </p>
      ) : (
        <LazyTable
          label="Who calls it"
          columns={callerColumns}
          rows={callers}
          rowId={({ source, caller }) => `${source} ${caller}`}
        />
      )}
    </section>
  );
}

/** Single calls that took long, newest first. */
export function SlowSamples({ statementId }: { statementId: string }) {
  const query = useQuery(
    trpc.queries.slowLog.queryOptions({ statementId, limit: 20 }, { refetchInterval: 15_000 }),
  );
  return (
    <section aria-labelledby="samples" className="mb-4">
      <h2 id="samples" className="mb-1 font-medium text-14">
        Slow calls
      </h2>
      {query.isError && !query.data ? (
        <ErrorPanel what="The slow calls" error={query.error} onRetry={() => query.refetch()} />
      ) : !query.data || query.data.items.length === 0 ? (
        <p className="text-13 text-muted">
          {query.data ? 'No single call is kept that took long.' : ''}
        </p>
      ) : (
        <LazyTable
          label="Slow calls"
          columns={callColumns}
          rows={query.data.items}
          rowId={({ id }) => id}
        />
      )}
    </section>
  );
}
