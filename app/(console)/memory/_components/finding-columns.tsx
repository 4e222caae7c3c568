import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import type { FindingItem } from '../../../../server/memory/contract.ts';
import { paceOf, placeOf } from './words.ts';

const classOf = ({ classes }: FindingItem) => classes[0]?.name ?? null;
const makerOf = ({ functions }: FindingItem) => (functions[0] ? placeOf(functions[0]) : null);

export const findingColumns: readonly Column<FindingItem>[] = [
  {
    id: 'opened',
    header: 'Found',
    width: '110px',
    sort: (finding) => finding.openedAt,
    csv: (finding) => finding.openedAt,
    cell: (finding) => <RelativeTime at={finding.openedAt} />,
  },
  {
    id: 'process',
    header: 'Process',
    width: '140px',
    sort: (finding) => finding.name,
    csv: (finding) => `${finding.name} on ${finding.instance}`,
    cell: (finding) => (
      <span className="font-medium" title={`${finding.name} on ${finding.instance}`}>
        {finding.name}
      </span>
    ),
  },
  {
    id: 'status',
    header: 'State',
    width: '120px',
    sort: (finding) => finding.status,
    csv: (finding) => finding.status,
    cell: ({ status }) =>
      status === 'open' ? (
        <StatusBadge kind="bad" word="Leaks" />
      ) : (
        <StatusBadge kind="ok" word="Over" />
      ),
  },
  {
    id: 'pace',
    header: 'Pace',
    width: '120px',
    align: 'right',
    sort: (finding) => finding.slopeBytesPerHour,
    csv: (finding) => finding.slopeBytesPerHour,
    cell: (finding) => <span className="tabular-nums">{paceOf(finding.slopeBytesPerHour)}</span>,
  },
  {
    id: 'class',
    header: 'Growing class',
    width: '200px',
    sort: classOf,
    csv: classOf,
    cell: (finding) => (
      <span className="font-mono text-12" title={classOf(finding) ?? undefined}>
        {classOf(finding) ?? 'not counted yet'}
      </span>
    ),
  },
  {
    id: 'maker',
    header: 'Allocated in',
    csv: makerOf,
    cell: (finding) => (
      <span className="font-mono text-12" title={makerOf(finding) ?? undefined}>
        {makerOf(finding) ?? '–'}
      </span>
    ),
  },
];
