'use client';

import { UserPlus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { parseAsString, useQueryState } from 'nuqs';
import { useState } from 'react';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RoleGate } from '../../../../components/data/role-gate.tsx';
import { count } from '../../../../components/format/number.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { UserItem } from '../../../../server/users/contract.ts';
import type { UserAction } from './columns.tsx';
import { useUsers } from './use-users.ts';
import { UserList } from './user-list.tsx';

const InviteDialog = dynamic(() => import('./invite-dialog.tsx'), { ssr: false });
const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });
const UserSheet = dynamic(() => import('./user-sheet.tsx'), { ssr: false });

type Pending = { action: UserAction; users: readonly UserItem[]; done(): void };

function State({ users }: { users: readonly UserItem[] | undefined }) {
  if (!users) return <Skeleton className="h-4 w-48" />;
  const invited = users.filter(({ status }) => status === 'invited').length;
  const disabled = users.filter(({ status }) => status === 'disabled').length;
  return (
    <>
      {count(users.length, 'person', 'people')}
      {invited > 0 ? `, ${invited} invited` : ''}
      {disabled > 0 ? `, ${disabled} disabled` : ''}.
    </>
  );
}

function Users() {
  const list = useUsers();
  const [inviting, setInviting] = useState(false);
  const [pending, setPending] = useState<Pending | null>(null);
  const [openId, setOpenId] = useQueryState('user', parseAsString);
  const open = list.users?.find(({ id }) => id === openId);
  return (
    <>
      <PageHeader
        title="Users"
        state={<State users={list.users} />}
        action={
          <Button look="primary" onClick={() => setInviting(true)}>
            <UserPlus aria-hidden className="size-4" />
            Invite
          </Button>
        }
      />
      <UserList
        list={list}
        openId={openId}
        onOpen={(user) => void setOpenId(user.id)}
        onInvite={() => setInviting(true)}
        act={(action, users, done) => setPending({ action, users, done })}
      />
      {inviting ? <InviteDialog onClose={() => setInviting(false)} /> : null}
      {pending ? (
        <ActionDialog
          {...pending}
          onClose={() => setPending(null)}
          onDone={() => {
            pending.done();
            setPending(null);
          }}
        />
      ) : null}
      {open ? <UserSheet user={open} onClose={() => void setOpenId(null)} /> : null}
    </>
  );
}

export function UsersPage() {
  return (
    <RoleGate title="Users" needs="admin">
      <Users />
    </RoleGate>
  );
}
