'use client';

import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { api } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { useSuggestions } from './use-suggestions.ts';

const empty = { subject: '', tool: '', scope: '*', address: '', environment: '', at: '' };
const given = (text: string) => (text.trim() === '' ? undefined : text.trim());

/** Asks as a dry run: nothing is recorded. */
export default function TryIt() {
  const [values, setValues] = useState(empty);
  const { subjects, tools } = useSuggestions();
  const ask = useMutation({
    mutationFn: () =>
      api.policies.decide.query({
        subject: values.subject,
        tool: values.tool,
        scope: given(values.scope) ?? '*',
        address: given(values.address),
        environment: given(values.environment),
        at: values.at ? new Date(values.at).toISOString() : undefined,
        dryRun: true,
      }),
  });
  const failure = ask.error ? failureOf(ask.error) : null;
  const errorOf = (field: string) => failure?.fields.find(({ path }) => path === field)?.message;
  const bind = (field: keyof typeof values) => ({
    value: values[field],
    autoComplete: 'off',
    spellCheck: false,
    onChange: ({ target }: { target: { value: string } }) => {
      ask.reset();
      setValues({ ...values, [field]: target.value });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  const answer = ask.data;
  return (
    <form noValidate onSubmit={submit} className="grid max-w-3xl gap-4">
      <p className="text-13 text-muted">
        Asks what would be decided now. Nothing is recorded, and nothing is called.
      </p>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="Who"
          help="Such as role:operator or agent:deployer."
          error={errorOf('subject')}
        >
          {(control) => <Input {...control} {...bind('subject')} list="try-subjects" />}
        </Field>
        <Field label="Tool" help="Such as breakers.force." error={errorOf('tool')}>
          {(control) => <Input {...control} {...bind('tool')} list="try-tools" />}
        </Field>
        <Field label="Scope" help="Such as prod/payments; * for all." error={errorOf('scope')}>
          {(control) => <Input {...control} {...bind('scope')} />}
        </Field>
        <Field label="Address" help="Empty: not known." error={errorOf('address')}>
          {(control) => <Input {...control} {...bind('address')} />}
        </Field>
        <Field
          label="Environment"
          help="Empty: this installation’s."
          error={errorOf('environment')}
        >
          {(control) => <Input {...control} {...bind('environment')} />}
        </Field>
        <Field label="At" help="Empty: now." error={errorOf('at')}>
          {(control) => <Input {...control} {...bind('at')} type="datetime-local" />}
        </Field>
      </div>
      <datalist id="try-subjects">
        {subjects.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </datalist>
      <datalist id="try-tools">
        {tools.map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" look="primary" busy={ask.isPending}>
          Decide
        </Button>
        <div
          aria-live="polite"
          className="flex min-h-8 min-w-0 flex-wrap items-center gap-2 text-13"
        >
          {answer ? (
            <>
              <StatusBadge
                kind={answer.allowed ? 'ok' : 'bad'}
                word={answer.allowed ? 'Allowed' : 'Denied'}
              />
              <span className="min-w-0 break-words">{answer.reason}</span>
            </>
          ) : null}
          {failure && failure.fields.length === 0 ? (
            <span role="alert" className="text-bad-text">
              {failure.message}
            </span>
          ) : null}
        </div>
      </div>
    </form>
  );
}
