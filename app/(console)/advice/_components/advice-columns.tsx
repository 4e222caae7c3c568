import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatNumber } from '../../../../components/format/number.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import {
  adviceState,
  savedText,
  speedUp,
  titleOf,
} from '../../../../components/queries/advice-words.ts';
import { adviceWords, oneLine } from '../../../../components/queries/words.ts';
import { Badge } from '../../../../components/ui/badge.tsx';
import type { AdviceItem } from '../../../../server/queries/contract.ts';

const proofs = { hypopg: 'HypoPG', planner: 'Planner', statistics: 'Not verified' } as const;

/** How far it is, or what it brought. */
function Outcome({ item }: { item: AdviceItem }) {
  const times = speedUp(item);
  if (item.state === 'applying' && item.progress?.share != null)
    return <>{formatPercent(item.progress.share)}</>;
  if (times !== null && times >= 1.05)
    return <>{times >= 10 ? formatNumber(Math.round(times)) : times.toFixed(1)} × faster</>;
  return <span className="text-faint">–</span>;
}

export const adviceColumns: readonly Column<AdviceItem>[] = [
  {
    id: 'advice',
    header: 'Advice',
    width: '300px',
    csv: ({ advice }) => titleOf(advice),
    cell: ({ advice, statements: [statement] }) => (
      <span title={advice.reason}>
        {advice.kind === 'none' && statement ? (
          <code className="font-mono text-12">{oneLine(statement.query)}</code>
        ) : (
          titleOf(advice)
        )}
      </span>
    ),
  },
  {
    id: 'saves',
    header: 'Saves',
    width: '120px',
    align: 'right',
    csv: ({ savedMsPerDay }) => savedMsPerDay,
    cell: ({ savedMsPerDay }) => savedText(savedMsPerDay),
  },
  {
    id: 'kind',
    header: 'Kind',
    width: '104px',
    csv: ({ advice }) => advice.kind,
    cell: ({ advice }) => (
      <Badge tone={advice.kind === 'none' ? 'neutral' : 'accent'}>{adviceWords[advice.kind]}</Badge>
    ),
  },
  {
    id: 'proof',
    header: 'Proof',
    width: '104px',
    csv: ({ advice }) => advice.evidence?.method ?? null,
    cell: ({ advice }) =>
      advice.evidence ? proofs[advice.evidence.method] : <span className="text-faint">–</span>,
  },
  {
    id: 'database',
    header: 'Database',
    width: '140px',
    csv: ({ databaseName }) => databaseName,
    cell: ({ databaseName }) => <span title={databaseName}>{databaseName}</span>,
  },
  {
    id: 'outcome',
    header: 'Outcome',
    width: '110px',
    align: 'right',
    csv: (item) => speedUp(item),
    cell: (item) => <Outcome item={item} />,
  },
  {
    id: 'state',
    header: 'State',
    width: '150px',
    csv: ({ state }) => state,
    cell: (item) => <StatusBadge {...adviceState(item)} />,
  },
  {
    id: 'seen',
    header: 'First seen',
    width: '100px',
    csv: ({ firstSeenAt }) => firstSeenAt,
    cell: ({ firstSeenAt }) => <RelativeTime at={firstSeenAt} />,
  },
];
