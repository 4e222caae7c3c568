import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { RowActions } from '../../../../components/data/row-actions.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import type { IssuedItem, RevocationItem } from '../../../../server/tokens/contract.ts';
import type { Target } from './revoke-dialog.tsx';
import { kindWords, stateWords } from './words.ts';

const loadMenu = () => import('./row-menu.tsx');

export const tokenColumns = (revoke: (target: Target) => void): readonly Column<IssuedItem>[] => [
  {
    id: 'subject',
    header: 'Subject',
    sort: ({ subject }) => subject,
    csv: ({ subject }) => subject,
    cell: ({ subject }) => (
      <span title={subject} className="font-medium">
        {subject}
      </span>
    ),
  },
  {
    id: 'state',
    header: 'State',
    width: '120px',
    csv: ({ state }) => state,
    cell: ({ state, revokeReason }) => (
      <span title={revokeReason ?? undefined}>
        <StatusBadge {...stateWords[state]} />
      </span>
    ),
  },
  {
    id: 'role',
    header: 'Role',
    width: '90px',
    csv: ({ role }) => role,
    cell: ({ role }) => role,
  },
  {
    id: 'scopes',
    header: 'Scopes',
    csv: ({ scopes }) => scopes.join(' '),
    cell: ({ scopes }) =>
      scopes.length > 0 ? (
        <span title={scopes.join(', ')} className="font-mono text-12">
          {scopes.join(', ')}
        </span>
      ) : (
        '–'
      ),
  },
  {
    id: 'expires',
    header: 'Ends',
    width: '110px',
    sort: ({ expiresAt }) => expiresAt,
    csv: ({ expiresAt }) => expiresAt,
    cell: ({ expiresAt }) => <RelativeTime at={expiresAt} />,
  },
  {
    id: 'issued',
    header: 'Issued',
    width: '110px',
    sort: ({ issuedAt }) => issuedAt,
    csv: ({ issuedAt }) => issuedAt,
    cell: ({ issuedAt }) => <RelativeTime at={issuedAt} />,
  },
  {
    id: 'by',
    header: 'Issued by',
    width: '130px',
    csv: ({ issuedBy }) => issuedBy,
    cell: ({ issuedBy }) => <span title={issuedBy}>{issuedBy}</span>,
  },
  {
    id: 'jti',
    header: 'Id (jti)',
    csv: ({ jti }) => jti,
    hidden: true,
    cell: ({ jti }) => (
      <span title={jti} className="font-mono text-12">
        {jti}
      </span>
    ),
  },
  {
    id: 'actions',
    header: 'Actions',
    width: '84px',
    cell: (token) => <RowActions name={token.subject} load={loadMenu} menu={{ token, revoke }} />,
  },
];

export const revocationColumns: readonly Column<RevocationItem>[] = [
  {
    id: 'kind',
    header: 'What',
    width: '110px',
    csv: ({ kind }) => kind,
    cell: ({ kind }) => kindWords[kind],
  },
  {
    id: 'target',
    header: 'Which',
    csv: ({ target }) => target,
    cell: ({ target }) => (
      <span title={target} className="font-mono text-12">
        {target}
      </span>
    ),
  },
  {
    id: 'reason',
    header: 'Reason',
    csv: ({ reason }) => reason,
    cell: ({ reason }) => <span title={reason}>{reason}</span>,
  },
  {
    id: 'by',
    header: 'Revoked by',
    width: '140px',
    csv: ({ revokedBy }) => revokedBy,
    cell: ({ revokedBy }) => <span title={revokedBy}>{revokedBy}</span>,
  },
  {
    id: 'at',
    header: 'Revoked',
    width: '110px',
    csv: ({ revokedAt }) => revokedAt,
    cell: ({ revokedAt }) => <RelativeTime at={revokedAt} />,
  },
  {
    id: 'expires',
    header: 'Kept until',
    width: '110px',
    csv: ({ expiresAt }) => expiresAt,
    cell: ({ expiresAt }) => <RelativeTime at={expiresAt} />,
  },
];
