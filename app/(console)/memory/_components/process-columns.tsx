import { Sparkline } from '../../../../components/charts/sparkline.tsx';
import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import type { ProcessItem } from '../../../../server/memory/contract.ts';
import { RowActions } from './row-actions.tsx';
import { kindWords, paceOf, verdictOf } from './words.ts';

export type MemoryAction = 'profile' | 'snapshot' | 'restart';
export type Act = (action: MemoryAction, process: ProcessItem) => void;

export const columnsOf = (act: Act, mayAct: boolean): readonly Column<ProcessItem>[] => [
  {
    id: 'name',
    header: 'Process',
    width: '120px',
    sort: (process) => process.name,
    csv: (process) => process.name,
    cell: (process) => (
      <span className="font-medium" title={process.name}>
        {process.name}
      </span>
    ),
  },
  {
    id: 'instance',
    header: 'Instance',
    csv: (process) => process.instance,
    cell: (process) => (
      <span className="font-mono text-12" title={process.instance}>
        {process.instance}
      </span>
    ),
  },
  {
    id: 'verdict',
    header: 'Verdict',
    width: '120px',
    sort: (process) => process.verdict,
    csv: (process) => process.verdict,
    cell: (process) => <StatusBadge {...verdictOf(process)} />,
  },
  {
    id: 'collected',
    header: 'After collection',
    width: '130px',
    align: 'right',
    sort: (process) => process.collectedBytes,
    csv: (process) => process.collectedBytes,
    cell: ({ collectedBytes }) => (
      <span className="tabular-nums">
        {collectedBytes === null ? '–' : formatBytes(collectedBytes)}
      </span>
    ),
  },
  {
    id: 'limit',
    hidden: true,
    header: 'Of limit',
    width: '90px',
    align: 'right',
    sort: (process) => process.heapBytes / process.limitBytes,
    csv: (process) => process.heapBytes / process.limitBytes,
    cell: ({ heapBytes, limitBytes }) => (
      <span className="tabular-nums">{formatPercent(heapBytes / limitBytes)}</span>
    ),
  },
  {
    id: 'pace',
    header: 'Pace',
    width: '100px',
    align: 'right',
    sort: ({ trend }) => trend.slopeBytesPerHour,
    csv: ({ trend }) => trend.slopeBytesPerHour,
    cell: ({ trend }) => <span className="tabular-nums">{paceOf(trend.slopeBytesPerHour)}</span>,
  },
  {
    id: 'recent',
    header: 'Recent',
    width: '96px',
    cell: ({ name, recent }) => (
      <Sparkline
        values={recent.map(({ bytes }) => bytes)}
        label={`Heap of ${name} after the last full collections`}
      />
    ),
  },
  {
    id: 'doing',
    hidden: true,
    header: 'At work',
    width: '100px',
    csv: ({ examination }) => examination?.kind ?? '',
    cell: ({ examination }) => (examination ? kindWords[examination.kind] : '–'),
  },
  {
    id: 'seen',
    header: 'Reported',
    width: '96px',
    sort: (process) => process.lastSeenAt,
    csv: (process) => process.lastSeenAt,
    cell: (process) => <RelativeTime at={process.lastSeenAt} />,
  },
  ...(mayAct
    ? [
        {
          id: 'actions',
          header: 'Actions',
          width: '76px',
          cell: (process: ProcessItem) => <RowActions process={process} act={act} />,
        },
      ]
    : []),
];
