'use client';

import { useEffect, useState } from 'react';
import { publicApi } from '../../../../components/trpc/public-api.ts';
import { Button, buttonClass } from '../../../../components/ui/button.tsx';
import { AccountForm } from '../../_components/account-form.tsx';
import { FormMessage, FormSkeleton } from '../../_components/form.tsx';
import { useQueryParam } from '../../_components/use-query-param.ts';

type State =
  | { kind: 'asking' }
  | { kind: 'needed' }
  | { kind: 'done' }
  | { kind: 'failed'; text: string };

export function SetupForm() {
  const token = useQueryParam('token');
  const [state, setState] = useState<State>({ kind: 'asking' });
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt asks again
  useEffect(() => {
    let gone = false;
    publicApi.setupState().then((answer) => {
      if (gone) return;
      if (!answer.ok) setState({ kind: 'failed', text: answer.failure.message });
      else setState({ kind: answer.data.needed ? 'needed' : 'done' });
    });
    return () => {
      gone = true;
    };
  }, [attempt]);

  if (state.kind === 'failed') {
    return (
      <div className="grid gap-4">
        <FormMessage text={state.text} />
        <Button size="lg" onClick={() => setAttempt(attempt + 1)}>
          Retry
        </Button>
      </div>
    );
  }
  if (state.kind === 'done') {
    return (
      <div className="grid gap-4">
        <p className="text-13 text-muted">The first admin exists already; this link has ended.</p>
        <a href="/sign-in" className={buttonClass('primary', 'lg')}>
          Sign in
        </a>
      </div>
    );
  }
  if (state.kind === 'asking' || token === undefined) return <FormSkeleton fields={3} />;
  if (!token) {
    return (
      <FormMessage text="The link is not whole: its token is missing. Copy it again from where the console was started." />
    );
  }
  return (
    <AccountForm
      verb="Create admin"
      create={async (values) => {
        const answer = await publicApi.setup({ token, ...values });
        return answer.ok ? { ok: true, email: values.email } : answer;
      }}
    />
  );
}
