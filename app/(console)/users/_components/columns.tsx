import type { Column } from '../../../../components/data/columns.ts';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StatusBadge, type StatusKind } from '../../../../components/data/status-badge.tsx';
import { roleOptions } from '../../../../components/trpc/role.ts';
import type { UserItem, UserStatus } from '../../../../server/users/contract.ts';
import { RowActions } from './row-actions.tsx';

export const statusWords: Record<UserStatus, { kind: StatusKind; word: string }> = {
  active: { kind: 'ok', word: 'Active' },
  invited: { kind: 'info', word: 'Invited' },
  disabled: { kind: 'off', word: 'Disabled' },
};
export const roleWord = (role: UserItem['role']) =>
  roleOptions.find(({ value }) => value === role)?.label ?? role;

export type UserAction = 'role' | 'disable' | 'enable' | 'reinvite' | 'remove';

export function columnsOf(
  meId: string | undefined,
  act: (action: UserAction, user: UserItem) => void,
): readonly Column<UserItem>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      sort: (user) => user.name,
      csv: (user) => user.name,
      cell: (user) => (
        <span title={user.name} className="font-medium">
          {user.name}
          {user.id === meId ? <span className="ml-2 text-muted">you</span> : null}
        </span>
      ),
    },
    {
      id: 'email',
      header: 'E-mail',
      sort: (user) => user.email,
      csv: (user) => user.email,
      cell: (user) => <span title={user.email}>{user.email}</span>,
    },
    {
      id: 'role',
      header: 'Role',
      width: '110px',
      sort: (user) => user.role,
      csv: (user) => user.role,
      cell: (user) => roleWord(user.role),
    },
    {
      id: 'status',
      header: 'Status',
      width: '120px',
      sort: (user) => user.status,
      csv: (user) => user.status,
      cell: (user) => <StatusBadge {...statusWords[user.status]} />,
    },
    {
      id: 'method',
      header: 'Signs in by',
      width: '110px',
      csv: (user) => user.method,
      cell: (user) => (user.method === null ? '–' : user.method === 'oidc' ? 'OIDC' : 'Password'),
    },
    {
      id: 'lastSeen',
      header: 'Last seen',
      width: '120px',
      sort: (user) => user.lastSeenAt,
      csv: (user) => user.lastSeenAt,
      cell: (user) => (user.lastSeenAt ? <RelativeTime at={user.lastSeenAt} /> : 'never'),
    },
    {
      id: 'actions',
      header: 'Actions',
      width: '84px',
      cell: (user) => <RowActions user={user} self={user.id === meId} act={act} />,
    },
  ];
}
