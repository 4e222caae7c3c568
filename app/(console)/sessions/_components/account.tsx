'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import { useState } from 'react';
import { Details } from '../../../../components/data/details.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { SessionTable } from '../../../../components/data/session-table.tsx';
import { count } from '../../../../components/format/number.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { roleOptions } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { toast } from '../../../../components/ui/toast.tsx';

const NameDialog = dynamic(() => import('./name-dialog.tsx'), { ssr: false });
const PasswordDialog = dynamic(() => import('./password-dialog.tsx'), { ssr: false });
const Confirm = dynamic(
  () => import('../../../../components/ui/confirm.tsx').then((m) => m.Confirm),
  { ssr: false },
);

type Open = 'name' | 'password' | 'others' | null;

function State() {
  const { data } = useQuery(trpc.sessions.list.queryOptions({ limit: 200 }));
  if (!data) return <Skeleton className="h-4 w-48" />;
  const others = data.items.filter(({ current }) => !current).length;
  return others === 0 ? (
    <>You are signed in here only.</>
  ) : (
    <>You are signed in here and in {count(others, 'other session')}.</>
  );
}

function Profile({ open }: { open(what: Open): void }) {
  const me = useMe();
  if (!me) return <Skeleton className="h-40 max-w-[560px] rounded-card" />;
  const role = roleOptions.find(({ value }) => value === me.role);
  return (
    <section className="mb-6 max-w-[560px] rounded-card border bg-surface px-4 py-3">
      <h2 className="sr-only">Account</h2>
      <Details
        rows={[
          ['Name', me.name],
          ['E-mail', me.email ?? '–'],
          ['Role', `${role?.label}. ${role?.can}`],
          ['Signs in by', me.method === 'oidc' ? 'OIDC' : 'Password'],
        ]}
      />
      <div className="mt-3 flex gap-2">
        <Button onClick={() => open('name')}>Change name</Button>
        {me.method === 'oidc' ? null : (
          <Button onClick={() => open('password')}>Change password</Button>
        )}
      </div>
    </section>
  );
}

export function Account() {
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const me = useMe();
  const endOthers = useMutation(
    trpc.sessions.revokeOthers.mutationOptions({
      onSuccess: async ({ revoked }) => {
        await queryClient.invalidateQueries({ queryKey: trpc.sessions.list.pathKey() });
        toast('ok', `${count(revoked, 'session')} ended.`);
        close();
      },
    }),
  );
  return (
    <>
      <PageHeader
        title="Account and sessions"
        state={<State />}
        action={<Button onClick={() => setOpen('others')}>End other sessions</Button>}
      />
      <Profile open={setOpen} />
      <h2 className="font-medium text-14">Sessions</h2>
      <SessionTable />
      {open === 'name' && me ? <NameDialog name={me.name} onClose={close} /> : null}
      {open === 'password' ? <PasswordDialog onClose={close} /> : null}
      {open === 'others' ? (
        <Confirm
          title="End all other sessions"
          consequence="Wherever else you are signed in you have to sign in again. This session stays."
          verb="End other sessions"
          busy={endOthers.isPending}
          error={endOthers.error}
          onConfirm={() => endOthers.mutate()}
          onClose={close}
        />
      ) : null}
    </>
  );
}
