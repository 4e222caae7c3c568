'use client';

import { Details } from '../../../../components/data/details.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { SessionTable } from '../../../../components/data/session-table.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import type { UserItem } from '../../../../server/users/contract.ts';
import { roleWord, statusWords } from './columns.tsx';

/** One person, and where they are signed in. */
export default function UserSheet({ user, onClose }: { user: UserItem; onClose(): void }) {
  return (
    <Dialog open as="sheet" title={user.name} description={user.email} onOpenChange={onClose}>
      <Details
        rows={[
          ['Status', <StatusBadge key="status" {...statusWords[user.status]} />],
          ['Role', roleWord(user.role)],
          [
            'Last seen',
            user.lastSeenAt ? <RelativeTime key="seen" at={user.lastSeenAt} /> : 'never',
          ],
          ['Account since', <RelativeTime key="created" at={user.createdAt} />],
          ...(user.inviteExpiresAt
            ? [['Invitation ends', <RelativeTime key="ends" at={user.inviteExpiresAt} />] as const]
            : []),
          [
            'Id',
            <code key="id" className="font-mono text-12">
              {user.id}
            </code>,
          ],
        ]}
      />
      {user.status === 'invited' ? null : (
        <section className="mt-6">
          <h3 className="font-medium text-14">Sessions</h3>
          <SessionTable userId={user.id} narrow />
        </section>
      )}
    </Dialog>
  );
}
