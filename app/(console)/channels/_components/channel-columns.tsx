import Link from 'next/link';
import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import type { ChannelItem } from '../../../../server/notify/contract.ts';
import { RowActions } from './row-actions.tsx';
import { kindWords, placeOf, severityWords, stateOf } from './words.ts';

export type ChannelAction = 'edit' | 'test' | 'disable' | 'enable' | 'remove';

const plain: readonly Column<ChannelItem>[] = [
  {
    id: 'status',
    header: 'Status',
    width: '130px',
    sort: (channel) => stateOf(channel).word,
    csv: (channel) => stateOf(channel).word,
    cell: (channel) => (
      <span title={channel.lastError ?? undefined}>
        <StatusBadge {...stateOf(channel)} />
      </span>
    ),
  },
  {
    id: 'name',
    header: 'Name',
    width: '180px',
    sort: ({ name }) => name,
    csv: ({ name }) => name,
    cell: ({ name }) => (
      <span title={name} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'kind',
    header: 'Kind',
    width: '100px',
    sort: ({ kind }) => kindWords[kind],
    csv: ({ kind }) => kindWords[kind],
    cell: ({ kind }) => kindWords[kind],
  },
  {
    id: 'place',
    header: 'Goes to',
    csv: placeOf,
    cell: (channel) => (
      <span
        title={
          channel.settings.kind === 'email' ? channel.settings.to.join(', ') : placeOf(channel)
        }
      >
        {placeOf(channel)}
      </span>
    ),
  },
  {
    id: 'severity',
    header: 'Is told',
    width: '150px',
    csv: ({ minSeverity }) => minSeverity,
    cell: ({ minSeverity }) => severityWords[minSeverity],
  },
  {
    id: 'last',
    header: 'Last delivery',
    width: '120px',
    sort: ({ lastDeliveryAt }) => lastDeliveryAt,
    csv: ({ lastDeliveryAt }) => lastDeliveryAt,
    cell: ({ lastDeliveryAt }) => (lastDeliveryAt ? <RelativeTime at={lastDeliveryAt} /> : 'never'),
  },
  {
    id: 'pending',
    header: 'Waiting',
    width: '90px',
    align: 'right',
    sort: ({ pendingCount }) => pendingCount,
    csv: ({ pendingCount }) => pendingCount,
    cell: ({ pendingCount }) => pendingCount,
  },
  {
    id: 'dead',
    header: 'Dead',
    width: '80px',
    align: 'right',
    sort: ({ deadCount }) => deadCount,
    csv: ({ deadCount }) => deadCount,
    cell: ({ id, deadCount }) =>
      deadCount > 0 ? (
        <Link
          href={`/channels?tab=deliveries&status=dead&channel=${id}`}
          className="text-bad-text underline"
        >
          {deadCount}
        </Link>
      ) : (
        0
      ),
  },
];

/** `act` is null for those who may only look. */
export function columnsOf(
  act: ((action: ChannelAction, channel: ChannelItem) => void) | null,
): readonly Column<ChannelItem>[] {
  if (!act) return plain;
  return [
    ...plain,
    {
      id: 'actions',
      header: 'Actions',
      width: '84px',
      cell: (channel) => <RowActions channel={channel} act={act} />,
    },
  ];
}
