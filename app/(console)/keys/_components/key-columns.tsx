import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { RowActions } from '../../../../components/data/row-actions.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import type { KeyItem } from '../../../../server/keys/contract.ts';
import {
  isAccepted,
  type KeyAction,
  liveOf,
  oldOf,
  ownerText,
  scopesText,
  stateOf,
  urgency,
} from './words.tsx';

export type Act = (action: KeyAction, key: KeyItem) => void;
const loadMenu = () => import('./row-menu.tsx');

function Versions({ item }: { item: KeyItem }) {
  const old = oldOf(item);
  const newest = item.versions[0]?.version;
  if (item.state === 'revoked' || liveOf(item).length === 0)
    return <span className="text-faint">none</span>;
  if (!old?.graceEndsAt) return <>v{newest}</>;
  return (
    <>
      v{newest}, v{old.version} ends <RelativeTime at={old.graceEndsAt} />
    </>
  );
}

function Due({ item, now }: { item: KeyItem; now: number }) {
  if (!item.rotationDueAt) return <span className="text-faint">–</span>;
  const over = Date.parse(item.rotationDueAt) <= now;
  return (
    <span className={over ? 'text-warn-text' : undefined}>
      <RelativeTime at={item.rotationDueAt} />
    </span>
  );
}

export const columnsOf = (act: Act, now: number): readonly Column<KeyItem>[] => [
  {
    id: 'state',
    header: 'State',
    width: '120px',
    sort: (item) => urgency[stateOf(item, now).kind],
    csv: (item) => stateOf(item, now).word,
    cell: (item) => <StatusBadge {...stateOf(item, now)} />,
  },
  {
    id: 'name',
    header: 'Name',
    width: '160px',
    sort: ({ name }) => name,
    csv: ({ name }) => name,
    cell: ({ name }) => (
      <span title={name} className="font-medium">
        {name}
      </span>
    ),
  },
  {
    id: 'role',
    header: 'Role',
    width: '90px',
    sort: ({ role }) => role,
    csv: ({ role }) => role,
    cell: ({ role }) => role,
  },
  {
    id: 'scopes',
    header: 'Scopes',
    csv: scopesText,
    cell: (item) => (
      <span
        title={scopesText(item)}
        className={item.scopes.length === 0 ? 'text-muted' : 'font-mono text-12'}
      >
        {scopesText(item)}
      </span>
    ),
  },
  {
    id: 'owner',
    header: 'Owner',
    width: '120px',
    sort: ownerText,
    csv: ownerText,
    cell: (item) => (
      <span
        title={ownerText(item)}
        className={
          item.owner && item.owner.state !== 'active'
            ? 'text-bad-text'
            : item.owner
              ? undefined
              : 'text-muted'
        }
      >
        {ownerText(item)}
      </span>
    ),
  },
  {
    id: 'versions',
    header: 'Versions',
    width: '165px',
    csv: (item) =>
      liveOf(item)
        .map(({ version }) => version)
        .join(' '),
    cell: (item) => <Versions item={item} />,
  },
  {
    id: 'used',
    header: 'Last used',
    width: '100px',
    sort: ({ lastUsedAt }) => lastUsedAt,
    csv: ({ lastUsedAt }) => lastUsedAt,
    cell: ({ lastUsedAt }) =>
      lastUsedAt ? <RelativeTime at={lastUsedAt} /> : <span className="text-faint">never</span>,
  },
  {
    id: 'due',
    header: 'Rotation due',
    width: '120px',
    sort: ({ rotationDueAt }) => rotationDueAt,
    csv: ({ rotationDueAt }) => rotationDueAt,
    cell: (item) => <Due item={item} now={now} />,
  },
  {
    id: 'actions',
    header: 'Actions',
    width: '84px',
    cell: (item) => (
      <RowActions
        name={item.name}
        load={loadMenu}
        menu={{ item, act }}
        disabled={!isAccepted(item) && item.state !== 'owner' && item.state !== 'expired'}
      />
    ),
  },
];
