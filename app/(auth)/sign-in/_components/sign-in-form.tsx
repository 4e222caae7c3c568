'use client';

import { type FormEvent, useEffect, useRef, useState } from 'react';
import {
  refusalText,
  signInWithOidc,
  signInWithPassword,
} from '../../../../components/trpc/auth.ts';
import { publicApi } from '../../../../components/trpc/public-api.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { FormMessage, Submit } from '../../_components/form.tsx';
import { PasswordInput } from '../../_components/password-input.tsx';
import { useQueryParam } from '../../_components/use-query-param.ts';

type Options = Extract<Awaited<ReturnType<typeof publicApi.signInOptions>>, { ok: true }>['data'];

/** Only a place on this console: anything else could lead a person away. */
function safeNext(next: string | null | undefined): string {
  if (!next?.startsWith('/')) return '/';
  const url = new URL(next, location.origin);
  return url.origin === location.origin ? url.pathname + url.search + url.hash : '/';
}

function useSignInOptions(): Options | null {
  const [options, setOptions] = useState<Options | null>(null);
  useEffect(() => {
    let gone = false;
    publicApi
      .signInOptions()
      .then((answer) => {
        if (answer.ok && !gone) setOptions(answer.data);
      })
      // Without an answer the password form is what there is.
      .catch(() => undefined);
    return () => {
      gone = true;
    };
  }, []);
  return options;
}

export function SignInForm() {
  const options = useSignInOptions();
  const next = useQueryParam('next');
  const given = useQueryParam('error');
  const [refused, setRefused] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  const submit = async (fields: FormData) => {
    const result = await signInWithPassword(
      String(fields.get('email')),
      String(fields.get('password')),
    );
    if (result.ok) location.assign(safeNext(next));
    else setRefused(result.message);
    return result.ok;
  };
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    setRefused(null);
    // Stays busy while the console loads.
    submit(new FormData(event.currentTarget)).then((ok) => setBusy(ok));
  };
  const withOidc = () => {
    signInWithOidc(safeNext(next)).then((result) => {
      if (!result.ok) setRefused(result.message);
    });
  };
  const message = refused ?? (given ? refusalText(given) : null);
  return (
    <form ref={form} method="post" onSubmit={onSubmit} className="grid gap-4">
      {options?.setupNeeded ? (
        <p className="rounded-control bg-info-soft px-3 py-2 text-13 text-info-text">
          Nobody has an account yet. Open the one-time set-up link that the console printed when it
          started.
        </p>
      ) : null}
      <Field label="E-mail">
        {(control) => (
          <Input {...control} name="email" type="email" autoComplete="username" required />
        )}
      </Field>
      <Field label="Password">
        {(control) => (
          <PasswordInput {...control} name="password" autoComplete="current-password" required />
        )}
      </Field>
      <FormMessage text={message} />
      <Submit busy={busy}>Sign in</Submit>
      {options?.oidc ? (
        <Button size="lg" onClick={withOidc} className="w-full">
          Sign in with {options.oidc.name}
        </Button>
      ) : null}
    </form>
  );
}
