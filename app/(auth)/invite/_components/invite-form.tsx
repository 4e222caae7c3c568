'use client';

import { useEffect, useState } from 'react';
import type { Failure } from '../../../../components/trpc/errors.ts';
import { publicApi } from '../../../../components/trpc/public-api.ts';
import { AccountForm } from '../../_components/account-form.tsx';
import { AuthTitle, FormMessage, FormSkeleton } from '../../_components/form.tsx';
import { useQueryParam } from '../../_components/use-query-param.ts';

type Invite = Extract<Awaited<ReturnType<typeof publicApi.inviteState>>, { ok: true }>['data'];

function describe({ status, message }: Failure): string {
  return status === 404 || status === 400
    ? 'This invitation has ended or was used. Ask an admin for a new link.'
    : message;
}

export function InviteForm() {
  const token = useQueryParam('token');
  const [invite, setInvite] = useState<Invite | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (!token) return;
    let gone = false;
    publicApi.inviteState({ token }).then((answer) => {
      if (gone) return;
      if (answer.ok) setInvite(answer.data);
      else setProblem(describe(answer.failure));
    });
    return () => {
      gone = true;
    };
  }, [token]);
  const missing = token === null ? 'The link is not whole: its token is missing.' : null;
  return (
    <>
      <AuthTitle title="Accept the invitation">
        {invite
          ? `You will be ${invite.role}. Choose a password to go on.`
          : 'Choose a password to go on.'}
      </AuthTitle>
      {problem || missing ? (
        <FormMessage text={problem ?? missing} />
      ) : invite && token ? (
        <AccountForm
          email={invite.email}
          name={invite.name}
          verb="Create account"
          create={async ({ name, password }) => {
            const answer = await publicApi.acceptInvite({ token, name, password });
            return answer.ok ? { ok: true, email: answer.data.email } : answer;
          }}
        />
      ) : (
        <FormSkeleton fields={3} />
      )}
    </>
  );
}
