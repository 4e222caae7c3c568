import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { ms, oneLine, sourceWords } from '../../../../components/queries/words.ts';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import type { SlowCall } from '../../../../server/queries/contract.ts';

export const callColumns: readonly Column<SlowCall>[] = [
  {
    id: 'at',
    header: 'When',
    width: '110px',
    csv: ({ at }) => at,
    cell: ({ at }) => <RelativeTime at={at} />,
  },
  {
    id: 'duration',
    header: 'Took',
    width: '90px',
    align: 'right',
    csv: ({ durationMs }) => durationMs,
    cell: ({ durationMs }) => ms(durationMs),
  },
  {
    id: 'query',
    header: 'Statement',
    width: '320px',
    csv: ({ query }) => query,
    cell: ({ query }) => (
      <code title={query} className="font-mono text-12">
        {oneLine(query)}
      </code>
    ),
  },
  {
    id: 'caller',
    header: 'Caller',
    width: '210px',
    csv: ({ caller }) => caller,
    cell: ({ caller }) => <span title={caller ?? undefined}>{caller ?? '–'}</span>,
  },
  {
    id: 'source',
    header: 'Seen by',
    width: '112px',
    csv: ({ source }) => source,
    cell: ({ source }) => sourceWords[source],
  },
  {
    id: 'request',
    header: 'Request or trace',
    width: '150px',
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
